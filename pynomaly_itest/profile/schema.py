"""The JSON Schema of profiles, for completion in editors: derived from the models and the registries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pynomaly_itest.profile.file import ProfileFile, StepOptions
from pynomaly_itest.profile.settings import DEFAULT_BENCHMARKS
from pynomaly_itest.registry import ADAPTERS, DATASETS, STEPS

_LOOK_UP = {"type": "string", "pattern": r"\$\{\{"}
_FIXED = {
    "type": "boolean",
    "default": False,
    "description": "scenarios are written for these very rows: neither --dataset nor --set may change them",
}
_STEP_LISTS = ("setup", "steps", "catch", "finally")


def profile_schema() -> dict[str, Any]:
    """A JSON Schema (draft 2020-12) that accepts what the loader accepts, short of what only it can check.

    Wherever a step's or a dataset's config takes a value, it also takes a text with a `${{ … }}` in it.
    """
    schema = ProfileFile.model_json_schema()
    definitions: dict[str, Any] = schema.setdefault("$defs", {})
    definitions["Step"] = _step(definitions)
    definitions["Dataset"] = _dataset(definitions)
    definitions["Service"] = _service(definitions)
    scenario = definitions["ScenarioFile"]["properties"]
    for name in _STEP_LISTS:
        scenario[name] |= {"items": {"$ref": "#/$defs/Step"}}
    definitions["PythonScenario"] = _python_scenario(scenario)
    properties = schema["properties"]
    either = [{"$ref": "#/$defs/ScenarioFile"}, {"$ref": "#/$defs/PythonScenario"}]
    properties["scenarios"] |= {"items": {"anyOf": either}}
    properties["service"] = {
        "anyOf": [{"$ref": "#/$defs/Service"}, {"type": "string"}],
        "description": properties["service"]["description"],
    }
    lists = {"type": "array", "items": {"$ref": "#/$defs/Step"}}
    _of_names(properties["step_lists"], lists)
    _of_names(properties["datasets"], {"$ref": "#/$defs/Dataset"})
    for section in (properties["benchmarks"], scenario["benchmarks"]):
        section["properties"] = {name: {"type": "number"} for name in DEFAULT_BENCHMARKS}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A profile of pynomaly-itest",
        **{key: value for key, value in schema.items() if key != "title"},
    }


def _python_scenario(scenario: Mapping[str, Any]) -> dict[str, Any]:
    """A scenario written in Python; what stands beside it is stronger than what its decorator says."""
    where = {"type": "string", "description": "FILE.py or FILE.py::FUNCTION, beside the profile"}
    beside = {key: value for key, value in scenario.items() if key != "steps"}
    return {
        "type": "object",
        "required": ["python"],
        "additionalProperties": False,
        "properties": {"python": where, **beside},
    }


def _of_names(mapping: dict[str, Any], value: dict[str, Any]) -> None:
    """A mapping from names, whose pattern pydantic has written already, to such values."""
    mapping["patternProperties"] = dict.fromkeys(mapping["patternProperties"], value)
    mapping["additionalProperties"] = False


def _step(definitions: dict[str, Any]) -> dict[str, Any]:
    """A step is one kind with its options, or an `include`."""
    options = StepOptions.model_json_schema(ref_template="#/$defs/{model}")["properties"]
    include = {"type": "string", "description": "a name of step_lists, or a file with a list of steps"}
    choices: list[dict[str, Any]] = [
        {"required": ["include"], "additionalProperties": False, "properties": {"include": include}}
    ]
    for name, kind in STEPS.items():
        config = _config(kind.model_json_schema(), kind.summary, definitions)
        taken: dict[str, Any] = {"anyOf": [config, {"type": "string"}]} if kind.shorthand else config
        if not config.get("required"):
            taken = {"anyOf": [taken, {"type": "null"}], "description": kind.summary}
        choices.append(
            {"required": [name], "additionalProperties": False, "properties": {name: taken, **options}}
        )
    return {"type": "object", "anyOf": choices}


def _dataset(definitions: dict[str, Any]) -> dict[str, Any]:
    choices = []
    for name, kind in DATASETS.items():
        config = _config(kind.model_json_schema(), kind.summary, definitions, look_ups=False)
        config["properties"] = {"kind": {"const": name}, **config.get("properties", {}), "fixed": _FIXED}
        config["required"] = ["kind", *config.get("required", [])]
        choices.append(config)
    return {"type": "object", "anyOf": choices}


def _service(definitions: dict[str, Any]) -> dict[str, Any]:
    choices = []
    for name, kind in ADAPTERS.items():
        config = _config(kind.model_json_schema(), kind.summary, definitions)
        config["properties"] = {**config["properties"], "adapter": {"const": name}}
        choices.append(config)
    return {"type": "object", "anyOf": choices}


def _config(
    schema: dict[str, Any], summary: str, definitions: dict[str, Any], *, look_ups: bool = True
) -> dict[str, Any]:
    """A kind's own schema, its nested definitions moved to the profile's."""
    definitions.update(schema.pop("$defs", {}))
    schema.pop("title", None)
    schema["description"] = summary
    if look_ups:
        schema["properties"] = {
            key: _or_look_up(value) for key, value in schema.get("properties", {}).items()
        }
    return schema


def _or_look_up(value: Mapping[str, Any]) -> dict[str, Any]:
    about = {key: value[key] for key in ("description", "default") if key in value}
    bare = {key: item for key, item in value.items() if key not in (*about, "title")}
    return {"anyOf": [bare, _LOOK_UP], **about}
