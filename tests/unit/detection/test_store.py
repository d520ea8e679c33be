"""A stored model comes back the same or not at all."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pynomaly.detection import (
    FrozenModel,
    algorithms,
    dump_model,
    load_model,
    parse_model,
    resolve,
    save_model,
)
from pynomaly.detection.model import Arrays, Floats
from pynomaly.domain.errors import Conflict, CorruptStore

NAMES = [spec.name for spec in algorithms()]
each_algorithm = pytest.mark.parametrize("name", NAMES)
Models = Mapping[str, FrozenModel]


def assert_same(one: FrozenModel, other: FrozenModel, queries: Floats) -> None:
    assert (one.score(queries) == other.score(queries)).all()
    assert dict(one.parameters) == dict(other.parameters)
    for attribute in ("algorithm", "n_features", "contamination", "threshold"):
        assert getattr(one, attribute) == getattr(other, attribute)


@each_algorithm
def test_bytes_give_the_same_model(name: str, models: Models, queries: Floats) -> None:
    data = dump_model(models[name])
    assert_same(parse_model(data), models[name], queries)
    assert dump_model(parse_model(bytearray(data))) == data


@each_algorithm
def test_a_directory_gives_the_same_model(name: str, models: Models, queries: Floats, tmp_path: Path) -> None:
    save_model(models[name], tmp_path / "deep" / "model")
    assert_same(load_model(tmp_path / "deep" / "model"), models[name], queries)
    assert [entry.name for entry in (tmp_path / "deep").iterdir()] == ["model"]


def test_a_model_is_not_overwritten(models: Models, queries: Floats, tmp_path: Path) -> None:
    save_model(models["ecod"], tmp_path / "model")
    with pytest.raises(Conflict):
        save_model(models["hbos"], tmp_path / "model")
    assert_same(load_model(tmp_path / "model"), models["ecod"], queries)
    assert [entry.name for entry in tmp_path.iterdir()] == ["model"]


def test_a_write_that_breaks_off_leaves_nothing(
    models: Models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        save_model(models["ecod"], tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_every_file_and_both_directories_reach_the_disk(
    models: Models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    really = os.fsync

    def recording(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        really(descriptor)

    monkeypatch.setattr(os, "fsync", recording)
    save_model(models["hbos"], tmp_path / "model")
    assert synced[-1] == tmp_path.name
    assert synced[-2].endswith(".tmp")
    assert sorted(synced[:-2]) == ["bins.npy", "columns.npy", "edges.npy", "manifest.json", "starts.npy"]


def break_manifest(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def do(model: Path) -> None:
        path = model / "manifest.json"
        manifest = json.loads(path.read_text())
        change(manifest)
        path.write_text(json.dumps(manifest))

    return do


def flip_a_bit(model: Path) -> None:
    path = model / "values.npy"
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)


def link_elsewhere(model: Path) -> None:
    (model / "values.npy").rename(model.parent / "elsewhere.npy")
    (model / "values.npy").symlink_to(model.parent / "elsewhere.npy")


DAMAGE: dict[str, Callable[[Path], object]] = {
    "a flipped bit": flip_a_bit,
    "a symbolic link": link_elsewhere,
    "a missing array": lambda model: (model / "values.npy").unlink(),
    "a missing manifest": lambda model: (model / "manifest.json").unlink(),
    "an unknown file": lambda model: (model / "extra.pkl").write_bytes(pickle.dumps([1])),
    "no JSON": lambda model: (model / "manifest.json").write_text("{"),
    "text that is not UTF-8": lambda model: (model / "manifest.json").write_bytes(b'{"algorithm": "\x80"}'),
    "a huge manifest": lambda model: (model / "manifest.json").write_text(" " * (1 << 20) + "{}"),
    "deep JSON": lambda model: (model / "manifest.json").write_text("[" * 100_000),
    "another format": break_manifest(lambda manifest: manifest.update(format=2)),
    "an unknown key": break_manifest(lambda manifest: manifest.update(run="rm -rf")),
    "an unknown algorithm": break_manifest(lambda manifest: manifest.update(algorithm="magic")),
    "an alias": break_manifest(lambda manifest: manifest.update(algorithm="ECOD")),
    "another algorithm": break_manifest(lambda manifest: manifest.update(algorithm="hbos")),
    "an unknown parameter": break_manifest(lambda manifest: manifest["parameters"].update(magic=1)),
    "another width": break_manifest(lambda manifest: manifest.update(n_features=7)),
    "no width": break_manifest(lambda manifest: manifest.update(n_features=0)),
    "no contamination": break_manifest(lambda manifest: manifest.update(contamination=0.0)),
    "an infinite threshold": break_manifest(lambda manifest: manifest.update(threshold=1e999)),
    "a threshold in words": break_manifest(lambda manifest: manifest.update(threshold="0")),
    "another shape": break_manifest(lambda manifest: manifest["arrays"]["values"].update(shape=[1])),
    "another dtype": break_manifest(lambda manifest: manifest["arrays"]["values"].update(dtype="<f4")),
    "a path for a name": break_manifest(
        lambda manifest: manifest["arrays"].update({"../values": manifest["arrays"].pop("values")})
    ),
}


@pytest.mark.parametrize("damage", list(DAMAGE))
def test_a_damaged_directory_is_refused(damage: str, models: Models, tmp_path: Path) -> None:
    save_model(models["ecod"], tmp_path / "model")
    DAMAGE[damage](tmp_path / "model")
    with pytest.raises(CorruptStore):
        load_model(tmp_path / "model")


def test_nothing_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorruptStore):
        load_model(tmp_path / "model")


def test_a_pickled_array_is_not_opened(models: Models, tmp_path: Path) -> None:
    import hashlib

    save_model(models["ecod"], tmp_path / "model")
    trap = tmp_path / "trap"
    path = tmp_path / "model" / "values.npy"
    np.save(path, np.array([Trap(trap)], dtype=object), allow_pickle=True)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    break_manifest(lambda manifest: manifest["arrays"]["values"].update(sha256=digest))(tmp_path / "model")
    with pytest.raises(CorruptStore):
        load_model(tmp_path / "model")
    assert not trap.exists()


class Trap:
    """Makes a file if it is ever unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 100_000), length=st.integers(0, 40), put_in=st.binary(max_size=40))
def test_damaged_bytes_are_refused_or_the_same(
    place: int, length: int, put_in: bytes, models: Models, queries: Floats
) -> None:
    """Whatever is cut off, put in or changed: CorruptStore, or (where it makes no difference) the same scores."""
    whole = dump_model(models["hbos"])
    at = place % len(whole)
    damaged = whole[:at] + put_in + whole[at + length :]
    try:
        model = parse_model(damaged)
    except CorruptStore:
        return
    # only the manifest's own few numbers have no checksum: the arrays are the same
    assert (model.score(queries) == models["hbos"].score(queries)).all()


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(CorruptStore):
        parse_model(data)


@each_algorithm
def test_forged_arrays_never_reach_a_kernel(name: str, models: Models) -> None:
    """Each array cut short, widened, of another type, missing; a strange one added; integers out of their range."""
    model = models[name]
    forged = forgeries(model.arrays)
    assert len(forged) >= 5 * len(model.arrays)
    taken = [what for what, arrays in forged.items() if not refused(model, arrays)]
    assert taken == []


def refused(model: FrozenModel, arrays: Arrays) -> bool:
    try:
        rebuild(model, arrays)
    except CorruptStore:
        return True
    return False


def rebuild(model: FrozenModel, arrays: Arrays) -> FrozenModel:
    return resolve(model.algorithm).build(
        n_features=model.n_features,
        contamination=model.contamination,
        threshold=model.threshold,
        parameters=model.parameters,
        arrays=arrays,
    )


def forgeries(arrays: Arrays) -> dict[str, dict[str, Any]]:
    forged: dict[str, dict[str, Any]] = {"a strange array": {**arrays, "strange": np.zeros(3)}}
    for name, array in arrays.items():
        changes: dict[str, Any] = {
            "empty": array[:0],
            "another type": array.astype(np.complex128),
            "another dimension": array[None],
        }
        if array.dtype.kind == "i":
            changes["far too large"] = np.full_like(array, np.iinfo(array.dtype).max)
            changes["negative"] = np.full_like(array, -7)
        else:
            changes["not a number"] = np.full_like(array, np.nan)
            changes["infinite"] = np.full_like(array, np.inf)
        for change, value in changes.items():
            forged[f"{name}: {change}"] = {**arrays, name: value}
        forged[f"{name}: missing"] = {key: kept for key, kept in arrays.items() if key != name}
    return forged
