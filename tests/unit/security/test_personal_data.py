"""A user gets what is held about him, and can be forgotten."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from pynomaly.domain.accounts import HeldData
from pynomaly.domain.errors import Forbidden, NotFound
from pynomaly.domain.permissions import Role
from pynomaly.security.foundation import SYSTEM, Foundation
from pynomaly.security.personal_data import PersonalDataService


class Datasets:
    """A store of objects by owner, which may fail half-way."""

    name = "datasets"

    def __init__(self, owners):
        self.owners = owners
        self.is_down = False

    def export_for(self, user_id, clearance):
        return HeldData([{"id": key} for key, owner in self.owners.items() if owner == user_id])

    def erase_for(self, user_id):
        if self.is_down:
            raise OSError("the disk is away")
        gone = [key for key, owner in self.owners.items() if owner == user_id]
        for key in gone:
            del self.owners[key]
        return len(gone)


@pytest.fixture
def filled(stored):
    user = stored.user()
    other = stored.user("bob")
    stored.login()
    new = stored.auth.create_api_key(user.id, "ci", ["data:read"], by=stored.caller())
    datasets = Datasets({"d1": user.id, "d2": other.id, "d3": user.id})
    base = Foundation(
        stored.stores.accounts, stored.security.audit, stored.settings, stored.clock, stored.epoch
    )
    return user, other, new, datasets, PersonalDataService(base, stored.security.audit, [datasets])


def test_the_export_holds_everything_but_secrets(stored, filled):
    user, other, new, _, service = filled
    data = service.export_user_data(user.id, by=stored.caller())
    assert data.account["username"] == "alice"
    assert [key["name"] for key in data.api_keys] == ["ci"]
    assert len(data.sessions) == 3
    assert data.objects == {"datasets": [{"id": "d1"}, {"id": "d3"}]}
    assert {event["actor"] for event in data.audit_events} == {user.id}
    text = json.dumps(asdict(data))
    for secret in (user.password_hash, new.secret, new.key.secret_digest.hex(), other.id):
        assert secret not in text


def test_erasure_forgets_all_of_one_user_and_nothing_of_another(stored, filled):
    user, other, _, datasets, service = filled
    done = service.erase_user(user.id, by=stored.caller())
    assert done.n_erased == {"datasets": 2, "api_keys": 1, "sessions": 3}
    accounts = stored.stores.accounts
    assert accounts.users.get(user.id) is None
    assert accounts.sessions.of_user(user.id) == []
    assert accounts.api_keys.of_user(user.id) == []
    assert datasets.owners == {"d2": other.id}
    assert stored.login("bob")
    assert stored.auth.authenticate_user("alice", stored.password, "", "") is None


def test_the_audit_stays_whole_and_names_no_one(stored, filled):
    user, _, _, _, service = filled
    n_before = len(stored.actions())
    service.erase_user(user.id, by=SYSTEM)
    events = list(stored.stores.audit.stream())
    assert len(events) == n_before + 1
    assert stored.security.audit.verify().is_intact
    assert "alice" not in repr(events)


def test_an_erasure_that_broke_off_has_closed_the_account_and_can_be_called_again(stored, filled):
    user, _, _, datasets, service = filled
    datasets.is_down = True
    with pytest.raises(OSError, match="disk"):
        service.erase_user(user.id, by=SYSTEM)
    assert stored.auth.authenticate_user("alice", stored.password, "", "") is None
    assert stored.stores.accounts.users.get(user.id).disabled
    datasets.is_down = False
    assert service.erase_user(user.id, by=SYSTEM).n_erased["datasets"] == 2


def test_strangers_get_nothing_and_learn_nothing(stored, filled):
    user, _, _, datasets, service = filled
    for act in (service.export_user_data, service.erase_user):
        for user_id in (user.id, "nobody"):
            with pytest.raises(NotFound):
                act(user_id, by=stored.caller("bob"))
    assert len(datasets.owners) == 3


def test_an_admin_of_the_tenant_may(stored, filled):
    user, _, _, _, service = filled
    stored.user("root", Role.ADMIN)
    assert service.export_user_data(user.id, by=stored.caller("root")).account["id"] == user.id
    service.erase_user(user.id, by=stored.caller("root"))
    with pytest.raises(NotFound):
        service.erase_user(user.id, by=stored.caller("root"))


def test_an_api_key_of_the_user_may_not(stored, filled):
    from pynomaly.security.foundation import Caller

    user, _, new, _, service = filled
    by = Caller(stored.auth.verify_api_key(new.secret))
    with pytest.raises(Forbidden):
        service.export_user_data(user.id, by=by)
