"""A token is taken only as it was issued, for what it was issued for, while its session lives."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import jwt
import pytest

from pynomaly.domain.errors import Forbidden, NotFound, Unauthenticated
from pynomaly.domain.permissions import Permission, Role
from pynomaly.security.epoch import SharedEpoch
from pynomaly.security.foundation import SYSTEM, Caller
from pynomaly.security.services import build_security
from pynomaly.security.tokens import TokenSigner, TokenUse


def parts(token):
    header, payload, signature = token.split(".")
    return [json.loads(base64.urlsafe_b64decode(part + "==")) for part in (header, payload)] + [signature]


def encoded(record):
    return base64.urlsafe_b64encode(json.dumps(record).encode()).rstrip(b"=").decode()


def forged(header, payload, key):
    signed = f"{encoded(header)}.{encoded(payload)}"
    mac = hmac.digest(key, signed.encode(), hashlib.sha256)
    return f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def signing_key(world, use="access"):
    return world.settings.derived_keys(f"jwt-{use}")[0].secret


def is_refused(world, token):
    with pytest.raises(Unauthenticated):
        world.auth.verify_access_token(token)
    return True


def test_a_token_names_its_user_and_session(stored):
    user = stored.user()
    tokens = stored.login()
    principal = stored.auth.verify_access_token(tokens.access_token)
    assert (principal.user_id, principal.username, principal.role) == (user.id, "alice", Role.ANALYST)
    assert principal.session_id == stored.auth.sessions(user.id, by=SYSTEM)[0].id
    assert principal.permissions == user.permissions
    assert (tokens.token_type, tokens.expires_in) == ("bearer", 900)


def test_the_forger_of_these_tests_makes_valid_tokens_with_the_right_key(world):
    """The control: what follows fails for the reason it names, not because the forgery is clumsy."""
    world.user()
    token = world.login().access_token
    header, payload, _ = parts(token)
    again = jwt.PyJWT().encode(payload, signing_key(world), "HS256", headers=header, sort_headers=False)
    assert again == token
    longer = {**payload, "exp": payload["exp"] + 1}
    other = jwt.PyJWT().encode(longer, signing_key(world), "HS256", headers=header, sort_headers=False)
    assert world.auth.verify_access_token(other).username == "alice"


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", "HS512", "RS256", "", None])
def test_another_algorithm_is_refused(world, algorithm):
    world.user()
    header, payload, signature = parts(world.login().access_token)
    unsigned = f"{encoded({**header, 'alg': algorithm})}.{encoded(payload)}."
    assert is_refused(world, unsigned)
    assert is_refused(world, unsigned + signature)
    assert is_refused(world, forged({**header, "alg": algorithm}, payload, signing_key(world)))


@pytest.mark.parametrize(
    "extra",
    [
        {"kid": "../../../../dev/null"},
        {"kid": "' OR 1=1"},
        {"jku": "http://127.0.0.1:9/keys"},
        {"jwk": {"kty": "oct", "k": "AA"}},
        {"x5u": "http://127.0.0.1:9/"},
        {"crit": ["exp"]},
        {"typ": "JWT"},
    ],
)
def test_a_header_that_we_do_not_write_is_refused_even_when_signed_with_our_key(world, extra):
    world.user()
    header, payload, _ = parts(world.login().access_token)
    assert is_refused(world, forged({**header, **extra}, payload, signing_key(world)))


def test_an_edited_payload_or_signature_is_refused(world):
    world.user()
    header, payload, signature = world.login().access_token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    assert is_refused(world, f"{header}.{encoded({**claims, 'ver': 2})}.{signature}")
    assert is_refused(world, f"{header}.{payload}.")
    assert is_refused(world, f"{header}.{payload}")
    assert is_refused(world, f"{header}.{payload}.{signature}.{signature}")
    assert is_refused(world, f"{header}.{payload}.{signature[::-1]}")


def test_every_other_last_character_is_refused(world):
    """Base64 has four spellings of the last byte; a scanner that flips the last character must see a
    refusal.
    """
    world.user()
    token = world.login().access_token
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_="
    accepted = []
    for character in alphabet:
        try:
            world.auth.verify_access_token(token[:-1] + character)
        except Unauthenticated:
            continue
        accepted.append(character)
    assert accepted == [token[-1]]


@pytest.mark.parametrize(
    "rubbish", ["", ".", "..", "a.b.c", "é", "\ud800", "\x00", "x" * 1_000_000, "Bearer a"]
)
def test_rubbish_is_refused_and_nothing_else(world, rubbish):
    assert is_refused(world, rubbish)


@pytest.mark.parametrize(
    "change",
    [
        {"exp": None},
        {"exp": "9999999999"},
        {"exp": True},
        {"exp": 1e400},
        {"nbf": 9_999_999_999},
        {"iss": "someone-else"},
        {"aud": "another-api"},
        {"aud": ["pynomaly-api", "another-api"]},
        {"use": "refresh"},
        {"ver": 99},
        {"ver": "1"},
        {"ver": True},
        {"ver": 1.0},
        {"sub": "somebody-else"},
        {"sid": "another-session"},
        {"sid": 5},
        {"jti": None},
    ],
)
def test_a_claim_that_we_would_not_write_is_refused_even_when_signed_with_our_key(world, change):
    world.user()
    header, payload, _ = parts(world.login().access_token)
    claims = {name: value for name, value in {**payload, **change}.items() if value is not None}
    token = jwt.PyJWT().encode(claims, signing_key(world), "HS256", headers=header, sort_headers=False)
    assert is_refused(world, token)


def test_a_token_expires_also_when_it_is_cached(world):
    world.user()
    token = world.login().access_token
    world.auth.verify_access_token(token)
    world.clock.turn(899)
    world.auth.verify_access_token(token)
    world.clock.turn(1)
    assert is_refused(world, token)


def test_a_token_does_not_count_before_its_time(world):
    world.user()
    token = world.login().access_token
    world.clock.turn(-1)
    assert is_refused(world, token)


def test_access_and_refresh_tokens_cannot_stand_in_for_each_other(world):
    world.user()
    tokens = world.login()
    assert is_refused(world, tokens.refresh_token)
    with pytest.raises(Unauthenticated):
        world.auth.refresh(tokens.access_token)
    header, payload, _ = parts(tokens.refresh_token)
    access_header = parts(tokens.access_token)[0]
    for key in ("access", "refresh"):
        for head in (header, access_header):
            token = jwt.PyJWT().encode(
                payload, signing_key(world, key), "HS256", headers=head, sort_headers=False
            )
            assert is_refused(world, token)


def test_the_secret_itself_is_no_key(world):
    world.user()
    header, payload, _ = parts(world.login().access_token)
    assert is_refused(world, forged(header, payload, world.settings.secret_key.encode()))


def test_the_secret_key_can_be_changed_without_a_logout(world, settings_with):
    new = "Zp4!Nc8@Wd1#Xb6$Ys3%Mq9^Kt7&Ru2*"
    user = world.user()
    token = world.login().access_token
    changed = settings_with(secret_key=new, previous_secret_keys=(world.settings.secret_key,))
    forgotten = settings_with(secret_key=new)
    assert TokenSigner(TokenUse.ACCESS, changed).read(token, world.clock()).user_id == user.id
    with pytest.raises(Unauthenticated):
        TokenSigner(TokenUse.ACCESS, forgotten).read(token, world.clock())


def test_logout_counts_at_once_though_the_token_was_cached(stored):
    stored.user()
    tokens = stored.login()
    principal = stored.auth.verify_access_token(tokens.access_token)
    assert stored.auth.logout(principal.session_id, by=Caller(principal))
    assert is_refused(stored, tokens.access_token)
    with pytest.raises(Unauthenticated):
        stored.auth.refresh(tokens.refresh_token)
    assert not stored.auth.logout(principal.session_id, by=Caller(principal))


def test_logout_ends_one_session_only(stored):
    stored.user()
    first, second = stored.login(), stored.login()
    principal = stored.auth.verify_access_token(first.access_token)
    stored.auth.logout(principal.session_id, by=Caller(principal))
    assert stored.auth.verify_access_token(second.access_token)
    stored.auth.revoke_sessions(principal.user_id, by=Caller(principal))
    assert is_refused(stored, second.access_token)


@pytest.mark.parametrize("act", ["set_role", "disable", "erase", "reset_password"])
def test_a_change_of_the_account_counts_at_once_though_the_token_was_cached(stored, act):
    user = stored.user()
    tokens = stored.login()
    stored.auth.verify_access_token(tokens.access_token)
    {
        "set_role": lambda: stored.auth.set_role(user.id, Role.VIEWER, by=SYSTEM),
        "disable": lambda: stored.auth.disable_user(user.id, by=SYSTEM),
        "erase": lambda: stored.security.personal_data.erase_user(user.id, by=SYSTEM),
        "reset_password": lambda: stored.auth.reset_password(user.id, stored.other_password, by=SYSTEM),
    }[act]()
    assert is_refused(stored, tokens.access_token)
    if act == "set_role":
        renewed = stored.auth.refresh(tokens.refresh_token)
        principal = stored.auth.verify_access_token(renewed.access_token)
        assert principal.role is Role.VIEWER
        assert Permission.DATA_WRITE not in principal.permissions
    else:
        with pytest.raises(Unauthenticated):
            stored.auth.refresh(tokens.refresh_token)


def test_a_closed_account_gets_no_tokens_even_if_its_sessions_were_not_ended(stored):
    """As after a crash between closing the account and ending its sessions."""
    user = stored.user()
    session = stored.auth.authenticate_user("alice", stored.password, "", "")
    tokens = stored.auth.issue_tokens(session)
    stored.stores.accounts.users.change(user.id, lambda present: replace(present, disabled=True))
    assert is_refused(stored, tokens.access_token)
    with pytest.raises(Unauthenticated):
        stored.auth.refresh(tokens.refresh_token)
    with pytest.raises(Unauthenticated):
        stored.auth.issue_tokens(session)


def test_enabling_an_account_again_does_not_bring_its_sessions_back(stored):
    user = stored.user()
    tokens = stored.login()
    stored.auth.disable_user(user.id, by=SYSTEM)
    stored.auth.enable_user(user.id, by=SYSTEM)
    assert is_refused(stored, tokens.access_token)
    with pytest.raises(Unauthenticated):
        stored.auth.refresh(tokens.refresh_token)


def test_a_refresh_token_counts_once_and_its_second_use_ends_the_family(stored):
    stored.user()
    first = stored.login()
    second = stored.auth.refresh(first.refresh_token)
    third = stored.auth.refresh(second.refresh_token)
    assert stored.auth.verify_access_token(third.access_token)
    with pytest.raises(Unauthenticated):
        stored.auth.refresh(second.refresh_token)
    assert is_refused(stored, third.access_token)
    with pytest.raises(Unauthenticated):
        stored.auth.refresh(third.refresh_token)
    assert "token.reuse:denied" in stored.actions()


def test_of_many_refreshes_at_once_one_at_most_succeeds_and_the_family_ends(stored):
    stored.user()
    tokens = stored.login()

    def refresh(_):
        try:
            return stored.auth.refresh(tokens.refresh_token)
        except Unauthenticated:
            return None

    with ThreadPoolExecutor(8) as pool:
        renewed = [pair for pair in pool.map(refresh, range(8)) if pair]
    assert len(renewed) <= 1
    assert is_refused(stored, tokens.access_token)


def test_a_session_that_ended_is_not_rotated_and_ends_once(stored):
    """As when a logout comes between a refresh's look at the session and its change."""
    stored.user()
    rows = stored.stores.accounts.sessions
    ended, expired, alive = (
        stored.auth.authenticate_user("alice", stored.password, "", "") for _ in range(3)
    )
    now = stored.clock()
    assert rows.revoke(ended.id, now)
    assert not rows.revoke(ended.id, now)

    def rotate(session, at):
        return rows.rotate(session.id, expected=session.refresh_id, replacement="new", now=at)

    assert not rotate(ended, now)
    assert not rotate(expired, expired.expires_at)
    assert rotate(alive, now)
    assert not rotate(alive, now)


def test_a_family_lives_no_longer_than_its_session(world_with):
    world = world_with(session_s=1000, refresh_token_s=900)
    world.user()
    tokens = world.login()
    world.clock.turn(800)
    tokens = world.auth.refresh(tokens.refresh_token)
    assert tokens.expires_in == 200
    world.clock.turn(199)
    assert world.auth.verify_access_token(tokens.access_token)
    world.clock.turn(1)
    assert is_refused(world, tokens.access_token)
    with pytest.raises(Unauthenticated):
        world.auth.refresh(tokens.refresh_token)


def test_no_tokens_for_a_session_that_ended(stored):
    stored.user()
    session = stored.auth.authenticate_user("alice", stored.password, "", "")
    stored.auth.logout(session.id, by=SYSTEM)
    with pytest.raises(Unauthenticated):
        stored.auth.issue_tokens(session)


def test_nobody_ends_a_strangers_session(stored):
    stored.user()
    stored.user("bob")
    session = stored.auth.authenticate_user("alice", stored.password, "", "")
    with pytest.raises(Forbidden):
        stored.auth.revoke_session(session.id, by=stored.caller("bob"))
    assert stored.auth.sessions(session.user_id, by=SYSTEM)


def test_an_admin_ends_sessions_of_his_tenant_only(stored):
    stored.user("root", Role.ADMIN)
    stored.user("stranger", Role.ADMIN, tenant_id="elsewhere")
    stored.user()
    session = stored.auth.authenticate_user("alice", stored.password, "", "")
    with pytest.raises(NotFound):
        stored.auth.revoke_session(session.id, by=stored.caller("stranger"))
    assert stored.auth.revoke_session(session.id, by=stored.caller("root"))


def test_another_process_of_the_host_knows_at_once(stores, clock, settings_with, tmp_path):
    """Two processes share the stores and the counter's file, but no memory that Python knows of."""
    from pynomaly.security.keyring import FixedKeyring, KeySet

    keyring, settings = FixedKeyring(KeySet.fresh()), settings_with()
    epochs = [SharedEpoch(tmp_path / "epoch") for _ in range(2)]
    here, there = (
        build_security(stores.accounts, stores.audit, keyring, settings, clock, epoch).auth
        for epoch in epochs
    )
    here.create_user("alice", "grape-lantern-otter-91", Role.VIEWER, by=SYSTEM)
    session = here.authenticate_user("alice", "grape-lantern-otter-91", "", "")
    token = here.issue_tokens(session).access_token
    there.verify_access_token(token)
    here.logout(session.id, by=SYSTEM)
    with pytest.raises(Unauthenticated):
        there.verify_access_token(token)
    for epoch in epochs:
        epoch.close()


def test_another_host_knows_when_the_cache_is_too_old(world):
    world.user()
    token = world.login().access_token
    principal = world.auth.verify_access_token(token)
    world.stores.accounts.sessions.revoke(principal.session_id, world.clock())  # as another host would
    world.clock.turn(world.settings.session_cache_s)
    assert is_refused(world, token)


def test_without_a_cache_every_request_asks_the_store(world_with):
    world = world_with(session_cache_s=0)
    world.user()
    token = world.login().access_token
    principal = world.auth.verify_access_token(token)
    world.stores.accounts.sessions.revoke(principal.session_id, world.clock())
    assert is_refused(world, token)


def test_a_change_between_asking_the_store_and_caching_is_not_missed(world, monkeypatch):
    """The store has answered, then the session ends, then the answer is cached: it must not be believed."""
    user = world.user()
    token = world.login().access_token
    users = world.stores.accounts.users
    before = users.get(user.id)

    def answered_before_the_change(_user_id):
        monkeypatch.undo()
        world.auth.set_role(user.id, Role.VIEWER, by=SYSTEM)
        return before

    monkeypatch.setattr(users, "get", answered_before_the_change)
    assert world.auth.verify_access_token(token).role is Role.ANALYST
    assert is_refused(world, token)


def test_the_cache_is_bounded_and_rubbish_does_not_enter_it(world_with):
    world = world_with(session_cache_size=3)
    world.user()
    tokens = [world.login().access_token for _ in range(5)]
    for token in tokens:
        world.auth.verify_access_token(token)
    proofs = world.auth._sessions._proofs
    assert len(proofs) == 3
    for token in tokens:
        is_refused(world, token[::-1])
        assert world.auth.verify_access_token(token)
    assert len(proofs) == 3


def test_ended_sessions_are_forgotten_in_time(stored):
    user = stored.user()
    stored.login()
    stored.clock.turn(stored.settings.session_s + 1)
    stored.auth.prune()
    assert stored.stores.accounts.sessions.of_user(user.id) == []
