"""Scores and labels of detections as sealed blobs: parts of a count, n float64 scores and n int8 labels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from pynomaly.domain.detections import ScoredRows
from pynomaly.domain.errors import CorruptStore

if TYPE_CHECKING:
    from pynomaly.domain.ports import BlobStore

KIND = "results"
_COUNT_BYTES = 8
_ROW_BYTES = 9


class BlobScores:
    """ScoreStore in a blob store."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    def write(self, result_id: str, parts: Iterable[ScoredRows]) -> None:
        """Keep the parts in their order, durably."""
        with self._blobs.create(KIND, result_id) as sink:
            for part in parts:
                sink.write(len(part.scores).to_bytes(_COUNT_BYTES, "little"))
                sink.write(np.ascontiguousarray(part.scores, "<f8").tobytes())
                sink.write(np.ascontiguousarray(part.labels, np.int8).tobytes())

    def read(self, result_id: str) -> Iterator[ScoredRows]:
        """The parts in their order; raises CorruptStore where they end too early."""
        with self._blobs.open(KIND, result_id) as source:
            while count := source.read(_COUNT_BYTES):
                n = int.from_bytes(count, "little")
                content = source.read(n * _ROW_BYTES)
                if len(count) != _COUNT_BYTES or len(content) != n * _ROW_BYTES:
                    raise CorruptStore(f"The scores of result {result_id} end too early.")
                yield ScoredRows(np.frombuffer(content, "<f8", n), np.frombuffer(content, np.int8, n, n * 8))

    def delete(self, result_id: str) -> None:
        """Remove the scores if they are there."""
        self._blobs.delete(KIND, result_id)
