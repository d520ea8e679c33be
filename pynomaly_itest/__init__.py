"""The release gate for anomaly-detection services: load a profile, run it, judge it, leave evidence."""

__version__ = "0.1.0"
