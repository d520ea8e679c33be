"""The two sides of a comparison: each prepared once, then started fresh for every pair where it is ours to start."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
from msgspec.structs import replace as with_fields

from pynomaly_itest.comparison.asking import Door
from pynomaly_itest.comparison.subjects import BuildSubject, UrlSubject
from pynomaly_itest.comparison.workload import Preparation, Question, Workload
from pynomaly_itest.errors import CannotMeasure
from pynomaly_itest.lifecycle import to_its_end
from pynomaly_itest.redaction import Redactor
from pynomaly_itest.target.base import Credentials, Target
from pynomaly_itest.target.bundled import BundledTarget, new_credentials
from pynomaly_itest.target.http import Http
from pynomaly_itest.target.platform import PlatformApi
from pynomaly_itest.target.remote import RemoteTarget
from pynomaly_itest.transport.tls import SYSTEM, Tls

NEVER_IN_THE_WAY = {"rate_limit_per_second": 1_000_000, "access_log": False}
"""Settings of both sides unless they are what is compared: limits on one account would be measured instead."""


@dataclass(frozen=True)
class Started:
    """A side that answers. root_pid: of its processes, where they are ours. ready_s: how long it took to start."""

    door: Door
    questions: tuple[Question, ...]
    root_pid: int | None = None
    ready_s: float | None = None


class Side(ABC):
    """One of two. `label` is what reports call it, `is_ours` whether processes can be started afresh."""

    label: str
    is_ours: bool
    version: str | None = None

    @abstractmethod
    async def prepare(self, preparation: Preparation) -> None:
        """Once, before the first pair; raises CannotMeasure or TargetUnreachable."""

    @abstractmethod
    def fresh(self) -> contextlib.AbstractAsyncContextManager[Started]:
        """The side for one pair."""

    async def close(self) -> list[str]:
        """Give everything back; what is left, as sentences."""
        return []


class BuildSide(Side):
    """Processes of ours: every pair a new one, on a copy of the data that was prepared."""

    is_ours = True

    def __init__(self, subject: BuildSubject, redactor: Redactor) -> None:
        self.label = subject.label
        self._subject = subject
        self._redactor = redactor
        self._credentials = new_credentials()
        self._data: Path | None = None
        self._questions: tuple[Question, ...] = ()
        self._preparation: Preparation | None = None

    @property
    def _is_copyable(self) -> bool:
        """What is kept in somebody's database is not in the folder."""
        return not self._subject.settings.get("database_url")

    async def prepare(self, preparation: Preparation) -> None:
        self._preparation = preparation
        if not self._is_copyable:
            return
        target = self._target(None)
        try:
            await target.start()
            self._questions = (await _asked_of(target, preparation)).questions
            self.version = target.info.version
            folder, root = target.data_folder(), target.root_pid()
            assert folder is not None  # noqa: S101 - it was started
            with _at_rest(root):
                self._data = Path(tempfile.mkdtemp(prefix="pynomaly-compare-"))
                await asyncio.to_thread(shutil.copytree, folder, self._data / "data")
        finally:
            await to_its_end(target.close())

    @contextlib.asynccontextmanager
    async def fresh(self) -> AsyncIterator[Started]:
        target = self._target(None if self._data is None else self._data / "data")
        begun = time.monotonic()
        try:
            await target.start()
            ready_s = time.monotonic() - begun
            yield await self._started(target, ready_s)
        finally:
            await to_its_end(_end_at_once(target))

    async def _started(self, target: Target, ready_s: float) -> Started:
        questions = self._questions
        if not self._is_copyable and self._preparation is not None:
            questions = (await _asked_of(target, self._preparation)).questions
        async with _speaking(target, "") as (_, api):
            identified = await api.authorization()
        door = Door(target.info.url, target.address, target.tls)
        return Started(door, _identified(questions, identified), target.root_pid(), ready_s)

    def _target(self, data: Path | None) -> BundledTarget:
        settings = {**NEVER_IN_THE_WAY, **self._subject.settings}
        build = replace(self._subject.build, data=data)
        return BundledTarget(settings, self._redactor, build=build, credentials=self._credentials)

    async def close(self) -> list[str]:
        if self._data is not None:
            await asyncio.to_thread(shutil.rmtree, self._data, ignore_errors=True)
        return []


class UrlSide(Side):
    """Somebody's service: asked, never restarted."""

    is_ours = False

    def __init__(
        self, subject: UrlSubject, credentials: Credentials, redactor: Redactor, tls: Tls = SYSTEM
    ) -> None:
        self.label = subject.label
        self._target = RemoteTarget(subject.url, credentials, redactor, is_authorised=True)  # `compare` asked
        self._target.tls = tls
        self._target.tls_context()
        self._workload: Workload | None = None

    async def prepare(self, preparation: Preparation) -> None:
        await self._target.start()
        self.version = self._target.info.version
        self._workload = await _asked_of(self._target, preparation)

    @contextlib.asynccontextmanager
    async def fresh(self) -> AsyncIterator[Started]:
        assert self._workload is not None  # noqa: S101 - prepare() was called
        async with _speaking(self._target, "") as (_, api):
            identified = await api.authorization()
        door = Door(self._target.info.url, self._target.address, self._target.tls)
        yield Started(door, _identified(self._workload.questions, identified))

    async def close(self) -> list[str]:
        if self._workload is None:
            return []
        async with _speaking(self._target, "") as (_, api):
            return [f"{self.label}: {left}" for left in await self._workload.clean(api)]


def side_of(
    subject: BuildSubject | UrlSubject, credentials: Credentials, redactor: Redactor, tls: Tls = SYSTEM
) -> Side:
    """The side that a subject makes."""
    if isinstance(subject, BuildSubject):
        return BuildSide(subject, redactor)
    return UrlSide(subject, credentials, redactor, tls)


@contextlib.asynccontextmanager
async def _speaking(target: Target, run_id: str) -> AsyncIterator[tuple[Http, PlatformApi]]:
    async with target.client(timeout_s=30.0) as client:
        http = Http(client, target.redactor, run_id)
        yield http, PlatformApi(http, target.credentials, target.redactor)


async def _asked_of(target: Target, preparation: Preparation) -> Workload:
    async with _speaking(target, preparation.run_id) as (http, api):
        return await preparation.prepare(target, http, api)


def _identified(questions: tuple[Question, ...], identified: dict[str, str]) -> tuple[Question, ...]:
    """The questions with the credentials of now in place of those that they were made with."""
    stale = {name.lower() for name in identified}
    return tuple(
        replace(
            question, endpoint=with_fields(question.endpoint, headers=_headers(question, stale, identified))
        )
        for question in questions
    )


def _headers(question: Question, stale: set[str], identified: dict[str, str]) -> tuple[tuple[str, str], ...]:
    given = question.endpoint.headers
    if not any(name.lower() in stale for name, _ in given):  # asked without credentials, and so it stays
        return given
    return (*((name, value) for name, value in given if name.lower() not in stale), *identified.items())


@contextlib.contextmanager
def _at_rest(root: int | None) -> Iterator[None]:
    """The processes stand still meanwhile, so that a copy of their files is one moment's."""
    tree = _tree(root)
    _signal(tree, signal.SIGSTOP)
    try:
        yield
    finally:
        _signal(tree, signal.SIGCONT)


async def _end_at_once(target: BundledTarget) -> None:
    """Its data are a copy: nothing is lost by ending it without asking."""
    _signal(_tree(target.root_pid()), signal.SIGKILL)
    await target.close()


def _tree(root: int | None) -> list[psutil.Process]:
    if root is None:
        return []
    try:
        parent = psutil.Process(root)
        return [parent, *parent.children(recursive=True)]
    except psutil.Error:
        return []


def _signal(processes: list[psutil.Process], number: int) -> None:
    for process in processes:
        with contextlib.suppress(psutil.Error):  # it may have gone meanwhile
            process.send_signal(number)


def check_alike(a: Started, b: Started) -> None:
    """Raises CannotMeasure where the two sides would be asked different things."""
    if [question.name for question in a.questions] != [question.name for question in b.questions]:
        raise CannotMeasure("the two sides are asked different questions: they can't be compared")


__all__ = ["BuildSide", "Side", "Started", "UrlSide", "check_alike", "side_of"]
