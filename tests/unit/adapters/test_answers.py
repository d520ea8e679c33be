"""An answer is read as scores that are higher the more anomalous and labels of 0 and 1, or refused with the reason."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from pynomaly_itest.adapters.answers import Answers, ScoreReply
from pynomaly_itest.errors import StepFailed

BOTH: dict[str, Any] = {"scores": "scores", "labels": "labels", "higher_is": "anomalous", "anomaly": 1}


def answers(**said: Any) -> Answers:
    return Answers.model_validate(said)


def test_scores_and_labels_are_read_by_row() -> None:
    reply = answers(**BOTH).read({"scores": [0.1, 0.9], "labels": [0, 1]}, 2)
    assert reply == ScoreReply((0.1, 0.9), (0, 1))


def test_scores_that_are_higher_for_normal_rows_are_turned_round() -> None:
    said = {**BOTH, "higher_is": "normal", "anomaly": -1}
    reply = answers(**said).read({"scores": [0.1, -0.2], "labels": [1, -1]}, 2)
    assert reply == ScoreReply((-0.1, 0.2), (0, 1))


@pytest.mark.parametrize(
    ("anomaly", "labels"),
    [
        (1, [0, 1]),
        (-1, [1, -1]),
        (True, [False, True]),
        ("outlier", ["inlier", "outlier"]),
        (1, [False, True]),
    ],
)
def test_a_label_is_what_the_service_calls_an_anomaly(anomaly: Any, labels: list[Any]) -> None:
    assert answers(labels="x", anomaly=anomaly).read({"x": labels}, 2).labels == (0, 1)


@pytest.mark.parametrize(
    ("threshold", "higher_is", "scores"),
    [(0.5, "anomalous", [0.1, 0.5]), (-0.5, "normal", [0.1, -0.5]), ("t", "anomalous", [0.1, 0.9])],
)
def test_a_threshold_on_the_score_makes_the_labels(
    threshold: Any, higher_is: str, scores: list[float]
) -> None:
    mapping = answers(scores="s", higher_is=higher_is, threshold=threshold)
    assert mapping.read({"s": scores, "t": 0.7}, 2).labels == (0, 1)


@pytest.mark.parametrize("scores", [[[0.1], [0.2]], [[0.1, 0.2]], [0.1, 0.2]])
def test_a_column_and_a_list_in_a_list_are_read_like_a_list(scores: list[Any]) -> None:
    assert answers(scores="s", higher_is="anomalous").read({"s": scores}, 2).scores == (0.1, 0.2)


def test_a_lone_value_is_the_score_of_a_lone_row() -> None:
    assert answers(scores="s", higher_is="anomalous").read({"s": 0.4}, 1).scores == (0.4,)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"scores": [0.1], "labels": [0]}, "2 rows were sent, the answer has 1 scores"),
        ({"scores": [0.1, "x"], "labels": [0, 1]}, "no finite number: 'x'"),
        ({"scores": [0.1, True], "labels": [0, 1]}, "no finite number"),
        ({"scores": [0.1, float("nan")], "labels": [0, 1]}, "no finite number"),
        ({"labels": [0, 1]}, "nothing at `scores: scores`"),
        ([0.1, 0.2], "nothing at `scores: scores`"),
        ({"scores": [0.1, 0.2], "labels": ["a", "b"]}, "`anomaly: 1` is no such value"),
        ({"scores": [0.9, 0.1], "labels": [0, 1]}, "labels and scores contradict each other"),
    ],
)
def test_an_answer_that_contradicts_itself_is_refused(document: Any, said: str) -> None:
    with pytest.raises(StepFailed, match=said.replace("[", r"\[")):
        answers(**BOTH).read(document, 2)


def test_labels_that_come_of_more_than_the_score_are_taken_where_the_block_says_so() -> None:
    mapping = answers(**BOTH, consistent=False)
    assert mapping.read({"scores": [0.9, 0.1], "labels": [0, 1]}, 2).labels == (0, 1)


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ({}, "say where in the answer"),
        ({"scores": "s"}, "'higher_is' is missing"),
        ({"labels": "l"}, "'anomaly' is missing"),
        ({"labels": "l", "anomaly": 1, "threshold": 0.5}, "'scores' says where they stand"),
        ({"scores": "a[", "higher_is": "normal"}, "no JMESPath"),
    ],
)
def test_what_can_not_be_known_is_asked_for_rather_than_guessed(block: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        answers(**block)


def test_replies_to_parts_are_put_together_in_order() -> None:
    whole = ScoreReply((0.1,), (0,), 0.5) + ScoreReply((0.9,), (1,), 0.5)
    assert whole == ScoreReply((0.1, 0.9), (0, 1), 0.5)
    assert (ScoreReply((0.1,), None) + ScoreReply((0.9,), None)).labels is None
