"""An event as a line of the log, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from pynomaly_itest.errors import UsageError
from pynomaly_itest.events.run import LOG_VERSION, RunEvent
from pynomaly_itest.events.scenario import ScenarioEvent
from pynomaly_itest.verdicts import Verdict

_ADAPTER: TypeAdapter[Any] = TypeAdapter(Annotated[RunEvent | ScenarioEvent, Field(discriminator="event")])


def encode(event: BaseModel) -> bytes:
    """One line of the log, newline included. Text that is no Unicode (half a surrogate pair in a target's JSON)
    is replaced: what a target sends must not end a run."""
    try:
        return event.model_dump_json().encode() + b"\n"
    except PydanticSerializationError:
        clean = with_texts(event, lambda text: text.encode("utf-8", "replace").decode())
        return clean.model_dump_json().encode() + b"\n"


def decode(line: bytes) -> Any:
    """The event of one line of a log; raises ValidationError where it is none of this version."""
    return _ADAPTER.validate_json(line)


def with_texts(event: BaseModel, change: Callable[[str], str]) -> BaseModel:
    """The event with every text in it changed; what makes it an event (kind, verdicts, names of fields) stays."""
    changed: BaseModel = _changed(event, change)
    return changed


def _changed(value: Any, change: Callable[[str], str]) -> Any:
    match value:
        case BaseModel():
            names = [name for name in type(value).model_fields if name != "event"]
            return value.model_copy(update={name: _changed(getattr(value, name), change) for name in names})
        case Verdict():
            return value
        case str():
            return change(value)
        case dict():
            return {_changed(key, change): _changed(item, change) for key, item in value.items()}
        case list() | tuple():
            return type(value)(_changed(item, change) for item in value)
        case _:
            return value


def _check_version(event: Any, path: Path) -> None:
    """A log of a later version may mean other things by the same words."""
    said = getattr(event, "log_version", LOG_VERSION)
    if said != LOG_VERSION:
        what = f"{path} is an event log of version {said}, this tool reads version {LOG_VERSION}"
        raise UsageError(what, hint="read it with the version of the tool that wrote it")


def read_log(path: Path) -> Iterator[Any]:
    """The events of a log in order; a last line cut short by a kill is passed over.

    Raises UsageError where the file is missing, or a line before the last is not an event of this version.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as problem:
        raise UsageError(f"can't read the event log {path}: {problem.strerror}") from problem
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            event = decode(line)
            _check_version(event, path)
            yield event
        except ValidationError as problem:
            if number == len(lines):  # no newline behind it: the event that was being written
                return
            raise UsageError(
                f"{path}:{number} is not an event of log version {LOG_VERSION}",
                hint="was it written by another version of the tool?",
            ) from problem
