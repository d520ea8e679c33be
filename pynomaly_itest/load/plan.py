"""What load to put on what: everything a load run depends on, in one immutable value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from pynomaly_itest.load.answers import Answer, Tolerance
from pynomaly_itest.load.executors import Executor, mistakes_of
from pynomaly_itest.transport.request import problem_with
from pynomaly_itest.transport.tls import SYSTEM, Tls

Draw = Literal["uniform", "in-order", "zipf"]
CheckOperator = Literal["exists", "==", "!=", "<", "<=", ">", ">=", "length", "series", "contains", "matches"]


class Check(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that must hold of an answer's body.

    field: dotted path into the JSON body ("anomaly_labels.0"); "" is the whole body.
    operator: "length" compares the number of elements, "series" that of a value for each row; "contains" and
    "matches" work on text and, with an empty field, on the raw body, which then need not be JSON.
    pick: JMESPath, where a dotted path does not lead there.
    """

    field: str = ""
    operator: CheckOperator = "exists"
    value: Any = None
    pick: str | None = None


class Endpoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One kind of request, prepared once and sent many times.

    bodies: one is sent always; of several one is drawn each time: evenly, in order, or by Zipf's law (the first
    most often, as users repeat themselves). weight: its share among the plan's endpoints.
    expect_status: the statuses that are a success; empty means any 2xx.
    checks: what must hold of the body, looked at in every `check_every`-th answer.
    answers: what each body's answer must be, one for each of `bodies`; compared in every `verify_every`-th answer.
    steady: the fields of an answer that are the same whenever the same is asked; none means: find them out.
    picks: instead, where in an answer these stand, as JMESPath by name; tolerance: how much their numbers may differ.
    created_id: the answer's field with the id of what the request created, where it creates something.
    """

    name: str = "request"
    method: str = "GET"
    path: str = "/"
    headers: tuple[tuple[str, str], ...] = ()
    bodies: tuple[bytes, ...] = (b"",)
    draw: Draw = "uniform"
    weight: float = 1.0
    expect_status: tuple[int, ...] = ()
    checks: tuple[Check, ...] = ()
    check_every: int = 1
    answers: tuple[Answer, ...] = ()
    verify_every: int = 1
    steady: tuple[str, ...] = ()
    picks: dict[str, str] = {}
    tolerance: Tolerance = Tolerance()
    created_id: str | None = None

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return list(self._shown())

    def __repr__(self) -> str:
        """Without header values or bodies: they may hold secrets."""
        return f"Endpoint({', '.join(f'{key}={value!r}' for key, value in self._shown())})"

    def _shown(self) -> Iterator[tuple[str, object]]:
        yield "name", self.name
        yield "method", self.method
        yield "path", self.path
        yield "headers", tuple(name for name, _ in self.headers)
        yield "bodies", f"{len(self.bodies)} of {sum(map(len, self.bodies))} bytes"


class LoadPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A load: which requests, in which rhythm, on which server.

    url: scheme, host and port ("http://127.0.0.1:8000"); a path is put before every endpoint's.
    warm_up_s: cut from the beginning; those requests are sent but not judged.
    timeout_s: for one request from being sent, and for an arrival from when it was due until it is sent.
    graceful_stop_s: how long to wait for answers after the last arrival; None: as long as the timeout.
    max_in_flight: connections in all; beyond it arrivals wait (and their waiting counts).
    think_time_s: a virtual user's pause between an answer and the next request (closed model).
    workers: processes; pin: each on a core of its own, where there are more cores than workers.
    objective_ms: only successes within it are goodput.
    verify_tls: whether the server's certificate is checked; tls: by which authorities, and who we are.
    """

    url: str
    endpoints: tuple[Endpoint, ...]
    executor: Executor
    warm_up_s: float = 0.0
    timeout_s: float = 30.0
    graceful_stop_s: float | None = None
    max_in_flight: int = 1_000
    think_time_s: float = 0.0
    workers: int = 1
    pin: bool = True
    seed: int = 0
    objective_ms: float | None = None
    verify_tls: bool = True
    tls: Tls = SYSTEM
    max_response_bytes: int = 64 * 1024 * 1024

    @property
    def planned_s(self) -> float:
        """Warm-up and executor together; for a count of iterations, the longest they may take."""
        return self.executor.planned_s

    @property
    def grace_s(self) -> float:
        return self.timeout_s if self.graceful_stop_s is None else self.graceful_stop_s


@dataclass
class _Mistakes:
    found: list[str] = field(default_factory=list)

    def unless(self, holds: bool, message: str) -> None:
        if not holds:
            self.found.append(message)


def mistakes_in(plan: LoadPlan) -> list[str]:
    """Everything that is wrong with a plan, at once; empty if it can be run."""
    wrong = _Mistakes()
    parts = urlsplit(plan.url)
    wrong.unless(parts.scheme in ("http", "https") and bool(parts.hostname), f"no http(s) URL: {plan.url!r}")
    wrong.unless(bool(plan.endpoints), "there is nothing to send: no endpoint")
    wrong.unless(plan.timeout_s > 0, "timeout_s must be above 0")
    wrong.unless(plan.objective_ms is None or plan.objective_ms > 0, "objective_ms must be above 0")
    wrong.unless(plan.warm_up_s >= 0, "warm_up_s must not be negative")
    wrong.unless(plan.think_time_s >= 0, "think_time_s must not be negative")
    wrong.unless(
        plan.graceful_stop_s is None or plan.graceful_stop_s >= 0, "graceful_stop_s must not be negative"
    )
    wrong.unless(1 <= plan.workers <= 64, "workers must be 1 to 64")
    wrong.unless(plan.max_in_flight >= plan.workers, "max_in_flight must be at least one for each worker")
    wrong.unless(len(plan.endpoints) <= 64, "at most 64 endpoints")
    wrong.found += mistakes_of(plan.executor)
    limited = plan.executor.planned_s
    wrong.unless(
        plan.warm_up_s < limited,
        f"'warmup' of {plan.warm_up_s:g} s leaves nothing of the {limited:g} s to measure",
    )
    for endpoint in plan.endpoints:
        wrong.found += [f"{endpoint.name}: {mistake}" for mistake in _mistakes_in_endpoint(endpoint)]
    names = [endpoint.name for endpoint in plan.endpoints]
    twice = next((name for name in names if names.count(name) > 1), "")
    wrong.unless(not twice, f"two requests of the mix are called {twice!r}: give one another 'name'")
    return wrong.found


def _mistakes_in_endpoint(endpoint: Endpoint) -> list[str]:
    wrong = _Mistakes()
    wrong.unless(bool(endpoint.bodies), "needs at least one body (an empty one for none)")
    wrong.unless(endpoint.weight > 0, "weight must be above 0")
    wrong.unless(endpoint.check_every >= 1, "check_every must be at least 1")
    wrong.unless(endpoint.verify_every >= 1, "verify_every must be at least 1")
    wrong.unless(
        len(endpoint.answers) in (0, len(endpoint.bodies)), "needs one known answer for each body, or none"
    )
    if problem := problem_with(endpoint.method, endpoint.path, endpoint.headers):
        wrong.found.append(problem)
    return wrong.found
