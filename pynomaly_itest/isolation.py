"""A platform of its own for a scenario: own process, data folder, database schema and cache prefix."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from typing import Any

from pynomaly_itest.lifecycle import Services, to_its_end
from pynomaly_itest.target.accounts import Accounts
from pynomaly_itest.target.base import Target
from pynomaly_itest.target.http import Http
from pynomaly_itest.target.observer import Observer
from pynomaly_itest.target.platform import PlatformApi

FreshTarget = Callable[[Mapping[str, Any], frozenset[str]], Target]
"""Makes a target that was not started yet, with these settings over those of the profile, and with what the faults
that it will meet need."""


@contextlib.asynccontextmanager
async def own_platform(
    services: Services,
    fresh_target: FreshTarget,
    settings: Mapping[str, Any],
    needs: frozenset[str] = frozenset(),
) -> AsyncIterator[Services]:
    """The run's services, but on a platform that nobody else uses and that is gone afterwards.

    Raises TargetStartFailed where it does not come up.
    """
    target = fresh_target(settings, needs)
    try:
        await target.start()
        # its memory is judged by the scenario's own gates; the run's curve is the shared platform's
        observer = Observer(target, services.log.now_s, lambda reading: None)
        async with target.client(timeout_s=30.0) as client, observer.watching():
            http = Http(client, target.redactor, services.run_id)
            api = PlatformApi(http, target.credentials, target.redactor)
            yield replace(
                services,
                target=target,
                http=http,
                api=api,
                observer=observer,
                accounts=Accounts(api, target, services.run_id),
            )
    finally:
        await to_its_end(target.close())
