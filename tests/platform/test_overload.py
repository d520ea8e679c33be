"""Too much to do at once: some are refused, at once and by the book; health and figures are answered all the same."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

pytestmark = pytest.mark.serial

IMPATIENT = {"PYNOMALY_OVERLOAD_TARGET_S": "0.001", "PYNOMALY_OVERLOAD_INTERVAL_S": "0.001"}
AT_ONCE = 48


@pytest.fixture(scope="module")
def rows():
    return np.random.default_rng(0).normal(size=(2000, 5))


def asked_at_once(client, detector, rows):
    """As many answers as were asked for at the same time."""
    body = {"detector_id": detector, "rows": rows.tolist()}
    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(
            threads.map(lambda _: client.http.post("/detection/predict", json=body), range(2 * AT_ONCE))
        )


def figure(client, name):
    text = client.http.get("../../metrics").text
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name))


def test_some_are_refused_and_told_when_to_come_again_and_the_others_get_their_scores(make_server, rows):
    server = make_server(**IMPATIENT)
    client = server.client()
    detector, _ = client.trained(rows, "local_outlier_factor")
    expected = client.http.post(
        "/detection/predict", json={"detector_id": detector, "rows": rows.tolist()}
    ).json()["anomaly_scores"]
    answers = asked_at_once(client, detector, rows)
    assert {answer.status_code for answer in answers} == {200, 503}
    refused = [answer for answer in answers if answer.status_code == 503]
    for answer in refused:
        problem = answer.json()
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["retry-after"] in ("1", "2", "3")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert (problem["status"], problem["code"]) == (503, "overloaded")
        assert problem["request_id"] == answer.headers["x-request-id"]
    assert all(answer.json()["anomaly_scores"] == expected for answer in answers if answer.status_code == 200)
    assert figure(client, "pynomaly_http_requests_shed_total") == len(refused)
    assert "overloaded: requests are refused" in server.log
    assert "request failed" not in server.log


def test_health_and_figures_are_never_refused(make_server, rows):
    client = make_server(**IMPATIENT).client()
    detector, _ = client.trained(rows, "local_outlier_factor")
    with ThreadPoolExecutor(1) as beside:
        storm = beside.submit(asked_at_once, client, detector, rows)
        paths = ("/health", "/health/live", "/health/ready", "../../metrics")
        seen = [client.http.get(path).status_code for _ in range(10) for path in paths]
        assert {answer.status_code for answer in storm.result()} == {200, 503}
    assert set(seen) == {200}


def test_as_it_is_set_a_crowd_is_no_overload(make_server, rows):
    client = make_server().client()
    detector, _ = client.trained(rows)
    assert {answer.status_code for answer in asked_at_once(client, detector, rows[:1000])} == {200}
    assert figure(client, "pynomaly_http_requests_shed_total") == 0


def test_turned_off_it_refuses_nobody(make_server, rows):
    client = make_server(**IMPATIENT | {"PYNOMALY_OVERLOAD_TARGET_S": "0"}).client()
    detector, _ = client.trained(rows, "local_outlier_factor")
    assert {answer.status_code for answer in asked_at_once(client, detector, rows)} == {200}
