"""What `compare A B` can hold against each other, as a user writes it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pynomaly_itest.comparison import builds
from pynomaly_itest.errors import UsageError
from pynomaly_itest.history.latest import run_folder
from pynomaly_itest.redaction import Redactor
from pynomaly_itest.target.build import PACKAGE, Build, installed_folder

_FORMS = "a URL, a run's folder, a wheel, a git ref, a folder with the platform, or bundled?setting=value"


@dataclass(frozen=True)
class RunSubject:
    """A run that was made before."""

    folder: Path

    @property
    def label(self) -> str:
        return str(self.folder)


@dataclass(frozen=True)
class UrlSubject:
    """A service whose processes are not ours."""

    url: str

    @property
    def label(self) -> str:
        return Redactor().text(self.url)


@dataclass(frozen=True)
class BuildSubject:
    """A build of the platform with settings; as many fresh processes of it as are needed."""

    build: Build
    settings: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def label(self) -> str:
        said = "&".join(f"{name}={value}" for name, value in self.settings.items())
        return Redactor().text(f"{self.build.name}?{said}" if said else str(self.build.name))


Subject = RunSubject | UrlSubject | BuildSubject


def subject_of(text: str, *, settings: Iterable[str] = (), python: str | None = None) -> Subject:
    """What `text` names. settings: further `name=value` of a build; python: its interpreter.

    Raises UsageError where it is none of what can be compared.
    """
    head, _, query = text.partition("?")
    if head.startswith(("http://", "https://")):
        if list(settings) or python:
            raise UsageError(f"{text} is not ours to start: settings and interpreter go with builds only")
        return UrlSubject(_url(text))
    if (Path(head) / "run.jsonl").is_file() or (Path(head).name == "run.jsonl" and Path(head).is_file()):
        run_folder(Path(head))  # refuses a `latest` that is not the newest
        return RunSubject(Path(head).parent if Path(head).name == "run.jsonl" else Path(head))
    build = _build(head, python or sys.executable)
    chosen = _settings([*filter(None, query.split("&")), *settings])
    return BuildSubject(build, chosen)


def _url(text: str) -> str:
    from pynomaly_itest.target.remote import check_url

    try:
        return check_url(text)
    except UsageError as problem:
        raise UsageError(problem.message.removeprefix("--target: "), hint=problem.hint) from problem


def _build(text: str, python: str) -> Build:
    path = Path(text)
    if text == "bundled":
        return builds.installed(python)
    if text.endswith(".whl"):
        return builds.from_wheel(path, python)
    if (path / PACKAGE / "__init__.py").is_file():
        return builds.from_folder(path, python)
    if (path / "pyvenv.cfg").is_file():
        return builds.from_environment(path)
    if path.is_dir():
        raise UsageError(
            f"{text} is a folder without a run and without a platform",
            hint=f"a run's folder holds run.jsonl, a platform's {PACKAGE}/",
        )
    repositories = filter(None, (Path.cwd(), installed_folder()))
    refs = (builds.from_git(text.removeprefix("git:"), folder, python) for folder in repositories)
    found = next((build for build in refs if build is not None), None)
    if found is None:
        raise UsageError(f"{Redactor().text(text)!r} is nothing that can be compared", hint=f"name {_FORMS}")
    return found


def _settings(words: list[str]) -> dict[str, Any]:
    """`name=value` of the platform's settings, as PYNOMALY_NAME would have them."""
    from pynomaly_itest.target.launch import check_settings

    chosen: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name.isidentifier():
            raise UsageError(f"{word.partition('=')[0]!r}: a setting is written name=value")
        chosen[name.lower()] = value
    check_settings(chosen)
    return chosen


def check_apart(a: Subject, b: Subject) -> str | None:
    """Raises UsageError for one service on both sides: no difference could be found, so no pass would mean anything.

    Two processes of one build do tell something, of the machine; what has to be said of that, else None.
    """
    if isinstance(a, UrlSubject) and isinstance(b, UrlSubject) and _place(a.url) == _place(b.url):
        raise UsageError(
            f"A and B are the same service, {a.label}: nothing could be found between them",
            hint="name two services; what a machine can tell is found out by `noise`",
        )
    if isinstance(a, BuildSubject) and a == b:
        return "A and B are the same build with the same settings: what is found between them is noise"
    return None


def _place(url: str) -> tuple[str, str, int | None, str]:
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    is_loopback = host == "localhost" or host == "::1" or host.startswith("127.")
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, "loopback" if is_loopback else host, port, parts.path.rstrip("/")


def named_apart(subject: BuildSubject) -> BuildSubject:
    """The same, for an A/A comparison: it is told apart by name only."""
    return replace(subject, build=replace(subject.build, name=f"{subject.build.name} (again)"))
