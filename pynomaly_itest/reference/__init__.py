"""What everything means: pages made of the registries, for `explain` and for the documentation alike."""

from pynomaly_itest.reference.library import FAMILIES, Family, find, known_names

__all__ = ["FAMILIES", "Family", "find", "known_names"]
