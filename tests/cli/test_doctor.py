"""The doctor says what is there, what isn't, and how to mend it."""

from __future__ import annotations

import socketserver
import subprocess
import sys
import threading
import tomllib
from pathlib import Path

import misbehaving
from command_line import Itest, environment

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


class Closed(socketserver.BaseRequestHandler):
    """A Redis that wants a password."""

    def handle(self) -> None:
        known = b"hunter22" in self.request.recv(200)
        self.request.sendall(b"+OK\r\n" if known else b"-NOAUTH Authentication required.\r\n")


def test_a_redis_that_does_not_let_us_in_is_none_to_use(itest: Itest) -> None:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Closed) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"127.0.0.1:{server.server_address[1]}"
        refused = itest("doctor", PYNOMALY_TEST_REDIS_URL=f"redis://{address}")
        let_in = itest("doctor", PYNOMALY_TEST_REDIS_URL=f"redis://:hunter22@{address}")
        server.shutdown()
    assert f"? Redis       Redis at redis://{address} does not let us in (NOAUTH)" in refused.out, (
        refused.text
    )
    assert "✓ Redis" in let_in.out, let_in.text


def test_a_package_that_is_installed_and_broken_is_no_good(itest: Itest, tmp_path: Path) -> None:
    (tmp_path / "msgspec.py").write_text("raise ImportError('built for another Python')")
    done = itest("doctor", PYTHONPATH=str(tmp_path))
    assert done.code == 1, done.text
    assert "✗ packages    installed, but can't be used: ImportError: built for another Python" in done.out


def test_every_package_that_the_project_needs_is_looked_for() -> None:
    from pynomaly_itest.cli.examinations import _needed

    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert len(_needed()) == len(project["dependencies"])


def test_modules_in_the_working_folder_are_not_run(itest: Itest) -> None:
    planted = "from pathlib import Path\nPath(__file__).with_suffix('.ran').touch()\n"
    for name in ("numpy", "scipy", "pyarrow", "pynomaly", "pynomaly_itest"):
        (itest.folder / f"{name}.py").write_text(planted)
    script = Path(sys.executable).with_name("pynomaly-itest")  # as users start it: -m would search the folder
    done = subprocess.run(
        [script, "doctor"], cwd=itest.folder, capture_output=True, text=True, env=environment()
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert not list(itest.folder.glob("*.ran"))
