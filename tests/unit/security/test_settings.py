"""An unsafe setting stops the start, and is named but never shown."""

from __future__ import annotations

import pytest

from pynomaly.domain.errors import Misconfigured
from pynomaly.security.settings import SecuritySettings

GOOD = "kV9#mQ2x!Lw7-Zr4@Tb6+Yh8=Nd1_Pc5"


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "hunter2",
        GOOD[:31],
        "a" * 64,
        "abababababababababababababababababababab",
        "change-me-in-production-please-32-chars",
        "your-secret-key-here-your-secret-key-here",
        "pynomaly_secret_" + GOOD,
        "0123456789abcdefghijklmnopqrstuvwxyzABCD",
    ],
)
def test_a_weak_secret_key_is_refused_by_name_and_not_shown(secret):
    with pytest.raises(Misconfigured) as refusal:
        SecuritySettings(secret_key=secret)
    assert "PYNOMALY_SECRET_KEY" in str(refusal.value)
    assert not secret or secret not in f"{refusal.value} {refusal.value.hint}"


def test_a_weak_previous_secret_is_refused_too():
    with pytest.raises(Misconfigured, match="PYNOMALY_PREVIOUS_SECRET_KEYS"):
        SecuritySettings(secret_key=GOOD, previous_secret_keys=("secret",))


def test_a_random_secret_is_taken():
    import secrets

    for _ in range(200):
        SecuritySettings(secret_key=secrets.token_urlsafe(48))
    SecuritySettings(secret_key=secrets.token_hex(32))
    SecuritySettings(secret_key="pynomaly-" + GOOD)


@pytest.mark.parametrize(
    "change",
    [
        {"access_token_s": 0},
        {"session_s": -1},
        {"access_token_s": float("nan")},
        {"lockout_failures": 0},
        {"password_min_length": 7},
        {"password_max_length": 32},
        {"session_cache_s": -1},
        {"session_cache_size": 0},
    ],
)
def test_settings_that_switch_protection_off_are_refused(change):
    with pytest.raises(Misconfigured):
        SecuritySettings(secret_key=GOOD, **change)


def test_keys_of_different_purposes_and_secrets_are_all_different():
    settings = SecuritySettings(secret_key=GOOD, previous_secret_keys=(GOOD[::-1],))
    keys = [
        key for purpose in ("jwt-access", "jwt-refresh", "audit") for key in settings.derived_keys(purpose)
    ]
    assert len({key.secret for key in keys}) == len({key.id for key in keys}) == 6
    assert GOOD not in repr(settings)
    assert repr(keys[0].secret) not in repr(keys)
