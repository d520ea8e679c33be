"""A hook of mkdocs: the reference is made of the registries and of the commands while the site is built."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from typer.main import get_command

from pynomaly_itest.cli.app import app
from pynomaly_itest.reference import FAMILIES, markdown


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page for each family, and one for the commands."""
    pages = {family.name: markdown.rendered(family) for family in FAMILIES}
    pages["commands"] = "\n".join(_commands())
    for name, text in pages.items():
        files.append(File.generated(config, f"reference/{name}.md", content=text))
    return files


def _commands() -> Iterator[str]:
    yield "# Commands\n"
    yield "`pynomaly-itest COMMAND --help` says the same; `--install-completion` teaches them to the shell.\n"
    group: Any = get_command(app)
    for name, command in sorted(group.commands.items()):
        yield f"## `{name}`\n"
        yield markdown.escaped(command.help or "") + "\n"
        yield from _flags(command)
        if hasattr(command, "commands"):
            for inner_name, inner in sorted(command.commands.items()):
                yield f"### `{name} {inner_name}`\n"
                yield markdown.escaped(inner.help or "") + "\n"
                yield from _flags(inner)


def _flags(command: Any) -> Iterator[str]:
    shown = [each for each in command.params if not getattr(each, "hidden", False) and each.name != "help"]
    if not shown:
        return
    yield "| flag | meaning |\n|---|---|"
    for each in shown:
        words = (
            ", ".join(f"`{word}`" for word in each.opts)
            if each.opts[0].startswith("-")
            else f"`{each.metavar or each.name.upper()}`"
        )
        yield f"| {words} | {markdown.escaped(getattr(each, 'help', None) or '').replace('|', chr(92) + '|')} |"
    yield ""
