"""Schemathesis over the server's own OpenAPI document: whatever is sent, never a 5xx, always what is declared."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

MAX_EXAMPLES = 8


def test_the_openapi_document_is_complete(admin):
    document = admin.http.get("../../openapi.json").json()
    assert document["openapi"].startswith("3.1")
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"], (method, path)
            assert operation["responses"], (method, path)
    assert "examples" in json.dumps(document["components"]["schemas"]["DetectorRequest"])


def test_schemathesis_finds_no_server_error(make_server, tmp_path):
    pytest.importorskip("schemathesis")
    server = make_server(PYNOMALY_WORKERS="1")
    client = server.client()
    done = subprocess.run(
        [
            sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/openapi.json",
            "--header", f"Authorization: {client.http.headers['authorization']}",
            "--checks", "not_a_server_error,content_type_conformance,response_schema_conformance",
            "--exclude-path-regex", "logout|sessions/|stream|users/\\{id\\}$",
            "--max-examples", str(MAX_EXAMPLES), "--seed", "1", "--phases", "examples,fuzzing", "--no-color",
        ],
        capture_output=True, text=True, cwd=tmp_path, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4_000:] + done.stderr[-2_000:]
    assert "internal-error" not in server.log
