"""How the answer to a score request is read: scores that are higher the more anomalous, labels of 0 and 1."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from pynomaly_itest.errors import StepFailed

_MISSING_ORIENTATION = (
    "'higher_is' is missing: anomalous, or normal (as scikit-learn's decision_function and score_samples)"
)
_MISSING_ANOMALY = "'anomaly' is missing: the label that marks an anomaly, such as 1, -1, true or outlier"


def _checked(expression: str) -> str:
    """The expression; raises ValueError where it is no JMESPath."""
    import jmespath
    from jmespath.exceptions import JMESPathError

    try:
        jmespath.compile(expression)
    except JMESPathError as problem:
        said = " ".join(str(problem).split())[:160]
        raise ValueError(f"no JMESPath: {said}") from problem
    return expression


JMESPath = Annotated[str, Field(min_length=1), AfterValidator(_checked)]
"""A text that is checked to be JMESPath (jmespath.org)."""


@dataclass(frozen=True)
class ScoreReply:
    """What a service says of rows, in their order.

    scores: higher is more anomalous; labels: 1 is an anomaly; threshold: from which score on a row is one.
    None where the service does not tell.
    """

    scores: tuple[float, ...] | None
    labels: tuple[int, ...] | None
    threshold: float | None = None

    def __add__(self, other: ScoreReply) -> ScoreReply:
        """This and what was said of the rows behind."""
        both_scores = self.scores is not None and other.scores is not None
        both_labels = self.labels is not None and other.labels is not None
        return ScoreReply(
            (*(self.scores or ()), *(other.scores or ())) if both_scores else None,
            (*(self.labels or ()), *(other.labels or ())) if both_labels else None,
            self.threshold if self.threshold == other.threshold else None,
        )


class Tolerance(BaseModel):
    """By how much two answers to the same rows may differ."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)

    relative: float = Field(1e-9, ge=0, le=0.1)
    absolute: float = Field(1e-9, ge=0)


class Answers(BaseModel):
    """Where scores and labels stand in the answer (JMESPath), and what they mean."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)

    scores: JMESPath | None = Field(None, description="JMESPath of the scores, one for each row")
    labels: JMESPath | None = Field(None, description="JMESPath of the labels, one for each row")
    threshold: JMESPath | float | None = Field(
        None, description="JMESPath of the threshold, or itself: from which score on a row is an anomaly"
    )
    higher_is: Literal["anomalous", "normal"] | None = Field(None, description="what a high score means")
    anomaly: str | bool | int | float | None = Field(None, description="the label that marks an anomaly")
    tolerance: Tolerance = Field(default_factory=Tolerance)
    consistent: bool = Field(True, description="every anomaly scores at least as high as every normal row")

    @model_validator(mode="after")
    def _is_clear(self) -> Answers:
        if self.scores is None and self.labels is None:
            raise ValueError("say where in the answer the scores or the labels stand: 'scores', 'labels'")
        if self.scores is not None and self.higher_is is None:
            raise ValueError(_MISSING_ORIENTATION)
        if self.labels is not None and self.anomaly in (None, "?"):
            raise ValueError(_MISSING_ANOMALY)
        if self.threshold is not None and self.scores is None:
            raise ValueError("'threshold' is one on the scores: 'scores' says where they stand")
        return self

    @property
    def gives_labels(self) -> bool:
        return self.labels is not None or self.threshold is not None

    @property
    def picks(self) -> dict[str, str]:
        """The parts of an answer that depend on the rows alone, by name."""
        named = {"scores": self.scores, "labels": self.labels}
        return {name: expression for name, expression in named.items() if expression is not None}

    def read(self, document: Any, n_rows: int) -> ScoreReply:
        """What the answer's JSON says of `n_rows` rows; raises StepFailed where that contradicts itself."""
        scores = None if self.scores is None else self._scores(document, n_rows)
        threshold = self._threshold(document)
        if self.labels is not None:
            labels: tuple[int, ...] | None = self._labels(document, n_rows)
        elif scores is not None and threshold is not None:
            labels = tuple(int(score >= threshold) for score in scores)
        else:
            labels = None
        reply = ScoreReply(scores, labels, threshold)
        if self.consistent:
            _check_consistent(reply)
        return reply

    def _scores(self, document: Any, n_rows: int) -> tuple[float, ...]:
        found = _series(document, "scores", self.scores or "", n_rows)
        wrong = next((value for value in found if not _is_finite(value)), None)
        if wrong is not None:
            raise StepFailed(f"a score in the answer is no finite number: {str(wrong)[:60]!r}")
        return tuple(self._oriented(value) for value in found)

    def _labels(self, document: Any, n_rows: int) -> tuple[int, ...]:
        found = _series(document, "labels", self.labels or "", n_rows)
        for value in found:
            if not _is_like(value, self.anomaly):
                raise StepFailed(
                    f"a label in the answer is {str(value)[:60]!r}, and `anomaly: {self.anomaly}` is no such value",
                    hint="`anomaly` is the label that marks an anomaly, as the service writes it",
                )
        return tuple(int(value == self.anomaly) for value in found)

    def _threshold(self, document: Any) -> float | None:
        if not isinstance(self.threshold, str):
            return None if self.threshold is None else self._oriented(self.threshold)
        from pynomaly_itest.load.answers import search

        found = search(self.threshold, document)
        if not _is_finite(found):
            raise StepFailed(f"the answer has no number at `threshold: {self.threshold}`")
        return self._oriented(found)

    def _oriented(self, value: float) -> float:
        return -float(value) if self.higher_is == "normal" else float(value)


def _series(document: Any, name: str, expression: str, n_rows: int) -> list[Any]:
    """One value for each row: of a list of lists of one value each, the values; a lone value is one row's."""
    from pynomaly_itest.load.answers import search, series_of

    found = search(expression, document)
    if found is None:
        raise StepFailed(
            f"the answer has nothing at `{name}: {expression}`", hint=f"its keys are {_keys(document)}"
        )
    values = series_of(found, n_rows)
    if values is None:
        count = len(found) if isinstance(found, list) else 1
        raise StepFailed(f"{n_rows} rows were sent, the answer has {count} {name}")
    return values


def _keys(document: Any) -> str:
    if isinstance(document, dict):
        return ", ".join(str(key)[:40] for key in list(document)[:12]) or "none: it is empty"
    return f"none: it is a {type(document).__name__}"


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_like(value: Any, anomaly: Any) -> bool:
    """Whether two labels are of one kind: texts, or numbers and truth values."""
    return isinstance(value, str) == isinstance(anomaly, str) and isinstance(value, str | int | float)


def _check_consistent(reply: ScoreReply) -> None:
    """Raise StepFailed where a row that is no anomaly scores higher than one that is."""
    if reply.scores is None or reply.labels is None:
        return
    anomalous = _of_label(reply.scores, reply.labels, 1)
    normal = _of_label(reply.scores, reply.labels, 0)
    if anomalous and normal and min(anomalous) < max(normal):
        raise StepFailed(
            f"labels and scores contradict each other: a row that is labelled an anomaly scores {min(anomalous):g}, "
            f"one that is not scores {max(normal):g} (higher is more anomalous)",
            hint="is `higher_is` right? `consistent: false` where labels come of more than the score",
        )


def _of_label(scores: Sequence[float], labels: Sequence[int], label: int) -> list[float]:
    return [score for score, own in zip(scores, labels, strict=True) if own == label]
