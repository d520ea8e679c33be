"""From the `service:` block as a profile says it to the adapter of a run: the environment is looked up, and hidden."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from pynomaly_itest.adapters.base import Adapter
from pynomaly_itest.errors import UsageError
from pynomaly_itest.profile.model import ServiceSpec
from pynomaly_itest.profile.service import ENVIRONMENT_LOOK_UP
from pynomaly_itest.redaction import Redactor
from pynomaly_itest.registry import ADAPTERS


def bind(spec: ServiceSpec, environment: Mapping[str, str], redactor: Redactor) -> Adapter:
    """The adapter; whatever comes from the environment, and every secret, is hidden from now on.

    Raises UsageError for a variable that is not set, or holds what can't stand there.
    """
    config = _looked_up(spec.config, environment, redactor)
    kind: Any = ADAPTERS[spec.adapter]
    try:
        adapter = kind.model_validate(config)
    except ValidationError as problem:  # its values may be secrets: only the place is told
        where = ".".join(map(str, problem.errors()[0]["loc"]))
        raise UsageError(f"service.{where} can't be what the environment says there") from problem
    assert isinstance(adapter, Adapter)  # noqa: S101 - the registry holds nothing else
    for secret in adapter.auth.secrets() if adapter.auth is not None else ():
        redactor.learn(secret)
    return adapter


def _looked_up(value: Any, environment: Mapping[str, str], redactor: Redactor) -> Any:
    if isinstance(value, Mapping):
        return {key: _looked_up(item, environment, redactor) for key, item in value.items()}
    if isinstance(value, list):
        return [_looked_up(item, environment, redactor) for item in value]
    if not isinstance(value, str):
        return value

    def of(name: str) -> str:
        said = environment.get(name, "")
        if not said:
            raise UsageError(
                f"the service needs ${name}, which is not set", hint=f"export {name}=…, and run again"
            )
        redactor.learn(said)
        return said

    return ENVIRONMENT_LOOK_UP.sub(lambda match: of(match[1]), value)
