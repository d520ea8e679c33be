"""Puts the platform together: `create_app` builds everything, and nothing happens at import."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

from anyio import to_thread
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from starlette.types import ASGIApp, Receive, Scope, Send

from pynomaly.api.admission import build_admission
from pynomaly.api.gateway import Gateway
from pynomaly.api.metrics import Metrics
from pynomaly.api.refusals import RefusalLog
from pynomaly.api.routes import build_router
from pynomaly.api.services import Services
from pynomaly.cache.memory import MemoryCache
from pynomaly.cache.redis import RedisCache
from pynomaly.domain.errors import Conflict, InvalidInput, Misconfigured, PynomalyError
from pynomaly.protection import open_keyring, security_settings
from pynomaly.security.anchor import AnchorFile
from pynomaly.security.audit import AuditService
from pynomaly.security.client_address import trusted_networks
from pynomaly.security.encryption import EncryptedObjects, EncryptionService
from pynomaly.security.epoch import SharedEpoch
from pynomaly.security.rate_limits import MemoryBuckets, RateLimit, RateLimiter
from pynomaly.security.services import SecurityServices, build_security
from pynomaly.settings import Settings
from pynomaly.storage import models, rows, scores
from pynomaly.storage.accounts_sql import sql_accounts
from pynomaly.storage.audit_sql import SqlAudit
from pynomaly.storage.blobs import FileBlobStore
from pynomaly.storage.database import open_database, wipe
from pynomaly.storage.datasets_sql import SqlDatasets
from pynomaly.storage.detectors_cached import RememberedDetectors
from pynomaly.storage.detectors_sql import SqlDetectors
from pynomaly.storage.folder import FolderLock
from pynomaly.storage.migrations import migrate
from pynomaly.storage.operations_sql import SqlOperations
from pynomaly.storage.results_sql import SqlResults
from pynomaly.usecases.model_shelf import ModelShelf
from pynomaly.usecases.operate import end_disowned
from pynomaly.usecases.personal_data import personal_data_sources
from pynomaly.usecases.platform import Platform
from pynomaly.usecases.stores import Stores
from pynomaly.warmth import Warmth, compile_once
from pynomaly.workers.fair_queue import Shares
from pynomaly.workers.parser_pool import ParserPool, ParsingLimits
from pynomaly.workers.pool import WorkerPool

logger = logging.getLogger(__name__)

_PRUNE_EVERY_S = 3600
_LOOK_EVERY_S = 1.0
_INTERRUPTED = "The server stopped before it was done; start it again."


class Unreachable(PynomalyError):
    """Something that the service stands on does not answer."""

    status, code = 503, "unreachable"


@dataclass(frozen=True, slots=True)
class Foundations:
    """What both the server and the command line need: the database, the stores, the keys, the accounts."""

    engine: Engine
    blobs: FileBlobStore
    stores: Stores
    security: SecurityServices
    words: Sequence[EncryptedObjects]
    """What of the database is encrypted, besides second factors."""


def open_foundations(settings: Settings) -> Foundations:
    """Open (and at the first time make) the data folder, the database and the keys."""
    folder = settings.data_dir
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    engine = open_database(settings.effective_database_url)
    try:
        migrate(engine)
    except OperationalError as error:
        raise Unreachable("The database does not answer.", hint="Check PYNOMALY_DATABASE_URL.") from error
    keyring = open_keyring(settings)
    cipher = EncryptionService(keyring)
    blobs = FileBlobStore(folder / "blobs", cipher)
    datasets, detectors = SqlDatasets(engine, cipher), SqlDetectors(engine, cipher)
    if datasets.seal_clear() + detectors.seal_clear():
        wipe(engine)
    stores = _build_stores(settings, engine, blobs, datasets, detectors)
    security = build_security(
        sql_accounts(engine),
        SqlAudit(engine),
        keyring,
        security_settings(settings),
        time.time,
        SharedEpoch(folder / "epoch"),
        personal_data_sources(stores),
        AnchorFile(folder / "audit.anchor"),
    )
    words = (datasets.words, detectors.words, detectors.model_words)
    return Foundations(engine, blobs, stores, security, words)


def create_app(settings: Settings) -> Application:
    """The ASGI application, which has the data folder to itself. Its lifespan starts the workers and ends them."""
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = FolderLock(settings.data_dir)
    lock.take()
    foundations = open_foundations(settings)
    platform = _build_platform(settings, foundations)
    warmth = Warmth()
    services = _build_services(settings, foundations, platform, warmth)
    gateway = Gateway(
        build_router(services),
        services.metrics,
        build_admission(settings, services.metrics),
        sys.stderr.write if settings.access_log else None,
    )
    return Application(gateway, settings, foundations, platform, warmth, lock)


class Application:
    """The ASGI application with what its start and end need."""

    def __init__(
        self,
        gateway: ASGIApp,
        settings: Settings,
        foundations: Foundations,
        platform: Platform,
        warmth: Warmth,
        lock: FolderLock,
    ) -> None:
        self._gateway = gateway
        self._settings = settings
        self.platform = platform
        self._warmth = warmth
        self._lock = lock
        self.foundations = foundations

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or the server's start and end."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await self._gateway(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        async with self.running():
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """From a tidy start to an orderly end."""
        await to_thread.run_sync(self._start)
        chores = [
            asyncio.create_task(self._prune_now_and_then()),
            asyncio.create_task(self._end_disowned_now_and_then()),
        ]
        try:
            yield
        finally:
            for chore in chores:
                chore.cancel()
            await to_thread.run_sync(self._stop)

    async def _prune_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(_PRUNE_EVERY_S)
            try:
                await to_thread.run_sync(self.foundations.security.auth.prune)
                await to_thread.run_sync(self.foundations.security.audit.keep_anchor)
            except SQLAlchemyError:
                logger.exception("ended sessions could not be pruned")

    async def _end_disowned_now_and_then(self) -> None:
        """Also for changes that other processes make: the command line, servers on other hosts."""
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            if not self.platform.pool.jobs():
                continue
            try:
                await to_thread.run_sync(end_disowned, self.platform)
            except SQLAlchemyError:
                logger.warning("whose operations run could not be looked up", exc_info=True)

    def _start(self) -> None:
        n_interrupted = self.platform.operations.fail_interrupted(_INTERRUPTED)
        stores, blobs = self.foundations.stores, self.foundations.blobs
        n_swept = (
            blobs.sweep(rows.KIND, stores.datasets.every_id())
            + blobs.sweep(models.KIND, stores.detectors.every_model_id())
            + blobs.sweep(scores.KIND, stores.results.every_id())
        )
        if n_interrupted or n_swept:
            logger.warning("tidied up after a crash", extra={"operations": n_interrupted, "files": n_swept})
        self.foundations.security.auth.prune()
        keep_anchor(self.foundations.security.audit)
        compile_once()
        self._warmth.start()
        self.platform.pool.start()
        self.platform.parsers.start()

    def _stop(self) -> None:
        self.platform.pool.close(self._settings.shutdown_grace_s)
        self.platform.parsers.close()
        self.platform.operations.fail_interrupted(_INTERRUPTED)
        keep_anchor(self.foundations.security.audit)
        self.foundations.engine.dispose()
        self.release()

    def release(self) -> None:
        """Let the next server have the data folder."""
        self._lock.release()


def keep_anchor(audit: AuditService) -> None:
    """Keep the anchor of the audit log in its file, and say it in the log, which may go elsewhere."""
    try:
        anchor = audit.keep_anchor()
    except (SQLAlchemyError, OSError, InvalidInput):
        logger.exception("the anchor of the audit log could not be kept")
        return
    if anchor is not None:
        logger.info("audit anchor", extra={"anchor": anchor})


def bootstrap(settings: Settings, security: SecurityServices) -> str | None:
    """Make the first admin if the settings name one; else, as long as there is no account, a one-time token.

    Raises Misconfigured where the settings name half of an admin: a token that nobody expects would be printed instead.
    """
    name, file = settings.bootstrap_username, settings.bootstrap_password_file
    if bool(name) != bool(file):
        there, absent = ("USERNAME", "PASSWORD_FILE") if name else ("PASSWORD_FILE", "USERNAME")
        raise Misconfigured(
            f"PYNOMALY_BOOTSTRAP_{there} is set and PYNOMALY_BOOTSTRAP_{absent} is not.",
            hint="The first admin needs both; without either a one-time token is printed.",
        )
    if not name:
        return security.auth.issue_bootstrap_token()
    password = _first_password(Path(file))
    if password is None:  # as after the first start, when the file may be gone
        if security.auth.has_accounts():
            return None
        raise Misconfigured(
            "There is no account yet, and no file where PYNOMALY_BOOTSTRAP_PASSWORD_FILE says.",
            hint="The file holds the first admin's password.",
        )
    try:
        security.auth.bootstrap_admin(name, password)
    except Conflict:
        logger.info("there are accounts already; none was made")
    return None


def _first_password(file: Path) -> str | None:
    """What the file holds; None where there is none."""
    try:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured("PYNOMALY_BOOTSTRAP_PASSWORD_FILE can't be read.") from error


def _build_stores(
    settings: Settings, engine: Engine, blobs: FileBlobStore, datasets: SqlDatasets, detectors: SqlDetectors
) -> Stores:
    model_store = models.BlobModels(blobs)
    return Stores(
        datasets=datasets,
        rows=rows.ArrowRows(blobs),
        detectors=RememberedDetectors(detectors),
        models=model_store,
        shelf=ModelShelf(model_store, settings.model_cache_bytes),
        results=SqlResults(engine),
        scores=scores.BlobScores(blobs),
        operations=SqlOperations(engine, _utc_now),
    )


def _build_platform(settings: Settings, foundations: Foundations) -> Platform:
    stores, security = foundations.stores, foundations.security
    return Platform(
        **{field.name: getattr(stores, field.name) for field in fields(stores)},
        cache=_build_cache(settings, security.encryption),
        pool=WorkerPool(
            settings.workers,
            settings.max_queued_operations,
            Shares(settings.queue_share_per_account, settings.queue_share_per_tenant),
        ),
        parsers=ParserPool(
            ParsingLimits(settings.parsers, settings.parse_memory_bytes, settings.parse_cpu_s)
        ),
        audit=security.audit,
        authz=security.authz,
        standing=security.standing.of_account,
        limits=settings.data_limits,
        operation_time_limit_s=settings.operation_time_limit_s,
        clock=_utc_now,
    )


def _build_cache(settings: Settings, encryption: EncryptionService) -> MemoryCache | RedisCache:
    if settings.redis_url:
        return RedisCache(settings.redis_url, settings.redis_prefix, settings.cache_ttl_s, encryption)
    return MemoryCache(settings.cache_max_bytes, settings.cache_ttl_s)


def _build_services(
    settings: Settings, foundations: Foundations, platform: Platform, warmth: Warmth
) -> Services:
    metrics = Metrics()
    pool, cache = platform.pool, platform.cache
    metrics.watch("pynomaly_operations_waiting", "Operations in the queue.", lambda: pool.n_waiting)
    metrics.watch("pynomaly_operations_running", "Operations being worked on.", lambda: pool.n_running)
    metrics.watch(
        "pynomaly_models_in_memory", "Models that are being served.", lambda: platform.shelf.n_models
    )
    checks: dict[str, Callable[[], str]] = {
        "database": lambda: _check_database(foundations.engine),
        "storage": lambda: (
            "ok" if os.access(settings.data_dir, os.W_OK) else "the data folder can't be written"
        ),
        "engine": warmth.check,
        "workers": pool.check,
        "parsers": platform.parsers.check,
    }
    if isinstance(cache, RedisCache):
        redis_cache = cache
        checks["cache"] = lambda: "ok" if redis_cache.is_up else "degraded: redis does not answer"
    elif isinstance(cache, MemoryCache):
        memory_cache = cache
        metrics.watch("pynomaly_cache_bytes", "Size of the cache.", lambda: memory_cache.size_bytes)
    buckets = MemoryBuckets(time.monotonic)
    per_s, logins_per_s = settings.rate_limit_per_second, settings.rate_limit_login_per_minute / 60
    return Services(
        settings=settings,
        platform=platform,
        security=foundations.security,
        contents=foundations.blobs,
        words=foundations.words,
        metrics=metrics,
        login_limit=RateLimiter("login", RateLimit(max(1, logins_per_s * 60), logins_per_s), buckets),
        account_limit=RateLimiter("account", RateLimit(max(1, per_s * 4), per_s), buckets),
        anonymous_limit=RateLimiter("address", RateLimit(max(1, per_s * 4), per_s), buckets),
        refusals=RefusalLog(foundations.security.audit, RateLimiter("refusals", RateLimit(1000, 1), buckets)),
        trusted_proxies=trusted_networks(settings.trusted_proxies),
        checks=checks,
    )


def _check_database(engine: Engine) -> str:
    try:
        with engine.execution_options(reads_only=True).connect() as connection:
            connection.execute(text("SELECT 1"))
    except SQLAlchemyError:
        return "the database does not answer"
    return "ok"


def _utc_now() -> datetime:
    return datetime.now(UTC)
