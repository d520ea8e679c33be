"""Clean-up says "gone" only of what is gone: also where somebody else owns it, or hides it from us."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from pynomaly_itest.eventlog import EventLog
from pynomaly_itest.ledger import CleanupLedger
from pynomaly_itest.redaction import Redactor
from pynomaly_itest.target.base import Credentials
from pynomaly_itest.target.http import Http
from pynomaly_itest.target.platform import PlatformApi

RUN, OWNER = "token-of-the-run", "token-of-the-owner"


@dataclass
class Store:
    """Things with their owner; what is somebody else's answers 404, and some may not delete what they made."""

    owners: dict[str, str]
    may_delete: set[str] = field(default_factory=lambda: {RUN, OWNER})
    sees_all: set[str] = field(default_factory=set)
    keeps: set[str] = field(default_factory=set)
    login_refused: bool = False
    looks_until_gone: int | None = None
    """DELETE answers 202, and the thing is gone after so many looks."""
    asked: list[str] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/api/v1/")
        if path == "auth/login":
            return (
                httpx.Response(401)
                if self.login_refused
                else httpx.Response(200, json={"access_token": OWNER})
            )
        who = request.headers.get("authorization", "").removeprefix("Bearer ")
        self.asked.append(f"{who} {request.method} {path}")
        if who not in self.may_delete | self.sees_all | set(self.owners.values()) | {RUN}:
            return httpx.Response(401)
        if path not in self.owners or (self.owners[path] != who and who not in self.sees_all):
            return httpx.Response(404)
        if request.method == "GET":
            return self._looked_at(path)
        if who not in self.may_delete:
            return httpx.Response(403)
        if self.looks_until_gone is not None:
            return httpx.Response(202)
        if path not in self.keeps:
            del self.owners[path]
            if path.startswith("admin/users/"):  # with an account goes what it had
                self.owners = {name: owner for name, owner in self.owners.items() if owner != OWNER}
        return httpx.Response(204)

    def _looked_at(self, path: str) -> httpx.Response:
        if self.looks_until_gone is not None:
            self.looks_until_gone -= 1
            if self.looks_until_gone <= 0:
                del self.owners[path]
        return httpx.Response(200, json={})


async def at_once(seconds: float) -> None:
    """No waiting: the store counts looks, not seconds."""


def left_after(store: Store, tmp_path: Path, *entries: tuple[str, bool]) -> list[str]:
    """What the clean-up of these paths leaves; each with whether the owner, not the run's account, entered it."""

    async def go() -> list[str]:
        redactor = Redactor()
        log = EventLog(tmp_path / "run.jsonl", redactor)
        async with httpx.AsyncClient(
            transport=httpx.MockTransport(store), base_url="http://target"
        ) as client:
            http = Http(client, redactor, "run")
            api = PlatformApi(http, Credentials(token=RUN), redactor)
            owner = PlatformApi(http, Credentials(username="owner", password="secret-of-the-owner"), redactor)
            ledger = CleanupLedger("scenario", log, sleep=at_once)
            for path, is_owners in entries:
                ledger.created("thing", path, path, owner if is_owners else None)
            try:
                return await ledger.clean(api)
            finally:
                log.close()

    return asyncio.run(go())


def test_what_was_made_is_removed_newest_first(tmp_path: Path) -> None:
    store = Store({"a": RUN, "b": OWNER})
    assert left_after(store, tmp_path, ("a", False), ("b", True)) == []
    assert [line for line in store.asked if "DELETE" in line] == [f"{OWNER} DELETE b", f"{RUN} DELETE a"]


def test_what_a_delete_leaves_is_told(tmp_path: Path) -> None:
    left = left_after(Store({"a": RUN}, keeps={"a"}), tmp_path, ("a", False))
    assert left == ["thing a: still there after DELETE answered 204 (GET answered 200)"]


def test_what_the_owner_may_not_remove_an_administrator_removes(tmp_path: Path) -> None:
    store = Store({"a": OWNER}, may_delete={RUN}, sees_all={RUN})
    assert left_after(store, tmp_path, ("a", True)) == []


def test_what_is_hidden_from_us_is_not_gone(tmp_path: Path) -> None:
    store = Store({"a": OWNER}, may_delete={RUN})
    assert left_after(store, tmp_path, ("a", True)) == [
        "thing a: still there for its owner (GET answered 200)"
    ]


def test_what_goes_with_its_account_is_gone(tmp_path: Path) -> None:
    store = Store({"admin/users/owner": RUN, "a": OWNER}, may_delete={RUN})
    assert left_after(store, tmp_path, ("admin/users/owner", False), ("a", True)) == []


@pytest.mark.parametrize("is_there", [False, True])
def test_an_owner_who_can_log_in_no_more_keeps_nothing_else_from_being_removed(
    tmp_path: Path, is_there: bool
) -> None:
    store = Store({"mine": RUN, **({"a": OWNER} if is_there else {})}, sees_all={RUN}, login_refused=True)
    assert left_after(store, tmp_path, ("mine", False), ("a", True)) == []
    assert store.owners == {}


def test_what_is_being_removed_behind_a_202_is_waited_for(tmp_path: Path) -> None:
    assert left_after(Store({"datasets/a": RUN}, looks_until_gone=4), tmp_path, ("datasets/a", False)) == []


def test_a_202_that_never_comes_true_is_left_over(tmp_path: Path) -> None:
    store = Store({"datasets/a": RUN}, looks_until_gone=10_000)
    (left,) = left_after(store, tmp_path, ("datasets/a", False))
    assert "still there after DELETE answered 202" in left
