"""Trained models as sealed blobs: a line of JSON (how columns become a matrix), then the engine's own format."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from pynomaly.domain.errors import CorruptStore
from pynomaly.domain.ports import StoredModel
from pynomaly.domain.preparation import CategoricalFeature, NumericFeature, Preparation
from pynomaly.json_text import NO_JSON

if TYPE_CHECKING:
    from pynomaly.domain.ports import BlobStore

KIND = "models"


class _Numeric(msgspec.Struct, frozen=True, tag="numeric", forbid_unknown_fields=True):
    name: str
    median: float


class _Categorical(msgspec.Struct, frozen=True, tag="categorical", forbid_unknown_fields=True):
    name: str
    frequencies: dict[str, float]


class _Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: int
    features: list[_Numeric | _Categorical]


_VERSION = 1
_decoder = msgspec.json.Decoder(_Header)


class BlobModels:
    """ModelStore in a blob store."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    def write(self, model_id: str, stored: StoredModel) -> None:
        """Keep a model, durably."""
        header = _Header(
            _VERSION,
            [
                _Numeric(feature.name, feature.median)
                if isinstance(feature, NumericFeature)
                else _Categorical(feature.name, dict(feature.frequencies))
                for feature in stored.preparation.features
            ],
        )
        with self._blobs.create(KIND, model_id) as sink:
            sink.write(msgspec.json.encode(header) + b"\n")
            sink.write(stored.model)

    def read(self, model_id: str) -> StoredModel:
        """The model; raises CorruptStore for unknown content."""
        with self._blobs.open(KIND, model_id) as source:
            content = source.read()
        first, newline, model = content.partition(b"\n")
        try:
            header = _decoder.decode(first)
        except NO_JSON as error:
            raise CorruptStore(f"Model {model_id} has no readable header.") from error
        if not newline or header.version != _VERSION:
            raise CorruptStore(f"Model {model_id} is in a format that this version doesn't know.")
        features = tuple(
            NumericFeature(feature.name, feature.median)
            if isinstance(feature, _Numeric)
            else CategoricalFeature(feature.name, feature.frequencies)
            for feature in header.features
        )
        return StoredModel(Preparation(features), model)

    def delete(self, model_id: str) -> None:
        """Remove the model if it is there."""
        self._blobs.delete(KIND, model_id)
