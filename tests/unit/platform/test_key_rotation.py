"""A new encryption key reaches everything that is encrypted: files, and secrets that lie in the database."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import pytest

from pynomaly.app import Foundations, open_foundations
from pynomaly.domain.errors import Forbidden
from pynomaly.domain.permissions import ROLE_CLEARANCES, ROLE_PERMISSIONS, Principal, Role
from pynomaly.security.authorization import AuthzService
from pynomaly.security.foundation import SYSTEM, Caller
from pynomaly.security.totp import code_at
from pynomaly.settings import Settings
from pynomaly.usecases.rotate_keys import rotate_keys

PASSWORD = "grape-lantern-otter-91"


@dataclass
class Acting:
    """Of the platform only what the use case asks: who may, and what is written down."""

    authz: AuthzService
    written: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def record(self, caller: Caller, action: str, resource: str, details: dict[str, Any]) -> None:
        self.written.append((action, details))


@pytest.fixture
def foundations(tmp_path):
    found = open_foundations(Settings(data_dir=tmp_path / "data"))
    yield found
    found.engine.dispose()


def caller(role: Role) -> Caller:
    return Caller(Principal("u1", "root", "default", role, ROLE_PERMISSIONS[role], ROLE_CLEARANCES[role]))


def rotate(foundations: Foundations, platform: Acting, role: Role = Role.OPERATOR):
    security = foundations.security
    return rotate_keys(
        platform,
        caller(role),
        security.encryption,
        foundations.blobs,
        (security.second_factors, *foundations.words),
    )


def test_second_factors_and_files_outlive_the_key_they_were_made_under(foundations):
    security, blobs = foundations.security, foundations.blobs
    user = security.auth.create_user("alice", PASSWORD, Role.ANALYST, by=SYSTEM)
    security.auth.enable_totp(user.id, PASSWORD, by=SYSTEM)
    with blobs.create("things", "one") as sink:
        sink.write(b"content")
    kept = security.auth.get_user(user.id, by=SYSTEM).totp_secret
    old_key = security.encryption.key_id_of(kept)
    platform = Acting(security.authz)

    rotated = rotate(foundations, platform)

    assert rotated.key_id != old_key
    assert rotated.n_resealed == 2
    assert platform.written == [("keys.rotated", {"n_resealed": 2})]
    security.encryption.retire_key(old_key)  # nothing is lost with it
    context = f"totp:{user.id}"
    renewed = security.auth.get_user(user.id, by=SYSTEM).totp_secret
    assert security.encryption.key_id_of(renewed) == rotated.key_id
    secret = security.encryption.decrypt_data(renewed, context=context)
    security.auth.confirm_totp(user.id, code_at(secret, time.time()), by=SYSTEM)
    with blobs.open("things", "one") as source:
        assert source.read(100) == b"content"


@pytest.mark.parametrize("role", [Role.DATA_SCIENTIST, Role.ADMIN])
def test_who_may_not_rotate_changes_nothing(foundations, role):
    platform = Acting(foundations.security.authz)
    before = foundations.security.encryption.encrypt_data(b"x", context="x")
    with pytest.raises(Forbidden):
        rotate(foundations, platform, role)
    after = foundations.security.encryption.encrypt_data(b"x", context="x")
    encryption = foundations.security.encryption
    assert encryption.key_id_of(before) == encryption.key_id_of(after)
    assert platform.written == []
