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
Seconds = Annotated[float, msgspec.Meta(ge=0)]
Share = Annotated[float, msgspec.Meta(gt=0, le=1)]
Score = Annotated[int, msgspec.Meta(ge=0, le=4)]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The platform's settings; `Settings.field` is read from PYNOMALY_FIELD. Bytes, seconds and counts as named."""

    data_dir: Path
    """Where everything is kept; made if absent. `--data-dir` goes before it."""
    secret_key: str = ""
    """Signs tokens. Empty: a random one is made once and kept, readable by the owner only, in the data folder."""
    previous_secret_keys: str = ""
    """Earlier secret keys, separated by commas, still accepted for what they signed."""
    database_url: str = ""
    """Empty: SQLite in the data folder."""
    redis_url: str = ""
    """Empty: the cache is in memory."""
    redis_prefix: str = "pynomaly:"
    """What our keys in Redis begin with."""
    bootstrap_username: str = ""
    """With the next one: the first admin, made at the first start instead of printing a one-time token."""
    bootstrap_password_file: str = ""
    """Holds the first admin's password."""
    encryption_keys: str = ""
    """The keys of encryption at rest, `{"active": id, "keys": {id: base64 of 32 bytes}}`, ids of 8 characters; then
    they are rotated here. Empty: a file in the data folder, readable by the owner only."""

    issuer: str = "pynomaly"
    """Who signs tokens, in their claims."""
    audience: str = "pynomaly-api"
    """For whom tokens are, in their claims."""
    access_token_s: PositiveSeconds = 900
    """How long an access token is good for."""
    refresh_token_s: PositiveSeconds = 8 * 3600
    """How long a refresh token is good for, if it is not used."""
    session_s: PositiveSeconds = 7 * 86_400
    """How long a login lasts at most, however often it is refreshed."""
    session_cache_s: Seconds = 5
    """How long servers on other hosts may go on with a session that has ended; on this host none does."""
    session_cache_size: Positive = 10_000
    """Sessions remembered at most."""
    api_key_max_s: PositiveSeconds = 365 * 86_400
    """How long an API key may be good for at most."""
    bootstrap_token_s: PositiveSeconds = 3600
    """How long the one-time token of the first start is good for."""
    lockout_failures: Positive = 5
    """Failed logins with one name from one source after which that source must wait."""
    lockout_first_s: PositiveSeconds = 30
    """For how long at first; each further failure doubles it."""
    lockout_s: PositiveSeconds = 900
    """For how long at most; after as long without an attempt its failures are forgotten."""
    password_min_length: Positive = 12
    """At least 8."""
    password_max_length: Positive = 256
    """At least 64."""
    password_min_score: Score = 3
    """zxcvbn's estimate, 0 to 4; 3 is at least 10^8 guesses."""
    password_memory_kib: Annotated[int, msgspec.Meta(ge=8)] = 19_456
    """Argon2id's memory a hash (RFC 9106); the default is OWASP's."""
    password_passes: Positive = 2
    """Argon2id's passes."""
    password_hashes_at_once: Positive = 4
    """Hashes computed at the same time at most: bounds the memory that a burst of logins takes."""

    max_upload_bytes: Positive = 512 << 20
    """Size of an uploaded file, also after decompression."""
    max_body_bytes: Positive = 64 << 20
    """Size of any other request's body."""
    max_rows: Positive = 10_000_000
    """Rows of a dataset."""
    max_columns: Positive = 2_000
    """Columns of a dataset."""
    max_training_cells: Positive = 25_000_000
    """Rows times features of a training."""
    max_predict_rows: Positive = 1_000_000
    """Rows of one request to score rows."""

    workers: Positive = max(1, (os.cpu_count() or 2) // 2)
    """Processes that train and detect in the background."""
    parsers: Positive = max(1, (os.cpu_count() or 2) // 2)
    """Processes at most that parse uploads and Arrow bodies; one is there from the start."""
    parse_memory_bytes: Positive = 512 << 20
    """Memory that parsing one upload or body may take beyond what the process has from its start."""
    parse_cpu_s: PositiveSeconds = 5
    """Processor time that parsing may take, and one more second for each MiB that was sent."""
    max_queued_operations: Positive = 32
    """Operations that wait; more are refused with 429."""
    queue_share_per_account: Share = 0.25
    """Which part of these places one account may fill; among those that wait accounts and tenants take turns."""
    queue_share_per_tenant: Share = 0.5
    """Which part one tenant may."""
    operation_time_limit_s: PositiveSeconds = 3600
    """How long an operation may run."""
    shutdown_grace_s: PositiveSeconds = 20
    """How long what runs may go on after SIGTERM."""
    cache_max_bytes: Positive = 64 << 20
    """Size of the cache in memory."""
    cache_ttl_s: PositiveSeconds = 3600
    """How long a detection is remembered."""
    model_cache_bytes: Positive = 128 << 20
    """Memory for models that are being served; the others are loaded when they are asked for."""

    rate_limit_per_second: PositiveSeconds = 500
    """Requests a second that one account may make for long; bursts may be four times that."""
    rate_limit_login_per_minute: PositiveSeconds = 30
    """Logins a minute from one address, whatever the account."""
    overload_target_s: Seconds = 0.5
    """How long requests may stand in line for the server, or for one of its threads. Once all of them stand longer, and
    have done so for the interval below, it is overloaded: whoever would is refused with 503 at once. 0: nobody is."""
    overload_interval_s: PositiveSeconds = 1
    """How long that must last; what passes sooner is a burst, or a pause."""
    trusted_proxies: str = ""
    """Addresses or networks of our own proxies, whose X-Forwarded-For is believed."""
    log_level: str = "info"
    """debug, info, warning or error."""
    access_log: bool = True
    """Whether each request is a line of the log."""
    metrics_require_login: bool = False
    """Whether /metrics asks for an account; without it the figures are open to whoever reaches the port."""

    def __repr__(self) -> str:
        return f"Settings(data_dir={str(self.data_dir)!r}, …)"  # the rest may hold secrets

    @property
    def data_limits(self) -> DataLimits:
        """Limits on one dataset."""
        return DataLimits(
            self.max_rows, self.max_columns, self.max_training_cells, max_bytes=self.max_upload_bytes
        )

    @property
    def body_limits(self) -> DataLimits:
        """Limits on the rows of one request: once decoded, at most twice what a body may have."""
        return DataLimits(self.max_predict_rows, self.max_columns, max_bytes=2 * self.max_body_bytes)

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
