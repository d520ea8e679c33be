"""The server: this machine only, by its own name only, nothing but reading, nothing but what belongs to a run."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from past_runs import HOSTILE, write_run

from pynomaly_itest.errors import UsageError
from pynomaly_itest.history.server import HistoryServer

RUN = "20260303T101500Z-performance"


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    reports = tmp_path_factory.mktemp("history") / "reports"
    folder = write_run(reports, 3, 60, title=HOSTILE)
    write_run(reports, 4, 30, finished=False, title=HOSTILE)
    (reports.parent / "secret.svg").write_text("outside")
    (folder / "flamegraph.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (folder / "coverage" / "html").mkdir(parents=True)
    (folder / "coverage" / "html" / "index.html").write_text("<p>covered</p>")
    (folder / "coverage" / "secret.svg").symlink_to(reports.parent / "secret.svg")
    (folder / "target.log").write_text("not to be shown")
    return reports


@pytest.fixture(scope="module")
def server(reports: Path) -> Iterator[HistoryServer]:
    with HistoryServer(reports) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def ask(
    server: HistoryServer, path: str, method: str = "GET", host: str | None = None
) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    connection.putrequest(method, path, skip_host=True)
    connection.putheader("Host", f"127.0.0.1:{server.server_port}" if host is None else host)
    connection.endheaders()
    reply = connection.getresponse()
    reply.text = reply.read().decode()  # type: ignore[attr-defined]
    connection.close()
    return reply


def test_it_listens_on_this_machine_only(server: HistoryServer) -> None:
    assert server.server_address[0] == "127.0.0.1"
    assert server.url == f"http://127.0.0.1:{server.server_port}/"


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/", "did not come to its end"),
        ("/trends?profile=performance", "detect.latency_ms.p95"),
        ("/trends?profile=performance&target=bundled", "detect.latency_ms.p95"),
        (f"/compare?a={RUN}&b=20260304T101500Z-performance", "Not a judgement"),
        (f"/runs/{RUN}/report.html", "flamegraph.svg"),
        (f"/runs/{RUN}/live", "Ended"),
        (f"/runs/{RUN}/state.json", '"state": "ended"'),
        (f"/runs/{RUN}/flamegraph.svg", "<svg"),
        (f"/runs/{RUN}/coverage/html/index.html", "covered"),
    ],
)
def test_pages(server: HistoryServer, path: str, says: str) -> None:
    reply = ask(server, path)
    assert reply.status == 200
    assert says in reply.text  # type: ignore[attr-defined]
    assert "default-src 'none'" in reply.headers["Content-Security-Policy"]
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert reply.headers["Access-Control-Allow-Origin"] is None
    if reply.headers["Content-Type"].startswith("text/html"):
        assert "<script>window.pwned" not in reply.text  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "path",
    [
        "/nope",
        "//etc/passwd",
        "/runs/",
        "/runs/absent/report.html",
        f"/runs/{RUN}",
        f"/runs/{RUN}/run.jsonl",
        f"/runs/{RUN}/target.log",
        "/runs/../secret.svg",
        "/runs/..%2f..%2fsecret.svg/report.html",
        f"/runs/{RUN}/coverage/../../../secret.svg",
        f"/runs/{RUN}/coverage/..%2f..%2f..%2fsecret.svg",
        f"/runs/{RUN}/coverage/secret.svg",
        f"/runs/{RUN}/coverage//etc/passwd",
        f"/runs/{RUN}/coverage/%00",
        f"/runs/{RUN}/coverage/" + "a" * 300,
        f"/runs/{RUN}/coverage",
        "/compare?a=x",
        f"/compare?a={RUN}",
        "/trends",
        "/trends?profile=" + "x" * 300,
        "/?" + "&".join(f"a{i}=1" for i in range(50)),
    ],
)
def test_there_is_nothing_else(server: HistoryServer, path: str) -> None:
    reply = ask(server, path)
    assert reply.status == 404
    assert "outside" not in reply.text  # type: ignore[attr-defined]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_nothing_can_be_changed(server: HistoryServer, method: str) -> None:
    assert ask(server, "/", method).status == 405


def test_head_has_no_body(server: HistoryServer) -> None:
    reply = ask(server, "/", "HEAD")
    assert (reply.status, reply.text) == (200, "")  # type: ignore[attr-defined]


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "", "127.0.0.1:1", "evil.example:{port}"])
def test_a_page_that_resolved_its_name_to_us_gets_nothing(server: HistoryServer, host: str) -> None:
    reply = ask(server, "/", host=host.format(port=server.server_port))
    assert reply.status == 421
    assert "performance" not in reply.text  # type: ignore[attr-defined]


def test_localhost_is_us(server: HistoryServer) -> None:
    assert ask(server, "/", host=f"localhost:{server.server_port}").status == 200


def test_a_taken_port_and_an_absent_folder_are_told(
    server: HistoryServer, reports: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="can't listen"):
        HistoryServer(reports, server.server_port)
    with pytest.raises(UsageError, match="no folder"):
        HistoryServer(tmp_path / "absent")
