"""How requests leave the tool and replies come in: HTTP/1.1 by RFC 9110, 9112 and 3986, for everything that asks.

`request.py` is the one writer, `reply.py` the one reader, `client.py` the one way out for single requests (steps,
probes, health checks, Python scenarios); the load engine writes and reads with the same two. `status.py` says which
status is a success, `tls.py` whom TLS trusts, `departures.py` who may be asked before a request leaves.
"""
