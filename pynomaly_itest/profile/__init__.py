"""From YAML to a typed, checked plan: a profile that loads has no mistake that could be found without running it."""
