"""Which page answers which address. Names of runs are looked up among those that are there, never made into paths."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from pynomaly_itest.errors import ItestError
from pynomaly_itest.history import pages
from pynomaly_itest.history.archive import Archive, Holdings
from pynomaly_itest.history.latest import LOG
from pynomaly_itest.history.live import LiveRun
from pynomaly_itest.history.past import PastRun
from pynomaly_itest.history.trend import groups
from pynomaly_itest.report.beside import beside

_CLOSED = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
# Made by other programs, with styles and scripts of their own, which can load nothing and send nothing.
_OWN_SCRIPTS = (
    "default-src 'none'; style-src 'self' 'unsafe-inline'; script-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " font-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
# The names in a flame graph come from the process that was watched: its script has no right on this site either.
_SANDBOX = f"sandbox allow-scripts; {_OWN_SCRIPTS}"
_BESIDE = ("flamegraph.svg", "coverage")
_MEDIA = {
    ".svg": "image/svg+xml",
    ".html": "text/html; charset=utf-8",
    ".css": "text/css",
    ".js": "text/javascript",
    ".png": "image/png",
    ".xml": "application/xml",
    ".json": "application/json",
}
_LARGEST_FILE = 64 << 20


@dataclass(frozen=True)
class Answer:
    """A whole reply; `policy` is its content security policy."""

    status: HTTPStatus
    media: str
    body: bytes
    policy: str = _CLOSED

    @classmethod
    def text(cls, status: HTTPStatus, text: str) -> Answer:
        return cls(status, "text/plain; charset=utf-8", f"{text}\n".encode())

    @classmethod
    def page(cls, page: pages.Page) -> Answer:
        return cls(HTTPStatus.OK, "text/html; charset=utf-8", page.html, page.policy)


NOT_FOUND = Answer.text(HTTPStatus.NOT_FOUND, "there is nothing here; the runs are at /")


@dataclass
class Site:
    """The pages of one folder of runs. Not for several threads at once."""

    folder: Path
    most: int = 50
    _followed: dict[str, LiveRun] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._archive = Archive(self.folder, self.most)
        self._archive.look()  # a folder that isn't there is told before a browser is

    def answer(self, target: str) -> Answer:
        """The reply to a GET of this address; never raises."""
        try:
            parts = urlsplit(target)
            query = {name: values[-1] for name, values in parse_qs(parts.query, max_num_fields=20).items()}
            words = [unquote(word) for word in parts.path.split("/")[1:]]
            return self._route(words, query, self._archive.look())
        except ValueError:
            return NOT_FOUND
        except (ItestError, OSError) as problem:
            return Answer.text(HTTPStatus.INTERNAL_SERVER_ERROR, str(problem))

    def _route(self, words: list[str], query: dict[str, str], holdings: Holdings) -> Answer:
        match words:
            case [""]:
                return Answer.page(pages.index(holdings))
            case ["trends"]:
                found = [group for group in groups(holdings.runs) if group.profile == query.get("profile")]
                named = [group for group in found if group.target == query.get("target", group.target)]
                return Answer.page(pages.trends_of(named[0])) if named else NOT_FOUND
            case ["compare"]:
                a, b = holdings.run(query.get("a", "")), holdings.run(query.get("b", ""))
                return Answer.page(pages.comparison(a, b)) if a and b else NOT_FOUND
            case ["runs", name, *rest]:
                run = holdings.run(name)
                return NOT_FOUND if run is None else self._of_run(run, rest)
            case _:
                return NOT_FOUND

    def _of_run(self, run: PastRun, rest: list[str]) -> Answer:
        known: dict[tuple[str, ...], Callable[[], Answer]] = {
            ("report.html",): lambda: _report(run),
            ("live",): lambda: Answer.page(pages.live(run, self._live(run).state())),
            ("state.json",): lambda: _json(self._live(run).state()),
        }
        found = known.get(tuple(rest))
        if found is not None:
            return found()
        return _beside(run.folder, rest) if rest and rest[0] in _BESIDE else NOT_FOUND

    def _live(self, run: PastRun) -> LiveRun:
        return self._followed.setdefault(run.name, LiveRun(run.folder / LOG))


def _report(run: PastRun) -> Answer:
    """The run's report, rendered from its log; its own policy stands in it."""
    from pynomaly_itest.events import read_log
    from pynomaly_itest.registry import REPORTS
    from pynomaly_itest.results import fold

    result = fold(read_log(run.folder / LOG))
    result.beside = beside(run.folder)
    html = REPORTS["html"]().render(result)
    policy = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"
    return Answer(HTTPStatus.OK, "text/html; charset=utf-8", html, f"{policy}; frame-ancestors 'none'")


def _json(state: object) -> Answer:
    return Answer(HTTPStatus.OK, "application/json", json.dumps(state).encode())


def _beside(folder: Path, words: list[str]) -> Answer:
    """A file that the run's instruments left in its folder; nothing outside of it, no links."""
    root = folder.resolve()
    path = root.joinpath(*words)
    if any(word in ("", ".", "..") or "/" in word or "\0" in word for word in words):
        return NOT_FOUND
    try:
        if path.resolve() != path or not path.is_file() or path.stat().st_size > _LARGEST_FILE:
            return NOT_FOUND
    except OSError:  # such as a name that is too long for any file
        return NOT_FOUND
    media = _MEDIA.get(path.suffix, "application/octet-stream")
    policy = _SANDBOX if path.suffix == ".svg" else _OWN_SCRIPTS
    return Answer(HTTPStatus.OK, media, path.read_bytes(), policy)
