"""The configs of steps as their kinds understand them: short forms written out, steps inside steps found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pynomaly_itest.errors import ProfileError
from pynomaly_itest.profile.expression import has_template, lookup_in, names, resolve, templates
from pynomaly_itest.profile.nodes import ListNode, MappingNode, ScalarNode, YamlNode, plain
from pynomaly_itest.profile.source import Source
from pynomaly_itest.registry import STEPS


def as_mapping(kind: str, node: YamlNode) -> MappingNode | None:
    """`- kind:` is a config of nothing, `- kind: text` sets the field that the kind calls its shorthand."""
    if isinstance(node, MappingNode):
        return node
    if isinstance(node, ScalarNode) and node.value is None:
        return MappingNode({}, {}, node.source)
    shorthand = STEPS[kind].shorthand
    if isinstance(node, ScalarNode) and shorthand is not None:
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
    raw = STEPS[kind].raw_nested
    is_step = len(node.entries) == 1 and isinstance(next(iter(node.entries.values())), MappingNode)
    return None if is_step else raw


def with_known(node: YamlNode, known: Mapping[str, Any]) -> YamlNode:
    """The node with every look-up of these names replaced by its value, which stands where the look-up stood.

    A look-up of anything else, such as what a step saves, stays as it is written.
    """
    match node:
        case ScalarNode(str() as text, source) if has_template(text):
            return _known_scalar(node, text, source, known)
        case ListNode(items, source):
            return ListNode(tuple(with_known(item, known) for item in items), source)
        case MappingNode(entries, key_sources, source):
            return MappingNode(
                {key: with_known(value, known) for key, value in entries.items()}, key_sources, source
            )
        case _:
            return node


def _known_scalar(node: ScalarNode, text: str, source: Source, known: Mapping[str, Any]) -> YamlNode:
    try:
        used = {name.parts[0] for template in templates(text) for name in names(template.expression)}
        return _node(resolve(text, lookup_in(known)), source) if used <= known.keys() else node
    except (ProfileError, KeyError, TypeError, ValueError):
        return node  # a mistake of its own, told where look-ups are checked


def _node(value: Any, source: Source) -> YamlNode:
    """A value that stands nowhere itself, at the place of what stands for it."""
    if isinstance(value, Mapping):
        return MappingNode({str(key): _node(item, source) for key, item in value.items()}, {}, source)
    if isinstance(value, list | tuple):
        return ListNode(tuple(_node(item, source) for item in value), source)
    return ScalarNode(value, source)


def _plain_step(node: YamlNode) -> Any:
    if not isinstance(node, MappingNode) or not all(kind in STEPS for kind in node.entries):
        return plain(node)
    return {kind: plain_config(kind, config) for kind, config in node.entries.items()}
