"""An upload on its way is nowhere on the disk in clear, and is what was sent wherever it is read."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given, settings
from hypothesis import strategies as st

from pynomaly.storage.spool import SealedSpool


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.integers(0, 150_000), max_size=6),
    st.lists(st.tuples(st.integers(0, 600_000), st.integers(0, 200_000)), max_size=6),
)
def test_it_reads_like_a_file(sizes, reads):
    content = os.urandom(sum(sizes))
    with SealedSpool(in_memory_bytes=100_000) as spool:
        start = 0
        for size in sizes:
            spool.append(content[start : start + size])
            start += size
        assert spool.size_bytes == len(content)
        plain = io.BytesIO(content)
        for offset, n in reads:
            assert spool.seek(offset) == plain.seek(offset)
            assert spool.read(n) == plain.read(n)
        spool.seek(0)
        assert spool.read() == content


def test_what_is_on_the_disk_is_sealed():
    with SealedSpool(in_memory_bytes=0) as spool:
        spool.append(b"CANARY" * 50_000)
        held = Path(f"/proc/self/fd/{spool._file.fileno()}").read_bytes()
        assert len(held) > 250_000
        assert b"CANARY" not in held
        spool._file.seek(100)
        spool._file.write(b"x")
        spool.seek(0)
        with pytest.raises(InvalidTag):
            spool.read(10)


def test_what_is_small_has_no_file():
    with SealedSpool() as spool:
        spool.append(b"CANARY")
        assert spool._file is None
