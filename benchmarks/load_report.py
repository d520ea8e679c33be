"""Writes a benchmark's figures where they are kept: as JSON for machines and as a table for people."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def machine() -> dict[str, Any]:
    return {"cores": os.cpu_count(), "kernel": platform.release(), "python": platform.python_version()}


def write(
    name: str, title: str, notes: str, rows: Sequence[dict[str, Any]], *, show: bool = True, **raw: Any
) -> None:
    """results/NAME.json holds rows and raw figures; results/NAME.md the table. `show` prints the table too."""
    RESULTS.mkdir(exist_ok=True)
    when = datetime.now(UTC).strftime("%Y-%m-%d")
    record = {"title": title, "date": when, "machine": machine(), "rows": list(rows), **raw}
    fresh = RESULTS / f".{name}.json"  # whole or not at all: what was measured for an hour is in there
    fresh.write_text(json.dumps(record, indent=1) + "\n")
    fresh.replace(RESULTS / f"{name}.json")
    columns = list(rows[0])
    lines = [f"# {title}", "", f"{when}, {os.cpu_count()} shared cores. {notes}", ""]
    lines += ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(_shown(row[column]) for column in columns) + " |" for row in rows]
    text = "\n".join(lines) + "\n"
    (RESULTS / f"{name}.md").write_text(text)
    if show:
        print(text)


def _shown(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
