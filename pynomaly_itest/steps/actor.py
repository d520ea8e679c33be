"""Somebody else at the platform: a user made for the scenario, who takes the steps that say `as`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from pynomaly_itest.errors import StepFailed
from pynomaly_itest.registry import STEPS
from pynomaly_itest.shapes import Record, Scalar, Shape
from pynomaly_itest.step_kind import Evidence, Impact
from pynomaly_itest.steps.base import Step, StepContext, Values
from pynomaly_itest.target.http import Body


@STEPS.register("actor")
class MakeActor(Step):
    """Make a user; `save: alice` here and `as: alice` in a later step make the request in her name.

    With `api_key` the requests carry a key of that user's, with these permissions only.
    """

    summary: ClassVar[str] = "make a user, for later steps to be taken `as`"
    exclusive: ClassVar[bool] = False
    impact: ClassVar[Impact] = Impact.ORDINARY

    role: Literal["admin", "data_scientist", "analyst", "viewer"] = "data_scientist"
    tenant: Literal["own", "other"] = Field("own", description="other: of another tenant than the run's own")
    api_key: list[str] | None = Field(None, description="act by an API key with these permissions")

    @classmethod
    def evidence(cls, config: Mapping[str, Any]) -> Evidence:
        return Evidence.REPLIES

    @classmethod
    def offered_rate(cls, config: Mapping[str, Any]) -> float:
        return 0.0

    @classmethod
    def shape(cls, config: Mapping[str, Any]) -> Shape:
        texts = ("id", "username", "role", "tenant")
        return Record({name: Scalar("string") for name in texts})

    async def run(self, context: StepContext) -> Values:
        accounts = context.scene.accounts
        actor = await accounts.enrol(self.role, tenant=self.tenant)
        context.scene.ledger_of(actor.administration).created("user", actor.id, actor.path)
        session = actor.api
        if self.api_key is not None:
            wanted = {"name": "itest", "permissions": self.api_key}
            made = await actor.api.call("POST", "auth/api-keys", accept=(200, 201), body=Body(json=wanted))
            if not isinstance(made, dict) or not isinstance(made.get("api_key"), str):
                raise StepFailed("POST auth/api-keys answered without an api_key")
            session = accounts.with_api_key(made["api_key"])
        return {
            "id": actor.id,
            "username": actor.username,
            "role": actor.role,
            "tenant": actor.tenant,
            "session": session,
        }
