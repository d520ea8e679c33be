"""A blob is what was written, or an error: never a part of it, never something else."""

from __future__ import annotations

import pytest

from pynomaly.domain.errors import CorruptStore, NotFound
from pynomaly.security.encryption import EncryptionService
from pynomaly.security.keyring import FileKeyring
from pynomaly.storage import blobs
from pynomaly.storage.blobs import CHUNK_BYTES, FileBlobStore

CONTENT = bytes(range(256)) * 10_000  # three chunks


@pytest.fixture
def cipher(tmp_path):
    return EncryptionService(FileKeyring(tmp_path / "keys"))


@pytest.fixture
def store(tmp_path, cipher):
    return FileBlobStore(tmp_path / "blobs", cipher)


def write(store, blob_id, content, kind="things"):
    with store.create(kind, blob_id) as sink:
        for start in range(0, len(content), 100_000):
            sink.write(content[start : start + 100_000])


def read(store, blob_id, kind="things"):
    with store.open(kind, blob_id) as source:
        return source.read()


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, len(CONTENT)])
def test_what_is_written_is_read(store, size):
    write(store, "a", CONTENT[:size])
    assert read(store, "a") == CONTENT[:size]
    assert store.ids("things") == {"a"}


def test_nothing_of_it_is_on_the_disk_in_the_clear(store, tmp_path):
    write(store, "a", b"canary" * 1000)
    assert b"canary" not in (tmp_path / "blobs" / "things" / "a").read_bytes()


def test_a_write_that_breaks_off_leaves_what_was_there(store):
    write(store, "a", b"old")

    def break_off():
        with store.create("things", "a") as sink:
            sink.write(CONTENT)
            raise OSError("full")

    with pytest.raises(OSError, match="full"):
        break_off()
    assert read(store, "a") == b"old"
    assert store.sweep("things", {"a"}) == 0


def test_what_is_not_there_is_not_found(store):
    with pytest.raises(NotFound):
        store.open("things", "a")
    store.delete("things", "a")


def frames(path):
    """The magic and the frames of a blob file."""
    content = path.read_bytes()
    found, at = [content[:5]], 5
    while at < len(content):
        length = int.from_bytes(content[at : at + 4], "big") & 0x7FFFFFFF
        found.append(content[at : at + 4 + length])
        at += 4 + length
    return found


def test_any_change_is_noticed(store, tmp_path):
    write(store, "a", CONTENT)
    path = tmp_path / "blobs" / "things" / "a"
    magic, first, second, last = frames(path)
    flipped = bytearray(path.read_bytes())
    flipped[len(flipped) // 2] ^= 1
    as_last = bytes([second[0] | 0x80]) + second[1:]
    changes = {
        "a bit": bytes(flipped),
        "order": magic + second + first + last,
        "a missing chunk": magic + first + last,
        "a missing end": magic + first + second,
        "an early end": magic + first + as_last,
        "a cut": path.read_bytes()[:-1],
        "the magic": b"XXXXX" + first + second + last,
        "nothing": b"",
    }
    for what, content in changes.items():
        path.write_bytes(content)
        with pytest.raises(CorruptStore):
            assert read(store, "a") is None, what


def test_a_blob_does_not_open_in_anothers_place(store, tmp_path):
    write(store, "a", b"mine")
    (tmp_path / "blobs" / "things" / "b").write_bytes((tmp_path / "blobs" / "things" / "a").read_bytes())
    with pytest.raises(CorruptStore):
        read(store, "b")


def test_a_sweep_removes_what_nobody_knows(store, tmp_path):
    for blob_id in ("known", "orphan"):
        write(store, blob_id, b"x")
    (tmp_path / "blobs" / "things" / ".half.1234.tmp").write_bytes(b"half")
    assert store.sweep("things", {"known"}) == 2
    assert store.ids("things") == {"known"}


def test_resealing_changes_the_key_and_nothing_else(store, cipher, tmp_path):
    write(store, "a", CONTENT)
    before = (tmp_path / "blobs" / "things" / "a").read_bytes()
    key_id = cipher.rotate_keys()
    assert read(store, "a") == CONTENT
    with store.open("things", "a") as reader:
        reader.read(10)
        assert store.reseal_all() == 1
        assert reader.read() == CONTENT[10:]  # whoever was reading reads on
    after = frames(tmp_path / "blobs" / "things" / "a")
    assert b"".join(after) != before
    assert {cipher.key_id_of(frame[4:]) for frame in after[1:]} == {key_id}
    assert read(store, "a") == CONTENT


class Interrupted:
    """A cipher, and the system calls of a store, of which the n-th is preceded by an act of somebody else."""

    def __init__(self, cipher, monkeypatch, act, n):
        self._cipher, self._act, self._n = cipher, act, n
        self.n_steps, self._is_acting = 0, False
        for module, name in ((blobs.os, "fsync"), (blobs.os, "open")):
            monkeypatch.setattr(module, name, self._after_the_act(getattr(module, name)))

    def _after_the_act(self, done):
        def late(*arguments):
            if not self._is_acting:  # the act itself takes the same ways
                self.step()
            return done(*arguments)

        return late

    def step(self):
        self.n_steps += 1
        if self.n_steps == self._n:
            self._is_acting = True
            self._act()
            self._is_acting = False

    def encrypt_data(self, data, *, context):
        self.step()
        return self._cipher.encrypt_data(data, context=context)

    def decrypt_data(self, data, *, context):
        self.step()
        return self._cipher.decrypt_data(data, context=context)


def resealed_with(tmp_path, cipher, monkeypatch, act, n):
    """Reseal one blob of three chunks, the n-th step of it preceded by `act`; the number of steps, and the store."""
    plain = FileBlobStore(tmp_path / "blobs", cipher)
    write(plain, "a", CONTENT)
    with monkeypatch.context() as patched:
        interrupted = Interrupted(cipher, patched, lambda: act(plain), n)
        n_resealed = FileBlobStore(tmp_path / "blobs", interrupted).reseal("things")
    return interrupted.n_steps, n_resealed


def test_a_deletion_wins_at_every_step_of_resealing(tmp_path, cipher, monkeypatch):
    n_steps, n_resealed = resealed_with(tmp_path, cipher, monkeypatch, lambda store: None, 0)
    assert (n_steps >= 8, n_resealed) == (True, 1)
    for n in range(1, n_steps + 1):
        resealed_with(tmp_path, cipher, monkeypatch, lambda store: store.delete("things", "a"), n)
        left = [path.name for path in (tmp_path / "blobs").rglob("*") if path.is_file()]
        assert left == [], f"the blob is back after a deletion before step {n}"
