"""AZ-03: every role on every route, against the policy that the profile declares."""

from __future__ import annotations

from pynomaly_itest.errors import NotApplicable
from pynomaly_itest.probing.context import ProbeContext
from pynomaly_itest.probing.probe import EACH_OPERATION, Hole, Impact, Observation, Probe, Severity, hole
from pynomaly_itest.probing.routes import Route, declared_routes
from pynomaly_itest.probing.tokens import REFUSED
from pynomaly_itest.registry import PROBES

_ROLES = ("anonymous", "viewer", "user_a", "admin")
# what would end our own session, or seal everything anew, is left to its own tests
_TOO_GRAVE = frozenset({"POST /api/v1/auth/logout", "POST /api/v1/admin/keys/rotate"})


def _require_of_this_service(policy: set[str], declared: set[str]) -> None:
    """Raises NotApplicable where the policy is plainly another service's: nobody declared anything about this one."""
    common = policy & declared
    if 2 * len(common) < min(len(policy), len(declared)):
        raise NotApplicable(
            f"the policy declared is another service's: it mentions {len(common)} of {len(declared)} routes"
        )


@PROBES.register("AZ-03")
class RoleMatrix(Probe):
    id = "AZ-03"
    title = "Every role may do what the policy says, and nothing else"
    cwe = 862
    references = ("API5:2023", "ASVS 5.0.0 V8.2.1", "WSTG-ATHZ-03")
    severity = Severity.CRITICAL
    impact = Impact.CHANGES_OWN
    sends = ("GET /openapi.json", EACH_OPERATION)
    needs = (
        "admin",
        "user_a",
        "viewer",
    )
    expected = "refused where the policy says no, not refused where it says yes, and a policy for every route"
    why = "A route that nobody thought of is open, or closed, by accident."
    mend = "Declare who may use each route beside the route, and refuse by default."

    async def run(self, ctx: ProbeContext) -> Observation:
        policy = ctx.demands.policy
        if not policy:
            raise NotApplicable("the profile declares no policy (demands.policy)")
        routes = await declared_routes(ctx)
        declared = {route.name for route in routes}
        _require_of_this_service({*policy}, declared)
        holes = [
            Hole(route.name, "not in the policy", "the policy does not mention this route")
            for route in routes
            if route.name not in policy
        ]
        holes += [
            Hole(name, "no such route", "the API's document has no such route")
            for name in sorted({*policy} - declared)
        ]
        tried = 0
        for route in (route for route in routes if route.name in policy):
            for role in _ROLES:
                if route.name in _TOO_GRAVE and role in policy[route.name]:
                    continue
                tried += 1
                holes += await self._tried(ctx, route, role, role in policy[route.name])
        return Observation(f"{tried} pairs of role and route as the policy says", "", tuple(holes))

    @staticmethod
    async def _tried(ctx: ProbeContext, route: Route, role: str, may: bool) -> list[Hole]:
        """With an id that nobody has and no body: past the guard that can only be 404, 400, 415 or 422."""
        actor = None if role == "anonymous" else role
        reply = await ctx.send(route.method, route.filled(), actor=actor)
        if reply.status >= 500:
            return [hole(route.name, f"{role}: error", reply)]
        is_refused = reply.status in REFUSED
        if route.is_public and reply.status == 401:  # a login without a password says so too
            is_refused = not may
        if may == (not is_refused):
            return []
        said, weakness = ("may", "is refused") if may else ("may not", "is let in")
        seen = f"{role} {said} by the policy, but was answered {reply.status}"
        return [hole(route.name, f"{role} {weakness}", reply, seen)]
