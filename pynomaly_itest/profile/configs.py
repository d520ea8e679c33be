"""The configs of steps as their kinds understand them: short forms written out, steps inside steps found."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pynomaly_itest.profile.nodes import ListNode, MappingNode, ScalarNode, YamlNode, plain
from pynomaly_itest.registry import STEPS


def as_mapping(kind: str, node: YamlNode) -> MappingNode | None:
    """`- kind:` is a config of nothing, `- kind: text` sets the field that the kind calls its shorthand."""
    if isinstance(node, MappingNode):
        return node
    if isinstance(node, ScalarNode) and node.value is None:
        return MappingNode({}, {}, node.source)
    shorthand = getattr(STEPS[kind], "shorthand", None)
    if isinstance(node, ScalarNode) and isinstance(shorthand, str):
        return MappingNode({shorthand: node}, {shorthand: node.source}, node.source)
    return None


def plain_config(kind: str, node: YamlNode) -> dict[str, Any]:
    """The config as a mapping, and so those of the steps inside it."""
    mapping = as_mapping(kind, node)
    config: dict[str, Any] = plain(mapping) if mapping is not None else {}
    for name in STEPS[kind].nested:
        inner = mapping.entries.get(name) if mapping is not None else None
        if isinstance(inner, MappingNode):
            config[name] = _plain_step(inner)
        elif isinstance(inner, ListNode):
            config[name] = [_plain_step(item) for item in inner.items]
    return config


def nested_steps(kind: str, config: MappingNode) -> Iterator[YamlNode]:
    """What stands where the kind takes steps: `step` is a field, `mix.request` one of each item of a list."""
    for path in STEPS[kind].nested:
        nodes: list[YamlNode] = [config]
        for part in path.split("."):
            found = [
                node.entries[part] for node in nodes if isinstance(node, MappingNode) and part in node.entries
            ]
            nodes = [
                item for node in found for item in (node.items if isinstance(node, ListNode) else (node,))
            ]
        yield from nodes


def raw_kind(kind: str, node: MappingNode) -> str | None:
    """The kind whose bare config this is, where the outer kind takes one: `load` takes that of `request`."""
    raw = getattr(STEPS[kind], "raw_nested", None)
    is_step = len(node.entries) == 1 and isinstance(next(iter(node.entries.values())), MappingNode)
    return raw if isinstance(raw, str) and not is_step else None


def _plain_step(node: YamlNode) -> Any:
    if not isinstance(node, MappingNode) or not all(kind in STEPS for kind in node.entries):
        return plain(node)
    return {kind: plain_config(kind, config) for kind, config in node.entries.items()}
