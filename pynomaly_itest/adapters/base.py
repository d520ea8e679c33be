"""What every adapter is: a strict model of the `service:` block, which says what to send and how to read the answer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, field_validator

from pynomaly_itest.adapters.answers import Answers, JMESPath
from pynomaly_itest.adapters.auth import Auth
from pynomaly_itest.errors import UsageError
from pynomaly_itest.profile.expression import parse_quantity

if TYPE_CHECKING:
    from pynomaly_itest.datasets.rows import Rows


class Capability(StrEnum):
    """What a service may or may not be able to do; `means` says it in a skip's reason."""

    READY = "ready"
    VERSION = "version"
    SCORE = "score"
    SCORES = "scores"
    LABELS = "labels"
    STEADY = "steady"
    AUTHENTICATION = "authentication"
    PLATFORM = "platform"

    @property
    def means(self) -> str:
        return _MEANINGS[self]


_MEANINGS: Mapping[Capability, str] = {
    Capability.READY: "an address that tells whether the service is ready (`ready:`)",
    Capability.VERSION: "an address that tells the service's version (`version:`)",
    Capability.SCORE: "a request that scores rows (`score:`)",
    Capability.SCORES: "scores in the answer (`score: {scores: …}`)",
    Capability.LABELS: "labels or a threshold in the answer (`score: {labels: …}`)",
    Capability.STEADY: "the same answer to the same rows, which `stateful: true` denies",
    Capability.AUTHENTICATION: "requests that identify themselves (`auth:`)",
    Capability.PLATFORM: "the platform's API: uploads, training, accounts",
}


class Part(BaseModel):
    """A strict part of the block."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)


PathText = Field(pattern=r"^/", description="a path of the service, with its query; the host is the target's")


class Ready(Part):
    """Where the service tells whether it takes requests."""

    path: str = PathText
    status: int = Field(200, ge=100, le=599, description="the status that means ready")
    at: JMESPath | None = Field(None, description="JMESPath into the answer's JSON of what must then be true")


class Version(Part):
    """Where the service tells its version."""

    path: str = PathText
    at: JMESPath | None = Field(
        None, description="JMESPath of the version in the JSON; without it, all the text"
    )


class Data(Part):
    """What the service is asked with: a deployed model has columns of its own."""

    rows: str | None = Field(None, description="a file of rows as the model takes them")
    labelled: str | None = Field(None, description="a file of rows with their true labels: FILE:COLUMN")


class Invalid(Part):
    """What bodies that are no good must be answered with."""

    taken: list[str] = Field(
        default_factory=list, description="what `refuses` sends and the service takes on purpose: [wide]"
    )
    expect: list[int] = Field(
        default_factory=lambda: [400, 413, 415, 422], min_length=1, description="the statuses of a refusal"
    )


class Start(Part):
    """A command that starts the service on this machine."""

    command: str = Field(min_length=1, description="the command, with {port} where the port goes; no shell")
    ready_within: str | float = Field("60s", description="how long it may take until it is ready")
    environment: dict[str, str] = Field(default_factory=dict, description="variables beside the tool's own")

    @field_validator("command")
    @classmethod
    def _has_a_port(cls, command: str) -> str:
        if "{port}" not in command:
            raise ValueError('it has no {port}: such as "uvicorn app:app --port {port}"')
        return command

    @field_validator("ready_within")
    @classmethod
    def _is_a_time(cls, span: str | float) -> str | float:
        parse_quantity(span, "s")
        return span


@dataclass(frozen=True)
class ScoreRequest:
    """One request that asks for scores, ready to be sent."""

    method: str
    path: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class Adapter(Part, ABC):
    """How a service of one kind is spoken to; its fields are the YAML of the `service:` block.

    It sends nothing itself: it says which request asks for the scores of rows, and how the answer is read.
    """

    summary: ClassVar[str] = ""
    example: ClassVar[str] = ""

    adapter: str = Field(description="the kind of service: see `list adapters`")
    url: str | None = Field(None, pattern=r"^https?://", description="its address, where --target names none")
    ready: Ready | None = Field(None, description="where it tells that it is ready")
    version: Version | None = Field(None, description="where it tells its version")
    auth: Auth | None = Field(None, description="how requests identify themselves")
    data: Data | None = Field(None, description="what it is asked with")
    invalid: Invalid = Field(default_factory=Invalid)
    start: Start | None = Field(None, description="how the tool starts it, where it is not running")
    most_rows: int | None = Field(
        None, ge=1, description="rows in one request; more go in several requests, in order"
    )
    stateful: bool = Field(False, description="it learns as it serves: the same rows get other answers later")

    @property
    @abstractmethod
    def answers(self) -> Answers:
        """How the answer to `score_request` is read."""

    @abstractmethod
    def score_request(self, rows: Rows, *, model: str | None = None, compact: bool = False) -> ScoreRequest:
        """The request that asks for the scores of `rows`.

        model: the id of a trained model, where the service has several. compact: in binary, where it can be.
        Raises UsageError where the block can't say it.
        """

    def check_answer(self, document: Any, model: str | None) -> None:
        """What answers of this kind must be beside what `answers` reads; raises StepFailed where one is not."""

    @property
    def ready_path(self) -> Ready | None:
        """Where the service tells that it is ready, by the block or by what all of its kind have."""
        return self.ready

    @property
    def version_path(self) -> Version | None:
        """Where the service tells its version, likewise."""
        return self.version

    @property
    def taken(self) -> frozenset[str]:
        """The kinds of invalid bodies that services of this kind take on purpose, beside those the block names."""
        return frozenset(self.invalid.taken)

    @property
    def trains(self) -> bool:
        """Whether models are trained by requests; elsewhere the deployed model is the one that is asked."""
        return False

    def capabilities(self) -> frozenset[Capability]:
        """What the service can do, as far as the block says."""
        known = {
            Capability.READY: self.ready_path is not None,
            Capability.VERSION: self.version_path is not None,
            Capability.SCORE: True,
            Capability.SCORES: self.answers.scores is not None,
            Capability.LABELS: self.answers.gives_labels,
            Capability.STEADY: not self.stateful,
            Capability.AUTHENTICATION: self.auth is not None,
        }
        return frozenset(capability for capability, is_there in known.items() if is_there)


def json_body(value: Any) -> bytes:
    """`value` as a JSON body; raises UsageError for what JSON has no word for."""
    import json

    try:
        return json.dumps(value, allow_nan=False).encode()
    except (ValueError, TypeError) as problem:
        raise UsageError(f"the body of the score request is no JSON: {problem}") from problem
