"""A password is worth something only if guessing it is counted, and a wrong answer tells nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from pynomaly.domain.errors import Conflict, InvalidInput
from pynomaly.domain.permissions import Role
from pynomaly.security.foundation import SYSTEM
from pynomaly.security.passwords import PasswordHasher

HERE = "192.0.2.1"


def attempt(world, username="alice", password=None, ip=HERE, device=None):
    password = password or "not this one at all"
    return world.auth.authenticate_user(username, password, ip, "tests", None, device)


def wait_s(world, username="alice", ip=HERE, device=None):
    return world.auth.login_retry_after_s(username, ip, device)


def test_the_right_password_opens_a_session_that_knows_where_from(stored):
    user = stored.user()
    session = attempt(stored, password=stored.password)
    assert session.user_id == user.id
    assert (session.ip_address, session.user_agent) == ("192.0.2.1", "tests")
    assert stored.stores.accounts.sessions.get(session.id) == session


def test_each_login_opens_a_session_of_its_own(stored):
    stored.user()
    first, second = (attempt(stored, password=stored.password) for _ in range(2))
    assert first.id != second.id
    assert {s.id for s in stored.auth.sessions(first.user_id, by=SYSTEM)} == {first.id, second.id}


@pytest.mark.parametrize("spelling", ["ALICE", " alice ", "\uff41lice"])
def test_a_name_is_one_account_in_any_spelling(world, spelling):
    user = world.user()
    assert attempt(world, spelling, world.password).user_id == user.id
    with pytest.raises(Conflict):
        world.user(spelling)


@pytest.mark.parametrize("name", ["", "a b", "x\ny", "a" * 65, "b\u00f6b", "..", "root\x00"])
def test_a_name_that_could_be_mistaken_is_refused(world, name):
    with pytest.raises(InvalidInput):
        world.user(name)


@pytest.mark.parametrize("name", ["nobody", "a\x00b", "\ud800", "x" * 100_000, ""])
def test_an_unknown_or_impossible_name_is_simply_wrong(stored, name):
    assert attempt(stored, name) is None


def test_from_the_fifth_failure_on_each_makes_its_source_wait_twice_as_long(stored):
    stored.user()
    for _ in range(4):
        assert attempt(stored) is None
    assert wait_s(stored) is None
    waited = []
    for _ in range(8):
        assert attempt(stored) is None
        waited.append(wait_s(stored))
        stored.clock.turn(waited[-1] - 1)
        assert attempt(stored, password=stored.password) is None
        stored.clock.turn(1)
    assert waited == [30, 60, 120, 240, 480, 900, 900, 900]
    assert attempt(stored, password=stored.password) is not None
    assert attempt(stored) is None
    assert wait_s(stored) is None, "a success forgets what came before it"


def test_who_guesses_locks_out_himself_and_nobody_else(stored):
    stored.user()
    for _ in range(20):
        attempt(stored, ip="203.0.113.9")
    assert wait_s(stored, ip="203.0.113.9") is not None
    assert attempt(stored, password=stored.password, ip="203.0.113.9") is None
    assert wait_s(stored) is None
    assert attempt(stored, password=stored.password) is not None


def test_guesses_from_many_places_slow_down_all_places_but_those_that_are_known(stored):
    stored.user()
    assert attempt(stored, password=stored.password) is not None  # from HERE, which is known from now on
    for number in range(50):
        assert attempt(stored, ip=f"198.51.100.{number}") is None
    assert wait_s(stored, ip="198.51.100.200") == 30
    assert attempt(stored, password=stored.password, ip="198.51.100.200") is None
    assert attempt(stored, password=stored.password) is not None
    stored.clock.turn(30)
    assert attempt(stored, password=stored.password, ip="198.51.100.200") is not None


def test_the_whole_block_of_an_ipv6_customer_is_one_place(stored):
    stored.user()
    for number in range(5):
        attempt(stored, ip=f"2001:db8::{number}")
    assert wait_s(stored, ip="2001:db8::ffff") == 30
    assert wait_s(stored, ip="2001:db8:1::1") is None


def test_logins_that_succeed_from_ever_new_places_are_no_failures(stored):
    stored.user()
    for number in range(60):
        assert attempt(stored, password=stored.password, ip=f"198.51.100.{number}") is not None


def test_a_known_device_is_not_kept_waiting_by_guesses_from_its_own_address(stored):
    stored.user()
    device = stored.auth.device_token(attempt(stored, password=stored.password))
    for _ in range(6):
        attempt(stored)
    assert attempt(stored, password=stored.password) is None
    assert attempt(stored, password=stored.password, device=device) is not None


def test_a_device_token_is_worth_its_own_few_guesses_and_no_more(stored):
    stored.user()
    device = stored.auth.device_token(attempt(stored, password=stored.password))
    for _ in range(5):
        attempt(stored, device=device)
    assert wait_s(stored, device=device) == 30
    assert attempt(stored, password=stored.password, device=device) is None


def test_a_device_token_of_another_account_or_made_up_or_old_is_none(stored):
    stored.user()
    stored.user("bob")
    mine = stored.auth.device_token(attempt(stored, password=stored.password))
    others = stored.auth.device_token(attempt(stored, "bob", stored.password))
    issued_at, device, mac = mine.split(".")
    for _ in range(5):
        attempt(stored)
    forged = [
        others,
        f"{issued_at}.{device}.{mac[::-1]}",
        f"0.{device}.{mac}",
        "",
        "x",
        "\ud800",
        "9" * 9_999,
    ]
    for token in forged:
        assert attempt(stored, password=stored.password, device=token) is None
    stored.clock.turn(181 * 86_400)
    for _ in range(5):
        attempt(stored)
    assert attempt(stored, password=stored.password, device=mine) is None


@pytest.mark.parametrize("change", ["disable", "password"])
def test_a_session_opened_while_the_account_was_being_closed_does_not_count(stored, change):
    """The change comes between the check of the password and the keeping of the session."""
    user, sessions = stored.user(), stored.stores.accounts.sessions
    add = sessions.add

    def add_late(session):
        if change == "disable":
            stored.auth.disable_user(user.id, by=SYSTEM)
        else:
            stored.auth.reset_password(user.id, stored.other_password, by=SYSTEM)
        add(session)

    sessions.add = add_late
    assert attempt(stored, password=stored.password) is None
    assert stored.auth.sessions(user.id, by=SYSTEM) == []


def test_four_failures_do_not_lock_and_a_success_forgets_them(stored):
    stored.user()
    for _ in range(3):
        for _ in range(4):
            assert attempt(stored) is None
        assert attempt(stored, password=stored.password) is not None


def test_failures_long_ago_do_not_count(stored):
    stored.user()
    for _ in range(4):
        attempt(stored)
    stored.clock.turn(900)
    assert attempt(stored) is None
    assert attempt(stored, password=stored.password) is not None


def test_attempts_while_locked_do_not_make_the_lock_longer(stored):
    stored.user()
    for _ in range(5):
        attempt(stored)
    stored.clock.turn(20)
    attempt(stored)
    stored.clock.turn(10)
    assert attempt(stored, password=stored.password) is not None


def test_a_name_that_does_not_exist_locks_the_same(stored):
    stored.user()
    for name in ("alice", "nobody"):
        for _ in range(5):
            attempt(stored, name)
        assert wait_s(stored, name) == 30


def test_guesses_sent_all_at_once_get_no_more_tries(stored, monkeypatch):
    """Twenty threads guess; only five passwords may be compared."""
    stored.user()
    compared = []
    verify = PasswordHasher.verify
    monkeypatch.setattr(
        PasswordHasher, "verify", lambda self, *given: compared.append(1) or verify(self, *given)
    )
    with ThreadPoolExecutor(8) as pool:
        assert not any(pool.map(lambda _: attempt(stored), range(20)))
    assert len(compared) == 5
    assert attempt(stored, password=stored.password) is None


def test_an_unknown_name_costs_one_password_hash_as_a_wrong_password_does(world, monkeypatch):
    world.user()
    hashed = []
    argon2_verify = type(PasswordHasher(world.settings.password_cost)._argon2).verify

    def counted(self, stored_hash, password):
        hashed.append(stored_hash.rsplit("$", 2)[0])
        return argon2_verify(self, stored_hash, password)

    monkeypatch.setattr("argon2.PasswordHasher.verify", counted)
    attempt(world, "alice")
    attempt(world, "nobody")
    assert len(hashed) == 2
    assert hashed[0] == hashed[1], "the decoy must be hashed at the same cost"


def test_the_decoys_password_opens_nothing(world):
    assert not PasswordHasher(world.settings.password_cost).verify(
        None, "a decoy for accounts that don't exist"
    )


def test_a_disabled_account_answers_as_a_wrong_password_does(stored):
    user = stored.user()
    stored.auth.disable_user(user.id, by=SYSTEM)
    assert attempt(stored, password=stored.password) is None
    stored.auth.enable_user(user.id, by=SYSTEM)
    assert attempt(stored, password=stored.password) is not None


def test_the_audit_tells_of_success_failure_and_lockout_without_the_name_typed(world):
    user = world.user()
    attempt(world, "hunter2-typed-into-the-name-field")
    attempt(world, password=world.password)
    for _ in range(6):
        attempt(world)
    logins = [event for event in world.stores.audit.stream() if event.action == "login"]
    assert [event.details.get("reason") for event in logins] == [
        "bad-credentials",
        None,
        *["bad-credentials"] * 4,
        "lockout",
        "locked",
    ]
    assert logins[0].actor == "unknown"
    assert {event.actor for event in logins[1:]} == {user.id}
    assert all(event.ip_address == "192.0.2.1" for event in logins)
    assert all(event.tenant_id == "default" for event in logins), "someone must be able to see it"
    assert "hunter2" not in repr(logins)
    assert "not this one" not in repr(logins)


def test_a_hash_of_another_cost_is_renewed_at_login(stored):
    user = stored.user()
    dear = replace(stored.settings.password_cost, passes=2)
    old = PasswordHasher(dear).hash(stored.password)
    stored.stores.accounts.users.change(user.id, lambda u: replace(u, password_hash=old))
    stored.login()
    renewed = stored.stores.accounts.users.get(user.id)
    assert "t=1" in renewed.password_hash
    assert renewed.auth_version == user.auth_version, "other sessions must not end for it"
    assert attempt(stored, password=stored.password) is not None


def test_the_hash_is_argon2id_at_owasps_cost(settings_with):
    from pynomaly.security.settings import SecuritySettings

    settings = SecuritySettings(secret_key=settings_with().secret_key)
    assert PasswordHasher(settings.password_cost).hash("x").startswith("$argon2id$v=19$m=19456,t=2,p=1$")


@pytest.mark.parametrize(
    "password",
    [
        "short-7Gq!",
        "Password1234!",
        "passwordpassword",
        "aaaaaaaaaaaaaaaa",
        "qwertyuiop123",
        "alice2024alice",
        "x" * 257,
        "\ud800 grape-lantern-otter",
    ],
)
def test_a_weak_password_is_refused(world, password):
    with pytest.raises(InvalidInput) as refusal:
        world.auth.create_user("alice", password, Role.VIEWER, by=SYSTEM)
    assert password not in str(refusal.value)


@pytest.mark.parametrize(
    "password",
    [
        "grape-lantern-otter-91",
        "日本語のとても長い合言葉です、ほんとうに",
        "grape lantern otter " * 4 + "%7Q",
    ],
)
def test_a_good_password_is_taken_exactly_as_it_is(world, password):
    world.auth.create_user("alice", password, Role.VIEWER, by=SYSTEM)
    assert attempt(world, password=password) is not None
    assert attempt(world, password=password + " ") is None
    assert attempt(world, password=password.upper()) is None or password.upper() == password


def test_no_secret_is_in_any_repr(stored):
    user = stored.user()
    session = attempt(stored, password=stored.password)
    tokens = stored.auth.issue_tokens(session)
    shown = repr([user, session, tokens, stored.settings])
    for secret in (user.password_hash, session.refresh_id, tokens.access_token, stored.settings.secret_key):
        assert secret not in shown
