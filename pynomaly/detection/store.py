"""Models on disk and in bytes, without pickle: a manifest and `.npy` arrays with their SHA-256, nothing to run."""

from __future__ import annotations

import hashlib
import io
import json
import os
import secrets
import shutil
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from pynomaly.detection.model import FrozenModel
from pynomaly.detection.parameters import ParameterValue
from pynomaly.detection.registry import resolve
from pynomaly.domain.errors import Conflict, CorruptStore, InvalidInput
from pynomaly.json_text import NO_JSON

FORMAT_VERSION = 1
MAGIC = b"PYNOMALY-MODEL\x00\x01"
MANIFEST_NAME = "manifest.json"
MAX_MANIFEST_BYTES = 1 << 20
MAX_ARRAYS = 64
_LENGTH = struct.Struct("<Q")


class ArrayEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the manifest says of one array: its `.npy` file must hash to `sha256` (hex)."""

    dtype: str
    shape: list[int]
    sha256: str


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything of a model but the numbers of its arrays."""

    format: int
    algorithm: str
    n_features: int
    contamination: float
    threshold: float
    parameters: dict[str, int | float | bool | str]
    arrays: dict[str, ArrayEntry]


def dump_model(model: FrozenModel) -> bytes:
    """The model as bytes: magic, manifest and `.npy` blobs, each after its length (8 bytes, little endian)."""
    blobs = {name: _npy_bytes(array) for name, array in sorted(model.arrays.items())}
    parts = [_manifest_bytes(model, blobs), *blobs.values()]
    return MAGIC + b"".join(_LENGTH.pack(len(part)) + part for part in parts)


def parse_model(data: bytes | bytearray | memoryview) -> FrozenModel:
    """The model of `dump_model`'s bytes; raises CorruptStore for anything else."""
    parts = _split(memoryview(data))
    manifest = _parse_manifest(parts[0])
    names = sorted(manifest.arrays)
    if len(parts) != 1 + len(names):
        raise CorruptStore("the model has other arrays than its manifest names")
    return _build(manifest, dict(zip(names, parts[1:], strict=True)))


def save_model(model: FrozenModel, directory: Path | str) -> None:
    """Write the model as `directory` (manifest.json and a `.npy` file an array): all of it or nothing, also on a crash.

    Raises Conflict if there is something in `directory` already.
    """
    target = Path(directory)
    staging = target.with_name(f".{target.name}.{secrets.token_hex(8)}.tmp")
    blobs = {name: _npy_bytes(array) for name, array in sorted(model.arrays.items())}
    target.parent.mkdir(parents=True, exist_ok=True)
    staging.mkdir(mode=0o700)
    try:
        for name, blob in blobs.items():
            _write_durably(staging / f"{name}.npy", blob)
        _write_durably(staging / MANIFEST_NAME, _manifest_bytes(model, blobs))
        _sync_directory(staging)
        _move_into_place(staging, target)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    _sync_directory(target.parent)


def load_model(directory: Path | str) -> FrozenModel:
    """The model that `save_model` wrote; raises CorruptStore if a file is missing, unknown, or fails its checksum."""
    source = Path(directory)
    manifest = _parse_manifest(memoryview(_read(source / MANIFEST_NAME, limit=MAX_MANIFEST_BYTES)))
    expected = {MANIFEST_NAME, *(f"{name}.npy" for name in manifest.arrays)}
    unknown = {entry.name for entry in source.iterdir()} - expected
    if unknown:
        raise CorruptStore(f"the model has unknown content: {sorted(unknown)[0][:60]!r}")
    return _build(manifest, {name: memoryview(_read(source / f"{name}.npy")) for name in manifest.arrays})


def _manifest_bytes(model: FrozenModel, blobs: Mapping[str, bytes]) -> bytes:
    entries = {
        name: ArrayEntry(
            dtype=model.arrays[name].dtype.str,
            shape=list(model.arrays[name].shape),
            sha256=hashlib.sha256(blob).hexdigest(),
        )
        for name, blob in blobs.items()
    }
    manifest = Manifest(
        format=FORMAT_VERSION,
        algorithm=model.algorithm,
        n_features=model.n_features,
        contamination=model.contamination,
        threshold=model.threshold,
        parameters=dict(model.parameters),
        arrays=entries,
    )
    return json.dumps(msgspec.to_builtins(manifest), indent=1, sort_keys=True, allow_nan=False).encode()


def _parse_manifest(data: memoryview) -> Manifest:
    if len(data) > MAX_MANIFEST_BYTES:
        raise CorruptStore("the model's manifest is too large")
    try:
        manifest = msgspec.json.decode(data, type=Manifest, strict=True)
    except NO_JSON as error:
        raise CorruptStore(f"the model's manifest is not valid: {error}") from error
    if manifest.format != FORMAT_VERSION:
        raise CorruptStore(f"the model has format {manifest.format}, this version reads {FORMAT_VERSION}")
    if len(manifest.arrays) > MAX_ARRAYS or not all(name.isidentifier() for name in manifest.arrays):
        raise CorruptStore("the model's manifest names impossible arrays")
    return manifest


def _build(manifest: Manifest, blobs: Mapping[str, memoryview]) -> FrozenModel:
    arrays = {name: _checked_array(name, manifest.arrays[name], blob) for name, blob in blobs.items()}
    try:
        spec = resolve(manifest.algorithm)
        parameters: Mapping[str, ParameterValue] = spec.check_parameters(manifest.parameters)
    except InvalidInput as error:
        raise CorruptStore(f"the model's manifest is not valid: {error.detail}") from error
    if spec.name != manifest.algorithm or manifest.n_features < 1 or not 0 < manifest.contamination <= 0.5:
        raise CorruptStore("the model's manifest is not valid")
    return spec.build(
        n_features=manifest.n_features,
        contamination=manifest.contamination,
        threshold=manifest.threshold,
        parameters=parameters,
        arrays=arrays,
    )


def _checked_array(name: str, entry: ArrayEntry, blob: memoryview) -> NDArray[Any]:
    if hashlib.sha256(blob).hexdigest() != entry.sha256:
        raise CorruptStore(f"the model's array '{name}' fails its checksum")
    try:
        array = np.load(io.BytesIO(blob), allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise CorruptStore(f"the model's array '{name}' can't be read") from error
    if (
        not isinstance(array, np.ndarray)
        or array.dtype.str != entry.dtype
        or list(array.shape) != entry.shape
    ):
        raise CorruptStore(f"the model's array '{name}' is not what the manifest says")
    return array


def _npy_bytes(array: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def _split(data: memoryview) -> list[memoryview]:
    if bytes(data[: len(MAGIC)]) != MAGIC:
        raise CorruptStore("these bytes are no model")
    parts: list[memoryview] = []
    at = len(MAGIC)
    while at < len(data):
        if len(data) - at < _LENGTH.size:
            raise CorruptStore("the model is cut short")
        (length,) = _LENGTH.unpack_from(data, at)
        at += _LENGTH.size
        if length > len(data) - at:
            raise CorruptStore("the model is cut short")
        parts.append(data[at : at + length])
        at += length
    if not parts:
        raise CorruptStore("the model is cut short")
    return parts


def _read(path: Path, limit: int | None = None) -> bytes:
    if path.is_symlink() or not path.is_file():
        raise CorruptStore(f"the model's file '{path.name}' is missing")
    if limit is not None and path.stat().st_size > limit:
        raise CorruptStore(f"the model's file '{path.name}' is too large")
    return path.read_bytes()


def _write_durably(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _move_into_place(staging: Path, target: Path) -> None:
    try:
        staging.rename(target)  # onto an empty directory or nothing: anything else fails
    except OSError as error:
        if target.exists():
            raise Conflict(f"there is a model in '{target.name}' already") from error
        raise


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
