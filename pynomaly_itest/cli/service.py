"""`pynomaly-itest service …`: whether a `service:` block is right, and a first block for a service at a URL."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pynomaly_itest.cli import flags
from pynomaly_itest.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from pynomaly_itest.adapters.base import Adapter
    from pynomaly_itest.adapters.checking import Line
    from pynomaly_itest.adapters.detecting import Proposal
    from pynomaly_itest.datasets.base import Dataset
    from pynomaly_itest.profile.model import ServiceSpec
    from pynomaly_itest.redaction import Redactor
    from pynomaly_itest.target.base import Credentials, Target

app = typer.Typer(no_args_is_help=True, help="How a service is spoken to: check a block, or propose one.")
_BlockFile = Annotated[Path, typer.Argument(metavar="FILE", help="The file with the `service:` block.")]


@app.callback()
def _service() -> None:
    """How a service is spoken to: check a block, or propose one."""


@app.command("check")
def check(
    file: _BlockFile,
    target: flags.TargetName = "bundled",
    dataset: Annotated[
        str | None,
        typer.Option(metavar="FILE[:LABEL]", help="Rows to ask with, instead of the block's `data`."),
    ] = None,
) -> None:
    """Ask the service what the block says it can do, and show each request, its answer and what was understood.

    Exit codes: 0 all was understood, 1 something was not, 2 the block is no good, 3 nothing answers.
    """
    import asyncio

    from pynomaly_itest.adapters.binding import bind
    from pynomaly_itest.redaction import Redactor

    spec = _spec(file)
    redactor = Redactor()
    adapter = bind(spec, os.environ, redactor)
    table = _table(adapter, spec, dataset)
    lines = asyncio.run(_checked(_target(adapter, target, redactor, spec), adapter, table))
    width = max(len(line.subject) for line in lines)
    for line in lines:
        first, *rest = [
            text for said in (line.said, *line.more) for text in _folded(redactor.text(said), width)
        ]
        typer.echo(f"{line.mark} {line.subject:<{width}}  {first}")
        for text in rest:
            typer.echo(f"  {'':<{width}}  {text}")
    if any(line.mark == "✗" for line in lines):
        raise typer.Exit(ExitCode.FAILED)


@app.command("detect")
def detect(
    url: Annotated[str, typer.Argument(metavar="URL", help="The service's address.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Write the block there; else it is shown.")
    ] = None,
) -> None:
    """Find out by what it answers which kind of service stands at URL, and write a first `service:` block.

    What can't be known from outside is left as `?`, which `validate` refuses: a guess could turn every verdict round.
    """
    import asyncio

    import yaml

    from pynomaly_itest.redaction import Redactor
    from pynomaly_itest.target.remote import RemoteTarget, check_url

    target = RemoteTarget(check_url(url), _credentials(), Redactor())
    found = asyncio.run(_detected(target))
    if found is None:
        raise UsageError(
            f"nothing at {target.info.url} tells what kind of service it is",
            hint="`pynomaly-itest explain mapping` shows a block to write by hand",
        )
    text = yaml.safe_dump({**found.block, "data": {"labelled": "FILE:COLUMN"}}, sort_keys=False, width=100)
    for seen in found.seen:
        typer.echo(f"seen: {seen}", err=True)
    for unclear in found.unclear:
        typer.echo(f"say:  {unclear}", err=True)
    if out is None:
        typer.echo(text, nl=False)
        return
    if out.exists():
        raise UsageError(f"already there: {out}", hint="--out takes another name")
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as problem:
        raise UsageError(f"can't write {out}: {problem.strerror}") from problem
    typer.echo(f"wrote {out}; then: pynomaly-itest service check {out} --target {target.info.url}")


def _folded(text: str, width: int) -> list[str]:
    """The text in lines that fit the screen behind the subjects."""
    import shutil
    import textwrap

    from pynomaly_itest.plain import printable

    room = max(40, shutil.get_terminal_size().columns - width - 4)
    return textwrap.wrap(printable(text), room, subsequent_indent="         ", break_on_hyphens=False) or [""]


def _spec(file: Path) -> ServiceSpec:
    from pynomaly_itest.errors import Mistake, ProfileError
    from pynomaly_itest.profile.service import read_service

    mistakes: list[Mistake] = []
    spec = read_service((), file, mistakes)
    if mistakes or spec is None:
        raise ProfileError(mistakes)
    return spec


def _credentials() -> Credentials:
    from pynomaly_itest.cli.targets import credentials_from

    return credentials_from(None, os.environ)


def _target(adapter: Adapter, named: str, redactor: Redactor, spec: ServiceSpec) -> Target:
    """The service at its address, or started by the block's command."""
    from pynomaly_itest.cli.targets import address_of, service_at

    return service_at(adapter, address_of(adapter, named), None, redactor, Path(spec.base))


def _table(adapter: Adapter, spec: ServiceSpec, dataset: str | None) -> Dataset | None:
    from pynomaly_itest.adapters.fitting import own_data
    from pynomaly_itest.datasets.materialize import materialize
    from pynomaly_itest.profile.model import DatasetSpec
    from pynomaly_itest.profile.overrides import parse_dataset

    if dataset is not None:
        given = parse_dataset(f"service={dataset}")
        config = {"path": str(given.path)} | ({"label": given.label} if given.label else {})
        return materialize(DatasetSpec("service", "file", config, str(given.path.parent)))
    found = own_data(adapter, spec)
    return None if found is None else materialize(found)


async def _checked(target: Target, adapter: Adapter, table: Dataset | None) -> list[Line]:
    import uuid

    from pynomaly_itest.adapters.checking import examine
    from pynomaly_itest.adapters.service import Service
    from pynomaly_itest.target.http import Http
    from pynomaly_itest.target.platform import PlatformApi

    try:
        await target.start()
        async with target.client(timeout_s=30.0) as client:
            http = Http(client, target.redactor, uuid.uuid4().hex)
            api = PlatformApi(http, target.credentials, target.redactor)
            return await examine(Service(adapter, http, api.authorization), table)
    finally:
        await target.close()


async def _detected(target: Target) -> Proposal | None:
    import uuid

    from pynomaly_itest.adapters.detecting import detect as look
    from pynomaly_itest.target.http import Http

    await target.start()
    async with target.client(timeout_s=10.0) as client:
        return await look(Http(client, target.redactor, uuid.uuid4().hex))
