"""From YAML to a typed, checked plan: what loads has no mistake that could be found before the run."""
