"""The tables of accounts; instants are seconds since 1970 as the account services hand them over."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Double, ForeignKey, Integer, LargeBinary, String, Table, Text

from pynomaly.storage.schema import metadata

users = Table(
    "users",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("username", String(64), nullable=False, unique=True),
    Column("tenant_id", String(64), nullable=False, index=True),
    Column("role", String(32), nullable=False),
    Column("clearance", Integer, nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("disabled", Boolean, nullable=False),
    Column("auth_version", Integer, nullable=False),
    Column("totp_secret", LargeBinary),
    Column("totp_confirmed", Boolean, nullable=False),
    Column("totp_last_step", Integer, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("user_id", String(64), ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False, index=True),
    Column("ip_address", Text, nullable=False),
    Column("user_agent", Text, nullable=False),
    Column("refresh_id", String(64), nullable=False),
    Column("revoked_at", Double),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("user_id", String(64), ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("permissions", Text, nullable=False),
    Column("secret_digest", LargeBinary, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("revoked_at", Double),
)

login_attempts = Table(
    "login_attempts",
    metadata,
    Column("subject", String(64), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("first_at", Double, nullable=False),
    Column("last_at", Double, nullable=False, index=True),
    Column("locked_until", Double, nullable=False),
)

known_sources = Table(
    "known_sources",
    metadata,
    Column("subject", String(64), primary_key=True),
    Column("user_id", String(64), ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("last_at", Double, nullable=False, index=True),
)

one_time_tokens = Table(
    "one_time_tokens",
    metadata,
    Column("purpose", String(64), primary_key=True),
    Column("digest", LargeBinary, nullable=False),
    Column("expires_at", Double, nullable=False),
)
