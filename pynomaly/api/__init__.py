"""The platform over HTTP: one route table, typed bodies, problem+json; what is done is the use cases' affair."""
