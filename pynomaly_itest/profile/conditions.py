"""Reads `expect` and `gates`: conditions that are parsed, and whose names exist."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pynomaly_itest.errors import Mistake, ProfileError
from pynomaly_itest.profile.expression import Expression, check, names, parse
from pynomaly_itest.profile.model import Gate
from pynomaly_itest.profile.nodes import MappingNode, ScalarNode, YamlNode
from pynomaly_itest.profile.scopes import CONSTANT_NAMES
from pynomaly_itest.shapes import Record


@dataclass
class ConditionReader:
    """Turns texts into gates; `confidence` and `min_samples` hold where a gate doesn't say its own."""

    mistakes: list[Mistake]
    confidence: float | None = None
    min_samples: int | None = None

    def expectations(self, items: Sequence[YamlNode], scope: Record) -> tuple[Gate, ...]:
        """What a step's `expect` says."""
        found = [self._gate(item, item, scope) for item in items]
        return tuple(gate for gate in found if gate is not None)

    def gates(self, items: Sequence[YamlNode], scope: Record) -> tuple[Gate, ...]:
        """What a scenario's `gates` say: texts, or mappings with `expression` and demands of their own."""
        found = []
        for item in items:
            text = item.entries.get("expression") if isinstance(item, MappingNode) else item
            gate = self._gate(text, item, scope)
            if gate is not None:
                found.append(gate)
        return tuple(found)

    def _gate(self, text: YamlNode | None, item: YamlNode, scope: Record) -> Gate | None:
        if not isinstance(text, ScalarNode):
            return None  # the model has told it
        if not isinstance(text.value, str):
            self.mistakes.append(text.source.mistake("this is no condition", "compare it with something"))
            return None
        try:
            expression = parse(text.value, text.source)
        except ProfileError as problem:
            self.mistakes.extend(problem.mistakes)
            return None
        wrong = check(expression, scope) or self._vacuous(expression)
        self.mistakes.extend(wrong)
        return Gate(
            expression=expression,
            source=text.source,
            confidence=_own_number(item, "confidence") or self.confidence,
            min_samples=int(_own_number(item, "min_samples") or 0) or self.min_samples,
        )

    @staticmethod
    def _vacuous(expression: Expression) -> list[Mistake]:
        """A condition that no answer of the target can change is no condition on it."""
        if any(name.parts[0] not in CONSTANT_NAMES for name in names(expression)):
            return []
        message = "nothing in this condition comes from the target: it would always judge the same"
        if expression.source is None:
            return [Mistake(message)]
        return [expression.source.mistake(message, "name a result that a step saves")]


def _own_number(item: YamlNode, key: str) -> float | None:
    value = item.entries.get(key) if isinstance(item, MappingNode) else None
    return value.value if isinstance(value, ScalarNode) and isinstance(value.value, int | float) else None
