"""Every step passes on a platform that behaves, and fails on one that tells the one lie it should see."""

from __future__ import annotations

from typing import Any

import pytest
from lying_platform import DATA, Entered, LyingPlatform, run_step

from pynomaly_itest.errors import StepFailed
from pynomaly_itest.gates import judge_condition
from pynomaly_itest.measure import judge
from pynomaly_itest.measure.detection import quality
from pynomaly_itest.profile.expression import parse
from pynomaly_itest.steps.evaluate import _undefined
from pynomaly_itest.verdicts import Verdict

UPLOAD: dict[str, Any] = {"dataset": "data"}
CREATE: dict[str, Any] = {"algorithm": "hbos"}
TRAIN: dict[str, Any] = {"detector": "m1", "dataset": "d1"}
DETECT: dict[str, Any] = {"detector": "m1", "dataset": "d1"}
PREDICT: dict[str, Any] = {"detector": "m1", "dataset": "data", "rows": 20, "draw": "first"}
EVALUATE: dict[str, Any] = {"detector": "m1", "dataset": "d1", "source": "data"}


@pytest.mark.parametrize(
    ("kind", "config", "entered"),
    [
        ("upload_dataset", UPLOAD, ["datasets/d1"]),
        ("upload_dataset", {**UPLOAD, "format": "npy", "name": "n", "description": "d"}, ["datasets/d1"]),
        ("create_detector", CREATE, ["detectors/m1"]),
        ("train_detector", TRAIN, []),
        ("detect", DETECT, ["detection/results/r1"]),
        ("predict", PREDICT, []),
        ("evaluate", EVALUATE, ["detection/results/r1"]),
        ("wait_for_operation", {"operation": "o1"}, []),
    ],
)
def test_a_platform_that_behaves_passes_and_what_was_made_is_entered(
    kind: str, config: dict[str, Any], entered: list[str]
) -> None:
    ledger = Entered()
    assert run_step(kind, config, LyingPlatform(), ledger=ledger)
    assert ledger.entries == entered


@pytest.mark.parametrize(
    ("kind", "config", "lie", "words"),
    [
        ("upload_dataset", UPLOAD, "loses a row", "n_samples = 49, what was sent has 50"),
        ("upload_dataset", UPLOAD, "trains on the target", "n_features = 4, what was sent has 3"),
        ("upload_dataset", UPLOAD, "forgets the labels", "has_target = False, what was sent has True"),
        ("upload_dataset", {**UPLOAD, "labels": False}, None, "has_target = True, what was sent has False"),
        ("upload_dataset", {**UPLOAD, "rows": 20}, None, "n_samples = 50, what was sent has 20"),
        ("upload_dataset", UPLOAD, "no dataset id", "without the dataset's id"),
        ("upload_dataset", UPLOAD, "500 on datasets/upload", r"answered 500 \(boom\), expected 200 or 201"),
        ("create_detector", CREATE, "born fitted", "never trained says that it is fitted"),
        ("create_detector", CREATE, "html on detectors", "answered 200, expected|not JSON"),
        ("train_detector", TRAIN, "no operation", "without the operation's id"),
        ("train_detector", TRAIN, "training fails", "ended failed: out of memory"),
        ("train_detector", TRAIN, "never fitted", "says that it is not fitted"),
        ("train_detector", {**TRAIN, "timeout_s": 2.0}, "hangs in training", "still running after 2"),
        ("train_detector", TRAIN, "unknown state", "in no known state: 'dreaming'"),
        ("wait_for_operation", {"operation": "o1"}, "training fails", "ended failed, expected completed"),
        ("detect", DETECT, "drops a score", "has 49 scores and 50 labels"),
        ("detect", DETECT, "nan score", "not a finite number"),
        ("detect", DETECT, "miscounts", "its labels say 5"),
        ("detect", DETECT, "swaps labels", "labels and scores contradict each other"),
        ("detect", DETECT, "500 on detection/detect", "answered 500"),
        ("detect", DETECT, "endless score", "not a finite number"),
        ("detect", DETECT, "scores nothing", "scores no row at all"),
        ("detect", DETECT, "another detector", "asked for detector_id = m1, the reply is of m2"),
        ("detect", DETECT, "another dataset", "asked for dataset_id = d1, the reply is of d2"),
        ("detect", DETECT, "embellishes the rate", "says anomaly_rate = 0.5, its labels say 0.1"),
        ("detect", DETECT, "too low", "a normal row above its own threshold of 0.1"),
        ("detect", DETECT, "too high", "an anomaly below its own threshold of 2"),
        ("predict", PREDICT, "another detector", "asked for detector_id = m1, the reply is of m2"),
        ("predict", PREDICT, "scores a row too many", "20 rows were sent, the reply scores 21"),
        ("predict", PREDICT, "swaps labels", "contradict"),
        ("evaluate", EVALUATE, "embellishes", "reports accuracy = 0.99, its labels and scores give 1"),
        ("evaluate", EVALUATE, "nan accuracy", "reports accuracy = nan"),
        ("evaluate", EVALUATE, "endless accuracy", "reports accuracy = 1000"),
        ("evaluate", EVALUATE, "another dataset", "the reply is of d2"),
        ("evaluate", EVALUATE, "swaps labels", "contradict"),
        ("evaluate", EVALUATE, "500 on detection/evaluate", "answered 500"),
    ],
)
def test_a_lie_is_seen(kind: str, config: dict[str, Any], lie: str | None, words: str) -> None:
    with pytest.raises(StepFailed, match=words):
        run_step(kind, config, LyingPlatform(lie))


def test_an_upload_tells_the_share_of_labelled_anomalies() -> None:
    assert run_step("upload_dataset", UPLOAD, LyingPlatform())["label_rate"] == pytest.approx(0.1)


def test_training_time_is_what_a_user_waits_not_what_the_platform_says() -> None:
    values = run_step("train_detector", TRAIN, LyingPlatform())
    assert values["server_training_time_seconds"] == 0.5
    assert 0.02 < values["training_time_seconds"] < 0.2  # two pauses of the test's clock


def test_training_may_be_left_to_itself() -> None:
    platform = LyingPlatform()
    values = run_step("train_detector", {**TRAIN, "wait": False}, platform)
    assert values == {"operation_id": "o1", "status": "pending"}
    assert platform.polls == 0


def test_quality_is_computed_from_our_own_labels() -> None:
    values = run_step("evaluate", EVALUATE, LyingPlatform())
    accuracy = values["accuracy"](0.95)
    assert (accuracy.value, accuracy.n) == (1.0, len(DATA.X))
    assert accuracy.low == pytest.approx(0.929, abs=0.001)  # Clopper-Pearson for 50 of 50


def test_a_failing_call_fails_the_measurement_unless_errors_are_tolerated() -> None:
    config = {"step": {"detect": DETECT}, "repeat": 20, "warmup": 0}
    with pytest.raises(ExceptionGroup) as caught:
        run_step("measure", config, LyingPlatform("miscounts"))
    assert caught.group_contains(StepFailed, match="its labels say 5")
    values = run_step("measure", {**config, "tolerate_errors": True}, LyingPlatform("miscounts"))
    assert values["error_ratio"](0.95).value == 1.0
    assert values["count"] == 20
    assert "its labels say 5" in values["first_error"]


def test_a_measurement_keeps_every_number_and_counts_the_warm_up_apart() -> None:
    platform = LyingPlatform()
    config = {"step": {"detect": DETECT}, "repeat": 30, "warmup": 4, "concurrency": 3}
    values = run_step("measure", config, platform)
    assert platform.seen.count("POST detection/detect") == 34
    assert values["latency_ms"].n == 30
    assert values["n_samples"].values.tolist() == [50.0] * 30
    assert values["cached_ratio"](0.95).value == 0.0
    assert values["error_ratio"](0.95).value == 0.0
    rate = values["samples_per_second"](0.95)
    assert rate.value == pytest.approx(50 * values["requests_per_second"](0.95).value)
    assert rate.n == 30


@pytest.mark.parametrize(("anomalies", "verdict"), [(1, "inconclusive"), (4, "inconclusive"), (5, "passed")])
def test_a_handful_of_anomalies_certifies_no_quality(anomalies: int, verdict: str) -> None:
    truth = [1] * anomalies + [0] * 200
    figures = quality(truth, truth, [float(label) for label in truth])
    for name in ("roc_auc", "average_precision", "f1"):
        assert judge(figures[name](0.95), ">=", 0.5, confidence=0.95).verdict == verdict, name


@pytest.mark.parametrize(
    ("truth", "labels", "name", "why"),
    [
        ([0, 0, 0], [1, 0, 0], "recall", "no row is labelled an anomaly"),
        ([0, 1, 0], [0, 0, 0], "precision", "no row was flagged"),
        ([1, 1, 1], [1, 0, 1], "roc_auc", "every row is labelled an anomaly"),
    ],
)
def test_a_figure_that_has_no_value_says_why(
    truth: list[int], labels: list[int], name: str, why: str
) -> None:
    found = _undefined(truth, labels)
    assert why in found[name].reason
    judged = judge_condition(parse(f"{name} >= 0.5"), found)
    assert (judged.verdict, why in judged.reason) == (Verdict.INCONCLUSIVE, True)
    assert _undefined([0, 1], [0, 1]) == {}
