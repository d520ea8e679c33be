"""What the profile demands of the target's security: the policy, the limits, and the budget for finding out."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Role = Literal["anonymous", "viewer", "user_a", "admin"]
Ratio = Annotated[float, Field(ge=0, le=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)


class BudgetDemand(_Part):
    """What the probes of a step may spend."""

    requests: int = Field(20_000, ge=1)
    sent_mb: float = Field(512.0, gt=0)
    lockouts: int = Field(6, ge=0, description="accounts of our own that may be locked")
    connections: int = Field(2_000, ge=1)


class Demands(_Part):
    """Limits by which probes judge; the policy says who may use which route."""

    policy: dict[str, list[Role]] = Field(
        default_factory=dict,
        description="'GET /api/v1/datasets': the actors that may; others must be refused",
    )
    public: list[str] = Field(default_factory=list, description="undocumented paths that are open on purpose")
    fields: dict[str, list[str]] = Field(
        default_factory=dict, description="'GET /api/v1/datasets/{id}': the fields that an answer may have"
    )
    issuer_key_path: str = Field("/.well-known/jwks.json", description="where public keys of tokens would be")
    max_json_mb: float = Field(65.0, gt=0, description="a body of more than this must be refused")
    max_rss_growth_mb: float = Field(
        256.0, gt=0, description="by an archive or a body that unpacks to much more"
    )
    noticeable_ms: float = Field(
        500.0, gt=0, description="work of less than this is no matter, however it grows"
    )
    burst_requests: int = Field(3_000, ge=10, le=20_000)
    login_failures: int = Field(
        10, ge=1, le=100, description="bad logins after which an account must be closed"
    )
    queued_trainings: int = Field(
        40, ge=2, le=200, description="trainings of one account after which another's must still be taken"
    )
    max_timing_ms: float = Field(
        10.0, gt=0, description="difference of login times that would tell who exists"
    )
    max_flip_ratio: Ratio = 0.2
    max_poison_drop: Ratio = 0.2
    max_surrogate_fidelity: Ratio = 0.98
    surrogate_queries: int = Field(200, ge=10, le=5_000)
    max_membership_auc: float = Field(0.65, ge=0.5, le=1)
    generated_cases: int = Field(8, ge=1, le=1_000, description="requests generated for each operation")
    budget: BudgetDemand = Field(default_factory=BudgetDemand)
