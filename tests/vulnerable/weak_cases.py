"""What each probe is told when it is tried on the vulnerable application."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import weak_accounts
import weak_credentials
import weak_data
from weak_tokens import SIGNING_KEY


@dataclass(frozen=True)
class Case:
    """`demands`: the profile's limits for this probe; `asymmetric`: tokens signed with a published RSA key."""

    demands: dict[str, Any] = field(default_factory=dict)
    asymmetric: bool = False
    environment: dict[str, str] = field(default_factory=dict)


SIGNING = Case(environment={"PYNOMALY_ITEST_SIGNING_KEY": SIGNING_KEY})
EVERYONE, LOGGED_IN = ["anonymous", "viewer", "user_a", "admin"], ["viewer", "user_a", "admin"]
BY_LEAST = {
    None: EVERYONE,
    "viewer": LOGGED_IN,
    "analyst": ["user_a", "admin"],
    "data_scientist": ["user_a", "admin"],
}
POLICY = {
    "GET /api/v1/health": EVERYONE,
    **{
        f"{method} {path}": BY_LEAST.get(least, ["admin"])
        for method, path, _, least in (*weak_accounts.ROUTES, *weak_data.ROUTES, *weak_credentials.ROUTES)
    },
}
FIELDS = {
    "GET /api/v1/datasets/{id}": ["id", "name", "description", "n_samples"],
    "GET /api/v1/admin/users": ["id", "username", "role", "disabled", "tenant_id", "clearance"],
}
CASES: dict[str, Case] = {
    **{f"JWT-0{number}": Case() for number in (1, 2, 3, 7, 8, 9)},
    "JWT-04": Case(asymmetric=True),
    "JWT-05": SIGNING,
    "JWT-06": SIGNING,
    **{f"AUT-0{number}": Case() for number in range(1, 10)},
    **{f"SES-0{number}": Case() for number in range(1, 6)},
    **{f"AZ-0{number}": Case() for number in (1, 2, 4, 6, 7, 8, 9)},
    "AZ-10": Case(),
    "AZ-03": Case({"policy": POLICY}),
    "AZ-05": Case({"fields": FIELDS}),
    **{f"INP-{number:02}": Case() for number in range(1, 12)},
    **{f"CFG-0{number}": Case() for number in (1, 2, 3, 4, 5, 7)},
    "RES-01": Case({"burst_requests": 1200}),
    "RES-02": Case({"max_json_mb": 5.0}),
    **{f"RES-{number:02}": Case() for number in (3, 4, 5, 6, 7, 8, 10)},
    "RES-09": Case({"noticeable_ms": 200.0}),
    **{f"ML-0{number}": Case() for number in (1, 2, 4)},
    "FUZ-01": Case({"generated_cases": 20}),
    "FUZ-02": Case(),
    "ML-03": Case({"max_surrogate_fidelity": 0.85}),
    **{f"DAT-0{number}": Case() for number in range(1, 7)},
    **{f"AUD-0{number}": Case() for number in range(1, 7)},
}
WATCHED = {"DAT-05"}
"""Probes that look at the processes of the target: the tests' own is the one that serves the application."""
