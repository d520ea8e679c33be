"""Every security setting comes from the environment, arrives at the services, and is documented."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import msgspec
import pytest

from pynomaly.app import open_foundations
from pynomaly.domain.errors import Conflict, InvalidInput, Misconfigured
from pynomaly.domain.permissions import Role
from pynomaly.protection import open_keyring, security_settings
from pynomaly.security.foundation import SYSTEM
from pynomaly.security.keyring import FileKeyring, KeySet
from pynomaly.security.settings import PasswordCost, SecuritySettings
from pynomaly.settings import Settings, read_settings
from pynomaly.settings_reference import settings_table

SECRET = "kV9#mQ2x!Lw7-Zr4@Tb6+Yh8=Nd1_Pc5"
DOCUMENT = Path(__file__).parents[3] / "docs" / "platform.md"
GIVEN = {
    "SECRET_KEY": SECRET,
    "PREVIOUS_SECRET_KEYS": f"{SECRET[::-1]},{SECRET[16:] + SECRET[:16]}",
    "ISSUER": "issuer.test",
    "AUDIENCE": "audience.test",
    "ACCESS_TOKEN_S": "61",
    "REFRESH_TOKEN_S": "62",
    "SESSION_S": "63",
    "SESSION_CACHE_S": "0",
    "SESSION_CACHE_SIZE": "64",
    "API_KEY_MAX_S": "65",
    "LOCKOUT_FAILURES": "2",
    "LOCKOUT_FIRST_S": "16",
    "LOCKOUT_S": "66",
    "PASSWORD_MIN_LENGTH": "14",
    "PASSWORD_MAX_LENGTH": "99",
    "PASSWORD_MIN_SCORE": "4",
    "PASSWORD_MEMORY_KIB": "8",
    "PASSWORD_PASSES": "1",
    "PASSWORD_HASHES_AT_ONCE": "3",
    "BOOTSTRAP_TOKEN_S": "67",
}


def settings_of(tmp_path: Path, **given: str) -> Settings:
    return read_settings({f"PYNOMALY_{name}": text for name, text in given.items()}, data_dir=tmp_path)


def test_every_security_setting_comes_from_the_environment(tmp_path):
    found = security_settings(settings_of(tmp_path, **GIVEN))
    assert found == SecuritySettings(
        secret_key=SECRET,
        previous_secret_keys=(SECRET[::-1], SECRET[16:] + SECRET[:16]),
        issuer="issuer.test",
        audience="audience.test",
        access_token_s=61,
        refresh_token_s=62,
        session_s=63,
        session_cache_s=0,
        session_cache_size=64,
        api_key_max_s=65,
        lockout_failures=2,
        lockout_first_s=16,
        lockout_s=66,
        password_min_length=14,
        password_max_length=99,
        password_min_score=4,
        password_cost=PasswordCost(memory_kib=8, passes=1, at_once=3),
        bootstrap_token_s=67,
    )
    usual = SecuritySettings(secret_key=SECRET)
    for field in fields(SecuritySettings):  # none was forgotten above
        assert getattr(found, field.name) != getattr(usual, field.name) or field.name == "secret_key"


def test_the_defaults_are_those_of_the_security_services(tmp_path):
    assert security_settings(settings_of(tmp_path, SECRET_KEY=SECRET)) == SecuritySettings(secret_key=SECRET)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ACCESS_TOKEN_S", "0"),
        ("LOCKOUT_FAILURES", "0"),
        ("LOCKOUT_S", "nan"),
        ("PASSWORD_MIN_SCORE", "5"),
        ("PASSWORD_MIN_LENGTH", "7"),
        ("PASSWORD_MEMORY_KIB", "7"),
        ("SESSION_CACHE_S", "-1"),
        ("ENCRYPTION_KEYS", "hush"),
        ("ENCRYPTION_KEYS", '{"active": "aaaaaaaa", "keys": {"aaaaaaaa": "aHVzaA=="}}'),
    ],
)
def test_what_switches_protection_off_stops_the_start_and_is_not_shown(tmp_path, name, value):
    with pytest.raises(Misconfigured) as refusal:
        open_foundations(settings_of(tmp_path, **{name: value}))
    assert "hush" not in str(refusal.value)
    assert "aHVzaA" not in str(refusal.value)


def test_lock_out_and_password_policy_are_the_set_ones(tmp_path):
    foundations = open_foundations(settings_of(tmp_path, **GIVEN))
    auth = foundations.security.auth
    with pytest.raises(InvalidInput):
        auth.create_user("alice", "grape-lantern-otter-91" * 5, Role.VIEWER, by=SYSTEM)  # 110 characters
    auth.create_user("alice", "grape-lantern-otter-91", Role.VIEWER, by=SYSTEM)
    for _ in range(2):
        assert auth.authenticate_user("alice", "wrong", "127.0.0.1", "test") is None
    assert auth.authenticate_user("alice", "grape-lantern-otter-91", "127.0.0.1", "test") is None
    foundations.engine.dispose()


def test_keys_from_the_environment_encrypt_and_no_file_is_made(tmp_path):
    keys = KeySet.fresh()
    foundations = open_foundations(settings_of(tmp_path, ENCRYPTION_KEYS=keys.text()))
    encryption = foundations.security.encryption
    sealed = encryption.encrypt_data(b"content", context="thing")
    assert encryption.key_id_of(sealed) == keys.active_id
    assert not (tmp_path / "data.keys").exists()
    with pytest.raises(Conflict):
        encryption.rotate_keys()
    foundations.engine.dispose()
    assert isinstance(open_keyring(settings_of(tmp_path)), FileKeyring)


def test_every_setting_is_documented_as_it_is():
    table = settings_table()
    assert table.count("\n") == len(msgspec.structs.fields(Settings)) + 2
    assert table in DOCUMENT.read_text(encoding="utf-8"), f"docs/platform.md should hold:\n{table}"
