"""A YAML document as it was written: values that know where they stand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from pynomaly_itest.profile.source import Source


@dataclass(frozen=True)
class ScalarNode:
    value: str | int | float | bool | None
    source: Source


@dataclass(frozen=True)
class ListNode:
    items: tuple[YamlNode, ...]
    source: Source


@dataclass(frozen=True)
class MappingNode:
    """`entries` in the order in which they stand; `key_sources` says where each key stands."""

    entries: Mapping[str, YamlNode]
    key_sources: Mapping[str, Source]
    source: Source

    def key_source(self, key: str) -> Source:
        return self.key_sources.get(key, self.source)


YamlNode: TypeAlias = ScalarNode | ListNode | MappingNode


def plain(node: YamlNode) -> Any:
    """The value without its places: str, int, float, bool, None, list, dict."""
    match node:
        case ScalarNode(value):
            return value
        case ListNode(items):
            return [plain(item) for item in items]
        case MappingNode(entries):
            return {key: plain(value) for key, value in entries.items()}


def scalars(node: YamlNode) -> Iterator[ScalarNode]:
    """Every scalar value under the node, in reading order."""
    match node:
        case ScalarNode():
            yield node
        case ListNode(items):
            for item in items:
                yield from scalars(item)
        case MappingNode(entries):
            for value in entries.values():
                yield from scalars(value)


@dataclass(frozen=True)
class Found:
    """The node at the end of a path, and where to point for it: its key, or itself in a list."""

    node: YamlNode
    source: Source


def mapping_at(node: YamlNode | None, key: str) -> MappingNode | None:
    """The mapping under the key; None where there is none, or something else stands there."""
    value = node.entries.get(key) if isinstance(node, MappingNode) else None
    return value if isinstance(value, MappingNode) else None


def items_at(node: YamlNode | None, key: str) -> tuple[YamlNode, ...]:
    """The items of the list under the key; a single scalar counts as a list of one."""
    value = node.entries.get(key) if isinstance(node, MappingNode) else None
    if isinstance(value, ListNode):
        return value.items
    return (value,) if isinstance(value, ScalarNode) and value.value is not None else ()


def text_at(node: YamlNode | None, key: str, default: str = "") -> str:
    """The text under the key; the default where none stands there."""
    value = node.entries.get(key) if isinstance(node, MappingNode) else None
    return value.value if isinstance(value, ScalarNode) and isinstance(value.value, str) else default


def texts_at(node: YamlNode | None, key: str) -> tuple[str, ...]:
    """The texts among the items of the list under the key."""
    found = [item.value for item in items_at(node, key) if isinstance(item, ScalarNode)]
    return tuple(value for value in found if isinstance(value, str))
