"""The catalogue of security checks, one file a probe; each proves a hole or, under working controls, its absence."""
