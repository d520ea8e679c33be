"""Take in a file as a dataset: read, stored and entered, in this order, so that what is entered is there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from pynomaly.domain.datasets import Block, Column, Dataset, target_labels
from pynomaly.domain.errors import InvalidInput
from pynomaly.domain.permissions import Permission, SecurityLevel
from pynomaly.domain.ports import RowSource
from pynomaly.security.foundation import Caller
from pynomaly.usecases.platform import Platform, new_id, principal_of


@dataclass(frozen=True, slots=True)
class NewDataset:
    """What is said of a dataset when it is uploaded."""

    name: str
    description: str | None = None
    target_column: str | None = None
    level: SecurityLevel = SecurityLevel.INTERNAL
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A seekable file as it came, and the format that it is said to have."""

    content: BinaryIO
    size_bytes: int
    file_format: str


def upload_dataset(platform: Platform, caller: Caller, new: NewDataset, file: UploadedFile) -> Dataset:
    """Store a file; raises UnreadableDataset, TooLarge or UnsupportedMedia, and then keeps nothing.

    It is parsed by another process, so that one which crashes its parser costs this request only.
    """
    require_upload(platform, caller, new.level)
    with platform.parsers.rows(file.content, file.size_bytes, file.file_format, platform.limits) as source:
        return keep_dataset(platform, caller, new, source)


def require_upload(platform: Platform, caller: Caller, level: SecurityLevel = SecurityLevel.PUBLIC) -> None:
    """Raise Forbidden unless the caller may keep data of that level: asked before a byte of it is read."""
    platform.authz.require(principal_of(caller), Permission.DATA_WRITE, level)


def keep_dataset(platform: Platform, caller: Caller, new: NewDataset, source: RowSource) -> Dataset:
    """Store a source of rows as a dataset of the caller's."""
    principal = principal_of(caller)
    _require_target(source.columns, new.target_column)
    dataset_id = new_id("ds")
    if new.target_column is not None:
        source = _Labelled(source, new.target_column)
    written = platform.rows.write(dataset_id, source)
    dataset = Dataset(
        id=dataset_id,
        owner_id=principal.user_id,
        tenant_id=principal.tenant_id,
        name=new.name,
        description=new.description,
        columns=source.columns,
        n_rows=written.n_rows,
        target_column=new.target_column,
        size_bytes=written.size_bytes,
        created_at=platform.clock(),
        metadata=new.metadata,
        level=new.level,
    )
    try:
        platform.datasets.add(dataset)
    except Exception:
        platform.rows.delete(dataset_id)
        raise
    platform.confirm(caller, lambda: platform.remove_dataset(dataset))
    platform.record(caller, "dataset.uploaded", f"dataset:{dataset_id}", details={"n_rows": written.n_rows})
    return dataset


def _require_target(columns: tuple[Column, ...], target: str | None) -> None:
    names = [column.name for column in columns]
    if target is not None and target not in names:
        raise InvalidInput(
            f"The target column {target[:80]!r} is not in the file.",
            hint=f"Its columns: {', '.join(names[:20])}.",
        )
    if target is not None and len(names) == 1:
        raise InvalidInput("The file has no column besides the target.")


class _Labelled:
    """A source whose target column holds labels, and nothing else: raises InvalidInput where it doesn't."""

    def __init__(self, source: RowSource, target: str) -> None:
        self._source = source
        self._target = target
        self.columns = source.columns

    def blocks(self) -> Iterator[Block]:
        """The rows in order, each looked at before it is handed on."""
        n_rows = 0
        ends: set[float] = set()
        for block in self._source.blocks():
            labels = block.columns[self._target]
            target_labels(labels, n_rows)
            if labels.dtype.kind == "f":
                ends.update(end for end in (-1.0, 0.0) if (labels == end).any())
            if len(ends) > 1:
                raise InvalidInput(
                    f"The target column {self._target[:80]!r} holds both 0 and -1.",
                    hint="Anomalies are 1 among 0, or -1 among 1.",
                )
            n_rows += block.n_rows
            yield block
