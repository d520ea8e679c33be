"""What a condition compared is shown in every report: unless it is a secret."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pynomaly_itest.gates import Judged
from pynomaly_itest.profile.expression import Expression, names
from pynomaly_itest.redaction import HIDDEN, holds_secret


def discreet(expression: Expression, judged: Judged, clean: Callable[[str], str]) -> Judged:
    """The judgement with texts hidden where the condition asks for a secret by name, and `clean` everywhere else."""
    compared = [value for value in (judged.observed, judged.limit) if not _is_plain(value)]
    if compared and any(holds_secret(part) for name in names(expression) for part in name.parts):
        reason = f"{judged.verdict}; what was compared is a secret, and not shown"
        return replace(judged, observed=_hidden(judged.observed), limit=_hidden(judged.limit), reason=reason)
    observed, limit = (
        value if _is_plain(value) else clean(value if isinstance(value, str) else repr(value))
        for value in (judged.observed, judged.limit)
    )
    return replace(judged, observed=observed, limit=limit, reason=clean(judged.reason))


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | float)


def _hidden(value: Any) -> Any:
    return value if _is_plain(value) else HIDDEN
