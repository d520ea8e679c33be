"""Turns what pydantic says of a part of a profile into mistakes that stand at their place in the file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol, get_args

from pydantic import BaseModel, ValidationError

from pynomaly_itest.errors import Mistake
from pynomaly_itest.profile.expression import has_template
from pynomaly_itest.profile.nodes import Found, ListNode, MappingNode, ScalarNode, YamlNode, plain
from pynomaly_itest.profile.source import Source
from pynomaly_itest.registry import did_you_mean

_WANTED = {
    "string_type": "a text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping of keys to values",
    "mapping_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
    "model_attributes_type": "a mapping of keys to values",
    "int_from_float": "a whole number",
}


class Checked(Protocol):
    """A model as the registries hold it: a pydantic class."""

    @classmethod
    def model_validate(cls, obj: Any) -> Any: ...


def faults(model: type[Checked], node: YamlNode, at: Source, of: str = "") -> list[Mistake]:
    """Every mistake that the model finds in the node.

    `at` is where to point if the whole is meant, `of` ends the messages (" in step 'detect'"). A value with a
    `${{ … }}` in it is passed over: it is checked when it is known.
    """
    try:
        model.model_validate(plain(node))
    except ValidationError as problem:
        return list(_mistakes(problem, model, node, at, of))
    return []


def _mistakes(problem: ValidationError, model: Any, node: YamlNode, at: Source, of: str) -> Iterator[Mistake]:
    seen: set[object] = set()
    errors = problem.errors(include_url=False)
    paths = [_yaml_path(node, error["loc"], str(error["type"])) for error in errors]
    for error, path in zip(errors, paths, strict=True):
        if error["type"] in _WANTED and any(_leads_on(path, other) for other in paths):
            continue  # another member of the union took the value, and found the fault inside it
        reached = _walk(node, at, error["loc"])
        found, source = reached.node, reached.source
        if isinstance(found, ScalarNode) and has_template(found.value):
            continue
        if error["type"] == "value_error" and has_template(_ruled(found, model if found is node else None)):
            continue  # a rule over several values, of which one is not known yet
        if error["type"] == "missing":
            source = at if found is node else source
        elif error["type"] != "extra_forbidden" and isinstance(found, ScalarNode) and error["loc"]:
            source = found.source
        mistake = _mistake(error, found, source, model, of)
        where = (mistake.place, mistake.message) if error["type"] == "missing" else mistake.place
        if where not in seen:  # each member of a union complains of the same value
            seen.add(where)
            yield mistake


def _ruled(node: YamlNode, model: Any) -> Any:
    """What a model's own rules look at: its values, and of the steps inside it no more than their kinds."""
    values = plain(node)
    for path in getattr(model, "nested", ()) if isinstance(values, dict) else ():
        outer, _, inner = path.partition(".")
        items = values.get(outer)
        if not inner:
            values = {name: value for name, value in values.items() if name != outer}
        elif isinstance(items, list):
            values = {**values, outer: [_without(item, inner) for item in items]}
    return values


def _without(item: Any, key: str) -> Any:
    return {name: value for name, value in item.items() if name != key} if isinstance(item, dict) else item


def _mistake(error: Any, found: YamlNode, source: Source, model: Any, of: str) -> Mistake:
    loc: Sequence[str | int] = error["loc"]
    kind = str(error["type"])
    if kind == "extra_forbidden":
        key = str(loc[-1])
        hint = did_you_mean(key, _known_keys(model, loc[:-1]))
        return source.mistake(f"unknown key {key!r}{of}", hint)
    if kind == "missing":
        return source.mistake(f"{str(loc[-1])!r} is missing{of}")
    subject = _last_key(loc)
    if kind == "too_short":
        return source.mistake(f"{subject} {_too_few(error)}{of}")
    if kind in _WANTED:
        return source.mistake(f"{subject} must be {_WANTED[kind]}, not {_said(found)}{of}")
    message = str(error["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")
    message = message.replace("Input should", "should").replace("String should", "should")
    joiner = " " if message.startswith("should") else ": "
    return source.mistake(f"{subject}{joiner}{message}{of}" if loc else f"{message}{of}")


def _too_few(error: Any) -> str:
    needed, has = error["ctx"]["min_length"], error["ctx"]["actual_length"]
    return f"has {has}, at least {needed} are needed" if has else "is empty"


def _last_key(loc: Sequence[str | int]) -> str:
    """The last part of the path that is a key of YAML rather than the name of a union's member."""
    for part in reversed(loc):
        if isinstance(part, str) and part.isidentifier() and part not in ("str", "int", "float", "bool"):
            return repr(part)
    return "this"


def _walk(node: YamlNode, at: Source, loc: Sequence[str | int]) -> Found:
    """The node and place that a pydantic path means; parts that name a union's members lead nowhere."""
    source = at
    for part in loc:
        if isinstance(node, MappingNode) and str(part) in node.entries:
            source = node.key_source(str(part))
            node = node.entries[str(part)]
        elif isinstance(node, ListNode) and isinstance(part, int) and part < len(node.items):
            node = node.items[part]
            source = node.source
    return Found(node, source)


def _yaml_path(node: YamlNode, loc: Sequence[str | int], kind: str) -> tuple[str | int, ...]:
    """The parts of a pydantic path that are keys and indexes of the YAML, or a key that is missing there."""
    path: list[str | int] = []
    for part in loc:
        if isinstance(node, MappingNode) and str(part) in node.entries:
            node = node.entries[str(part)]
            path.append(part)
        elif isinstance(node, ListNode) and isinstance(part, int) and part < len(node.items):
            node = node.items[part]
            path.append(part)
        elif kind == "missing" and isinstance(node, MappingNode) and part is loc[-1]:
            path.append(part)
    return tuple(path)


def _leads_on(path: tuple[str | int, ...], other: tuple[str | int, ...]) -> bool:
    return len(other) > len(path) and other[: len(path)] == path


def _known_keys(model: Any, loc: Sequence[str | int]) -> set[str]:
    """The keys that the model takes at the end of this path."""
    models = {model}
    for part in loc:
        if isinstance(part, int):
            continue
        inner = {
            nested
            for candidate in models
            for key, field in _fields(candidate)
            if key == part
            for nested in _models_in(field.annotation)
        }
        models = inner or models
    return {key for candidate in models for key, _ in _fields(candidate)}


def _fields(model: Any) -> list[tuple[str, Any]]:
    fields = getattr(model, "model_fields", {})
    return [(field.alias or name, field) for name, field in fields.items()]


def _models_in(annotation: Any) -> Iterator[Any]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)


def _said(node: YamlNode) -> str:
    match node:
        case ListNode():
            return "a list"
        case MappingNode():
            return "a mapping"
        case ScalarNode(None):
            return "nothing"
        case ScalarNode(bool() as value):
            return "true" if value else "false"
        case ScalarNode(str() as value):
            return f"the text {value[:40]!r}"
        case ScalarNode(value):
            return f"the number {value}"
