"""Tells an address of the user's when a verdict changes. The address may hold a secret: it is never shown."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import SplitResult, urlsplit

from pynomaly_itest.cli.rounds import Round
from pynomaly_itest.errors import ExitCode, UsageError
from pynomaly_itest.plain import printable
from pynomaly_itest.verdicts import Verdict

VARIABLE = "PYNOMALY_ITEST_WEBHOOK_URL"
_PATIENCE_S = 10.0
_MOST_SCENARIOS = 10
_MOST_REASON = 300


class Webhook:
    """POSTs JSON when a round's exit code is another than the one told last; a first round that passed is no news.

    What could not be told is told with the next round. What the other side answers is not read.
    """

    def __init__(self, url: str, warn: Callable[[str], None]) -> None:
        self._url = checked(url)
        self._warn = warn
        self._told = ExitCode.PASSED

    def __repr__(self) -> str:
        return "Webhook(…)"

    def __call__(self, done: Round) -> None:
        if done.code in (self._told, ExitCode.INTERRUPTED):
            return
        problem = asyncio.run(_post(self._url, message(done, self._told)))
        if problem is None:
            self._told = done.code
        else:
            self._warn(f"the webhook was not told: {problem}")


def checked(url: str) -> str:
    """The URL, if it is one we send to; raises UsageError, which doesn't show it."""
    problem = _problem_with(url) if url.isprintable() else "it holds a control character"
    if problem is not None:
        raise UsageError(f"${VARIABLE}: {problem}", hint="https://…, or http:// on this machine")
    return url


def _problem_with(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "not a URL"
    if parts.scheme not in ("http", "https") or not host:
        return "not an http(s) URL"
    if parts.scheme == "http" and host != "localhost" and not _is_loopback(host):
        return "plain http would show it to everybody on the way"
    return None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def message(done: Round, told: ExitCode) -> dict[str, Any]:
    """What is sent: `text` for people (chat services show it), the rest for programs."""
    said = {"round": done.number, "exit_code": int(done.code), "was_exit_code": int(told)}
    if done.ended is None:
        why = printable(done.problem.message if done.problem else "the round could not be made")[
            :_MOST_REASON
        ]
        return {
            "text": _harmless(f"pynomaly-itest: {done.code.name.lower()} (exit {int(done.code)}): {why}"),
            **said,
        }
    run = done.ended.result
    bad = [each for each in run.scenarios if each.verdict not in (Verdict.PASSED, Verdict.SKIPPED)]
    reason = run.aborted.message if run.aborted else next((each.reason for each in bad if each.reason), "")
    text = f"pynomaly-itest {run.started.profile} on {run.target.url}: {run.verdict} (exit {int(done.code)})"
    reason = printable(reason or "")[:_MOST_REASON]
    return {
        "text": _harmless(f"{text}: {reason}" if reason else text),
        **said,
        "verdict": str(run.verdict),
        "profile": run.started.profile,
        "target": run.target.url,
        "run_id": run.started.run_id,
        "started_at": run.started.started_at,
        "scenarios": [{"id": each.id, "verdict": str(each.verdict)} for each in bad[:_MOST_SCENARIOS]],
        "report": done.ended.folder.name,
    }


def _harmless(text: str) -> str:
    """As chat services ask for it: no mention, no link, can hide in it."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


async def _post(url: str, said: dict[str, Any]) -> str | None:
    """Send it to an address that was looked at; tells what went wrong, never where."""
    import httpx

    from pynomaly_itest.transport.client import open_client

    try:
        async with asyncio.timeout(_PATIENCE_S):
            address = await _address(urlsplit(url))
            async with (
                open_client(url, _PATIENCE_S, address=address) as client,
                client.stream("POST", url, json=said) as reply,
            ):
                return None if reply.is_success else f"it answered {reply.status_code}"
    except _Refused as problem:
        return str(problem)
    except TimeoutError:
        return f"no answer within {_PATIENCE_S:g} s"
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as problem:
        return type(problem).__name__


class _Refused(Exception):
    pass


async def _address(parts: SplitResult) -> str:
    """The address to send to: this machine's or a public one, for the rest is inside of somebody's network."""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except OSError as problem:
        raise _Refused("its name has no address") from problem
    addresses = [str(entry[4][0]) for entry in found]
    if not addresses or not all(_may_be_told(address, parts.scheme) for address in addresses):
        raise _Refused("its address is neither this machine's nor public")
    return addresses[0]


def _may_be_told(address: str, scheme: str) -> bool:
    ip = ipaddress.ip_address(address)
    plain = getattr(ip, "ipv4_mapped", None) or ip
    return bool(plain.is_loopback or (plain.is_global and not plain.is_multicast and scheme == "https"))
