"""What a load sends: steps and raw requests made into prepared requests, with the answers that each must get."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict, Field, field_validator

from pynomaly_itest.errors import CannotMeasure, StepFailed
from pynomaly_itest.profile.expression import has_template
from pynomaly_itest.steps.base import Step, StepContext, Values
from pynomaly_itest.transport.request import RUN_FIELD, merged
from pynomaly_itest.transport.status import is_success

if TYPE_CHECKING:
    from pynomaly_itest.load import Calibration, Draw, Endpoint, LoadResult
    from pynomaly_itest.load.answers import Answer


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)


class MixPart(Strict):
    """One kind of request of a mix."""

    request: dict[str, Any] = Field(
        description="a step ({predict: {…}}) or a raw request ({method, path, …})"
    )
    weight: float = Field(1.0, gt=0, description="its share among the parts")
    name: str | None = None


class Within(Strict):
    """How much two numbers of equal answers may differ, whichever is more."""

    relative: float = Field(1e-9, ge=0, lt=1, description="of their size: 1e-6 for float32 and GPUs")
    absolute: float = Field(1e-9, ge=0, description="by itself: for numbers around 0")


class Verify(Strict):
    """How answers under load are compared with those to the same bodies, asked alone before."""

    every: int = Field(1, ge=1, description="compare one in so many answers (of a connection)")
    times: int = Field(3, ge=2, le=20, description="how often each body is asked alone")
    references: dict[str, Any] | str | None = Field(
        None, description='answers as an earlier load learnt them: "${{ before.references }}"'
    )
    tolerance: Within | None = Field(None, description="how much numbers may differ: {relative: 1e-6}")
    fields: list[str] | None = Field(
        None, min_length=1, description="what of an answer counts, as JMESPath: [outputs[0].data]"
    )

    @field_validator("fields")
    @classmethod
    def _are_paths(cls, fields: list[str] | None) -> list[str] | None:
        from jmespath import compile as compiled
        from jmespath.exceptions import JMESPathError

        for path in fields or ():
            try:
                compiled(path)
            except JMESPathError as problem:
                raise ValueError(f"{path!r} is no JMESPath: {str(problem).splitlines()[0]}") from problem
        return fields

    @field_validator("references")
    @classmethod
    def _is_looked_up(cls, given: Any) -> Any:
        if isinstance(given, str) and not has_template(given):
            raise ValueError('references are an earlier load\'s: "${{ before.references }}"')
        return given


@runtime_checkable
class Loadable(Protocol):
    """A step kind that can be sent as load: its request, prepared once and sent many times."""

    async def endpoint(self, context: StepContext, *, name: str, weight: float) -> Endpoint: ...


@runtime_checkable
class Creating(Protocol):
    """A step kind whose requests create something: what becomes of it when the load is over."""

    def enter(self, context: StepContext, ids: Sequence[str]) -> None:
        """Enter these for the clean-up, at once: the load is being stopped."""
        ...

    async def settle(self, context: StepContext, ids: Sequence[str], *, is_complete: bool) -> int:
        """See to it that all is cleaned up, or done; how many did not end well.

        is_complete: every request was answered, so there is nothing but `ids`.
        """
        ...


@dataclass(frozen=True)
class Part:
    """A step of the load, and its request."""

    step: Step
    endpoint: Endpoint


async def prepared(
    mix: Sequence[MixPart], context: StepContext, draw: Draw, check_every: int, at_most_s: float
) -> list[Part]:
    """The parts of a mix, ready to send for `at_most_s`; raises CannotMeasure where a step can't be sent as load."""
    with context.api.lasting(at_most_s):
        return [await _part(part, context, draw, check_every) for part in mix]


def check_lifetime(lasts_s: float, context: StepContext) -> None:
    """Raise CannotMeasure where what identifies us runs out before a load of that length is over."""
    good_s = context.api.good_for_s()
    if lasts_s > good_s:
        raise CannotMeasure(
            f"the load takes {lasts_s:g} s, and the target's tokens are good for {good_s:.0f} s",
            hint="an API key lasts longer; the bundled platform has the setting access_token_s",
        )


async def _part(part: MixPart, context: StepContext, draw: Draw, check_every: int) -> Part:
    """A platform operation's request, or a raw one."""
    from msgspec.structs import replace

    name, config = next(iter(part.request.items()), ("", None))
    is_step = len(part.request) == 1 and isinstance(config, Mapping)
    step = context.prepare({name: config} if is_step else {"request": part.request})
    if not isinstance(step, Loadable):
        raise CannotMeasure(
            f"step {name!r} can't be sent as load",
            hint="score, predict, detect, upload_dataset, train_detector or a raw request can",
        )
    label = part.name or (name if is_step else "request")
    endpoint = await step.endpoint(context, name=label, weight=part.weight)
    identified = tuple(merged(dict(endpoint.headers), {RUN_FIELD: context.http.run_id}).items())
    return Part(step, replace(endpoint, headers=identified, draw=draw, check_every=check_every))


async def verified(parts: Sequence[Part], verify: Verify, context: StepContext) -> list[Part]:
    """The parts with the answers that they must get: as learnt before, or from asking each body alone now."""
    from msgspec.structs import replace

    found = []
    for part in parts:
        if isinstance(part.step, Creating):  # each of its answers is about another thing
            found.append(part)
            continue
        answers = [await _answer(part.endpoint, body, verify, context) for body in part.endpoint.bodies]
        endpoint = replace(part.endpoint, answers=tuple(answers), verify_every=verify.every)
        found.append(Part(part.step, endpoint))
    if not any(part.endpoint.answers for part in found):
        raise CannotMeasure("nothing in this load has an answer that could be verified")
    return found


async def _answer(endpoint: Endpoint, body: bytes, verify: Verify, context: StepContext) -> Answer:
    import msgspec

    from pynomaly_itest.load.answers import Answer, Tolerance, Unsteady, learn

    if verify.references is not None:
        references = verify.references if isinstance(verify.references, dict) else {}
        known = references.get(_key(endpoint, body))
        if known is None:
            raise CannotMeasure(f"the references have no answer to this {endpoint.name}: it asks otherwise")
        return msgspec.convert(known, Answer)
    context.progress(f"asking {endpoint.name} alone")
    replies = [await asked_alone(endpoint, body, context) for _ in range(verify.times)]
    picks = endpoint.picks if verify.fields is None else {path: path for path in verify.fields}
    within = verify.tolerance
    tolerance = endpoint.tolerance if within is None else Tolerance(within.relative, within.absolute)
    try:
        return learn(replies, endpoint.steady, picks, tolerance)
    except Unsteady as problem:
        raise StepFailed(
            f"{endpoint.method} {endpoint.path}, asked alone {verify.times} times: {problem}"
        ) from problem


async def asked_alone(endpoint: Endpoint, body: bytes, context: StepContext) -> bytes:
    """The body of the answer to a request with nothing beside it; raises RequestFailed where it is no success."""
    from pynomaly_itest.target.http import Body, RequestFailed

    reply = await context.http.send(
        endpoint.method,
        endpoint.path,
        headers=dict(endpoint.headers),
        body=Body(content=body or None),
        anonymous=True,  # the cookies that load sends are among its headers
    )
    if not is_success(reply.status, endpoint.expect_status):
        raise RequestFailed(
            f"{endpoint.method} {endpoint.path}, asked alone, answered {reply.status}", reply.exchange
        )
    return reply.body


def references_of(parts: Sequence[Part]) -> dict[str, Any]:
    """The answers by what was asked, for a later load to compare with."""
    import msgspec

    return {
        _key(part.endpoint, body): msgspec.to_builtins(answer, builtin_types=(bytes,))
        for part in parts
        for body, answer in zip(part.endpoint.bodies, part.endpoint.answers, strict=False)
    }


def _key(endpoint: Endpoint, body: bytes) -> str:
    asked = f"{endpoint.method} {endpoint.path}\n".encode() + body
    return hashlib.sha256(asked).hexdigest()[:24]


def enter_all(parts: Sequence[Part], result: LoadResult, context: StepContext) -> None:
    """Enter for the clean-up what a load had created when it was stopped."""
    for part in parts:
        if isinstance(part.step, Creating):
            told = (made.id for made in result.created if made.endpoint == part.endpoint.name)
            part.step.enter(context, [found for found in told if found])


async def settled(parts: Sequence[Part], result: LoadResult, context: StepContext) -> Values:
    """What became of the work that the load gave the target, cleaned up or followed to its end; nothing of none."""
    from pynomaly_itest.load.outcomes import UNANSWERED

    accepted = unfinished = 0
    creating = [part for part in parts if isinstance(part.step, Creating)]
    for part in creating:
        if isinstance(part.step, Creating):
            told = [made.id for made in result.created if made.endpoint == part.endpoint.name]
            ids = [found for found in dict.fromkeys(told) if found]
            accepted += len(told)
            answered = all(not result.outcomes.get(outcome.label) for outcome in UNANSWERED)
            unfinished += told.count("") + await part.step.settle(context, ids, is_complete=answered)
    if not creating:
        return {}
    from pynomaly_itest.measure import exact, no_data

    return {
        "work_accepted": accepted,
        "work_unfinished": exact(unfinished, "1", accepted) if accepted else no_data("1"),
    }


async def calibration(context: StepContext) -> Calibration:
    """What the generator costs here: found out once a run."""
    from pynomaly_itest.load import calibrate

    if "calibration" not in context.shared:
        context.progress("calibrating the generator")
        context.shared["calibration"] = await calibrate()
    found: Calibration = context.shared["calibration"]
    return found
