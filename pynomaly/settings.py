"""Every setting of the platform, read from the environment (prefix PYNOMALY_) and checked before anything starts."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec

from pynomaly.domain.errors import Misconfigured
from pynomaly.domain.limits import DataLimits

PREFIX = "PYNOMALY_"
Positive = Annotated[int, msgspec.Meta(ge=1)]
PositiveSeconds = Annotated[float, msgspec.Meta(gt=0)]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The platform's settings; `Settings.field` is read from PYNOMALY_FIELD. Bytes, seconds and counts as named."""

    data_dir: Path
    secret_key: str = ""
    """Signs tokens. Empty: a random one is made once and kept, readable by the owner only, in the data folder."""
    previous_secret_keys: str = ""
    """Earlier secret keys, separated by commas, still accepted for what they signed."""
    database_url: str = ""
    """Empty: SQLite in the data folder."""
    redis_url: str = ""
    """Empty: the cache is in memory."""
    redis_prefix: str = "pynomaly:"
    bootstrap_username: str = ""
    bootstrap_password_file: str = ""

    max_upload_bytes: Positive = 512 << 20
    max_body_bytes: Positive = 64 << 20
    max_rows: Positive = 10_000_000
    max_columns: Positive = 2_000
    max_training_cells: Positive = 25_000_000
    max_predict_rows: Positive = 1_000_000

    workers: Positive = max(1, (os.cpu_count() or 2) // 2)
    """Processes that train and detect in the background."""
    max_queued_operations: Positive = 32
    operation_time_limit_s: PositiveSeconds = 3600
    shutdown_grace_s: PositiveSeconds = 20
    cache_max_bytes: Positive = 64 << 20
    cache_ttl_s: PositiveSeconds = 3600
    model_cache_bytes: Positive = 128 << 20
    """Memory for models that are being served; the others are loaded when they are asked for."""

    rate_limit_per_second: PositiveSeconds = 500
    """Requests a second that one account may make for long; bursts may be four times that."""
    rate_limit_login_per_minute: PositiveSeconds = 30
    """Logins a minute from one address, whatever the account."""
    trusted_proxies: str = ""
    """Addresses or networks of our own proxies, whose X-Forwarded-For is believed."""
    log_level: str = "info"
    access_log: bool = True
    metrics_require_login: bool = False
    """Whether /metrics asks for an account; without it the figures are open to whoever reaches the port."""

    def __repr__(self) -> str:
        return f"Settings(data_dir={str(self.data_dir)!r}, …)"  # the rest may hold secrets

    @property
    def data_limits(self) -> DataLimits:
        """Limits on one dataset."""
        return DataLimits(self.max_rows, self.max_columns, self.max_training_cells)

    @property
    def effective_database_url(self) -> str:
        """The database to use."""
        return self.database_url or f"sqlite:///{self.data_dir / 'pynomaly.db'}"


def read_settings(environment: Mapping[str, str], *, data_dir: Path) -> Settings:
    """Settings from the environment; raises Misconfigured naming the variable that is wrong, never its value."""
    fields = {field.name: field for field in msgspec.structs.fields(Settings)}
    given: dict[str, object] = {}
    for name, field in fields.items():
        text = environment.get(PREFIX + name.upper())
        if text is None or name == "data_dir":
            continue
        try:
            given[name] = msgspec.convert(text, field.type, strict=False)
        except msgspec.ValidationError as error:
            raise Misconfigured(f"{PREFIX}{name.upper()}: {_reason(error)}.") from None
    return Settings(data_dir=data_dir.resolve(), **given)  # type: ignore[arg-type]  # checked field by field above


def kept_secret(path: Path) -> str:
    """The secret in that file, made at the first call; mode 0600 from its first byte."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text(encoding="ascii").strip()
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        secret = secrets.token_urlsafe(48)
        file.write(secret + "\n")
        file.flush()
        os.fsync(file.fileno())
    return secret


def _reason(error: msgspec.ValidationError) -> str:
    """msgspec's message without a value in it."""
    return str(error).split(" - at")[0].replace("Expected", "expected").split(", got")[0]
