"""An API key is narrower than its owner, dies with him, and can't be read back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pynomaly.domain.errors import Forbidden, InvalidInput, NotFound, Unauthenticated
from pynomaly.domain.permissions import ROLE_PERMISSIONS, Permission, Role
from pynomaly.security.foundation import SYSTEM, Caller


def made(world, permissions=("data:read",), expires_at=None, username="alice"):
    user = world.stores.accounts.users.by_username(username) or world.user(username)
    return world.auth.create_api_key(user.id, "ci", permissions, expires_at, by=world.caller(username))


def is_refused(world, secret):
    with pytest.raises(Unauthenticated):
        world.auth.verify_api_key(secret)
    return True


def test_a_key_acts_for_its_owner_with_its_own_permissions(stored):
    new = made(stored, ["data:read", "detection:run"])
    principal = stored.auth.verify_api_key(new.secret)
    assert principal.username == "alice"
    assert principal.permissions == {Permission.DATA_READ, Permission.DETECTION_RUN}
    assert (principal.api_key_id, principal.session_id) == (new.key.id, None)


def test_only_a_digest_is_kept_and_nothing_shows_the_secret(stored):
    new = made(stored)
    kept = stored.stores.accounts.api_keys.get(new.key.id)
    assert kept == new.key
    random_part = new.secret.rsplit("_", 1)[1]
    assert len(bytes.fromhex(random_part)) == 32
    assert random_part not in repr([new, kept, list(stored.stores.audit.stream())])
    assert kept.secret_digest not in (new.secret.encode(), bytes.fromhex(random_part))


@pytest.mark.parametrize("permission", ["users:write", "data:delete"])
def test_a_key_cannot_hold_more_than_its_owner(stored, permission):
    with pytest.raises(Forbidden):
        made(stored, ["data:read", permission])
    assert stored.stores.accounts.api_keys.of_user(stored.principal().user_id) == []


@pytest.mark.parametrize("permissions", [[], ["data:everything"], ["*"], ["data:read", ""]])
def test_permissions_that_make_no_sense_are_refused(world, permissions):
    with pytest.raises(InvalidInput):
        made(world, permissions)


@pytest.mark.parametrize("name", ["", " ", "x" * 101, "a\nb", "\x00"])
def test_names_that_make_no_sense_are_refused(world, name):
    user = world.user()
    with pytest.raises(InvalidInput):
        world.auth.create_api_key(user.id, name, ["data:read"], by=world.caller())


def test_a_key_expires_and_cannot_outlive_the_limit(stored):
    stored.user()
    now = stored.clock()
    for wrong in (now, now - 1, now + stored.settings.api_key_max_s + 1, float("nan"), float("inf")):
        with pytest.raises(InvalidInput):
            made(stored, expires_at=wrong)
    new = made(stored, expires_at=now + 10)
    assert stored.auth.verify_api_key(new.secret)
    stored.clock.turn(10)
    assert is_refused(stored, new.secret)
    assert stored.auth.api_keys(new.key.user_id, by=SYSTEM) == []
    assert made(stored).key.expires_at == stored.clock() + stored.settings.api_key_max_s


def test_a_wrong_secret_for_a_right_id_is_refused(stored):
    new = made(stored)
    prefix, random_part = new.secret.rsplit("_", 1)
    assert is_refused(stored, f"{prefix}_{random_part[::-1]}")
    assert is_refused(stored, f"{prefix}_{random_part[:-1]}")
    assert is_refused(stored, f"{prefix}_{random_part.upper()}")


@pytest.mark.parametrize("rubbish", ["", "pyn_", "pyn__", "\x00", "\ud800", "é" * 64, "x" * 1_000_000])
def test_rubbish_is_refused_and_nothing_else(stored, rubbish):
    assert is_refused(stored, rubbish)


def test_a_bearer_token_is_no_key_and_a_key_no_bearer_token(world):
    new = made(world)
    assert is_refused(world, world.login().access_token)
    with pytest.raises(Unauthenticated):
        world.auth.verify_access_token(new.secret)


def test_revocation_counts_at_once_though_the_key_was_cached(stored):
    new = made(stored)
    stored.auth.verify_api_key(new.secret)
    stored.auth.revoke_api_key(new.key.id, by=stored.caller())
    assert is_refused(stored, new.secret)


def test_a_demotion_reaches_the_keys_at_once(stored):
    new = made(stored, ["data:read", "data:write"])
    stored.auth.verify_api_key(new.secret)
    stored.auth.set_role(new.key.user_id, Role.VIEWER, by=SYSTEM)
    assert stored.auth.verify_api_key(new.secret).permissions == {Permission.DATA_READ}


@pytest.mark.parametrize("act", ["disable", "reset_password", "erase"])
def test_what_closes_an_account_closes_its_keys(stored, act):
    new = made(stored)
    stored.auth.verify_api_key(new.secret)
    {
        "disable": lambda: stored.auth.disable_user(new.key.user_id, by=SYSTEM),
        "erase": lambda: stored.security.personal_data.erase_user(new.key.user_id, by=SYSTEM),
        "reset_password": lambda: stored.auth.reset_password(
            new.key.user_id, stored.other_password, by=SYSTEM
        ),
    }[act]()
    assert is_refused(stored, new.secret)


def test_nobody_finds_or_revokes_a_strangers_key(stored):
    new = made(stored)
    stored.user("bob")
    stored.user("foreign", Role.ADMIN, tenant_id="elsewhere")
    for stranger in ("bob", "foreign"):
        with pytest.raises(NotFound):
            stored.auth.revoke_api_key(new.key.id, by=stored.caller(stranger))
    with pytest.raises(NotFound):
        stored.auth.revoke_api_key("\x00", by=SYSTEM)
    assert stored.auth.verify_api_key(new.secret)
    stored.user("root", Role.ADMIN)
    stored.auth.revoke_api_key(new.key.id, by=stored.caller("root"))
    assert is_refused(stored, new.secret)


@pytest.mark.parametrize("permissions", [["data:read"], sorted(ROLE_PERMISSIONS[Role.ADMIN])])
def test_an_api_key_manages_no_credentials_not_even_itself(stored, permissions):
    admin, victim = stored.user("root", Role.ADMIN), stored.user("victim")
    new = stored.auth.create_api_key(admin.id, "ci", permissions, None, by=stored.caller("root"))
    session = stored.auth.sessions(admin.id, by=SYSTEM)[0]
    by = Caller(stored.auth.verify_api_key(new.secret))
    for act in (
        lambda: stored.auth.revoke_api_key(new.key.id, by=by),
        lambda: stored.auth.api_keys(admin.id, by=by),
        lambda: stored.auth.sessions(admin.id, by=by),
        lambda: stored.auth.sessions(victim.id, by=by),
        lambda: stored.auth.logout(session.id, by=by),
        lambda: stored.auth.revoke_session(session.id, by=by),
        lambda: stored.auth.revoke_sessions(admin.id, by=by),
        lambda: stored.auth.revoke_sessions(victim.id, by=by),
        lambda: stored.security.personal_data.export_user_data(admin.id, by=by),
        lambda: stored.security.personal_data.export_user_data(victim.id, by=by),
    ):
        with pytest.raises((Forbidden, NotFound)):
            act()
    assert stored.auth.verify_api_key(new.secret)
    assert stored.auth.sessions(admin.id, by=SYSTEM)[0] == session


def test_a_new_password_ends_the_keys(stored):
    new = made(stored)
    stored.auth.verify_api_key(new.secret)
    by = stored.caller()
    stored.auth.change_password(new.key.user_id, stored.password, stored.other_password, by=by)
    assert is_refused(stored, new.secret)


def test_keys_do_not_come_back_when_the_account_is_opened_again(stored):
    new = made(stored)
    stored.auth.disable_user(new.key.user_id, by=SYSTEM)
    stored.auth.enable_user(new.key.user_id, by=SYSTEM)
    assert is_refused(stored, new.secret)


def test_nor_those_of_an_account_that_was_closed_before_keys_ended_with_it(stored):
    new = made(stored)
    users = stored.stores.accounts.users
    users.change(new.key.user_id, lambda user: replace(user, disabled=True))
    stored.auth.enable_user(new.key.user_id, by=SYSTEM)
    assert is_refused(stored, new.secret)


@pytest.mark.parametrize("change", ["disable", "password"])
def test_a_key_made_while_the_account_was_being_closed_does_not_count(stored, change):
    """The change comes between the look at the account and the keeping of the key."""
    user, keys = stored.user(), stored.stores.accounts.api_keys
    by, add, made_keys = stored.caller(), keys.add, []

    def add_late(key):
        if change == "disable":
            stored.auth.disable_user(user.id, by=SYSTEM)
        else:
            stored.auth.reset_password(user.id, stored.other_password, by=SYSTEM)
        add(key)
        made_keys.append(key)

    keys.add = add_late
    with pytest.raises(Unauthenticated):
        stored.auth.create_api_key(user.id, "late", ["data:read"], by=by)
    assert keys.get(made_keys[0].id).revoked_at is not None
