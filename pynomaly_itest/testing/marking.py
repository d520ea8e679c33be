"""`@scenario`: marks an async function as a scenario that a profile can name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar, overload

Workflow = TypeVar("Workflow", bound=Callable[..., Awaitable[Any]])

MARK = "__itest_scenario__"


@overload
def scenario(workflow: Workflow, /) -> Workflow: ...


@overload
def scenario(
    *,
    id: str = ...,
    title: str = ...,
    tags: Sequence[str] = ...,
    requires: Sequence[str] = ...,
    matrix: Mapping[str, Any] | None = ...,
    benchmarks: Mapping[str, float] | None = ...,
    gates: Sequence[str] = ...,
    timeout: str | float | None = ...,
    alone: bool = ...,
) -> Callable[[Workflow], Workflow]: ...


def scenario(workflow: Any = None, /, **said: Any) -> Any:
    """Make an `async def` a scenario; what is said here is what a scenario in YAML says under the same names.

    `id` is the function's name if it isn't given, `title` the first line of its docstring. `matrix` runs it
    once a cell, the cell's values as arguments. `gates` judge what the function returns, as `result.NAME`.

    The profile's loader reads these arguments without running the file, so they must be written out: texts,
    numbers, lists and mappings, nothing computed.
    """

    def mark(function: Any) -> Any:
        setattr(function, MARK, dict(said))
        return function

    return mark if workflow is None else mark(workflow)
