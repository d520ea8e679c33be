"""What an algorithm may be told: declared, typed, bounded, so that a bad value is refused before anything is fitted."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

from pynomaly.domain.errors import InvalidParameter

ParameterValue: TypeAlias = int | float | bool | str
ParameterType: TypeAlias = Literal["integer", "number", "boolean", "string"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One declared parameter.

    `minimum` and `maximum` are inclusive. `choices` are words allowed beside the numbers of a numeric parameter
    (`max_samples`: 'auto' or an integer), or the only values of a string one.
    """

    name: str
    type: ParameterType
    default: ParameterValue
    doc: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()

    def check(self, value: object) -> ParameterValue:
        """The value in its declared type; raises InvalidParameter that names the parameter and its bounds."""
        if isinstance(value, str):
            if value in self.choices:
                return value
            raise self._refusal(value)
        if self.type == "boolean":
            if isinstance(value, bool):
                return value
            raise self._refusal(value)
        return self._check_number(value)

    def describe(self) -> dict[str, Any]:
        """The declaration as JSON values, for the catalogue of algorithms."""
        return {
            key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()
        }

    @property
    def bounds(self) -> str:
        """What is allowed, in words: "an integer from 1 to 1000, or 'auto'"."""
        if self.type == "boolean":
            return "true or false"
        words = " or ".join(repr(choice) for choice in self.choices)
        if self.type == "string":
            return words
        noun = "an integer" if self.type == "integer" else "a number"
        span = f"{noun} from {self.minimum:g} to {self.maximum:g}"
        return f"{span}, or {words}" if words else span

    def _check_number(self, value: object) -> ParameterValue:
        if self.type == "string" or isinstance(value, bool) or not isinstance(value, int | float):
            raise self._refusal(value)
        if (self.minimum is not None and value < self.minimum) or (
            self.maximum is not None and value > self.maximum
        ):
            raise self._refusal(value)
        # NaN is below and above nothing, but no equal of itself either
        if value != value or (self.type == "integer" and value != int(value)):
            raise self._refusal(value)
        return int(value) if self.type == "integer" else float(value)

    def _refusal(self, value: object) -> InvalidParameter:
        shown = repr(value) if isinstance(value, bool | int | float) else repr(str(value)[:40])
        return InvalidParameter(f"{self.name}: {shown} is not allowed", hint=f"{self.name} is {self.bounds}")


def check_parameters(declared: Iterable[Parameter], given: Mapping[str, object]) -> dict[str, ParameterValue]:
    """Every declared parameter with its given or default value; raises InvalidParameter for an unknown or bad one."""
    by_name = {parameter.name: parameter for parameter in declared}
    for name in given:
        if name not in by_name:
            raise _unknown(str(name), list(by_name))
    return {
        name: parameter.check(given[name]) if name in given else parameter.default
        for name, parameter in by_name.items()
    }


def _unknown(name: str, known: list[str]) -> InvalidParameter:
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        hint = f"did you mean '{near[0]}'?"
    elif known:
        hint = f"there are: {', '.join(known)}"
    else:
        hint = "this algorithm has no parameters"
    return InvalidParameter(f"{name[:40]}: no such parameter", hint=hint)
