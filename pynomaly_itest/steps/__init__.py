"""What a scenario can do, one file a kind: a strict pydantic model of its YAML, with a `run`."""
