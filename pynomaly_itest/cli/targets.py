"""From the flags of `run` to what is tested, and as whom."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pynomaly_itest.errors import UsageError
from pynomaly_itest.isolation import FreshTarget
from pynomaly_itest.profile.model import Plan
from pynomaly_itest.redaction import Redactor
from pynomaly_itest.target.base import ClientCredentials, Credentials, Target
from pynomaly_itest.transport.tls import Tls

if TYPE_CHECKING:
    from pynomaly_itest.adapters.base import Adapter, Start
    from pynomaly_itest.cli.run_request import RunRequest
    from pynomaly_itest.target.instruments import Instruments
    from pynomaly_itest.target.remote import Greeting
    from pynomaly_itest.target.started import StartCommand


def make_target(
    plan: Plan,
    request: RunRequest,
    redactor: Redactor,
    instruments: Instruments | None = None,
    adapter: Adapter | None = None,
) -> Target:
    """The target that `--target`, or the service's block, names; raises UsageError where it can't be one.

    Also for a certificate of the flags or the profile that is no good.
    """
    target = _named(plan, request, redactor, instruments, adapter)
    if request.tls and not target.info.url.startswith("https:"):
        raise UsageError("--ca, --cert and --key are about TLS: they go with a --target https://…")
    target.tls = request.tls.over(plan.tls)
    target.tls_context()
    return target


def _named(
    plan: Plan,
    request: RunRequest,
    redactor: Redactor,
    instruments: Instruments | None,
    adapter: Adapter | None,
) -> Target:
    from pynomaly_itest.cli.safety import is_authorised
    from pynomaly_itest.target.bundled import BundledTarget
    from pynomaly_itest.target.inprocess import InProcessTarget
    from pynomaly_itest.target.instruments import Instruments
    from pynomaly_itest.target.launch import Launch, check_settings, serve_words
    from pynomaly_itest.target.remote import RemoteTarget, check_url

    if adapter is not None and not adapter.trains:
        folder = Path(plan.service.base if plan.service is not None else ".")
        return deployed_target(adapter, request, redactor, folder)
    if request.target in ("bundled", "inprocess"):
        for settings in (plan.target_settings, *(scenario.target_settings for scenario in plan.scenarios)):
            check_settings(settings or {})
        if request.target == "inprocess":
            return InProcessTarget(plan.target_settings, redactor)
        launch = Launch(serve_words(os.environ), seed=request.seed)
        return BundledTarget(plan.target_settings, redactor, instruments or Instruments(), launch)
    credentials = credentials_from(request.user, os.environ)
    if adapter is not None:
        credentials = credentials_of(adapter, credentials)
    return RemoteTarget(
        request.target,
        credentials,
        redactor,
        needs_platform=plan.needs_platform or any("score" in each.needs for each in plan.scenarios),
        is_authorised=is_authorised(check_url(request.target), request.safety),
        other_tenant=_other_tenant(os.environ),
    )


def tls_of(ca: Path | None, cert: Path | None, key: Path | None) -> Tls:
    """What --ca, --cert and --key say; raises UsageError for a key without its certificate."""
    if key is not None and cert is None:
        raise UsageError("--key needs the certificate that it is of", hint="--cert FILE")
    return Tls(*(None if path is None else str(path) for path in (ca, cert, key)))


def addressed(request: RunRequest, adapter: Adapter) -> RunRequest:
    """The request with the address that the service's block says, where --target says none; raises UsageError."""
    if request.target == "bundled" and adapter.trains and adapter.url is None:
        return request
    return replace(request, target=address_of(adapter, request.target))


def address_of(adapter: Adapter, named: str) -> str:
    """Where the service is: as --target names it, else as its block does; `bundled`: where it is started.

    Raises UsageError where nothing says it: the bundled platform speaks its own language only.
    """
    if named not in ("bundled", "inprocess"):
        return named
    if adapter.url is not None:
        return adapter.url
    if adapter.trains or adapter.start is not None:
        return named
    raise UsageError(
        f"the service has no address: the {named} platform is not spoken to like that",
        hint="--target URL, or `url: http://host:port` or `start: {command: …}` in the service's block",
    )


def deployed_target(adapter: Adapter, request: RunRequest, redactor: Redactor, folder: Path) -> Target:
    """A service that is not the platform, as the flags of a run want it."""
    from pynomaly_itest.cli.safety import is_authorised
    from pynomaly_itest.target.remote import check_url

    is_permitted = request.target != "bundled" and is_authorised(check_url(request.target), request.safety)
    return service_at(adapter, request.target, request.user, redactor, folder, is_authorised=is_permitted)


def service_at(
    adapter: Adapter,
    target: str,
    user: str | None,
    redactor: Redactor,
    folder: Path,
    *,
    is_authorised: bool = False,
) -> Target:
    """The service at its address, else started by its command in `folder`."""
    from pynomaly_itest.target.remote import RemoteTarget

    credentials = credentials_of(adapter, credentials_from(user, os.environ))
    if target == "bundled" and adapter.start is not None:
        from pynomaly_itest.target.started import StartedTarget

        command = _command_of(adapter, adapter.start, folder)
        return StartedTarget(command, credentials, redactor, greeting=_greeting_of(adapter))
    return RemoteTarget(
        target, credentials, redactor, is_authorised=is_authorised, greeting=_greeting_of(adapter)
    )


def credentials_of(adapter: Adapter, given: Credentials) -> Credentials:
    """What the service's block says of who we are, else what the flags and the environment say."""
    if adapter.auth is None:
        return given
    asked = adapter.auth.oauth2_client_credentials
    grant = None if asked is None else ClientCredentials(**asked.model_dump())
    return Credentials(headers=adapter.auth.fixed_headers(), grant=grant)


def _command_of(adapter: Adapter, start: Start, folder: Path) -> StartCommand:
    from pynomaly_itest.profile.expression import parse_quantity
    from pynomaly_itest.target.started import StartCommand

    ready = adapter.ready_path
    return StartCommand(
        start.command,
        folder,
        parse_quantity(start.ready_within, "s"),
        ready.path if ready is not None else None,
        ready.status if ready is not None else 200,
        start.environment,
    )


def _greeting_of(adapter: Adapter) -> Greeting:
    from pynomaly_itest.load.answers import search
    from pynomaly_itest.target.remote import Greeting

    version, ready = adapter.version_path, adapter.ready_path
    if version is None or version.at is None:
        return Greeting(ready.path if ready is not None else "/", lambda document: None)
    at = version.at

    def of(document: Any) -> str | None:
        said = search(at, document)
        return str(said)[:100] if isinstance(said, str | int | float) else None

    return Greeting(version.path, of)


def fresh_target_of(
    plan: Plan,
    request: RunRequest,
    redactor: Redactor,
    instruments: Instruments,
    *,
    is_deployed: bool = False,
) -> FreshTarget | None:
    """What starts a platform for one scenario alone; None where the target is not ours to start."""
    from pynomaly_itest.target.bundled import BundledTarget
    from pynomaly_itest.target.instruments import Instruments
    from pynomaly_itest.target.launch import Launch, serve_words

    if request.target != "bundled" or is_deployed:
        return None
    own = Instruments(instruments.coverage)  # a flame graph is of one process: the run's own
    serve = serve_words(os.environ)
    return lambda settings, needs: BundledTarget(
        {**plan.target_settings, **settings}, redactor, own, Launch(serve, needs, request.seed)
    )


def _other_tenant(environment: Mapping[str, str]) -> Credentials:
    """Who administers another tenant of a URL, where the environment names somebody."""
    return Credentials(
        username=environment.get("PYNOMALY_ITEST_OTHER_TENANT_USER"),
        password=environment.get("PYNOMALY_ITEST_OTHER_TENANT_PASSWORD"),
    )


def credentials_from(user: str | None, environment: os._Environ[str] | dict[str, str]) -> Credentials:
    """Who we are at a URL: the name by flag, every secret by environment; raises UsageError if a part is missing."""
    password = environment.get("PYNOMALY_ITEST_PASSWORD")
    if user and not password:
        raise UsageError("--user needs a password", hint="set $PYNOMALY_ITEST_PASSWORD")
    return Credentials(
        username=user,
        password=password if user else None,
        token=environment.get("PYNOMALY_ITEST_TOKEN"),
        api_key=environment.get("PYNOMALY_ITEST_API_KEY"),
    )
