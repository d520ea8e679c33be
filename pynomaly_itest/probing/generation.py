"""Requests that Schemathesis generates from the target's own document: seeded, bounded, sent by our own client."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from pynomaly_itest.errors import CannotMeasure, NotApplicable
from pynomaly_itest.probing.probe import Hole
from pynomaly_itest.target.http import Body, Reply, RequestFailed

if TYPE_CHECKING:
    from pynomaly_itest.probing.context import ProbeContext

_KEPT = "generated"
# what ends the session that the requests are sent with, or keys that others need
_LEFT_OUT = ("/auth/logout", "/auth/login", "/auth/password", "/keys/rotate", "/auth/sessions/{id}")
_LONGEST_PATH = 4_000


@dataclass(frozen=True)
class Generated:
    """One request; `documented` are the statuses that its operation declares (`4XX` and `default` included)."""

    route: str
    method: str
    path: str
    headers: dict[str, str]
    body: bytes | None
    documented: frozenset[str]


@dataclass(frozen=True)
class Answered:
    """A request and its reply; None where the connection broke."""

    request: Generated
    reply: Reply | None
    broken: RequestFailed | None = None

    @property
    def is_documented(self) -> bool:
        """Whether the operation declares this status."""
        if self.reply is None:
            return True  # that is another weakness
        status = str(self.reply.status)
        return bool({status, f"{status[0]}XX", "default"} & self.request.documented)


async def answered(ctx: ProbeContext) -> list[Answered]:
    """Send all generated requests once, as an account of our own; probes share the answers.

    Raises NotApplicable without Schemathesis, or without an OpenAPI document.
    """
    found = ctx.kept.get(_KEPT)
    if isinstance(found, list):
        return found
    if find_spec("schemathesis") is None:
        raise NotApplicable("Schemathesis is not installed: pip install 'pynomaly-itest[fuzz]'")
    document = await ctx.openapi()
    requests = await asyncio.to_thread(generated, document, ctx.seed, ctx.demands.generated_cases)
    canary = await ctx.actors.canary("data_scientist")
    answers = []
    for request in requests:
        try:
            reply = await ctx.send(
                request.method,
                request.path,
                actor=canary,
                headers=request.headers,
                body=Body(content=request.body) if request.body else Body(),
                throttled_ok=True,
            )
        except RequestFailed as problem:
            answers.append(Answered(request, None, problem))
        else:
            answers.append(Answered(request, reply))
    taken = sum(1 for each in answers if each.reply is not None and each.reply.status < 400)
    ctx.control(taken > 0, f"none of {len(answers)} generated requests was taken")
    throttled = sum(1 for each in answers if each.reply is not None and each.reply.status == 429)
    if throttled > len(answers) // 2:
        raise CannotMeasure(f"the target throttled {throttled} of {len(answers)} generated requests")
    ctx.kept[_KEPT] = answers
    return answers


def generated(document: dict[str, Any], seed: int, cases: int) -> list[Generated]:
    """At most `cases` requests for every operation; the same document and seed give the same requests."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of hypothesis and its plugins: they speak to authors of test suites
        import schemathesis

        schema = schemathesis.openapi.from_dict(json.loads(json.dumps(document)))
        found: list[Generated] = []
        for result in schema.get_all_operations():
            operation = getattr(result, "ok", lambda: None)()
            if operation is None or operation.path.endswith(_LEFT_OUT):
                continue
            declared = document["paths"][operation.path][operation.method.lower()].get("responses", {})
            for case in _cases(operation, seed, cases):
                request = _prepared(operation, case, frozenset(map(str, declared)))
                if request is not None:
                    found.append(request)
    return found


def _cases(operation: Any, seed: int, count: int) -> list[Any]:
    """What hypothesis draws for one operation."""
    import hypothesis

    collected: list[Any] = []

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(case=operation.as_strategy())
    def collect(case: Any) -> None:
        collected.append(case)

    from schemathesis.core.errors import SchemathesisError

    try:
        collect()
    except (hypothesis.errors.Unsatisfiable, SchemathesisError):
        return []  # a schema that nothing fits, or a media type that can't be generated
    return collected[:count]


def _prepared(operation: Any, case: Any, documented: frozenset[str]) -> Generated | None:
    """A case as it goes over the wire; None where HTTP itself could not carry it."""
    import requests
    from schemathesis.core.errors import SchemathesisError

    try:
        prepared = requests.Request(**_known(case.as_transport_kwargs(base_url="http://itest"))).prepare()
    except (ValueError, TypeError, requests.RequestException, SchemathesisError):
        return None
    headers = {str(name): str(value) for name, value in prepared.headers.items()}
    kept = {name: value for name, value in headers.items() if name.lower() in ("content-type", "accept")}
    body = prepared.body.encode() if isinstance(prepared.body, str) else prepared.body
    if not isinstance(body, bytes | None):
        return None
    path = prepared.path_url
    if len(path) > _LONGEST_PATH or not path.isascii() or not all(map(str.isascii, kept.values())):
        return None
    name = f"{operation.method.upper()} {operation.path}"
    return Generated(name, operation.method.upper(), path, kept, body, documented)


def _known(arguments: dict[str, Any]) -> dict[str, Any]:
    names = ("method", "url", "headers", "files", "data", "params", "cookies", "json")
    return {name: value for name, value in arguments.items() if name in names}


def summary_of(answers: list[Answered], what: str) -> str:
    """How many requests went to how many operations: what could not be generated is not in it."""
    routes = {each.request.route for each in answers}
    return f"{len(answers)} generated requests to {len(routes)} operations, each answered {what}"


def first_of_each(holes: list[Hole]) -> tuple[Hole, ...]:
    """One hole for each place and weakness, the first that was seen."""
    seen: dict[tuple[str, str], Hole] = {}
    for each in holes:
        seen.setdefault((each.where, each.weakness), each)
    return tuple(seen.values())
