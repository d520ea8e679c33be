"""Reads the `tls:` block of the strongest profile that has one; its files are looked for beside that profile."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pynomaly_itest.errors import Mistake
from pynomaly_itest.profile.layers import Layer
from pynomaly_itest.profile.nodes import MappingNode, ScalarNode, mapping_at
from pynomaly_itest.transport.tls import SYSTEM, Tls

_FIELDS = ("ca", "cert", "key")


def read_tls(layers: Sequence[Layer], mistakes: list[Mistake]) -> Tls:
    """Whom to trust and who we are, as the profile says; nothing of its own where it doesn't."""
    for layer in reversed(layers):
        node = mapping_at(layer.node, "tls")
        if node is not None:
            return _of(node, layer.folder, mistakes)
    return SYSTEM


def _of(node: MappingNode, folder: Path, mistakes: list[Mistake]) -> Tls:
    found: dict[str, str] = {}
    for name in _FIELDS:
        said = node.entries.get(name)
        if not (isinstance(said, ScalarNode) and isinstance(said.value, str)):
            continue  # the profile's model says what it must be
        path = folder / Path(said.value).expanduser()
        if not path.exists():
            hint = "a path beside the profile, or from the root"
            mistakes.append(said.source.mistake(f"there is no file {said.value!r}", hint))
        found[name] = str(path)
    if "key" in found and "cert" not in found:
        source = node.key_source("key")
        mistakes.append(source.mistake("a key needs the certificate that it is of", "cert: FILE"))
    return Tls(**found)
