"""Settings, logs, bodies and the route table: the edges of the platform."""

from __future__ import annotations

import io
import json
import logging
import stat
from pathlib import Path

import jsonschema
import msgspec
import pytest

from pynomaly.api import schemas
from pynomaly.api.bodies import JsonBody, require_shallow
from pynomaly.api.endpoint import PathApp
from pynomaly.api.openapi import openapi_document
from pynomaly.api.problems import InternalError, as_platform_error, problem_body
from pynomaly.api.routes import ENDPOINTS
from pynomaly.domain.errors import CorruptStore, InvalidInput, Misconfigured
from pynomaly.logs import JsonLines
from pynomaly.settings import Settings, kept_secret, read_settings


def test_settings_come_from_the_environment_typed():
    found = read_settings({"PYNOMALY_WORKERS": "3", "PYNOMALY_ACCESS_LOG": "false"}, data_dir=Path("x"))
    assert (found.workers, found.access_log) == (3, False)
    assert found.data_dir.is_absolute()
    assert found.effective_database_url.startswith("sqlite:////")


@pytest.mark.parametrize("value", ["0", "-1", "many", ""])
def test_a_setting_that_can_not_be_is_named_and_not_repeated(value):
    with pytest.raises(Misconfigured) as refusal:
        read_settings({"PYNOMALY_WORKERS": value}, data_dir=Path("x"))
    assert "PYNOMALY_WORKERS" in refusal.value.detail


def test_settings_do_not_show_their_secrets():
    assert "hush" not in repr(
        Settings(data_dir=Path("x"), secret_key="hush", database_url="postgresql://u:hush@h")
    )


def test_a_kept_secret_is_made_once_and_for_the_owner_only(tmp_path):
    path = tmp_path / "secret"
    first = kept_secret(path)
    assert kept_secret(path) == first
    assert len(first) >= 43
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_logs_are_lines_of_json_without_an_exceptions_words():
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    logger = logging.Logger("x")
    logger.addHandler(handler)
    try:
        raise ValueError("hush")
    except ValueError:
        logger.exception("it\nbroke", extra={"request_id": "r1"})
    line = json.loads(stream.getvalue())
    assert (line["message"], line["error"], line["request_id"]) == ("it\nbroke", "ValueError", "r1")
    assert stream.getvalue().count("\n") == 1
    assert "hush" not in stream.getvalue()


def test_what_we_did_wrong_is_told_to_nobody():
    for error in (ValueError("/etc/x"), CorruptStore("/etc/x")):
        problem = json.loads(problem_body(as_platform_error(error), "/p", "r"))
        assert problem["status"] == 500
        assert "/etc" not in problem["detail"]
    assert isinstance(as_platform_error(KeyError("x")), InternalError)
    assert as_platform_error(OSError(28, "No space left on device")).status == 507


body = JsonBody(schemas.DetectorRequest)


@pytest.mark.parametrize(
    "text",
    [
        '{"algorithm_name": "a", "algorithm_name": "b"}',
        '{"algorithm_name": "a", "\\u0061lgorithm_name": "b"}',
        '{"algorithm_name": "a", "parameters": {"x": 1, "x": 2}}',
        '{"algorithm_name": "a", "metadata": {"x": "%s"}, "algorithm_name": "b"}' % ("y" * 20_000),
    ],
)
def test_twofold_keys_are_refused_wherever_they_hide(text):
    with pytest.raises(InvalidInput, match="twice"):
        body.decode(text.encode())


def test_free_form_json_has_a_limited_depth():
    nested = value = {}
    for _ in range(40):
        value["x"] = {}
        value = value["x"]
    with pytest.raises(InvalidInput):
        require_shallow(nested, "metadata")
    require_shallow({"a": [1, {"b": None}]}, "metadata")


def test_the_openapi_document_says_what_the_route_table_says():
    document = openapi_document(ENDPOINTS)
    listed = {(m.upper(), p) for p, methods in document["paths"].items() for m in methods}
    assert listed == {(endpoint.method, endpoint.path) for endpoint in ENDPOINTS}
    ids = [op["operationId"] for methods in document["paths"].values() for op in methods.values()]
    assert len(set(ids)) == len(ids)
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    public = [
        op for methods in document["paths"].values() for op in methods.values() if op.get("security") == []
    ]
    assert len(public) == len([endpoint for endpoint in ENDPOINTS if endpoint.is_public])


def test_every_route_that_is_not_public_names_its_permission_or_is_about_oneself():
    about_oneself = ("/api/v1/auth/", "/api/v1/admin/users/{id}")  # the latter checks who is meant
    for endpoint in ENDPOINTS:
        if not endpoint.is_public and endpoint.permission is None:
            assert endpoint.path.startswith(about_oneself), endpoint.path
    assert PathApp.__call__.__doc__


def test_a_request_struct_takes_no_field_that_it_does_not_know():
    for endpoint in ENDPOINTS:
        if endpoint.body is not None:
            with pytest.raises(msgspec.ValidationError):
                msgspec.convert({"owner_id": "x", "role": "admin", "no_such_field": 1}, endpoint.body)
            assert endpoint.body.__struct_config__.forbid_unknown_fields
