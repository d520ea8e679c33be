"""Bad logins with the name of an account of our own, until it is closed or the limit says that it never will be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pynomaly_itest.probing.actors import Actor
from pynomaly_itest.target.http import Reply

if TYPE_CHECKING:
    from pynomaly_itest.probing.context import ProbeContext

LOGIN = "POST /api/v1/auth/login"
_STOPPED = (423, 429)
_REFUSED = (400, 401, 403, *_STOPPED)


@dataclass(frozen=True)
class Guesses:
    """How guessing ended; `last` is the answer to the right password after the wrong ones."""

    is_stopped: bool
    said: str
    last: Reply


async def guess(ctx: ProbeContext, canary: Actor, *, rotating: bool = False) -> Guesses:
    """Guess `demands.login_failures` times, then log in with the right password.

    A control shows first that the right password works. `rotating`: each request claims another address.
    """
    ctx.budget.spend(lockouts=1)
    first = await ctx.login(canary.username, canary.password)
    ctx.require_status(first, (200,), "the canary's login before any guess")
    limit, tries, stopped = ctx.demands.login_failures, 0, False
    while tries < limit and not stopped:
        tries += 1
        headers = {"X-Forwarded-For": f"198.51.100.{tries}"} if rotating else {}
        reply = await ctx.login(canary.username, f"itest-wrong-{tries}", headers=headers, throttled_ok=True)
        stopped = reply.status in _STOPPED
    headers = {"X-Forwarded-For": "203.0.113.7"} if rotating else {}
    last = await ctx.login(canary.username, canary.password, headers=headers, throttled_ok=True)
    ctx.control(last.status < 400 or last.status in _REFUSED, f"a login was answered {last.status}")
    said = f"after {tries} wrong passwords the right one was answered {last.status}"
    return Guesses(stopped or last.status in _REFUSED, said, last)
