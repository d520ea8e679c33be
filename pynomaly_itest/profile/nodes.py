"""A YAML document as it was written: values that know where they stand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
    """How far a path leads: the node at its end, or the last one on the way and what it lacks."""

    node: YamlNode
    source: Source
    rest: tuple[str | int, ...]


def follow(node: YamlNode, path: Sequence[str | int]) -> Found:
    """Go down a path of keys and indexes as far as it leads."""
    source = node.source
    for depth, part in enumerate(path):
        if isinstance(node, MappingNode) and part in node.entries:
            source = node.key_source(str(part))
            node = node.entries[str(part)]
        elif isinstance(node, ListNode) and isinstance(part, int) and part < len(node.items):
            node = node.items[part]
            source = node.source
        else:
            return Found(node, source, tuple(path[depth:]))
    return Found(node, source, ())
