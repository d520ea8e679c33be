"""The audit log on its way out: NDJSON that can be verified again, CSV that a spreadsheet can't be attacked
with.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import msgspec

from pynomaly.domain.audit import AuditEvent, AuditRepository, ChainHead
from pynomaly.security.audit_chain import (
    ChainVerification,
    OpaqueLink,
    canonical_json,
    export_link,
    followed,
    reached,
)
from pynomaly.security.settings import Key

_TENANT_LINE = '{"export":{"format":2,"of":"one tenant"}}\n'
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def exported(repository: AuditRepository) -> Iterator[str]:
    """Each event a line of canonical JSON, then a line with the head; the same bytes for the same log."""
    head = repository.head()
    for event in repository.stream():
        if event.sequence > head.sequence:  # written since
            break
        yield canonical_json(event) + "\n"
    yield _head_line(head)


def exported_of_tenant(repository: AuditRepository, tenant_id: str, key: Key) -> Iterator[str]:
    """As exported, of one tenant's events alone, chained among themselves under keyed digests: nothing in it tells
    of what the others do, nor how much. A first line says so.
    """
    yield _TENANT_LINE
    head, reach = ChainHead(0, ""), repository.head().sequence
    for event in repository.stream():
        if event.sequence > reach:  # written since
            break
        if event.tenant_id == tenant_id:
            link = export_link(event, head, key)
            head = link.head
            yield canonical_json(link.event) + "\n"
    yield _head_line(head)


def export_verified(lines: Iterable[str], keys: Mapping[str, Key]) -> ChainVerification:
    """Checks an export byte for byte: an added field or a changed space counts as a change."""
    rest = iter(lines)
    first = next(rest, "")
    if first.rstrip("\n") == _TENANT_LINE.rstrip("\n"):
        return _tenant_export_verified(rest, keys)
    reader = _ExportReader(chain([first] if first else [], rest))
    try:
        found = followed(reader.links(), keys)
    except (msgspec.MsgspecError, ValueError, TypeError) as error:
        broken = reader.n_links + 1
        return ChainVerification(reader.n_links, broken, f"unreadable: {error}", ChainHead(0, ""))
    if found.is_intact and reader.head is None:
        return ChainVerification(found.n_events, found.n_events + 1, "cut off: it has no head", found.head)
    return reached(found, reader.head or found.head, keys)


def _tenant_export_verified(lines: Iterable[str], keys: Mapping[str, Key]) -> ChainVerification:
    """Each link is made again from what it says; the first that comes out otherwise is the broken one."""
    reader = _ExportReader(lines)
    last = ChainHead(0, "")
    try:
        for link in reader.links():
            key = keys.get(link.key_id)
            made = export_link(link, last, key) if key is not None and isinstance(link, AuditEvent) else None
            if made is None or made.event != link:
                return ChainVerification(last.sequence, last.sequence + 1, "its digest is not ours", last)
            last = made.head
    except (msgspec.MsgspecError, ValueError, TypeError) as error:
        return ChainVerification(last.sequence, last.sequence + 1, f"unreadable: {error}", last)
    if reader.head != last:
        return ChainVerification(last.sequence, last.sequence + 1, "cut off, or its head is not ours", last)
    return ChainVerification(last.sequence, None, None, last)


def as_csv(events: Iterable[AuditEvent]) -> Iterator[str]:
    """A header line and a line an event; cells that a spreadsheet would run get an apostrophe in front."""
    names = [name for name in AuditEvent.__slots__ if name != "details"]
    yield _csv_line([*names, "details"])
    for event in events:
        details = json.dumps(dict(event.details), sort_keys=True)
        yield _csv_line([*(str(getattr(event, name)) for name in names), details])


class _ExportReader:
    """Gives the links of an export and keeps the head that must come last."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = lines
        self.n_links = 0
        self.head: ChainHead | None = None

    def links(self) -> Iterator[AuditEvent | OpaqueLink]:
        for line in self._lines:
            text = line.rstrip("\n")
            if self.head is not None:
                raise ValueError("there are lines after the head")
            record: dict[str, Any] = msgspec.json.decode(text, type=dict[str, Any])
            if "head" in record:
                self.head = msgspec.convert(record["head"], ChainHead)
                _require_canonical(_head_line(self.head).rstrip("\n"), text)
                continue
            link = _link(record)
            _require_canonical(canonical_json(link), text)
            yield link
            self.n_links += 1


def _link(record: dict[str, Any]) -> AuditEvent | OpaqueLink:
    if "actor" in record:
        return msgspec.convert(record, AuditEvent)
    return msgspec.convert(record, OpaqueLink)


def _require_canonical(expected: str, text: str) -> None:
    if text != expected:
        raise ValueError("the line is not as it was exported")


def _head_line(head: ChainHead) -> str:
    return f'{{"head":{canonical_json(head)}}}\n'


def _csv_line(cells: Sequence[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow([_neutral(cell) for cell in cells])
    return buffer.getvalue()


def _neutral(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell
