"""Runs probes one after the other and turns what each saw, or why it saw nothing, into findings."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pynomaly_itest.errors import CannotMeasure, EvidenceLost, ItestError, NotApplicable
from pynomaly_itest.events import Exchange
from pynomaly_itest.probing.probe import Hole, Impact, Observation, Probe, Severity
from pynomaly_itest.redaction import HIDDEN
from pynomaly_itest.target.http import RequestFailed
from pynomaly_itest.target.platform import PREFIX
from pynomaly_itest.verdicts import Verdict

if TYPE_CHECKING:
    from pynomaly_itest.probing.context import ProbeContext
    from pynomaly_itest.probing.options import ProbeOptions

_MOST_HOLES = 25
_BY_CURL = frozenset({"host", "content-length", "accept-encoding", "connection", "x-pynomaly-itest-run"})
_HEALTH_TRIES = 3


@dataclass(frozen=True)
class Finding:
    """What one probe has to say of one place."""

    probe: type[Probe]
    verdict: Verdict
    fingerprint: str
    reason: str | None = None
    where: str = ""
    observed: str = ""
    curl: str = ""
    exchange: Exchange | None = None
    waived_by: str | None = None
    hint: str | None = None
    """Of a check that was not made: what would make it possible."""

    @property
    def severity(self) -> Severity:
        return self.probe.severity


def counts(finding: Finding, fail_on: Severity) -> bool:
    """Whether a failed finding fails the scenario: bad enough, and nobody answers for it."""
    return finding.waived_by is None and finding.severity.at_least(fail_on)


def fingerprint(probe_id: str, where: str, weakness: str) -> str:
    """The same hole has the same fingerprint in every run: no id, token, time or address goes into it."""
    return hashlib.sha256(f"{probe_id}|{where}|{weakness}".encode()).hexdigest()[:32]


async def examine(
    probes: Sequence[type[Probe]], ctx: ProbeContext, options: ProbeOptions
) -> AsyncIterator[Finding]:
    """The findings of these probes in order; stops trying once the target's health is gone."""
    dead_since: str | None = None
    for probe in probes:
        if dead_since is not None:
            yield _without(probe, Verdict.ERROR, f"not run: the target stopped answering during {dead_since}")
            continue
        for finding in await _of_one(probe, ctx, options):
            yield finding
        if not await _is_healthy(ctx):
            dead_since = probe.id
            gone = Hole("GET /api/v1/health", "down", "the target no longer answers its health check")
            yield _of_hole(probe, gone, ctx, options)


async def _of_one(probe: type[Probe], ctx: ProbeContext, options: ProbeOptions) -> list[Finding]:
    reason = _forbidden(probe, ctx, options)
    if reason is not None:
        hint = None if ctx.allow_disruptive else "--allow-disruptive"
        return [_without(probe, Verdict.SKIPPED, reason, hint=hint)]
    try:
        for actor in probe.needs:
            await ctx.actors.get(actor)
        seen = await probe().run(ctx)
    except NotApplicable as problem:
        return [_without(probe, Verdict.SKIPPED, problem.message, hint=problem.hint)]
    except RequestFailed as problem:
        return [_without(probe, Verdict.INCONCLUSIVE, problem.message, problem.exchange)]
    except CannotMeasure as problem:
        return [_without(probe, Verdict.INCONCLUSIVE, problem.message)]
    except (EvidenceLost, TimeoutError):
        raise
    except ItestError as problem:
        return [_without(probe, Verdict.ERROR, problem.message)]
    except Exception as bug:  # one probe's bug must not take the others' findings with it
        return [_without(probe, Verdict.ERROR, f"a bug of the probe: {type(bug).__name__}: {bug}")]
    if seen.holes:
        return [_of_hole(probe, each, ctx, options) for each in seen.holes[:_MOST_HOLES]]
    return [_safe(probe, seen)]


def _forbidden(probe: type[Probe], ctx: ProbeContext, options: ProbeOptions) -> str | None:
    if probe.impact is Impact.DISRUPTS and not ctx.allow_disruptive:
        return "may lock an account or slow the service: allow it with --allow-disruptive"
    if "RMD".index(probe.impact) > "RMD".index(options.max_impact):
        return f"the authorisation allows no impact above {options.max_impact}"
    return None


async def _is_healthy(ctx: ProbeContext) -> bool:
    """Whether the target answers at all; health has three tries, as a probe may just have been heavy."""
    for left in reversed(range(_HEALTH_TRIES)):
        try:
            reply = await ctx.http.send("GET", f"{PREFIX}/health", timeout_s=10.0)
        except RequestFailed:
            reply = None
        if reply is not None and reply.status < 500:
            return True
        if left:
            await ctx.sleep(0.5)
    return False


def _safe(probe: type[Probe], seen: Observation) -> Finding:
    return Finding(
        probe,
        Verdict.PASSED,
        fingerprint(probe.id, seen.where, ""),
        where=seen.where,
        observed=seen.observed,
        exchange=seen.exchange,
    )


def _of_hole(probe: type[Probe], hole: Hole, ctx: ProbeContext, options: ProbeOptions) -> Finding:
    mark = fingerprint(probe.id, hole.where, hole.weakness)
    return Finding(
        probe,
        Verdict.FAILED,
        mark,
        reason=hole.observed,
        where=hole.where,
        observed=hole.observed,
        curl=curl_line(hole.exchange) if hole.exchange else "",
        exchange=hole.exchange,
        waived_by=options.waivers.holder(mark),
    )


def _without(
    probe: type[Probe],
    verdict: Verdict,
    reason: str,
    exchange: Exchange | None = None,
    *,
    hint: str | None = None,
) -> Finding:
    return Finding(probe, verdict, fingerprint(probe.id, "", ""), reason=reason, exchange=exchange, hint=hint)


def curl_line(exchange: Exchange) -> str:
    """A command that sends the request again; secrets come from $PYNOMALY_ITEST_TOKEN, never from here."""
    words = [
        "curl",
        "--silent",
        "--show-error",
        "--include",
        "--path-as-is",
        "--request",
        _word(exchange.method),
    ]
    for name, value in exchange.request_headers.items():
        lower = name.lower()
        if lower in _BY_CURL:
            continue
        scheme = "Bearer " if lower == "authorization" else ""
        words += ["--header", _word(f"{name}: {scheme}{value}")]
    if exchange.request_body is not None and not exchange.request_body.startswith("("):
        words += ["--data-raw", _word(exchange.request_body)]
    return " ".join([*words, _word(exchange.url)])


def _word(text: str) -> str:
    """`text` as one word of a shell, with the variable wherever a secret was taken out."""
    pieces = [shlex.quote(piece) if piece else "" for piece in text.split(HIDDEN)]
    return '"$PYNOMALY_ITEST_TOKEN"'.join(pieces) or "''"
