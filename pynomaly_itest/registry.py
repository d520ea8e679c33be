"""One way to find every kind of thing a profile can name: steps, probes, faults, datasets, adapters, report formats.

A kind is one file in its family's folder: a class registered under the name that YAML uses. `list`, `--help`,
the JSON Schema and the docs all derive from the registries, so nothing can be missing from them.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar, cast

from pynomaly_itest.errors import UsageError
from pynomaly_itest.step_kind import StepKind

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

T = TypeVar("T")
K = TypeVar("K")


class Registry(Generic[T]):
    """The kinds of one family by name.

    `family` is the folder's name (`steps`), `noun` what one kind is called in messages (`step`). A kind is
    loaded when it is asked for: from the file of its name, else from all the folder's files and what other
    distributions offer under the entry-point group `pynomaly_itest.<family>`.
    """

    def __init__(self, family: str, noun: str) -> None:
        self.family = family
        self.noun = noun
        self._kinds: dict[str, T] = {}
        self._loaded = False

    def register(self, name: str) -> Callable[[K], K]:
        """Enter a kind under `name`; two kinds of one name are a bug and raise ValueError."""

        def enter(kind: K) -> K:
            if self._kinds.get(name, kind) is not kind:
                raise ValueError(f"two {self.family} are called {name!r}")
            self._kinds[name] = cast(T, kind)
            return kind

        return enter

    def __getitem__(self, name: str) -> T:
        """The kind called `name`; raises UsageError with the nearest names where there is none."""
        if name in self:
            return self._kinds[name]
        raise UsageError(f"unknown {self.noun} {name!r}", hint=did_you_mean(name, self))

    def __contains__(self, name: object) -> bool:
        if name not in self._kinds and isinstance(name, str):
            self._load_one(name)
        if name not in self._kinds:
            self._load_all()
        return name in self._kinds

    def __iter__(self) -> Iterator[str]:
        self._load_all()
        return iter(sorted(self._kinds))

    def __len__(self) -> int:
        self._load_all()
        return len(self._kinds)

    def items(self) -> Iterator[tuple[str, T]]:
        """Every (name, kind), by name."""
        for name in self:
            yield name, self._kinds[name]

    def _load_one(self, name: str) -> None:
        """Import the file that bears the kind's name: what a profile doesn't use, it doesn't pay for."""
        package = f"pynomaly_itest.{self.family}"
        module = name.replace("-", "_")
        if not self._loaded and module.isidentifier() and find_spec(f"{package}.{module}") is not None:
            importlib.import_module(f"{package}.{module}")

    def _load_all(self) -> None:
        if self._loaded:
            return
        self._loaded = True
        from importlib.metadata import entry_points

        package = importlib.import_module(f"pynomaly_itest.{self.family}")
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{package.__name__}.{module.name}")
        for plugin in entry_points(group=f"pynomaly_itest.{self.family}"):
            self._load_plugin(plugin)

    def _load_plugin(self, plugin: EntryPoint) -> None:
        """Another package's kinds; raises UsageError, naming the package, where its code fails."""
        try:
            plugin.load()
        except Exception as problem:
            package = plugin.dist.name if plugin.dist is not None else plugin.module
            raise UsageError(
                f"the plug-in {package} ({plugin.value}) can't be loaded: {type(problem).__name__}: {problem}",
                hint=f"mend it, or take it away: pip uninstall {package}",
            ) from problem


def did_you_mean(wrong: str, known: Any) -> str:
    """A hint for a mistyped name: the nearest known one, else all of them if they are few."""
    names = sorted(str(name) for name in known)
    near = get_close_matches(wrong, names, n=1, cutoff=0.6)
    if near:
        return f"did you mean {near[0]!r}?"
    if not names:
        return "there are none to choose from here"
    shown = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
    return f"known are: {shown}"


class AdapterKind(Protocol):
    """What the loader needs to know of an adapter (the class in `adapters/<kind>.py`): a model of `service:`."""

    summary: ClassVar[str]
    example: ClassVar[str]

    @classmethod
    def model_validate(cls, obj: Any) -> Any: ...

    @classmethod
    def model_json_schema(cls) -> dict[str, Any]: ...


class DatasetKind(Protocol):
    """What the loader needs to know of a dataset kind (the class in `datasets/<kind>.py`)."""

    summary: ClassVar[str]

    @classmethod
    def model_validate(cls, obj: Any) -> Any: ...

    @classmethod
    def model_json_schema(cls) -> dict[str, Any]: ...


STEPS: Registry[type[StepKind]] = Registry("steps", "step")
DATASETS: Registry[type[DatasetKind]] = Registry("datasets", "dataset kind")
PROBES: Registry[Any] = Registry("probes", "probe")
FAULTS: Registry[Any] = Registry("faults", "fault")
ADAPTERS: Registry[type[AdapterKind]] = Registry("adapters", "adapter")
REPORTS: Registry[Any] = Registry("report", "report format")
