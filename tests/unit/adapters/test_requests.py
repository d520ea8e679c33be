"""What each adapter sends for the same rows, held against the protocols' own documents."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from pynomaly_itest.adapters.base import Adapter
from pynomaly_itest.datasets.base import Dataset
from pynomaly_itest.datasets.rows import Rows
from pynomaly_itest.errors import UsageError
from pynomaly_itest.registry import ADAPTERS

TABLE = Dataset("t", np.array([[1.5, 2.0], [3.5, np.nan], [5.5, 6.0]]), ("a", "b"), integers=frozenset({"b"}))
ROWS = Rows.of(TABLE)
SCORE = {"scores": "predictions", "higher_is": "anomalous"}


def adapter(kind: str, **block: Any) -> Adapter:
    made: Any = ADAPTERS[kind]
    found = made.model_validate({"adapter": kind, **block})
    assert isinstance(found, Adapter)
    return found


def body(kind: str, **block: Any) -> Any:
    return json.loads(adapter(kind, **block).score_request(ROWS).body)


def mapped(template: Any) -> Any:
    score = {"path": "/p", "body": template, "scores": "s", "higher_is": "normal"}
    return adapter("mapping", score=score).score_request(ROWS)


@pytest.mark.parametrize(
    ("template", "sent"),
    [
        ({"data": "$rows"}, {"data": [[1.5, 2], [3.5, None], [5.5, 6]]}),
        ("$records", [{"a": 1.5, "b": 2}, {"a": 3.5, "b": None}, {"a": 5.5, "b": 6}]),
        ({"x": ["$columns", "$count"]}, {"x": [{"a": [1.5, 3.5, 5.5], "b": [2, None, 6]}, 3]}),
        (
            {"v": "$flat", "w": "$width", "n": "$names"},
            {"v": [1.5, 2, 3.5, None, 5.5, 6], "w": 2, "n": ["a", "b"]},
        ),
        ({"csv": "$csv", "kept": 1}, {"csv": "a,b\n1.5,2\n3.5,\n5.5,6\n", "kept": 1}),
    ],
)
def test_a_template_takes_the_rows_where_it_names_them(template: Any, sent: Any) -> None:
    assert json.loads(mapped(template).body) == sent


def test_whole_bodies_say_what_they_are() -> None:
    assert mapped("$csv").headers["Content-Type"] == "text/csv"
    assert mapped("$csv_without_names").body == b"1.5,2\n3.5,\n5.5,6\n"
    assert mapped("$ndjson").body.count(b"\n") == 3
    assert np.load(io.BytesIO(mapped("$npy").body)).shape == (3, 2)


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ({"data": "$row_list"}, r"\$row_list is none of"),
        ({"data": "rows"}, "the body carries no rows"),
        ({"n": "$count"}, "the body carries no rows"),
        ({"data": "$npy"}, "a whole body"),
    ],
)
def test_a_template_that_can_not_ask_anything_is_a_mistake(template: Any, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        mapped(template)


def test_a_lone_row_is_one_row_only() -> None:
    with pytest.raises(UsageError, match="most_rows: 1"):
        mapped({"x": "$row"})
    one = adapter("mapping", score={"path": "/p", "body": "$record", "scores": "s", "higher_is": "normal"})
    assert json.loads(one.score_request(ROWS.part(0, 1)).body) == {"a": 1.5, "b": 2}


def test_the_open_inference_protocol_takes_one_tensor_or_one_a_column() -> None:
    block: dict[str, Any] = {"model": "m", "score": {"scores": "predict", "higher_is": "normal"}}
    asked = adapter("oip-v2", **block).score_request(ROWS)
    assert (asked.method, asked.path) == ("POST", "/v2/models/m/infer")
    assert json.loads(asked.body) == {
        "inputs": [
            {"name": "input-0", "shape": [3, 2], "datatype": "FP64", "data": [1.5, 2, 3.5, None, 5.5, 6]}
        ]
    }
    columns = body("oip-v2", **block, layout="columns", content_type="pd", outputs=["predict"])
    assert columns["inputs"][1] == {"name": "b", "shape": [3, 1], "datatype": "INT64", "data": [2, None, 6]}
    assert columns["parameters"] == {"content_type": "pd"}
    assert columns["outputs"] == [{"name": "predict"}]


def test_an_output_is_found_by_its_name() -> None:
    block = {
        "model": "m",
        "score": {"scores": "score", "labels": "label", "higher_is": "normal", "anomaly": -1},
    }
    answer = {
        "outputs": [
            {"name": "label", "shape": [2, 1], "datatype": "INT64", "data": [1, -1]},
            {"name": "score", "shape": [2, 1], "datatype": "FP64", "data": [0.1, -0.1]},
        ]
    }
    reply = adapter("oip-v2", **block).answers.read(answer, 2)
    assert (reply.scores, reply.labels) == ((-0.1, 0.1), (0, 1))


@pytest.mark.parametrize(
    ("orient", "sent"),
    [
        ("split", {"dataframe_split": {"columns": ["a", "b"], "data": [[1.5, 2], [3.5, None], [5.5, 6]]}}),
        ("records", {"dataframe_records": ROWS.records()}),
        ("columns", {"inputs": {"a": [1.5, 3.5, 5.5], "b": [2, None, 6]}}),
        ("rows", {"inputs": [[1.5, 2], [3.5, None], [5.5, 6]]}),
    ],
)
def test_mlflow_takes_a_frame_in_each_of_its_orientations(orient: str, sent: Any) -> None:
    assert body("mlflow", orient=orient, score=SCORE) == sent
    assert adapter("mlflow", score=SCORE).ready_path.path == "/ping"  # type: ignore[union-attr]


def test_kserve_takes_instances() -> None:
    asked = adapter("kserve-v1", model="a/b", score=SCORE).score_request(ROWS)
    assert asked.path == "/v1/models/a%2Fb:predict"
    assert json.loads(asked.body) == {"instances": [[1.5, 2], [3.5, None], [5.5, 6]]}


def test_the_platform_is_asked_for_one_of_its_models() -> None:
    platform = adapter("pynomaly")
    assert json.loads(platform.score_request(ROWS.part(0, 1), model="d").body) == {
        "detector_id": "d",
        "rows": [[1.5, 2.0]],
    }
    with pytest.raises(UsageError, match="say which"):
        platform.score_request(ROWS)


def test_rows_go_round_and_keep_their_names_and_types() -> None:
    around = Rows.of(TABLE, [2, 3])
    assert around.lists() == [[5.5, 6], [1.5, 2]]
    assert isinstance(around.lists()[0][1], int)
