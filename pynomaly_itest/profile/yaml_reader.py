"""Reads YAML at event level: every key and value keeps its place, and no document can exhaust the reader.

The scalars are those of YAML 1.2's core schema: `no`, `on` and `1_000` are texts. Left out on purpose are merge
keys, tags and several documents in a file.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import yaml

from pynomaly_itest.errors import Mistake, Place, ProfileError
from pynomaly_itest.profile.nodes import ListNode, MappingNode, ScalarNode, YamlNode
from pynomaly_itest.profile.source import Source

MOST_BYTES = 1_000_000
MOST_NODES = 50_000
MOST_ALIASES = 100
DEEPEST = 30

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_CONSTANTS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_LONGEST_NUMBER = 40


def read_yaml(path: Path, shown: str | None = None) -> YamlNode:
    """The document in the file; `shown` is what messages call the file.

    Raises ProfileError with every mistake found where the file can't be read, or is no YAML of ours.
    """
    name = shown or str(path)
    return parse_yaml(_read(path, name), name)


def parse_yaml(data: bytes, file: str) -> YamlNode:
    """The document in these bytes; `file` is what messages call it. Raises ProfileError."""
    if len(data) > MOST_BYTES:
        raise _refused(f"{file} is larger than {MOST_BYTES // 1000:,} kB", "split it, and use 'extends'")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = data.count(b"\n", 0, problem.start) + 1
        mistake = Mistake("this is not UTF-8 text", place=Place(file, line), hint="save the file as UTF-8")
        raise ProfileError([mistake]) from problem
    return _Reader(text, file).read()


def _read(path: Path, name: str) -> bytes:
    """At most one byte more than is allowed, and only from a regular file: a pipe might never end."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise _refused(f"{name} is a folder", "name the profile's file in it")
        if not stat.S_ISREG(mode):
            raise _refused(f"{name} is not a regular file")
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError) as problem:
        raise _refused(f"there is no file {name}", "is the path right?") from problem
    except (OSError, ValueError) as problem:
        why = getattr(problem, "strerror", None) or str(problem)
        raise _refused(f"can't read {name}: {why}") from problem


def _refused(message: str, hint: str | None = None) -> ProfileError:
    return ProfileError([Mistake(message, hint=hint)])


@dataclass
class _Reader:
    text: str
    file: str
    mistakes: list[Mistake] = field(default_factory=list)
    anchors: dict[str, YamlNode] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    count: int = 0
    aliases: int = 0

    def __post_init__(self) -> None:
        self.lines = _LINE_BREAK.split(self.text)

    def read(self) -> YamlNode:
        try:
            document = self._document(self._events())
        except yaml.YAMLError as problem:
            self.mistakes.append(self._syntax(problem))
            document = None
        if self.mistakes or document is None:
            raise ProfileError(self.mistakes)
        return document

    def _events(self) -> Iterator[Any]:
        loader = _LOADER(self.text)
        try:
            while loader.check_event():
                yield loader.get_event()
        finally:
            loader.dispose()

    def _document(self, events: Iterator[Any]) -> YamlNode | None:
        document: YamlNode | None = None
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                if document is not None:
                    self._stop(event, "a second document begins here", "a profile is one YAML document")
                document = self._node(next(events), events, 1)
        if document is None:
            self.mistakes.append(
                Mistake(f"{self.file} is empty", hint="'init' writes a profile to begin with")
            )
        return document

    def _node(self, event: Any, events: Iterator[Any], depth: int) -> YamlNode:
        self.count += 1
        if self.count > MOST_NODES:
            self._stop(event, f"the document has more than {MOST_NODES:,} values", "are aliases repeated?")
        if depth > DEEPEST:
            self._stop(event, f"values stand more than {DEEPEST} deep")
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        if event.tag is not None and event.tag != "!":
            self._note(event, f"tags such as {event.tag!r} are not allowed", "write the plain value")
        before = self.count
        node = self._content(event, events, depth)
        if event.anchor is not None:
            self.anchors[event.anchor] = node
            self.sizes[event.anchor] = self.count - before + 1
        return node

    def _content(self, event: Any, events: Iterator[Any], depth: int) -> YamlNode:
        if isinstance(event, yaml.ScalarEvent):
            return ScalarNode(self._value(event), self._source(event))
        if isinstance(event, yaml.SequenceStartEvent):
            items = []
            while not isinstance(following := next(events), yaml.SequenceEndEvent):
                items.append(self._node(following, events, depth + 1))
            return ListNode(tuple(items), self._source(event))
        return self._mapping(event, events, depth)

    def _mapping(self, event: Any, events: Iterator[Any], depth: int) -> MappingNode:
        entries: dict[str, YamlNode] = {}
        sources: dict[str, Source] = {}
        while not isinstance(key := next(events), yaml.MappingEndEvent):
            if not isinstance(key, yaml.ScalarEvent):
                self._stop(key, "a key must be a plain text")
            value = self._node(next(events), events, depth + 1)
            source = self._source(key)
            if key.value == "<<" and key.implicit[0]:
                self.mistakes.append(
                    source.mistake("merge keys are not allowed", "use 'extends' or 'include'")
                )
            elif key.value in entries:
                first = f"it stands on line {sources[key.value].place.line} already"
                self.mistakes.append(source.mistake(f"duplicate key {key.value!r}", first))
            else:
                entries[key.value], sources[key.value] = value, source
        return MappingNode(entries, sources, self._source(event))

    def _alias(self, event: Any) -> YamlNode:
        self.aliases += 1
        if event.anchor not in self.anchors:
            self._stop(event, f"nothing is anchored as {event.anchor!r} before this")
        self.count += self.sizes[event.anchor]
        if self.aliases > MOST_ALIASES or self.count > MOST_NODES:
            self._stop(event, "the aliases make the document too large", f"at most {MOST_NODES:,} values")
        return self.anchors[event.anchor]

    def _value(self, event: Any) -> str | int | float | bool | None:
        """A plain scalar by YAML 1.2's core schema; a quoted one is always a text."""
        text: str = event.value
        if not event.implicit[0] or event.style:
            return text
        if text in _CONSTANTS:
            return _CONSTANTS[text]
        if len(text) <= _LONGEST_NUMBER and _INTEGER.fullmatch(text):
            return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
        if _FLOAT.fullmatch(text):
            number = float(text)
            if number in (float("inf"), float("-inf")):
                self._note(event, "the number is too large")
            return number
        return text

    # -- places and mistakes

    def _source(self, event: Any) -> Source:
        """Quotes are left out, so that columns inside the text can be told."""
        start, end = event.start_mark, event.end_mark
        line = self.lines[start.line] if start.line < len(self.lines) else ""
        quoted = isinstance(event, yaml.ScalarEvent) and event.style in ("'", '"')
        first = start.column + (1 if quoted else 0)
        last = end.column - (1 if quoted else 0) if end.line == start.line else len(line.rstrip())
        return Source(Place(self.file, start.line + 1, first + 1, max(1, last - first)), line)

    def _note(self, event: Any, message: str, hint: str | None = None) -> None:
        self.mistakes.append(self._source(event).mistake(message, hint))

    def _stop(self, event: Any, message: str, hint: str | None = None) -> NoReturn:
        self._note(event, message, hint)
        raise ProfileError(self.mistakes)

    def _syntax(self, problem: yaml.YAMLError) -> Mistake:
        mark = getattr(problem, "problem_mark", None) or getattr(problem, "context_mark", None)
        if mark is None:
            return self._unreadable(problem)
        line = self.lines[mark.line] if mark.line < len(self.lines) else ""
        if "\t" in line[: len(line) - len(line.lstrip())]:
            place = Place(self.file, mark.line + 1, line.index("\t") + 1)
            return Mistake("a tab can't indent", place=place, source_line=line, hint="use spaces")
        place = Place(self.file, mark.line + 1, mark.column + 1)
        said = " ".join(filter(None, (getattr(problem, "context", None), getattr(problem, "problem", None))))
        hint = "a text with ': ' or '#' or '{' in it needs quotes" if "mapping values" in said else None
        return Mistake(f"this is no YAML: {said}", place=place, source_line=line, hint=hint)

    def _unreadable(self, problem: yaml.YAMLError) -> Mistake:
        """A character that YAML forbids: the reader counts characters, not lines."""
        position = getattr(problem, "position", 0)
        before = _LINE_BREAK.split(self.text[:position])
        place = Place(self.file, len(before), len(before[-1]) + 1)
        character = self.text[position : position + 1]
        message = f"the character U+{ord(character):04X} is not allowed" if character else "this is no YAML"
        return Mistake(message, place=place, source_line=self.lines[len(before) - 1])
