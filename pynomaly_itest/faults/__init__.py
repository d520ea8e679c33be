"""What can be broken: one file a kind, registered under the name that YAML uses."""
