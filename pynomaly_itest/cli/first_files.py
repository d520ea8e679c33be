"""What `init` writes: a first profile that runs as it is, the schema for editors, and a file for a CI server."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources
from urllib.parse import urlsplit

from pynomaly_itest.errors import UsageError
from pynomaly_itest.transport.request import problem_with_path

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_WORDS_OF_YAML = ("null", "true", "false", "yes", "no", "on", "off", "y", "n")
SCHEMA = "profiles/profile.schema.json"


class Ci(StrEnum):
    """The CI servers that a file can be written for."""

    GITHUB = "github"
    GITLAB = "gitlab"
    JENKINS = "jenkins"
    NONE = "none"


@dataclass(frozen=True)
class Wishes:
    """What the user answered. `url` None: the bundled platform; `path` None: the URL is a platform of ours."""

    name: str = "release-gate"
    url: str | None = None
    path: str | None = None
    ci: Ci = Ci.GITHUB

    def check(self) -> None:
        """Raises UsageError for what could not stand in the files."""
        if not _NAME.fullmatch(self.name):
            raise UsageError(
                f"--name: {self.name!r} can't be a profile's name", hint="letters, digits, - and _"
            )
        if self.url is not None:
            _check_url(self.url)
        wrong = None if self.path is None else problem_with_path(self.path)
        if self.path is not None and (wrong or not self.path.isprintable()):
            raise UsageError(
                f"--path: {self.path!r} is no path: {wrong or 'it can not be shown'}", hint="such as /health"
            )

    @property
    def flags(self) -> str:
        """The words behind `run -p NAME`, with a space before."""
        if self.url is None:
            return ""
        return f" --target {shlex.quote(self.url)}" + ("" if self.path is not None else " --user ci")

    @property
    def needs_password(self) -> bool:
        return self.url is not None and self.path is None


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises for one that can't be
        whole = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        whole = False
    if not whole or not url.isprintable() or re.search(r"[\s'\"\\@$]", url):
        raise UsageError(
            "--url: that is no address of a service",
            hint="such as http://127.0.0.1:8000; names and passwords come from the environment",
        )


def files_for(wishes: Wishes) -> dict[str, str]:
    """Each file's text by its path in the project; raises UsageError for wishes that can't be met."""
    from pynomaly_itest.profile.schema import profile_schema

    wishes.check()
    values = _values(wishes)
    profile = "platform.yaml" if wishes.path is None else "service.yaml"
    files = {
        f"profiles/{wishes.name}.yaml": _filled(profile, values),
        SCHEMA: json.dumps(profile_schema(), indent=2, ensure_ascii=False) + "\n",
    }
    ci_file = _ci_file(wishes)
    if ci_file is not None:
        template = {Ci.GITHUB: "github.yml", Ci.GITLAB: "gitlab.yml", Ci.JENKINS: "Jenkinsfile"}[wishes.ci]
        files[ci_file] = _filled(template, {**values, "FILE": ci_file})
    return files


def _ci_file(wishes: Wishes) -> str | None:
    return {
        Ci.GITHUB: f".github/workflows/{wishes.name}.yml",
        Ci.GITLAB: f".gitlab/{wishes.name}.yml",
        Ci.JENKINS: "Jenkinsfile",
        Ci.NONE: None,
    }[wishes.ci]


def _values(wishes: Wishes) -> Mapping[str, str]:
    from pynomaly_itest.registry import REPORTS

    start = "      # start your service here, such as: docker compose up -d --wait\n"
    secret = "        env: {PYNOMALY_ITEST_PASSWORD: '${{ secrets.ITEST_PASSWORD }}'}\n"  # noqa: S105 - its name
    credentials = "  environment { PYNOMALY_ITEST_PASSWORD = credentials('itest-password') }\n"
    return {
        "NAME": wishes.name,
        "QUOTED": _quoted(wishes.name),
        "PATH": json.dumps(wishes.path),
        "FLAGS": wishes.flags,
        "START": start if wishes.url is not None else "",
        "ENV": secret if wishes.needs_password else "",
        "CREDENTIALS": credentials if wishes.needs_password else "",
        "CODEQUALITY": REPORTS["codequality"].filename,
    }


def _quoted(name: str) -> str:
    """The name as YAML reads it as a text, whoever reads: `007`, `null`, `1e3` and `yes` are something else bare."""
    bare = name[0].isalpha() and name.casefold() not in _WORDS_OF_YAML
    return name if bare else f'"{name}"'


def _filled(template: str, values: Mapping[str, str]) -> str:
    text = (resources.files("pynomaly_itest.cli") / "scaffold" / template).read_text(encoding="utf-8")
    return re.sub(r"@([A-Z]+)@", lambda found: values[found[1]], text)
