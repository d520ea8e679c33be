"""Kinds of our own for pynomaly-itest."""
