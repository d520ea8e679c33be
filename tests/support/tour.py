"""Reads the commands of a page with what each prints, and replays them in a shell."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(r"(<!-- not replayed[^>]*-->\n)?```console\n(.*?)```", re.DOTALL)
_NUMBER = re.compile(r"\d{8}T\d{6}Z|(?<!exit )(?<![\w.])\d[\d,.]*(?:e-?\d+)?")
_INTERVAL = re.compile(r" [\[(][^\])]*[\])] at N %")


@dataclass(frozen=True)
class Command:
    """A command, and what the page says that it prints; `is_server`: it goes on beside the others."""

    text: str
    output: str

    @property
    def is_server(self) -> bool:
        return self.text.endswith("&")


def commands(page: str) -> Iterator[Command]:
    """The page's commands in order, but for the blocks that are marked as not replayed."""
    for skipped, block in _BLOCK.findall(page):
        if not skipped:
            yield from _of_block(block)


def _of_block(block: str) -> Iterator[Command]:
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        first, *rest = part.splitlines()
        here = re.search(r"<<'(\w+)'$", first)
        end = rest.index(here[1]) + 1 if here else 0
        yield Command("\n".join([first, *rest[:end]]), "\n".join(rest[end:]))


def replay(found: list[Command], folder: Path, environment: Mapping[str, str], port: int) -> Iterator[str]:
    """What each command prints when all are typed into one shell; port 8000 is `port`. Servers are left out."""
    mark = "\x1e"
    typed = []
    for command in found:
        if not command.is_server:
            typed += [command.text.replace("8000", str(port)), f"__code=$?; echo '{mark}'; (exit $__code)"]
    done = subprocess.run(
        ["/bin/bash", "-c", "\n".join(typed)],
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=180,
    )
    yield from done.stdout.split(f"{mark}\n")[:-1]


def masked(text: str) -> str:
    """Without what is another each time: numbers (but for exit codes), the spaces that they move, and intervals, which
    requests that hang together may not have."""
    lines = (" ".join(_NUMBER.sub("N", line).split()) for line in text.strip().splitlines())
    return "\n".join(_INTERVAL.sub("", re.sub(r"N( N)+", "N", line)) for line in lines)
