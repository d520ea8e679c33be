"""What probes work with: actors, a budgeted way to send, raw sockets, forged tokens, and the engine that runs them."""
