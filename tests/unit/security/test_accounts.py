"""Accounts: who may change whom, and the last door that must not be locked from the inside."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from pynomaly.domain.errors import Conflict, Forbidden, InvalidInput, NotFound, RateLimited, Unauthenticated
from pynomaly.domain.permissions import ROLE_PERMISSIONS, Permission, Role, SecurityLevel
from pynomaly.security.administration import AccountChange
from pynomaly.security.encryption import ReEncryption
from pynomaly.security.foundation import SYSTEM, Caller
from pynomaly.security.keyring import FileKeyring
from pynomaly.security.services import build_security
from pynomaly.security.totp import code_at


def outcome(act):
    try:
        act()
    except (Conflict, Unauthenticated) as refusal:
        return type(refusal).__name__
    return "done"


def test_the_first_admin_is_made_once(stored):
    admin = stored.auth.bootstrap_admin("root", stored.password)
    assert (admin.role, admin.clearance) == (Role.OPERATOR, SecurityLevel.SECRET)
    assert stored.login("root")
    for name in ("root", "other"):
        with pytest.raises(Conflict):
            stored.auth.bootstrap_admin(name, stored.password)


def test_of_several_first_admins_at_once_one_is_made(stored):
    names = [f"root{i}" for i in range(6)]
    with ThreadPoolExecutor(6) as pool:
        done = list(
            pool.map(lambda n: outcome(lambda: stored.auth.bootstrap_admin(n, stored.password)), names)
        )
    assert done.count("done") == 1
    assert stored.stores.accounts.users.count() == 1


def test_the_token_of_the_first_start_counts_once(stored):
    token = stored.auth.issue_bootstrap_token()
    with pytest.raises(Unauthenticated):
        stored.auth.redeem_bootstrap_token(token + "x", "root", stored.password, by=SYSTEM)
    with pytest.raises(InvalidInput):
        stored.auth.redeem_bootstrap_token(token, "root", "weak", by=SYSTEM)
    assert stored.auth.redeem_bootstrap_token(token, "root", stored.password, by=SYSTEM).role is Role.OPERATOR
    with pytest.raises(Unauthenticated):
        stored.auth.redeem_bootstrap_token(token, "again", stored.password, by=SYSTEM)
    assert stored.auth.issue_bootstrap_token() is None


def test_the_token_of_the_first_start_expires_and_a_new_one_replaces_it(stored):
    first = stored.auth.issue_bootstrap_token()
    second = stored.auth.issue_bootstrap_token()
    with pytest.raises(Unauthenticated):
        stored.auth.redeem_bootstrap_token(first, "root", stored.password, by=SYSTEM)
    stored.clock.turn(3600)
    with pytest.raises(Unauthenticated):
        stored.auth.redeem_bootstrap_token(second, "root", stored.password, by=SYSTEM)


def test_a_bootstrap_token_is_worth_nothing_once_there_is_an_account(stored):
    token = stored.auth.issue_bootstrap_token()
    stored.auth.bootstrap_admin("root", stored.password)
    with pytest.raises(Conflict):
        stored.auth.redeem_bootstrap_token(token, "evil", stored.password, by=SYSTEM)


@pytest.mark.parametrize("role", [Role.DATA_SCIENTIST, Role.ANALYST, Role.VIEWER])
def test_only_admins_change_accounts(stored, role):
    stored.user("mallory", role)
    victim = stored.user("victim")
    mallory = stored.caller("mallory")
    acts = [
        lambda: stored.auth.create_user("new", stored.password, Role.VIEWER, by=mallory),
        lambda: stored.auth.set_role(mallory.principal.user_id, Role.ADMIN, by=mallory),
        lambda: stored.auth.set_role(victim.id, Role.VIEWER, by=mallory),
        lambda: stored.auth.disable_user(victim.id, by=mallory),
        lambda: stored.auth.enable_user(victim.id, by=mallory),
        lambda: stored.auth.reset_password(victim.id, stored.other_password, by=mallory),
        lambda: stored.auth.unlock_user("victim", by=mallory),
        lambda: stored.auth.get_user(victim.id, by=mallory),
        lambda: stored.auth.users(by=mallory),
        lambda: stored.auth.sessions(victim.id, by=mallory),
        lambda: stored.auth.api_keys(victim.id, by=mallory),
        lambda: stored.auth.revoke_sessions(victim.id, by=mallory),
        lambda: stored.auth.change_password(victim.id, stored.password, stored.other_password, by=mallory),
        lambda: stored.auth.create_api_key(victim.id, "k", ["data:read"], by=mallory),
        lambda: stored.auth.enable_totp(victim.id, stored.password, by=mallory),
    ]
    n_before = len(stored.actions())
    for act in acts:
        with pytest.raises(Forbidden):
            act()
    denied = stored.actions()[n_before:]
    assert len(denied) == len(acts)
    assert all(action.endswith(":denied") for action in denied)
    assert stored.stores.accounts.users.get(victim.id) == victim


def test_an_admin_of_another_tenant_finds_no_one(stored):
    stored.user("foreign", Role.ADMIN, tenant_id="elsewhere")
    victim = stored.user("victim")
    foreign = stored.caller("foreign")
    for act in (
        lambda: stored.auth.set_role(victim.id, Role.VIEWER, by=foreign),
        lambda: stored.auth.disable_user(victim.id, by=foreign),
        lambda: stored.auth.reset_password(victim.id, stored.other_password, by=foreign),
        lambda: stored.auth.get_user(victim.id, by=foreign),
        lambda: stored.auth.unlock_user("victim", by=foreign),
        lambda: stored.auth.sessions(victim.id, by=foreign),
        lambda: stored.security.personal_data.export_user_data(victim.id, by=foreign),
        lambda: stored.security.personal_data.erase_user(victim.id, by=foreign),
    ):
        with pytest.raises(NotFound):
            act()
    assert [user.username for user in stored.auth.users(by=foreign)] == ["foreign"]
    made = stored.auth.create_user("spy", stored.password, Role.ADMIN, by=foreign, tenant_id="default")
    assert made.tenant_id == "elsewhere", "an admin can't plant accounts in another tenant"


@pytest.mark.parametrize("user_id", ["", "nobody", "\x00", "\ud800"])
def test_an_account_that_is_not_there_is_not_found(stored, user_id):
    stored.user("root", Role.ADMIN)
    with pytest.raises(NotFound):
        stored.auth.disable_user(user_id, by=stored.caller("root"))


@pytest.mark.parametrize("tenant_id", ["", "A", "a b", "x\n", "\x00", "t" * 65])
def test_a_tenant_that_could_be_mistaken_is_refused(world, tenant_id):
    with pytest.raises(InvalidInput):
        world.user(tenant_id=tenant_id)


def test_a_key_administers_no_account_whatever_it_was_given(stored):
    root = stored.user("root", Role.ADMIN)
    other = stored.user("other", Role.ADMIN)
    intern = stored.user("intern", Role.VIEWER)
    narrow = [Permission.USERS_WRITE, *ROLE_PERMISSIONS[Role.VIEWER]]
    key = stored.auth.create_api_key(root.id, "hr", narrow, by=stored.caller("root"))
    by = Caller(stored.auth.verify_api_key(key.secret))
    for act in (
        lambda: stored.auth.create_user("evil", stored.password, Role.ADMIN, by=by),
        lambda: stored.auth.set_role(intern.id, Role.ADMIN, by=by),
        lambda: stored.auth.create_user("temp", stored.password, Role.VIEWER, by=by),
        lambda: stored.auth.disable_user(intern.id, by=by),
        lambda: stored.auth.unlock_user("intern", by=by),
        lambda: stored.security.personal_data.erase_user(intern.id, by=by),
        lambda: stored.auth.reset_password(other.id, stored.other_password, by=by),
        lambda: stored.auth.reset_password(root.id, stored.other_password, by=by),
    ):
        with pytest.raises(Forbidden):
            act()


def test_the_last_active_admin_of_a_tenant_stays(stored):
    first, second = stored.user("first", Role.ADMIN), stored.user("second", Role.ADMIN)
    stored.user("elsewhere", Role.ADMIN, tenant_id="other")
    stored.auth.disable_user(first.id, by=SYSTEM)
    for act in (
        lambda: stored.auth.disable_user(second.id, by=SYSTEM),
        lambda: stored.auth.set_role(second.id, Role.ANALYST, by=SYSTEM),
        lambda: stored.security.personal_data.erase_user(second.id, by=SYSTEM),
    ):
        with pytest.raises(Conflict):
            act()
    assert stored.stores.accounts.users.get(second.id).is_active_admin
    stored.auth.enable_user(first.id, by=SYSTEM)
    assert not stored.auth.set_role(second.id, Role.ANALYST, by=SYSTEM).is_active_admin


def test_admins_who_demote_each_other_at_once_leave_one(stored):
    admins = [stored.user(f"admin{i}", Role.ADMIN) for i in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(
            pool.map(
                lambda a: outcome(lambda: stored.auth.set_role(a.id, Role.VIEWER, by=SYSTEM)),
                admins,
            )
        )
    assert [user.is_active_admin for user in stored.auth.users(by=SYSTEM)].count(True) == 1


def test_changes_of_one_account_at_once_are_all_kept(stored):
    user = stored.user()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: stored.auth.set_role(user.id, list(Role)[2 + i % 3], by=SYSTEM), range(24)))
    assert stored.stores.accounts.users.get(user.id).auth_version == user.auth_version + 24


def test_no_change_is_lost_also_where_no_admin_is_at_stake(stored):
    user = stored.user()
    users = stored.stores.accounts.users

    def count_up(_):
        users.change(user.id, lambda present: replace(present, totp_last_step=present.totp_last_step + 1))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(count_up, range(100)))
    assert users.get(user.id).totp_last_step == user.totp_last_step + 100


def test_a_clearance_may_be_lower_than_the_roles_never_higher(stored):
    low = stored.auth.create_user(
        "low", stored.password, Role.ANALYST, by=SYSTEM, clearance=SecurityLevel.PUBLIC
    )
    assert low.clearance is SecurityLevel.PUBLIC
    assert stored.stores.accounts.users.get(low.id).clearance is SecurityLevel.PUBLIC
    with pytest.raises(Forbidden):
        stored.auth.set_role(low.id, Role.VIEWER, by=SYSTEM, clearance=SecurityLevel.SECRET)


def outsider(stored, clearance):
    """An admin whose own clearance was lowered."""
    user = stored.user("low", Role.ADMIN)
    stored.auth.set_role(user.id, Role.ADMIN, by=SYSTEM, clearance=clearance)
    return user, stored.caller("low")


def test_nobody_grants_a_clearance_above_his_own(stored):
    high = stored.user("high", Role.ADMIN)
    low, by = outsider(stored, SecurityLevel.PUBLIC)
    intern = stored.auth.create_user(
        "intern", stored.password, Role.VIEWER, by=SYSTEM, clearance=SecurityLevel.PUBLIC
    )
    for act in (
        lambda: stored.auth.set_role(low.id, Role.ADMIN, by=by, clearance=SecurityLevel.SECRET),
        lambda: stored.auth.set_role(intern.id, Role.VIEWER, by=by, clearance=SecurityLevel.INTERNAL),
        lambda: stored.auth.change_user(low.id, AccountChange(clearance=SecurityLevel.INTERNAL), by=by),
        lambda: stored.auth.create_user(
            "friend", stored.password, Role.ADMIN, by=by, clearance=SecurityLevel.SECRET
        ),
        lambda: stored.auth.reset_password(high.id, stored.other_password, by=by),
        lambda: stored.security.personal_data.export_user_data(high.id, by=by),
    ):
        with pytest.raises(Forbidden):
            act()
    assert stored.stores.accounts.users.get(low.id).clearance is SecurityLevel.PUBLIC
    assert stored.login("high"), "nor takes over an account that sees more"


def test_a_role_given_brings_no_more_clearance_than_its_giver_has(stored):
    low, by = outsider(stored, SecurityLevel.INTERNAL)
    viewer = stored.user("viewer", Role.VIEWER)
    assert stored.auth.set_role(viewer.id, Role.ADMIN, by=by).clearance is SecurityLevel.INTERNAL
    assert stored.auth.set_role(low.id, Role.ADMIN, by=by).clearance is SecurityLevel.INTERNAL
    made = stored.auth.create_user("made", stored.password, Role.DATA_SCIENTIST, by=by)
    assert made.clearance is SecurityLevel.INTERNAL
    assert stored.auth.set_role(viewer.id, Role.ADMIN, by=SYSTEM).clearance is SecurityLevel.SECRET


def test_an_account_that_became_more_while_it_was_being_taken_over_is_not(stored):
    stored.user("root", Role.OPERATOR)
    stored.user("mallory", Role.ADMIN)
    rising, users = stored.user("rising"), stored.stores.accounts.users
    change, by = users.change, stored.caller("mallory")

    def change_late(user_id, edit, **options):
        change(user_id, lambda user: replace(user, role=Role.OPERATOR))
        return change(user_id, edit, **options)

    users.change = change_late
    with pytest.raises(Forbidden):
        stored.auth.reset_password(rising.id, stored.other_password, by=by)
    assert stored.auth.authenticate_user("rising", stored.other_password, "", "") is None


def test_an_admin_makes_no_operator_and_administers_none(stored):
    operator = stored.user("root", Role.OPERATOR)
    admin = stored.user("admin", Role.ADMIN)
    by = stored.caller("admin")
    for act in (
        lambda: stored.auth.set_role(admin.id, Role.OPERATOR, by=by),
        lambda: stored.auth.create_user("more", stored.password, Role.OPERATOR, by=by),
        lambda: stored.auth.disable_user(operator.id, by=by),
        lambda: stored.auth.reset_password(operator.id, stored.other_password, by=by),
    ):
        with pytest.raises(Forbidden):
            act()
    assert stored.auth.set_role(admin.id, Role.OPERATOR, by=stored.caller("root")).role is Role.OPERATOR


@pytest.mark.parametrize(
    "wanted",
    [
        {"role": Role.VIEWER, "password": "short", "disabled": True},
        {"role": Role.VIEWER, "clearance": SecurityLevel.SECRET, "disabled": True},
        {"disabled": True, "role": Role.OPERATOR},
    ],
)
def test_a_change_that_is_refused_in_part_is_refused_whole(stored, wanted):
    user, root = stored.user(), stored.user("root", Role.ADMIN)
    by = stored.caller("root")
    tokens = stored.login()
    with pytest.raises((Forbidden, InvalidInput)):
        stored.auth.change_user(user.id, AccountChange(**wanted), by=by)
    assert stored.stores.accounts.users.get(user.id) == user
    assert stored.auth.verify_access_token(tokens.access_token), "and no session ended"
    last = AccountChange(password=stored.other_password, disabled=True)
    with pytest.raises(Conflict):
        stored.auth.change_user(root.id, last, by=by)
    assert stored.stores.accounts.users.get(root.id) == root
    assert stored.login("root")


def test_a_change_of_everything_is_made_at_once_and_each_part_written_down(stored):
    user = stored.user()
    tokens = stored.login()
    wanted = AccountChange(Role.VIEWER, SecurityLevel.PUBLIC, stored.other_password, disabled=True)
    changed = stored.auth.change_user(user.id, wanted, by=SYSTEM)
    assert (changed.role, changed.clearance, changed.disabled) == (Role.VIEWER, SecurityLevel.PUBLIC, True)
    assert changed == stored.stores.accounts.users.get(user.id)
    assert stored.actions()[-3:] == [
        "user.set-role:success", "user.reset-password:success", "user.disable:success"
    ]  # fmt: skip
    stored.auth.enable_user(user.id, by=SYSTEM)
    with pytest.raises(Unauthenticated):
        stored.auth.refresh(tokens.refresh_token)
    assert stored.login(password=stored.other_password)


def test_a_change_of_nothing_changes_nothing(stored):
    user = stored.user()
    n_before = len(stored.actions())
    for wanted in (AccountChange(), AccountChange(disabled=False)):
        assert stored.auth.change_user(user.id, wanted, by=SYSTEM) == user
    assert len(stored.actions()) == n_before


def test_changing_ones_password_ends_the_other_sessions_and_needs_the_old_one(stored):
    user = stored.user()
    elsewhere, here = stored.login(), stored.login()
    by = Caller(stored.auth.verify_access_token(here.access_token))
    with pytest.raises(Forbidden):
        stored.auth.change_password(user.id, "wrong", stored.other_password, by=by)
    for weak in ("weak", stored.password):
        with pytest.raises(InvalidInput):
            stored.auth.change_password(user.id, stored.password, weak, by=by)
    stored.auth.change_password(user.id, stored.password, stored.other_password, by=by)
    with pytest.raises(Unauthenticated):
        stored.auth.refresh(elsewhere.refresh_token)
    with pytest.raises(Unauthenticated):
        stored.auth.verify_access_token(here.access_token)
    assert stored.auth.verify_access_token(stored.auth.refresh(here.refresh_token).access_token)
    assert stored.auth.authenticate_user("alice", stored.password, "", "") is None
    assert stored.login(password=stored.other_password)


def test_a_stolen_session_cannot_guess_the_password(stored):
    user = stored.user()
    by = stored.caller()
    for guess in ("guess-1", "guess-2", "guess-3", "guess-4", "guess-5", stored.password):
        with pytest.raises(Forbidden):
            stored.auth.change_password(user.id, guess, stored.other_password, by=by)


def test_an_api_key_cannot_change_credentials(stored):
    user = stored.user()
    key = stored.auth.create_api_key(user.id, "ci", ["data:read"], by=stored.caller())
    by = Caller(stored.auth.verify_api_key(key.secret))
    for act in (
        lambda: stored.auth.create_api_key(user.id, "more", ["data:read"], by=by),
        lambda: stored.auth.change_password(user.id, stored.password, stored.other_password, by=by),
        lambda: stored.auth.enable_totp(user.id, stored.password, by=by),
        lambda: stored.security.personal_data.erase_user(user.id, by=by),
    ):
        with pytest.raises(Forbidden):
            act()


def test_an_admin_can_end_a_lockout(stored):
    stored.user()
    for _ in range(5):
        stored.auth.authenticate_user("alice", "wrong", "", "")
    stored.auth.unlock_user("Alice", by=SYSTEM)
    assert stored.login()


class TestSecondFactor:
    def enrol(self, stored):
        user = stored.user()
        by = stored.caller()
        enrolment = stored.auth.enable_totp(user.id, stored.password, by=by)
        import base64

        secret = base64.b32decode(enrolment.secret + "=" * (-len(enrolment.secret) % 8))
        return user, by, secret

    def confirm(self, stored, user, by, secret):
        stored.auth.confirm_totp(user.id, code_at(secret, stored.clock()), by=by)
        stored.clock.turn(30)

    def try_code(self, stored, code):
        return stored.auth.authenticate_user("alice", stored.password, "", "", code)

    def test_it_counts_from_its_confirmation_on(self, stored):
        user, by, secret = self.enrol(stored)
        assert self.try_code(stored, None), "nobody is locked out by an enrolment that broke off"
        with pytest.raises(InvalidInput):
            stored.auth.confirm_totp(user.id, "000000", by=by)
        self.confirm(stored, user, by, secret)
        assert self.try_code(stored, None) is None
        assert self.try_code(stored, "000000") is None
        assert self.try_code(stored, code_at(secret, stored.clock()))

    def test_wrong_codes_at_the_confirmation_are_counted(self, stored):
        user, by, secret = self.enrol(stored)
        for _ in range(5):
            with pytest.raises(InvalidInput):
                stored.auth.confirm_totp(user.id, "000000", by=by)
        with pytest.raises(RateLimited) as refusal:
            stored.auth.confirm_totp(user.id, code_at(secret, stored.clock()), by=by)
        assert refusal.value.retry_after_s == 30
        stored.clock.turn(30)
        stored.auth.confirm_totp(user.id, code_at(secret, stored.clock()), by=by)

    def test_a_code_counts_once(self, stored):
        user, by, secret = self.enrol(stored)
        self.confirm(stored, user, by, secret)
        code = code_at(secret, stored.clock())
        assert self.try_code(stored, code)
        assert self.try_code(stored, code) is None

    def test_of_two_uses_at_once_one_counts(self, stored):
        user, by, secret = self.enrol(stored)
        self.confirm(stored, user, by, secret)
        code = code_at(secret, stored.clock())
        with ThreadPoolExecutor(4) as pool:
            opened = list(pool.map(lambda _: self.try_code(stored, code), range(4)))
        assert sum(session is not None for session in opened) == 1

    def test_the_code_that_confirmed_does_not_log_in(self, stored):
        user, by, secret = self.enrol(stored)
        code = code_at(secret, stored.clock())
        stored.auth.confirm_totp(user.id, code, by=by)
        assert self.try_code(stored, code) is None

    def test_wrong_codes_lock_as_wrong_passwords_do(self, stored):
        user, by, secret = self.enrol(stored)
        self.confirm(stored, user, by, secret)
        for _ in range(5):
            assert self.try_code(stored, "000000") is None
        assert self.try_code(stored, code_at(secret, stored.clock())) is None

    def test_the_right_code_with_a_wrong_password_is_not_used_up(self, stored):
        user, by, secret = self.enrol(stored)
        self.confirm(stored, user, by, secret)
        code = code_at(secret, stored.clock())
        assert stored.auth.authenticate_user("alice", "wrong", "", "", code) is None
        assert self.try_code(stored, code)

    def test_it_is_kept_encrypted_and_bound_to_its_account(self, stored):
        user, _, secret = self.enrol(stored)
        kept = stored.stores.accounts.users.get(user.id).totp_secret
        assert secret not in kept
        assert stored.security.encryption.decrypt_data(kept, context=f"totp:{user.id}") == secret

    def test_it_follows_a_change_of_the_encryption_key(self, stored, tmp_path):
        keyring = FileKeyring(tmp_path / "keys")
        security = build_security(
            stored.stores.accounts, stored.stores.audit, keyring, stored.settings, stored.clock, stored.epoch
        )
        auth, encryption, factors = security.auth, security.encryption, security.second_factors
        user = stored.user()
        auth.enable_totp(user.id, stored.password, by=SYSTEM)
        stored.user("bob")
        kept = stored.stores.accounts.users.get(user.id).totp_secret
        old, secret = encryption.key_id_of(kept), encryption.decrypt_data(kept, context=f"totp:{user.id}")
        encryption.rotate_keys()
        assert not factors.replace_encrypted(f"totp:{user.id}", b"not what is kept", b"new")
        assert not factors.replace_encrypted("totp:nobody", kept, b"new")
        assert factors.read_encrypted("totp:nobody") is None
        assert encryption.re_encrypt(factors) == ReEncryption(n_renewed=1, n_current=0, n_left=0)
        encryption.retire_key(old)
        auth.confirm_totp(user.id, code_at(secret, stored.clock()), by=SYSTEM)

    def test_replacing_or_removing_it_needs_both_factors(self, stored):
        user, by, secret = self.enrol(stored)
        self.confirm(stored, user, by, secret)
        with pytest.raises(Conflict):
            stored.auth.enable_totp(user.id, stored.password, by=by)
        with pytest.raises(Forbidden):
            stored.auth.disable_totp(user.id, stored.password, "000000", by=by)
        with pytest.raises(Forbidden):
            stored.auth.disable_totp(user.id, "wrong", code_at(secret, stored.clock()), by=by)
        stored.auth.disable_totp(user.id, stored.password, code_at(secret, stored.clock()), by=by)
        assert self.try_code(stored, None)
