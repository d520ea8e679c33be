"""What an answer must be is learnt from answers, and a wrong one is told from another body's."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from pynomaly_itest.load.answers import Answer, Tolerance, Unsteady, distinct, judge, learn, same
from pynomaly_itest.load.outcomes import Outcome

WANTED = ("anomaly_scores", "anomaly_labels")


def body(scores: list[Any], labels: list[Any], **more: Any) -> bytes:
    return json.dumps({"id": "r1", "anomaly_scores": scores, "anomaly_labels": labels, **more}).encode()


ONE = learn([body([0.25, 0.75], [0, 1], ms=n) for n in range(3)], WANTED)
TWO = learn([body([0.5, 0.125], [1, 0], ms=n) for n in range(3)], WANTED)
KNOWN = (ONE, TWO)


def test_the_right_answer_is_right_whatever_else_it_says() -> None:
    assert judge(body([0.25, 0.75], [0, 1], ms=99, id2="x"), ONE, KNOWN) is None
    assert ONE.snippets == (b'"anomaly_scores": [0.25, 0.75],', b'"anomaly_labels": [0, 1],')


def test_another_bodys_answer_is_swapped_and_any_other_wrong() -> None:
    assert judge(body([0.5, 0.125], [1, 0]), ONE, KNOWN) is Outcome.SWAPPED
    assert judge(body([0.25, 0.75], [0, 0]), ONE, KNOWN) is Outcome.WRONG_ANSWER
    assert judge(body([0.25], [0]), ONE, KNOWN) is Outcome.WRONG_ANSWER
    assert judge(b'{"anomaly_scores": [0.25, 0.75]}', ONE, KNOWN) is Outcome.WRONG_ANSWER
    assert judge(b"{}", ONE, KNOWN) is Outcome.WRONG_ANSWER
    assert judge(b"<html>", ONE, KNOWN) is Outcome.BAD_BODY


def test_numbers_may_differ_by_their_last_digits_and_be_written_otherwise() -> None:
    assert judge(b'{"anomaly_labels":[0,1],"anomaly_scores":[2.5e-1,0.7500000000001]}', ONE, KNOWN) is None
    assert judge(body([0.25, 0.75 + 1e-7], [0, 1]), ONE, KNOWN) is Outcome.WRONG_ANSWER


def test_a_number_that_only_begins_like_the_right_one_is_wrong() -> None:
    count = learn([b'{"n": 1}', b'{"n": 1}'])
    assert judge(b'{"n": 1}', count, (count,)) is None
    assert judge(b'{"n": 10}', count, (count,)) is Outcome.WRONG_ANSWER
    assert judge(b'{"n": 1.5}', count, (count,)) is Outcome.WRONG_ANSWER


def test_what_counts_is_found_out_where_nobody_says() -> None:
    found = learn([b'{"id": 1, "status": "ok", "at": 5}', b'{"id": 2, "status": "ok", "at": 6}'])
    assert found.fields == {"status": "ok"}


def test_a_text_that_is_no_object_must_be_the_same() -> None:
    text = learn([b"pong", b"pong"])
    assert judge(b"pong", text, (text,)) is None
    assert judge(b"ping", text, (text,)) is Outcome.WRONG_ANSWER
    listed = learn([b"[1, 2]", b"[1, 2]"])
    assert judge(b"[1, 2]", listed, (listed,)) is None


@pytest.mark.parametrize(
    ("bodies", "wanted", "words"),
    [
        ([body([1.0], [1]), body([2.0], [1])], WANTED, "anomaly_scores is missing, or another"),
        ([b"{}", b"{}"], WANTED, "anomaly_scores and anomaly_labels"),
        ([b"one", b"two"], (), "text is another each time"),
        ([b"one", b"one"], WANTED, "no JSON object"),
        ([b'{"a": 1}', b'{"a": 2}'], (), "every field"),
    ],
)
def test_the_same_question_with_two_answers_can_not_be_learnt(
    bodies: list[bytes], wanted: tuple[str, ...], words: str
) -> None:
    with pytest.raises(Unsteady, match=words):
        learn(bodies, wanted)


WITHIN = Tolerance(relative=1e-6, absolute=1e-9)


def test_float32_answers_are_told_how_they_can_be_verified_and_then_are() -> None:
    """The same score from another batch of a GPU differs in its eighth digit."""
    replies = [body([0.25, 0.75 + n * 1e-7], [0, 1]) for n in range(3)]
    with pytest.raises(
        Unsteady, match=r"up to 3e-07 of their size, so say verify: \{tolerance: \{relative: 5e-07"
    ):
        learn(replies, WANTED)
    own = learn(replies, WANTED, tolerance=WITHIN)
    other = learn([body([0.5, 0.125], [1, 0])] * 2, WANTED, tolerance=WITHIN)
    assert judge(body([0.25, 0.75 + 3e-7], [0, 1]), own, (own, other)) is None
    assert judge(body([0.25, 0.75 + 3e-6], [0, 1]), own, (own, other)) is Outcome.WRONG_ANSWER
    assert judge(body([0.25, 0.75], [0, 0]), own, (own, other)) is Outcome.WRONG_ANSWER
    assert judge(body([0.5, 0.125 + 1e-8], [1, 0]), own, (own, other)) is Outcome.SWAPPED


def test_nested_fields_count_within_the_tolerance_and_others_do_not() -> None:
    def reply(score: float, took: float) -> bytes:
        return json.dumps({"outputs": [{"name": "s", "data": [score]}], "took": took}).encode()

    picks = {"outputs[0].data": "outputs[0].data"}
    own = learn([reply(0.5, 1.0), reply(0.5 + 1e-8, 2.0)], picks=picks, tolerance=WITHIN)
    assert judge(reply(0.5, 9.0), own, (own,)) is None
    assert judge(reply(0.6, 1.0), own, (own,)) is Outcome.WRONG_ANSWER
    assert judge(b'{"outputs": []}', own, (own,)) is Outcome.WRONG_ANSWER


def test_a_bare_list_is_compared_by_its_numbers() -> None:
    own = learn([b"[0.5, 1.0]", b"[0.5,1.0]"], tolerance=WITHIN)
    assert judge(b"[0.50000001, 1]", own, (own,)) is None
    assert judge(b"[0.51, 1]", own, (own,)) is Outcome.WRONG_ANSWER


def test_no_tolerance_is_offered_where_answers_differ_in_more_than_digits() -> None:
    for one, other in ((0.5, 0.6), (0.5, "0.5"), (1, None), ([1.0], [1.0, 2.0])):
        with pytest.raises(Unsteady) as refusal:
            learn([json.dumps({"a": one}).encode(), json.dumps({"a": other}).encode()], ("a",))
        assert "tolerance" not in str(refusal.value)


def test_answers_that_are_all_the_same_can_not_be_told_apart() -> None:
    assert distinct([]) == 0
    assert distinct([ONE, ONE]) == 1
    assert distinct([ONE, TWO]) == 2


def test_an_answer_survives_its_way_to_a_worker_and_into_a_record() -> None:
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(ONE), type=Answer) == ONE
    assert msgspec.convert(msgspec.to_builtins(ONE, builtin_types=(bytes,)), Answer) == ONE


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (1, 1.0, True),
        (True, 1, False),
        (1, 2, False),
        (1e12, 1e12 + 1, True),
        (None, None, True),
        ("a", "a", True),
        ({"a": [1]}, {"a": [1.0]}, True),
        ({"a": 1}, {"b": 1}, False),
        ([1], [1, 2], False),
    ],
)
def test_values_are_compared_as_json_means_them(one: Any, other: Any, equal: bool) -> None:
    assert same(one, other) is equal
