"""An anomaly-detection service: datasets in, detectors trained, anomalies out, over HTTP."""

__version__ = "0.1.0"
