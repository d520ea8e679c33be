"""Run a workflow written in Python: an async function of the user's, given what its parameters ask for."""

from __future__ import annotations

import contextlib
import importlib.util
import inspect
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

from pydantic import Field

from pynomaly_itest.errors import CannotMeasure, ItestError, StepFailed, UsageError
from pynomaly_itest.measure import Samples
from pynomaly_itest.profile.python_scenarios import parameters_of
from pynomaly_itest.registry import STEPS, did_you_mean
from pynomaly_itest.shapes import ANYTHING, Shape, unit_of
from pynomaly_itest.step_kind import Evidence, Impact
from pynomaly_itest.steps.base import Step, StepContext, Values
from pynomaly_itest.testing.checking import MarkingLoader, checked, importing_from
from pynomaly_itest.testing.failures import explain
from pynomaly_itest.testing.fixtures import OF_THE_PLATFORM, Injector, Stage
from pynomaly_itest.testing.marking import MARK


@STEPS.register("python")
class Python(Step):
    """Call an `async def` that is marked with `@scenario` in a file beside the profile.

    An `assert` that does not hold fails the step, with the line and the values in it; any other exception of
    the file's own is an error, not a failure of the target. What the function returns (a mapping) is the
    step's result: a list of numbers is a series (`latency_ms.p95`). So are its `measurements`.

    A scenario of workflows in which nothing is asserted, and that no gate judges, is inconclusive.
    """

    needs_platform: ClassVar[bool] = False
    summary: ClassVar[str] = "a workflow written in Python: FILE.py::FUNCTION"
    exclusive: ClassVar[bool] = False
    impact: ClassVar[Impact] = Impact.ORDINARY
    shorthand: ClassVar[str | None] = "workflow"

    workflow: str = Field(
        pattern=r"^[^:]+\.py::[A-Za-z_]\w*$", description="FILE.py::FUNCTION, beside the profile"
    )
    arguments: dict[str, Any] = Field(default_factory=dict, description="for parameters, by name")

    @classmethod
    def speaks_platform(cls, config: Mapping[str, Any], folder: Path) -> bool:
        """Whether what the workflow asks for by its parameters does; of one that can't be read, yes."""
        file, _, name = str(config.get("workflow", "")).partition("::")
        asked = parameters_of(folder / file, name)
        return asked is None or bool(asked & OF_THE_PLATFORM)

    @classmethod
    def evidence(cls, config: Mapping[str, Any]) -> Evidence:
        return Evidence.ASSERTIONS

    @classmethod
    def offered_rate(cls, config: Mapping[str, Any]) -> float:
        return 0.0  # whatever it sends passes the one place where requests leave

    @classmethod
    def shape(cls, config: Mapping[str, Any]) -> Shape:
        return ANYTHING

    async def run(self, context: StepContext) -> Values:
        file, _, name = self.workflow.partition("::")
        path = (context.scene.folder / file).resolve()
        workflow = _workflow(_module(path), name, path)
        injector = Injector(
            self._stage(context, path), {**context.scene.values.get("matrix", {}), **self.arguments}
        )
        with contextlib.ExitStack() as clearing:
            given = await injector.arguments_of(workflow, clearing)
            returned = await _run(workflow, given, path)
        if returned is not None and not isinstance(returned, Mapping):
            raise CannotMeasure(
                f"{self.workflow} returned a {type(returned).__name__}, expected a mapping or nothing"
            )
        return {**_as_values(injector.measurements.series), **_as_values(returned or {})}

    @staticmethod
    def _stage(context: StepContext, path: Path) -> Stage:
        scene = context.scene

        async def act(kind: str, config: Mapping[str, Any]) -> dict[str, Any]:
            checked()  # a step checks the replies it gets
            return await context.prepare({kind: config}).run(context)

        def expect(condition: str, **values: Any) -> None:
            checked()
            caller = sys._getframe(1)
            where = f"{path.name}:{caller.f_lineno}"
            scene.expect(condition, _as_values(values), where=where, line=condition)

        return Stage(
            http=context.http,
            api=context.api,
            ledger=context.ledger,
            act=act,
            clean=scene.clean,
            accounts=scene.accounts,
            own_by=scene.ledger_of,
            expect=expect,
            dataset=context.dataset,
            values=scene.values,
            restart=scene.restart,
        )


async def _run(workflow: Any, given: Mapping[str, Any], path: Path) -> Any:
    """Await it; what its own lines raise becomes a failure (assert) or an error (anything else).

    A time limit of the step's own cancels the workflow, so a TimeoutError that comes out of it is the workflow's. One
    that asks the process to end (`sys.exit(0)`) would end the run, and as a pass; one that cancels itself would end it
    as if somebody had interrupted it.
    """
    import asyncio

    try:
        return await workflow(**given)
    except ItestError:
        raise
    except BaseExceptionGroup as problem:
        raise _of_group(problem, path) from problem
    except AssertionError as problem:
        raise StepFailed(explain(problem, path)) from problem
    except asyncio.CancelledError as problem:
        task = asyncio.current_task()
        if task is None or task.cancelling():  # by us
            raise
        raise CannotMeasure(explain(problem, path)) from problem
    except (Exception, SystemExit, GeneratorExit) as problem:
        raise CannotMeasure(explain(problem, path)) from problem


def _of_group(problem: BaseExceptionGroup[BaseException], path: Path) -> ItestError:
    """What tasks of a workflow raised together: the first of the tool's own, else a failed assert, else any."""
    for kind in (StepFailed, ItestError, AssertionError, BaseException):
        first = next((found for found in _leaves(problem) if isinstance(found, kind)), None)
        if isinstance(first, ItestError):
            return first
        if first is not None:
            meant = StepFailed if isinstance(first, AssertionError) else CannotMeasure
            return meant(explain(first, path))
    raise AssertionError("a group has at least one exception")


def _leaves(problem: BaseException) -> Iterator[BaseException]:
    if not isinstance(problem, BaseExceptionGroup):
        yield problem
        return
    for inner in problem.exceptions:
        yield from _leaves(inner)


def _module(path: Path) -> ModuleType:
    """The user's file, loaded anew; raises UsageError where it can't be."""
    if not path.is_file():
        raise UsageError(f"there is no file {path.name} beside the profile")
    name = f"itest_workflows_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path, loader=MarkingLoader(name, str(path)))
    if spec is None or spec.loader is None:
        raise UsageError(f"{path.name} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where dataclasses look up what annotations mean
    with importing_from(path.parent):
        try:
            spec.loader.exec_module(module)
        except (Exception, SystemExit) as problem:
            raise UsageError(f"{path.name} can't be loaded: {explain(problem, path)}") from problem
    return module


def _workflow(module: ModuleType, name: str, path: Path) -> Any:
    found = getattr(module, name, None)
    if found is None or not hasattr(found, MARK):
        marked = [other for other, value in vars(module).items() if hasattr(value, MARK)]
        raise UsageError(f"{path.name} has no @scenario {name!r}", hint=did_you_mean(name, marked))
    if not inspect.iscoroutinefunction(found):
        raise UsageError(f"{path.name}::{name} is no `async def`")
    return found


def _as_values(returned: Mapping[str, Any]) -> Values:
    """Lists of numbers as series, everything else as it is."""
    return {
        str(name): Samples.of(str(name), [float(number) for number in value], unit_of(str(name)) or "1")
        if _is_series(value)
        else value
        for name, value in returned.items()
    }


def _is_series(value: Any) -> bool:
    return (
        isinstance(value, list | tuple)
        and len(value) > 0
        and all(isinstance(number, int | float) and not isinstance(number, bool) for number in value)
    )
