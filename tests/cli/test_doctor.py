"""The doctor says what is there, what isn't, and how to mend it."""

from __future__ import annotations

import socketserver
import threading

import misbehaving
from command_line import Itest

SUBJECTS = ("Python", "packages", "ports", "Redis", "PostgreSQL", "disk", "memory", "clock", "CPU noise")


def test_every_subject_is_looked_at(itest: Itest) -> None:
    done = itest("doctor")
    assert done.code == 0, done.text
    for subject in SUBJECTS:
        assert any(line[2:].startswith(subject) for line in done.out.splitlines()), subject


def test_what_does_not_answer_is_named_with_a_mend_and_no_secret(itest: Itest) -> None:
    port = misbehaving.closed_port()
    done = itest(
        "doctor",
        PYNOMALY_TEST_REDIS_URL=f"redis://:hunter22@127.0.0.1:{port}",
        PYNOMALY_TEST_DATABASE_URL=f"postgresql://me:hunter22@127.0.0.1:{port}/db",
    )
    assert done.code == 0, "a run goes on without them"
    assert f"? Redis       no server answers at redis://[redacted]@127.0.0.1:{port}" in done.out
    assert "mend: start it (redis-server), or go without" in done.out
    assert "SQLite is used then" in done.out
    assert "hunter22" not in done.text


class Greeter(socketserver.BaseRequestHandler):
    """Speaks first, and no PostgreSQL."""

    def handle(self) -> None:
        self.request.sendall(b"220 mail.example ready\r\n")


def test_what_answers_but_is_something_else_is_told(itest: Itest) -> None:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Greeter) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        done = itest(
            "doctor", PYNOMALY_TEST_DATABASE_URL=f"postgresql://127.0.0.1:{server.server_address[1]}/db"
        )
        server.shutdown()
    assert "is no PostgreSQL" in done.out, done.text
