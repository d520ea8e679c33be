"""AUT-05: what a bad login says of a known name and of an unknown one."""

from __future__ import annotations

import json
import re
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from pynomaly_itest.errors import CannotMeasure
from pynomaly_itest.probing.actors import Actor
from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.probe import Hole, Impact, Observation, Probe, Severity
from pynomaly_itest.registry import PROBES

Parts = dict[str, str]
_ROUNDS = 4
_LOGIN = "POST /api/v1/auth/login"


@PROBES.register("AUT-05")
class TellingAnswer(Probe):
    id = "AUT-05"
    title = "A bad login does not tell whether the name exists"
    cwe = 204
    references = ("API2:2023", "ASVS 5.0.0 V6.3.8", "WSTG-IDNT-04")
    severity = Severity.MEDIUM
    impact = Impact.READS
    sends = ("POST auth/login",)
    needs = ("user_a",)
    expected = "the same status, headers and body for both"
    why = "A list of the names that exist is the first half of every break-in."
    mend = "Answer every bad login with the same words, after the same work."

    async def run(self, ctx: ProbeContext) -> Observation:
        actor = await ctx.actors.get("user_a")
        ctx.require_status(await ctx.login(actor.username, actor.password), (200,), "a right login")
        differing = _differing(*await self._sampled(ctx, actor, 0))
        if differing:  # what differed by chance does not differ again
            differing &= _differing(*await self._sampled(ctx, actor, _ROUNDS))
        if not differing:
            return Observation(f"{_ROUNDS} known and unknown names each: the same answer", _LOGIN)
        seen = f"the answers for a known and an unknown name differ in {', '.join(sorted(differing))}"
        return Observation(seen, _LOGIN, (Hole(_LOGIN, "the answer tells", seen),))

    async def _sampled(self, ctx: ProbeContext, actor: Actor, first: int) -> tuple[list[Parts], list[Parts]]:
        """Answers to bad logins with the known name and with unknown ones, in an order that changes.

        A right login follows each bad one with the known name, so that none of ours is ever locked.
        """
        known: list[Parts] = []
        unknown: list[Parts] = []
        for number in range(first, first + _ROUNDS):
            names = [actor.username, f"itest-nobody-{number}"]
            for name in names if number % 2 else reversed(names):
                (known if name == actor.username else unknown).append(await self._bad(ctx, name))
            right = await ctx.login(actor.username, actor.password)
            ctx.require_status(right, (200,), "a right login afterwards")
        statuses = {parts["status"] for parts in unknown}
        ctx.control(len(statuses) == 1, "unknown names were answered differently")
        return known, unknown

    @staticmethod
    async def _bad(ctx: ProbeContext, username: str) -> Parts:
        """The parts of the answer to a bad login, by name; the name itself, which it may repeat, is taken out."""
        reply = await ctx.login(username, "itest-not-the-password-0", throttled_ok=True)
        if reply.status == 429:
            raise CannotMeasure("the target throttles logins")
        parts: dict[str, Any] = {f"header {name}": value for name, value in reply.headers.items()}
        try:
            body = json.loads(reply.body)
        except (ValueError, RecursionError):
            body = None
        if isinstance(body, dict):
            parts |= {f"body {key}": value for key, value in body.items()}
        else:
            parts["body"] = reply.body.decode(errors="replace")
        shown = {key: _shown(value, username) for key, value in parts.items()}
        shown.pop("header content-length", None)  # follows from the body, and from the length of the name
        return {"status": str(reply.status), **shown}


def _differing(known: list[Parts], unknown: list[Parts]) -> set[str]:
    """The parts that tell: always the same for known names, always the same for unknown ones, and not the same.

    What varies for either by itself (an id, a duration) tells nothing, unless only one of them has it at all.
    """
    found = set()
    for key in {key for parts in (*known, *unknown) for key in parts}:
        of_known, of_unknown = ({parts.get(key) for parts in group} for group in (known, unknown))
        is_stable = len(of_known) == len(of_unknown) == 1
        is_missing = {None} in (of_known, of_unknown) and not (None in of_known and None in of_unknown)
        if (is_stable and of_known != of_unknown) or is_missing:
            found.add(key)
    return found


def _shown(value: Any, username: str) -> str:
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    return "a time" if _is_time(text) else text.replace(username, "NAME")


def _is_time(text: str) -> bool:
    """Whether it says when: a date of HTTP, RFC 3339, or seconds or milliseconds since 1970 of these decades."""
    number = text.removesuffix("Z")
    if re.fullmatch(r"\d{10}(\.\d+)?|\d{13}", number):
        return True
    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            parse(text)
        except (ValueError, TypeError, IndexError):
            continue
        return True
    return False
