"""A load in which requests fail, and nobody asks about that, has failed: an error page is no success."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pynomaly_itest.errors import StepFailed
from pynomaly_itest.load.outcomes import Outcome

if TYPE_CHECKING:
    from pynomaly_itest.load import LoadResult
    from pynomaly_itest.steps.base import StepContext, Values

EVERY_FAILURE = frozenset({"error_ratio"})
_ASK_ABOUT_ALL = EVERY_FAILURE | {"failures", "goodput", "goodput_ratio", "outcomes"}
_ASK_ABOUT_AN_END = frozenset({"aborted", "abort_reason", "broke_at"})
_WRONG = (Outcome.WRONG_ANSWER, Outcome.SWAPPED, Outcome.BAD_BODY)
_ASK_ABOUT = {
    "dropped": (Outcome.DROPPED,),
    "refused": (Outcome.REFUSED,),
    "reset": (Outcome.RESET,),
    "hung": (Outcome.TIMED_OUT,),
    "shed": (Outcome.SHED, Outcome.SHED_UNTOLD),
    "shed_with_retry_after": (Outcome.SHED, Outcome.SHED_UNTOLD),
    "swapped": (Outcome.SWAPPED,),
    "unanswered": (Outcome.RESET, Outcome.TIMED_OUT),
    "wrong": _WRONG,
    "wrong_ratio": _WRONG,
}
"""Which failures each figure counts, and so leaves to who judges it."""


def without_failures(result: LoadResult, values: Values, context: StepContext, *, may_break: bool) -> Values:
    """The values; raises StepFailed for what went wrong and nobody asks about, and what was measured is kept."""
    wrong = unasked(result, context.expected | context.gated, may_break=may_break)
    if wrong is None:
        return values
    context.keep(values)
    example = getattr(values["error_ratio"], "note", "")
    hint = "judge error_ratio; of a load that ends itself, aborted"
    raise StepFailed(f"{wrong}; {example}" if example else wrong, hint=hint)


def unasked(result: LoadResult, asked: frozenset[str], *, may_break: bool) -> str | None:
    """What went wrong in a load that none of the names `asked` (by `expect` and gates) is about; None where nothing.

    may_break: it is a load that is meant to end itself by `abort_on`.
    """
    if result.broke_s is not None:
        return None if may_break or asked & _ASK_ABOUT_AN_END else f"it ended itself: {result.broke_why}"
    if asked & _ASK_ABOUT_ALL:
        return None
    known = sum(
        result.outcomes.get(outcome.label, 0)
        for outcome in {outcome for name in asked for outcome in _ASK_ABOUT.get(name, ())}
    )
    failed = result.failures - known
    if failed <= 0:
        return None
    return f"{failed} of {result.requests} requests failed, and no condition asks how many may"
