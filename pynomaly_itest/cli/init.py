"""`pynomaly-itest init`: the first profile, the schema for editors and a CI file; three questions at most."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from pynomaly_itest.cli.first_files import SCHEMA, Ci, Wishes
from pynomaly_itest.errors import UsageError

_DEFAULTS = Wishes()
_ABOUT = {
    ".json": "editors complete and check profiles by it",
    ".yaml": "what has to hold: make it yours",
    ".yml": "runs it in CI",
    "": "runs it in CI",
}


def init(
    name: Annotated[str, typer.Option(help="What the profile is called.")] = _DEFAULTS.name,
    url: Annotated[str | None, typer.Option(help="The service's URL; without, the bundled platform.")] = None,
    path: Annotated[
        str | None,
        typer.Option(help="A path of it that answers 200; without, it is taken to be a pynomaly platform."),
    ] = None,
    ci: Annotated[Ci | None, typer.Option(help="The CI server to write a file for.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing: flags and defaults.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that are there.")] = False,
    folder: Annotated[Path, typer.Option(help="The project's folder.")] = Path(),
) -> None:
    """Write a first profile that runs as it is."""
    from pynomaly_itest.cli.first_files import files_for

    ask = not yes and sys.stdin.isatty() and sys.stderr.isatty()
    wishes = asked(name, url, path, ci) if ask else Wishes(name, url, path, ci or _DEFAULTS.ci)
    if wishes.path is not None and wishes.url is None:
        raise UsageError("--path is a path of a service: it goes with --url")
    write(files_for(wishes), folder, force=force)
    typer.echo("\nnow:")
    typer.echo(f"  pynomaly-itest validate {wishes.name}")
    if wishes.needs_password:
        typer.echo("  export PYNOMALY_ITEST_PASSWORD=…       # of the account that --user names")
    typer.echo(f"  pynomaly-itest run -p {wishes.name}{wishes.flags}")


def asked(name: str, url: str | None, path: str | None, ci: Ci | None) -> Wishes:
    """What the flags leave open, from whoever sits at the terminal."""
    if url is None:
        said = typer.prompt(
            "URL of your service (empty: the bundled platform)", default="", show_default=False, err=True
        )
        url = said.strip() or None
    if url is not None and path is None:
        said = typer.prompt(
            "A path of it that answers 200 (empty: it is a pynomaly platform)",
            default="",
            show_default=False,
            err=True,
        )
        path = said.strip() or None
    if ci is None:
        ci = Ci(typer.prompt("CI server", default=_DEFAULTS.ci, type=Ci, err=True))
    return Wishes(name, url, path, ci)


def _is_another(path: Path, text: str) -> bool:
    """Whether something is there already, other than what would be written."""
    try:
        return path.read_text(encoding="utf-8") != text
    except FileNotFoundError:
        return path.is_symlink()
    except (OSError, UnicodeDecodeError):
        return True


def write(files: Mapping[str, str], folder: Path, *, force: bool) -> None:
    """Write them all, or none where one is there already; raises UsageError."""
    there = [name for name, text in files.items() if _is_another(folder / name, text)]
    if SCHEMA in there and not force:
        there.remove(SCHEMA)
        files = {name: text for name, text in files.items() if name != SCHEMA}
        typer.echo(f"kept  {SCHEMA}; newer by: pynomaly-itest schema > {SCHEMA}")
    if there and not force:
        raise UsageError(
            f"already there: {', '.join(there)}", hint="--force overwrites, --name takes another name"
        )
    width = max(len(name) for name in files)
    for name, text in files.items():
        target = folder / name
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)  # the same text, or --force
            with target.open("x", encoding="utf-8") as file:
                file.write(text)
        except OSError as problem:
            raise UsageError(
                f"can't write {target}: {problem.strerror}", hint="choose another --folder"
            ) from problem
        typer.echo(f"wrote {name:<{width}}  {_ABOUT[target.suffix]}")
