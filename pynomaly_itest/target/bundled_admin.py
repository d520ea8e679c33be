"""An administrator of another tenant of the bundled platform, for probes that ask what one tenant sees of another."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from pathlib import Path

from pynomaly_itest.errors import CannotMeasure
from pynomaly_itest.redaction import Redactor
from pynomaly_itest.target.base import Credentials
from pynomaly_itest.target.build import PACKAGE


async def add_administrator(
    tenant: str, python: str, data: Path, environment: Mapping[str, str], redactor: Redactor
) -> Credentials:
    """Made with `pynomaly user add` on the platform's own data folder; raises CannotMeasure where that fails."""
    credentials = Credentials(username=f"itest-{tenant}"[:64], password=secrets.token_urlsafe(24))
    user = ("user", "add", credentials.username or "", "--role", "admin", "--tenant", tenant)
    process = await asyncio.create_subprocess_exec(
        *(python, "-P", "-m", PACKAGE, *user, "--password-stdin", "--data-dir", str(data)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=data.parent,
        env=environment,
    )
    out, _ = await process.communicate(f"{credentials.password}\n".encode())
    if process.returncode != 0:
        said = redactor.text(out.decode(errors="replace").strip())
        raise CannotMeasure(f"no administrator of another tenant could be made: {said}")
    return credentials
