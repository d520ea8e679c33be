"""What the settings say of security, as the security services take it: secrets, keys, lifetimes, costs."""

from __future__ import annotations

from dataclasses import fields

from pynomaly.security.keyring import FileKeyring, FixedKeyring, Keyring, KeySet
from pynomaly.security.settings import PasswordCost, SecuritySettings
from pynomaly.settings import Settings, kept_secret

_MADE_HERE = {"secret_key", "previous_secret_keys", "password_cost"}


def security_settings(settings: Settings) -> SecuritySettings:
    """The settings of the security services; raises Misconfigured for what would weaken them.

    The data folder must exist: where no secret key is set, one is made and kept there.
    """
    cost = PasswordCost(
        memory_kib=settings.password_memory_kib,
        passes=settings.password_passes,
        at_once=settings.password_hashes_at_once,
    )
    of_one_name = {field.name for field in fields(SecuritySettings)} - _MADE_HERE
    return SecuritySettings(
        secret_key=settings.secret_key or kept_secret(settings.data_dir / "secret.key"),
        previous_secret_keys=tuple(part for part in settings.previous_secret_keys.split(",") if part),
        password_cost=cost,
        **{name: getattr(settings, name) for name in of_one_name},
    )


def open_keyring(settings: Settings) -> Keyring:
    """The keys of encryption at rest: those that were set, or a file in the data folder."""
    if settings.encryption_keys:
        return FixedKeyring(KeySet.parse(settings.encryption_keys, "PYNOMALY_ENCRYPTION_KEYS"))
    return FileKeyring(settings.data_dir / "data.keys")
