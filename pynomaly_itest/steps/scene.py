"""What surrounds a step in its scenario: for steps that judge, act as others, or take the target down."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pynomaly_itest.steps.base import Ledger, Values
    from pynomaly_itest.target.accounts import Accounts
    from pynomaly_itest.target.platform import PlatformApi


class ExpectCondition(Protocol):
    """Judges a condition where these names have values, and records it as of that place of a file.

    Raises StepFailed where it does not hold, UsageError where it can't be read.
    """

    def __call__(self, text: str, values: Mapping[str, Any], *, where: str, line: str) -> None: ...


class Restart(Protocol):
    """Stops the target and starts it again on its data; raises NotApplicable where it is not ours."""

    async def __call__(self, *, kill: bool = False) -> None: ...


@dataclass(frozen=True)
class Scene:
    """`folder`: where the profile's relative paths start. `values`: every name that an expression may use here.

    `unmet`: why a step's result does not meet the step's own `expect`, None where it does; nothing is recorded.
    `undecided`: which condition on a step's result needs more samples to be decided, None where none does.
    `ledger_of`: the scenario's ledger for things that only this account can remove. `clean`: remove all that is in
    the ledger now; gives what is left.
    """

    folder: Path
    values: Mapping[str, Any] = field(repr=False)
    expect: ExpectCondition
    unmet: Callable[[Values], str | None]
    undecided: Callable[[Values], str | None]
    accounts: Accounts
    ledger_of: Callable[[PlatformApi], Ledger]
    clean: Callable[[], Awaitable[list[str]]]
    restart: Restart
