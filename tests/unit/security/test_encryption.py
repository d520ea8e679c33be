"""What is stored can't be read, changed, swapped or cut; and keys can change while it is in use."""

from __future__ import annotations

import os
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pynomaly.domain.errors import Conflict, CorruptStore, Misconfigured
from pynomaly.security.encryption import EncryptionService, ReEncryption
from pynomaly.security.keyring import FileKeyring, FixedKeyring, KeySet

KEYS = KeySet.fresh()
HEADER = 56


def service(segment_bytes=16):
    return EncryptionService(FixedKeyring(KEYS), segment_bytes=segment_bytes)


@given(st.lists(st.binary(max_size=70), max_size=8), st.lists(st.integers(1, 90), max_size=20))
def test_what_goes_in_comes_out_however_it_is_cut(chunks, cuts):
    blob = b"".join(service().encrypt_stream(chunks, context="dataset:1"))
    pieces, start = [], 0
    for cut in cuts:
        pieces.append(blob[start : start + cut])
        start += cut
    pieces.append(blob[start:])
    assert b"".join(service().decrypt_stream(pieces, context="dataset:1")) == b"".join(chunks)


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 32, 33, 1000])
def test_any_size_at_the_edges_of_segments(size):
    data = os.urandom(size)
    blob = service().encrypt_data(data, context="c")
    n_segments = max(1, -(-size // 16))
    assert len(blob) == HEADER + size + 16 * n_segments
    assert service().decrypt_data(blob, context="c") == data


def test_a_large_object_streams_in_bounded_pieces():
    chunk = bytes(300_000)
    pieces = list(
        EncryptionService(FixedKeyring(KEYS)).encrypt_stream((chunk for _ in range(20)), context="c")
    )
    assert max(map(len, pieces)) == (1 << 20) + 16
    assert (
        sum(map(len, EncryptionService(FixedKeyring(KEYS)).decrypt_stream(pieces, context="c"))) == 6_000_000
    )


def test_the_plaintext_is_nowhere_in_the_ciphertext_and_no_two_are_alike():
    canary = b"canary-5d1f-very-secret"
    blobs = [service(1 << 20).encrypt_data(canary * 50, context="c") for _ in range(20)]
    assert all(canary not in blob for blob in blobs)
    assert len({blob[HEADER:] for blob in blobs}) == 20


def test_every_single_changed_bit_is_noticed():
    blob = service().encrypt_data(b"forty bytes of data, in three segments..", context="c")
    for i in range(len(blob) * 8):
        changed = bytearray(blob)
        changed[i // 8] ^= 1 << i % 8
        with pytest.raises(CorruptStore):
            service().decrypt_data(bytes(changed), context="c")


def test_every_cut_is_noticed():
    blob = service().encrypt_data(b"forty bytes of data, in three segments..", context="c")
    for length in range(len(blob)):
        with pytest.raises(CorruptStore):
            service().decrypt_data(blob[:length], context="c")
    with pytest.raises(CorruptStore):
        service().decrypt_data(blob + b"\0", context="c")


def test_segments_put_in_another_order_or_from_another_object_are_noticed():
    one, two = (service().encrypt_data(data * 16, context="c") for data in (b"ab", b"cd"))
    head, first, second = one[:HEADER], one[HEADER : HEADER + 32], one[HEADER + 32 :]
    for forged in (
        head + second + first,
        head + first + first,
        head + first + two[HEADER + 32 :],
        head + second,
    ):
        with pytest.raises(CorruptStore):
            service().decrypt_data(forged, context="c")


@pytest.mark.parametrize("context", ["dataset:2", "model:1", "dataset:1 ", "dataset:"])
def test_a_ciphertext_opens_only_as_the_object_it_was_made_for(context):
    blob = service().encrypt_data(b"x", context="dataset:1")
    with pytest.raises(CorruptStore):
        service().decrypt_data(blob, context=context)


def test_a_context_is_never_empty():
    with pytest.raises(ValueError, match="bound to an object"):
        service().encrypt_data(b"x", context="")


def test_another_key_ring_opens_nothing():
    blob = service().encrypt_data(b"x", context="c")
    stranger = KeySet(KEYS.active_id, {KEYS.active_id: os.urandom(32)})
    for keys in (stranger, KeySet.fresh()):
        with pytest.raises(CorruptStore):
            EncryptionService(FixedKeyring(keys)).decrypt_data(blob, context="c")


class Objects(dict):
    """A store of ciphertexts, in which someone may write while it is brought under the new key."""

    disturbed = ()

    def contexts(self):
        return [*self, "gone"]

    def read_encrypted(self, context):
        return self.get(context)

    def replace_encrypted(self, context, old, new):
        if context in self.disturbed or self.get(context) != old:
            return False
        self[context] = new
        return True


def test_keys_rotate_without_down_time(tmp_path):
    encryption = EncryptionService(FileKeyring(tmp_path / "keys"))
    objects = Objects(
        {f"dataset:{i}": encryption.encrypt_data(b"%d" % i, context=f"dataset:{i}") for i in range(5)}
    )
    old = encryption.key_id_of(objects["dataset:0"])
    new = encryption.rotate_keys()
    assert new != old
    assert encryption.decrypt_data(objects["dataset:3"], context="dataset:3") == b"3"
    assert encryption.key_id_of(encryption.encrypt_data(b"", context="c")) == new
    objects.disturbed = ("dataset:2",)
    assert encryption.re_encrypt(objects) == ReEncryption(n_renewed=4, n_current=1, n_left=1)
    objects.disturbed = ()
    assert encryption.re_encrypt(objects) == ReEncryption(n_renewed=1, n_current=5, n_left=0)
    encryption.retire_key(old)
    for i in range(5):
        assert encryption.decrypt_data(objects[f"dataset:{i}"], context=f"dataset:{i}") == b"%d" % i


def test_a_stream_goes_under_the_new_key_piece_by_piece(tmp_path):
    encryption = EncryptionService(FileKeyring(tmp_path / "keys"), segment_bytes=1000)
    data = os.urandom(10_500)
    old = list(encryption.encrypt_stream([data], context="c"))
    new_id = encryption.rotate_keys()
    new = list(encryption.re_encrypt_stream(iter(old), context="c"))
    assert max(map(len, new)) == 1016
    assert encryption.key_id_of(new[0]) == new_id
    assert encryption.decrypt_data(b"".join(new), context="c") == data


def test_what_a_retired_key_alone_opened_is_lost_and_said_to_be(tmp_path):
    encryption = EncryptionService(FileKeyring(tmp_path / "keys"))
    blob = encryption.encrypt_data(b"x", context="c")
    with pytest.raises(Conflict):
        encryption.retire_key(encryption.key_id_of(blob))
    encryption.rotate_keys()
    encryption.retire_key(encryption.key_id_of(blob))
    with pytest.raises(CorruptStore):
        encryption.decrypt_data(blob, context="c")


def test_other_processes_follow_a_rotation(tmp_path):
    here, there = (EncryptionService(FileKeyring(tmp_path / "keys")) for _ in range(2))
    new = here.rotate_keys()
    assert there.decrypt_data(here.encrypt_data(b"x", context="c"), context="c") == b"x"
    assert there.key_id_of(there.encrypt_data(b"x", context="c")) == new
    assert there.rotate_keys() != new
    assert here.key_id_of(here.encrypt_data(b"x", context="c")) != new


def test_the_key_file_is_its_owners_alone_and_holds_no_half_written_state(tmp_path):
    path = tmp_path / "deep" / "keys"
    FileKeyring(path).rotate()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["keys", "keys.lock"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o622, 0o644])
def test_a_key_file_open_to_others_stops_the_start(tmp_path, mode):
    path = tmp_path / "keys"
    FileKeyring(path)
    path.chmod(mode)
    with pytest.raises(Misconfigured, match="only he may read it"):
        FileKeyring(path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"active": "aaaaaaaa", "keys": {}}',
        '{"active": "aaaaaaaa", "keys": {"aaaaaaaa": "c2hvcnQ="}}',
        '{"active": "aaaaaaaa", "keys": {"aaaaaaaa": "&&&"}}',
        '{"active": "x", "keys": {"x": "' + "A" * 43 + '="}}',
    ],
)
def test_a_damaged_key_file_stops_the_start_and_is_not_shown(text):
    with pytest.raises(Misconfigured) as refusal:
        KeySet.parse(text, "the key file")
    assert "c2hvcnQ" not in str(refusal.value)


def test_keys_are_not_in_any_repr(tmp_path):
    ring = FileKeyring(tmp_path / "keys")
    shown = repr([KEYS, ring.active(), ring])
    for key in (KEYS.keys[KEYS.active_id], ring.active().secret):
        assert repr(key) not in shown
        assert key.hex() not in shown


def test_keys_from_outside_are_rotated_outside():
    ring = FixedKeyring(KeySet.parse(KEYS.text(), "PYNOMALY_ENCRYPTION_KEYS"))
    assert ring.active().secret == KEYS.keys[KEYS.active_id]
    for act in (ring.rotate, lambda: ring.retire("x")):
        with pytest.raises(Conflict):
            act()
