"""What anybody may have sent is parsed in another process: its crash, its memory and its time cost one request."""

from __future__ import annotations

import io
import os
import signal
import struct
import threading

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pynomaly.domain.errors import (
    InvalidInput,
    Overloaded,
    TooLarge,
    UnreadableDataset,
    UnsupportedMedia,
)
from pynomaly.domain.limits import DataLimits
from pynomaly.workers.launching import launch
from pynomaly.workers.parser_messages import Limits
from pynomaly.workers.parser_pool import ParserPool, ParsingLimits
from pynomaly.workers.parser_process import ParserProcess

MEMORY_BYTES = 256 << 20
DATA = DataLimits(max_rows=100_000, max_columns=50, max_bytes=32 << 20)
LIMITS = Limits(DATA, cpu_s=30.0)


def started(memory_bytes: int = MEMORY_BYTES) -> ParserProcess:
    return ParserProcess(launch("pynomaly.workers.parser", str(memory_bytes)))


@pytest.fixture(scope="module")
def shared():
    process = started()
    yield process
    process.close()


@pytest.fixture
def parser(shared):
    assert shared.is_alive
    yield shared
    assert shared.is_alive


def stream(table: pa.Table, **options: object) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table)
    return sink.getvalue()


def parquet(table: pa.Table, **options: object) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def uploaded(parser: ParserProcess, content: bytes, file_format: str, limits: Limits = LIMITS):
    with parser.rows(io.BytesIO(content), len(content), file_format, limits) as source:
        blocks = list(source.blocks())
    return {c.name: np.concatenate([b.columns[c.name] for b in blocks]).tolist() for c in source.columns}


TABLE = pa.table({"x": [1.5, 2.5], "t": ["ab", "cd"]})


def test_a_file_is_read_as_it_is_here(parser):
    assert uploaded(parser, b"x,t\n1.5,ab\n2.5,\n", "csv") == {"x": [1.5, 2.5], "t": ["ab", None]}
    assert uploaded(parser, parquet(TABLE), "parquet") == {"x": [1.5, 2.5], "t": ["ab", "cd"]}
    buffer = io.BytesIO()
    np.save(buffer, np.asfortranarray([[1, 2], [3, 4]]))
    assert uploaded(parser, buffer.getvalue(), "npy") == {"f0": [1, 3], "f1": [2, 4]}


def test_a_file_larger_than_all_buffers_is_read(parser):
    numbers = np.random.default_rng(0).normal(size=300_000 // 4).reshape(-1, 3)
    content = b"a,b,c\n" + b"".join(b"%r,%r,%r\n" % tuple(row) for row in numbers.tolist())
    assert uploaded(parser, content, "csv")["c"] == numbers[:, 2].tolist()


@pytest.mark.parametrize("options", [{}, {"compression": "zstd"}, {"compression": "lz4"}])
def test_an_arrow_body_is_read_plain_and_compressed(parser, options):
    block = parser.read_body(stream(TABLE, **options), LIMITS)
    assert block.columns["x"].tolist() == [1.5, 2.5]
    assert block.columns["t"].tolist() == ["ab", "cd"]


@pytest.mark.parametrize("offsets", [(0, 2, 1_500_000_000), (0, 4, 200), (0, -8, 4), (4, 2, 0), (0, 3, 2)])
def test_offsets_that_point_beyond_their_buffer_are_refused(parser, offsets):
    good = stream(TABLE)
    bad = good.replace(struct.pack("<3i", 0, 2, 4), struct.pack("<3i", *offsets))
    assert bad != good
    with pytest.raises(InvalidInput, match="not an Arrow stream"):
        parser.read_body(bad, LIMITS)


def test_types_that_are_not_taken_are_refused_before_their_values_are_looked_at(parser):
    for column in (pa.array([[1]]), pa.array(["a"]).dictionary_encode(), pa.array([b"a"]), pa.array([True])):
        with pytest.raises(UnsupportedMedia, match="not taken"):
            parser.read_body(stream(pa.table({"x": column})), LIMITS)


def test_a_compressed_arrow_body_is_refused_by_the_sizes_it_tells(parser):
    bomb = stream(pa.table({"x": pa.array(np.zeros(64 << 20, np.int8))}), compression="zstd")
    assert len(bomb) < 8_000
    before = peak_bytes(parser, forget=True)
    with pytest.raises(TooLarge):
        parser.read_body(bomb, Limits(DataLimits(max_rows=1 << 30, max_bytes=4 << 20), cpu_s=30.0))
    assert peak_bytes(parser) < before + (8 << 20)


def dictionary_bomb(n_rows: int, cell_bytes: int, *, store_schema: bool) -> bytes:
    column = pa.DictionaryArray.from_arrays(np.zeros(n_rows, np.int32), ["x" * cell_bytes])
    return parquet(pa.table({"t": column}), compression="zstd", store_schema=store_schema)


@pytest.mark.parametrize("store_schema", [True, False])
def test_a_dictionary_whose_one_value_stands_for_many_cells_is_counted_before_it_is_written_out(
    parser, store_schema
):
    bomb = dictionary_bomb(8_000, 1_000_000, store_schema=store_schema)  # 8 GB
    assert len(bomb) < 1_000
    before = peak_bytes(parser, forget=True)
    with pytest.raises(TooLarge):
        uploaded(parser, bomb, "parquet")
    assert peak_bytes(parser) < before + (16 << 20)


def test_text_within_the_limit_comes_in_pieces_of_bounded_size(parser):
    content = dictionary_bomb(300, 100_000, store_schema=True)
    with parser.rows(io.BytesIO(content), len(content), "parquet", LIMITS) as source:
        sizes = [sum(map(len, block.columns["t"])) for block in source.blocks()]
    assert sum(sizes) == 30_000_000
    assert max(sizes) <= 16 << 20


def test_numbers_that_take_no_room_in_the_file_are_counted_as_they_are_stored(parser):
    zeros = pa.table({f"c{i}": pa.array(np.zeros(90_000, bool)) for i in range(50)})  # 36 MB as float64
    with pytest.raises(TooLarge, match="unpacks"):
        uploaded(parser, parquet(zeros, compression="zstd"), "parquet")


def test_what_needs_more_memory_than_one_request_may_have_is_refused():
    small = started(memory_bytes=24 << 20)
    page = parquet(pa.table({"t": ["x" * (60 << 20)]}), compression="zstd", use_dictionary=False)
    generous = Limits(DataLimits(max_bytes=1 << 30), cpu_s=30.0)
    try:
        with pytest.raises((TooLarge, UnreadableDataset)):
            uploaded(small, page, "parquet", generous)
        if small.is_alive:
            assert uploaded(small, b"a\n1\n", "csv") == {"a": [1.0]}
    finally:
        small.close()


def test_what_takes_too_much_time_is_refused_and_the_process_is_gone():
    slow = started()
    lines = b"a,b\n" + b"1,x\n" * 2_000_000
    with pytest.raises(TooLarge, match="time"):
        uploaded(slow, lines, "csv", Limits(DataLimits(), cpu_s=0.0))
    assert not slow.is_alive


class EndsItsReader(io.BytesIO):
    """A file during whose reading the reader gets a signal, as it would from a crash in native code."""

    def __init__(self, process: ParserProcess, number: int) -> None:
        super().__init__(b"a\n1\n")
        self._process, self._number = process, number

    def read(self, n: int | None = -1) -> bytes:
        os.kill(self._process.pid, self._number)
        return super().read(n)


@pytest.mark.parametrize(
    ("number", "refusal"),
    [(signal.SIGSEGV, UnreadableDataset), (signal.SIGABRT, UnreadableDataset), (signal.SIGKILL, Overloaded)],
)
def test_a_crash_costs_one_request(number, refusal):
    pool = ParserPool(ParsingLimits(2, MEMORY_BYTES, 30.0), start_process=started)
    pool.start()
    try:
        with (
            pool._borrowed(is_upload=True) as process,
            pytest.raises(refusal),
            process.rows(EndsItsReader(process, number), 4, "csv", LIMITS),
        ):
            pass
        with pool.rows(io.BytesIO(b"a\n1\n"), 4, "csv", DATA) as source:
            assert [block.n_rows for block in source.blocks()] == [1]
        assert pool.check() == "ok"
    finally:
        pool.close()


def test_whoever_gives_up_half_way_leaves_the_process_to_the_next(parser):
    content = b"a\n" + b"1\n" * 100_000
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            read_some_and_break(parser, content)
    assert uploaded(parser, b"a\n1\n", "csv") == {"a": [1.0]}


def read_some_and_break(parser: ParserProcess, content: bytes) -> None:
    with parser.rows(io.BytesIO(content), len(content), "csv", LIMITS) as source:
        next(source.blocks())
        raise ZeroDivisionError


class IdleProcess:
    """A parsing process that was never started."""

    started_bytes = resident_bytes = n_requests = 0

    def __init__(self):
        self.is_alive = True

    def close(self):
        self.is_alive = False


def test_uploads_leave_one_process_to_bodies_and_what_is_spent_is_replaced():
    made = []

    def start(memory_bytes):
        made.append(IdleProcess())
        return made[-1]

    pool = ParserPool(ParsingLimits(2, MEMORY_BYTES, 1.0), start_process=start)
    assert pool.check() == "no parsing process is alive"
    pool.start()
    with pool._borrowed(is_upload=True) as first:
        assert not pool._may_take(is_upload=True)
        with pool._borrowed(is_upload=False) as second:
            assert second is not first
            second.resident_bytes = 1 << 30
        assert not second.is_alive
    with pool._borrowed(is_upload=True) as again:
        assert again is not second
    pool.close()
    assert not any(process.is_alive for process in made)
    with pytest.raises(Overloaded, match="shutting down"), pool._borrowed(is_upload=True):
        pass


def test_a_process_that_can_not_be_started_is_tried_again_and_readiness_says_so():
    tried, may_start = threading.Event(), threading.Event()

    def start(memory_bytes):
        tried.set()
        if not may_start.is_set():
            raise OSError("no")
        return IdleProcess()

    pool = ParserPool(ParsingLimits(1, MEMORY_BYTES, 1.0), start_process=start)
    pool.start()
    assert tried.wait(10)
    assert pool.check() != "ok"
    may_start.set()
    with pool._borrowed(is_upload=False):
        assert pool.check() == "ok"
    pool.close()


def peak_bytes(parser: ParserProcess, *, forget: bool = False) -> int:
    """The highest memory of the process since this was last called with `forget`."""
    if forget:
        with open(f"/proc/{parser.pid}/clear_refs", "w", encoding="ascii") as file:
            file.write("5")
    with open(f"/proc/{parser.pid}/status", encoding="ascii") as file:
        peak = next(line for line in file if line.startswith("VmHWM"))
    return int(peak.split()[1]) * 1024
