"""Who hears of each round: the folder's keeper, the metrics page, the webhook."""

from __future__ import annotations

import http.client
import json
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import misbehaving
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from pynomaly_itest.cli.exposition import Exposition
from pynomaly_itest.cli.retention import Retention
from pynomaly_itest.cli.rounds import Round
from pynomaly_itest.cli.stopping import Stop
from pynomaly_itest.cli.webhook import Webhook, checked, message
from pynomaly_itest.errors import ExitCode, UsageError
from pynomaly_itest.verdicts import Verdict

MakeRound = Callable[..., Round]


def test_the_newest_rounds_are_kept_and_nothing_else_is_touched(round_of: MakeRound, tmp_path: Path) -> None:
    out = tmp_path / "reports"
    by_hand = out / "20250101T000000Z-smoke"
    by_hand.mkdir(parents=True)
    other = out / "20250101T000000Z-e2e"
    other.mkdir()
    (other / ".round").write_text("e2e")
    planted = out / "20250101T000001Z-smoke"
    planted.mkdir()
    (planted / ".round").write_text("smoke")
    (planted / "run.jsonl").write_text("{}\n")
    keeper = Retention(out, "smoke", keep=2)
    for number in range(1, 6):
        keeper(round_of(number))
    (out / "latest").symlink_to("20260314T092605Z-smoke")
    assert sorted(each.name for each in out.iterdir()) == [
        other.name,
        by_hand.name,
        planted.name,
        "20260314T092604Z-smoke",
        "20260314T092605Z-smoke",
        "latest",
    ]


def scrape(url: str, path: str = "/metrics", host: str | None = None) -> tuple[int, str]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    connection.request("GET", path, headers={"Host": host} if host else {})
    reply = connection.getresponse()
    text = reply.read().decode()
    connection.close()
    return reply.status, text


def figures(text: str) -> dict[str, float]:
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name + "".join(f"[{value}]" for value in sample.labels.values())] = sample.value
    return found


def test_metrics_are_openmetrics_before_and_after_each_round(round_of: MakeRound, lost_round: Round) -> None:
    with Exposition(0, lambda: 1_800_000_000.0) as exposition:
        before = figures(scrape(exposition.url)[1])
        exposition(round_of(1, Verdict.FAILED))
        after = figures(scrape(exposition.url)[1])
        exposition(lost_round)
        lost = figures(scrape(exposition.url)[1])
    assert before == {"pynomaly_itest_rounds_total[0]": 0, "pynomaly_itest_verdict_changes_total": 0}
    assert after["pynomaly_itest_rounds_total[1]"] == 1
    assert after["pynomaly_itest_exit_code"] == after["pynomaly_itest_round_exit_code"] == 1
    assert after["pynomaly_itest_round_ended_timestamp_seconds"] == 1_800_000_000
    assert lost["pynomaly_itest_verdict_changes_total"] == 1
    assert lost["pynomaly_itest_rounds_total[2]"] == 1
    assert "pynomaly_itest_exit_code" not in lost, "a round without a run has no figures of a run"


def test_metrics_answer_this_machine_by_its_name_only() -> None:
    with Exposition(0, lambda: 0.0) as exposition:
        port = urlsplit(exposition.url).port
        assert scrape(exposition.url, host=f"evil.example:{port}")[0] == 421
        assert scrape(exposition.url, "/etc/passwd")[0] == 404
        assert scrape(exposition.url, host=f"localhost:{port}")[0] == 200
        with pytest.raises(UsageError, match="--metrics-port"):
            Exposition(port or 0, lambda: 0.0)


def receiver(statuses: list[int], heads: list[str]) -> misbehaving.Behaviour:
    def behave(head: str, connection: misbehaving.Connection) -> None:
        heads.append(head)
        connection.answer(statuses.pop(0), "</script>" * 100, "text/html")

    return behave


def test_the_webhook_hears_of_changes_only_and_again_where_it_failed(round_of: MakeRound) -> None:
    heads: list[str] = []
    warned: list[str] = []
    with misbehaving.serving(receiver([500, 200, 200], heads)) as url:
        webhook = Webhook(f"{url}/hook/s3cret", warned.append)
        webhook(round_of(1))
        assert heads == [], "a first round that passed is no news"
        webhook(round_of(2, Verdict.FAILED))
        assert warned == ["the webhook was not told: it answered 500"]
        webhook(round_of(3, Verdict.FAILED))
        webhook(round_of(4, Verdict.FAILED))
        webhook(round_of(5))
        webhook(round_of(6))
    assert len(heads) == 3
    assert len(warned) == 1
    assert heads[0].startswith("POST /hook/s3cret ")
    assert "s3cret" not in repr(webhook) + "".join(warned)


def test_a_webhook_that_is_not_there_is_a_warning_without_its_address(round_of: MakeRound) -> None:
    warned: list[str] = []
    Webhook("http://127.0.0.1:1/s3cret", warned.append)(round_of(1, Verdict.FAILED))
    assert warned == ["the webhook was not told: ConnectError"]


def test_what_is_told_holds_no_markup_and_is_bounded(round_of: MakeRound, lost_round: Round) -> None:
    said = message(round_of(1, Verdict.FAILED, "<!channel> \x1b[31m" + "x" * 9999), ExitCode.PASSED)
    text = str(said["text"])
    assert text.startswith(
        "pynomaly-itest smoke on http://127.0.0.1:8000: failed (exit 1): &lt;!channel&gt; "
    )
    assert len(text) < 500
    assert "\x1b" not in text
    assert said["scenarios"] == [{"id": "health", "verdict": "failed"}]
    assert (said["exit_code"], said["was_exit_code"]) == (1, 0)
    assert json.loads(json.dumps(said)) == said
    assert "no space left" in str(message(lost_round, ExitCode.PASSED)["text"])


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example/s3cret",
        "ftp://hooks.example/s3cret",
        "http://hooks.example/s3cret",
        "http://169.254.169.254/s3cret",
        "https://[/s3cret",
        "https://hooks.example:99999/s3cret",
        "https://hooks.example/s3cret\r\nHost: x",
    ],
)
def test_a_webhook_that_could_tell_others_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(UsageError) as refusal:
        checked(url)
    assert "s3cret" not in str(refusal.value) + str(refusal.value.hint)


@pytest.mark.parametrize("url", ["https://10.0.0.7/s3cret", "https://[::ffff:169.254.169.254]/s3cret"])
def test_a_webhook_inside_of_a_network_is_not_told(round_of: MakeRound, url: str) -> None:
    warned: list[str] = []
    Webhook(url, warned.append)(round_of(1, Verdict.FAILED))
    assert warned == ["the webhook was not told: its address is neither this machine's nor public"]


def test_waiting_ends_with_a_signal_and_gives_the_handlers_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with Stop() as stop:
        assert stop.wait(0.0) is False
        timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGTERM))
        timer.start()
        assert stop.wait(30.0) is True
        timer.join()
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_signal_before_the_waiting_is_not_lost() -> None:
    with Stop() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.wait(30.0) is True
