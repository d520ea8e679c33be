"""Writes what is kept of a comparison: the record, and the pages made of it."""

from __future__ import annotations

import json
from pathlib import Path

from pynomaly_itest.comparison.page import html_page, markdown
from pynomaly_itest.comparison.record import ComparisonRecord
from pynomaly_itest.errors import EvidenceLost


def write_record(record: ComparisonRecord, folder: Path) -> list[Path]:
    """compare.json, compare.md and compare.html in `folder`; raises EvidenceLost where they can't be written."""
    contents = {
        "compare.json": json.dumps(record.model_dump(mode="json"), indent=2, allow_nan=False) + "\n",
        "compare.md": markdown(record),
        "compare.html": html_page(record),
    }
    paths = []
    for name, text in contents.items():
        path = folder / name
        try:
            path.write_text(text, encoding="utf-8")
        except OSError as problem:
            raise EvidenceLost(f"can't write {path}: {problem.strerror}") from problem
        paths.append(path)
    return paths
