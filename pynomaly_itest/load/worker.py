"""One load-generating process: told what to do over its standard input, it streams what it saw to its output.

Run as `python -m pynomaly_itest.load.worker`. It ends when its standard input does, so it never outlives its
starter. While it measures, the garbage collector is off and nothing is computed from the rows: they are passed on.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import resource
import signal
import ssl
import sys
import time
from array import array
from urllib.parse import urlsplit

import msgspec

from pynomaly_itest.load.client import CarefulConnection, Connection
from pynomaly_itest.load.executors import OpenExecutor, RampingVus
from pynomaly_itest.load.frames import End, Example, FrameReader, Go, Kind, Order, packed
from pynomaly_itest.load.models import ClosedModel, OpenModel, Share
from pynomaly_itest.load.pacers import pacer_of
from pynomaly_itest.load.plan import LoadPlan
from pynomaly_itest.load.pool import Door, Pool
from pynomaly_itest.load.wire import draws, prepare

_NS = 1_000_000_000
_FLUSH_S = 0.1
_INTERRUPTED_GRACE_S = 0.5
_CONNECT_AHEAD = 16
_GO_FIRST = -10


class Worker:
    """Carries out one order."""

    def __init__(self, order: Order, loop: asyncio.AbstractEventLoop, out: asyncio.WriteTransport) -> None:
        plan = order.plan
        self._plan = plan
        self._out = out
        self._loop = loop
        self.interrupted = asyncio.Event()
        self.finishing = False
        self._lags_ns = array("q")
        share = Share(order.worker, order.of)
        self._pool = Pool(
            door_of(order),
            limit=max(1, self._connections(share)),
            timeout_ns=int(plan.timeout_s * _NS),
            connection=connection_for(plan),
            max_response_bytes=plan.max_response_bytes,
        )
        requests = draws(plan, prepare(plan), order.worker)
        self._model: OpenModel | ClosedModel
        if isinstance(plan.executor, OpenExecutor):
            self._model = OpenModel(self._pool, requests, pacer_of(plan.executor, plan.seed), share, loop)
        else:
            self._model = ClosedModel(
                self._pool, requests, plan.executor, share, loop, self._lags_ns, plan.think_time_s
            )
        self._pool.model = self._model

    async def get_ready(self) -> None:
        """Connect, as far as that can be done before the load begins; from here on, no collector interrupts."""
        ahead = _CONNECT_AHEAD if isinstance(self._plan.executor, OpenExecutor) else self._pool.limit
        await self._pool.connect_ahead(min(ahead, self._pool.limit))
        gc.collect()
        gc.freeze()
        gc.disable()

    async def carry_out(self, origin_ns: int) -> End:
        """Put the load on; returns when every request has its end."""
        cpu_s, begun_ns = time.process_time(), time.monotonic_ns()
        self._model.begin(origin_ns)
        end_ns = origin_ns + int(self._plan.planned_s * _NS)
        await self._until_done(end_ns + int(self._plan.grace_s * _NS))
        self._model.stop()
        self._pool.give_up(interrupted=self.interrupted.is_set())
        self._flush()
        wall_s = (time.monotonic_ns() - max(origin_ns, begun_ns)) / _NS
        examples = [msgspec.convert(example, Example) for example in self._pool.examples]
        return End(
            cpu_s=time.process_time() - cpu_s,
            wall_s=wall_s,
            retried=self._pool.retried,
            starved=self._pool.starved,
            server_times_ms=self._pool.server_times_ms,
            examples=examples,
            verified=self._pool.verified,
            created=self._pool.created,
        )

    async def _until_done(self, latest_ns: int) -> None:
        """Pass rows on and end what waits too long, until all is over, late or interrupted."""
        while not (self._model.over and self._pool.unfinished == 0):
            now = time.monotonic_ns()
            if now >= latest_ns:
                return
            if self.interrupted.is_set() and not self._model.over:
                self._model.stop()
                latest_ns = min(latest_ns, now + int(_INTERRUPTED_GRACE_S * _NS))
            if self.finishing and not self._model.over:
                self._model.stop()
                latest_ns = min(latest_ns, now + int(self._plan.grace_s * _NS))
            self._pool.sweep(now)
            self._flush()
            if self.interrupted.is_set():
                await asyncio.sleep(_FLUSH_S)
            else:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.interrupted.wait(), _FLUSH_S)

    def _flush(self) -> None:
        rows = self._pool.rows
        if rows:
            self._out.write(packed(Kind.ROWS, b"".join(rows)))
            del rows[:]
        if self._lags_ns:
            self._out.write(packed(Kind.LAGS, self._lags_ns.tobytes()))
            del self._lags_ns[:]

    def _connections(self, share: Share) -> int:
        """How many connections this worker may hold: a closed model needs one a user, and no more."""
        executor = self._plan.executor
        if isinstance(executor, OpenExecutor):
            return share.part_of(self._plan.max_in_flight)
        if isinstance(executor, RampingVus):
            return share.part_of(round(max(executor.start_vus, *(stage.target for stage in executor.stages))))
        return share.part_of(executor.vus)


def connection_for(plan: LoadPlan) -> type[Connection]:
    """The cheapest kind of connection that can do what the plan asks."""
    for endpoint in plan.endpoints:
        if endpoint.checks or endpoint.answers or endpoint.created_id or endpoint.method.upper() == "HEAD":
            return CarefulConnection
    return Connection


def door_of(order: Order) -> Door:
    """Where and how to connect."""
    parts = urlsplit(order.plan.url)
    if parts.scheme != "https":
        return Door(order.address, parts.port or 80)
    context = order.plan.tls.context()
    if not order.plan.verify_tls:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return Door(order.address, parts.port or 443, context, parts.hostname)


def prepare_process(order: Order) -> None:
    """Pin to the core that was given, go first where that is allowed, leave Ctrl-C to the starter."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if isinstance(
        order.plan.executor, OpenExecutor
    ):  # it has a schedule to keep; users only wait for answers
        with contextlib.suppress(PermissionError):  # a privilege: without it, late on a busy machine
            os.nice(_GO_FIRST)
    if order.cpu is not None:
        with contextlib.suppress(OSError):  # a container may forbid it: then unpinned
            os.sched_setaffinity(0, {order.cpu})
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class _Output(asyncio.Protocol):
    """Tells when everything has left for the starter, or the starter has."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()

    def connection_lost(self, exc: Exception | None) -> None:
        self.gone.set()


async def serve(commands_fd: int, rows_fd: int) -> None:
    """Receive an order, carry it out, report."""
    loop = asyncio.get_running_loop()
    out, output = await loop.connect_write_pipe(_Output, os.fdopen(rows_fd, "wb", buffering=0))
    order: asyncio.Future[Order] = loop.create_future()
    go: asyncio.Future[Go] = loop.create_future()
    reader = FrameReader()
    worker: Worker | None = None

    def commanded() -> None:
        data = os.read(commands_fd, 1 << 20)
        if not data:
            os._exit(1)  # the starter is gone: nobody wants the rest
        for frame in reader.feed(data):
            if frame.kind is Kind.ORDER:
                order.set_result(msgspec.msgpack.decode(frame.payload, type=Order))
            elif frame.kind is Kind.GO:
                go.set_result(msgspec.msgpack.decode(frame.payload, type=Go))
            elif frame.kind is Kind.STOP and worker is not None:
                worker.interrupted.set()
            elif frame.kind is Kind.FINISH and worker is not None:
                worker.finishing = True

    loop.add_reader(commands_fd, commanded)
    told = await order
    prepare_process(told)
    worker = Worker(told, loop, out)
    await worker.get_ready()
    out.write(packed(Kind.READY))
    end = await worker.carry_out((await go).origin_ns)
    out.write(packed(Kind.END, msgspec.msgpack.encode(end)))
    loop.remove_reader(commands_fd)
    out.close()
    await output.gone.wait()  # all is written


def main() -> None:
    """Entry point of the process. What anything prints goes to standard error: the rows own standard output."""
    rows_fd = os.dup(1)
    os.dup2(2, 1)
    try:
        import uvloop
    except ImportError:  # not on this platform: dearer, not wrong
        asyncio.run(serve(0, rows_fd))
    else:
        uvloop.run(serve(0, rows_fd))
    sys.stderr.flush()


if __name__ == "__main__":
    main()
