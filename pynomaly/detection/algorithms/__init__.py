"""One file an algorithm; each defines SPEC and is found by the registry."""
