"""The log tells what happened, and whoever touches it afterwards is found out."""

from __future__ import annotations

import csv
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from pynomaly.domain.audit import AuditFilter, ChainHead, Outcome
from pynomaly.domain.errors import InvalidInput
from pynomaly.domain.permissions import Role
from pynomaly.security.anchor import AnchorFile
from pynomaly.security.audit import AuditService
from pynomaly.security.audit_chain import canonical_json, digest_of, forged, opaque
from pynomaly.security.foundation import SYSTEM
from pynomaly.security.memory import MemoryAudit
from pynomaly.security.settings import Key

IN_SQL = pytest.mark.parametrize("stores", ["sqlite", "postgresql"], indirect=True)


def filled(world, n=6):
    for i in range(n):
        world.security.audit.log_event(
            actor=f"u{i % 2}",
            action=f"data.{'upload' if i % 2 else 'delete'}",
            outcome=Outcome.DENIED if i == 3 else Outcome.SUCCESS,
            resource=f"dataset:{i}",
            tenant_id="t1" if i < 4 else "t2",
            ip_address="192.0.2.1",
            user_agent="tests",
            details={"rows": i, "ok": True, "note": None},
        )
        world.clock.turn(1)
    return list(world.stores.audit.stream())


def tampered(world, events, head=None):
    """What the service says of a store in which someone has written."""
    repository = MemoryAudit()
    repository._events = list(events)
    repository._head = head or world.stores.audit.head()
    return AuditService(repository, world.settings, world.clock).verify()


def test_an_untouched_log_is_intact(stored):
    assert stored.security.audit.verify().is_intact
    filled(stored)
    found = stored.security.audit.verify()
    assert (found.is_intact, found.n_events, found.first_broken, found.reason) == (True, 6, None, None)


def test_an_event_says_who_what_when_from_where_and_how_it_ended(stored):
    event = filled(stored)[3]
    assert (event.actor, event.action, event.outcome) == ("u1", "data.upload", Outcome.DENIED)
    assert event.occurred_at == "2023-11-14T22:13:23.000000Z"
    assert (event.resource, event.tenant_id, event.ip_address, event.user_agent) == (
        "dataset:3",
        "t1",
        "192.0.2.1",
        "tests",
    )
    assert event.details == {"rows": 3, "ok": True, "note": None}


@pytest.mark.parametrize(
    "change",
    [
        {"actor": "someone-else"},
        {"action": "login"},
        {"outcome": Outcome.FAILURE},
        {"occurred_at": "2023-11-14T22:13:23.000001Z"},
        {"resource": ""},
        {"tenant_id": "t9"},
        {"ip_address": "198.51.100.1"},
        {"user_agent": "other"},
        {"details": {"rows": 2, "ok": 1, "note": None}},
        {"details": {}},
        {"key_id": "other"},
        {"seal": "0" * 64},
        {"digest": "0" * 64},
        {"previous_digest": "0" * 64},
    ],
)
def test_a_changed_field_is_found_and_its_event_named(world, change):
    events = filled(world)
    events[2] = replace(events[2], **change)
    found = tampered(world, events)
    assert (found.is_intact, found.first_broken) == (False, 3)


def test_a_changed_event_with_a_fitting_digest_is_found(world):
    """Whoever can write but has no key recomputes the digests; the seal gives him away."""
    events = filled(world)
    changed = replace(events[2], actor="someone-else")
    events[2] = replace(changed, digest=digest_of(changed))
    assert tampered(world, events).first_broken == 3


def test_a_whole_chain_forged_with_another_key_is_found(world):
    key, head, events = Key("ffffffffffff", b"x" * 32), ChainHead(0, ""), []
    for event in filled(world):
        link = forged(event, head, key)
        head, events = link.head, [*events, link.event]
    assert tampered(world, events, head).first_broken == 1


@pytest.mark.parametrize("gone", range(6))
def test_a_missing_event_is_found_the_newest_too(world, gone):
    events = filled(world)
    del events[gone]
    found = tampered(world, events)
    assert found.first_broken == gone + 1
    assert ("newest events are missing" in found.reason) is (gone == 5)


def test_a_log_that_is_emptied_is_found(world):
    filled(world)
    assert tampered(world, []).first_broken == 1


@pytest.mark.parametrize(("first", "second"), [(0, 1), (2, 4), (4, 5)])
def test_events_in_another_order_are_found(world, first, second):
    events = filled(world)
    events[first], events[second] = events[second], events[first]
    assert tampered(world, events).first_broken == first + 1


def test_an_event_of_another_history_is_found(world):
    """Set back to an older state and written on: each event's seal is ours, but they don't follow each
    other.
    """
    shared = filled(world, 3)
    forked = MemoryAudit()
    forked._events, forked._head = list(shared), world.stores.audit.head()
    other = AuditService(forked, world.settings, world.clock)
    for name in ("x", "y", "z"):
        other.log_event(actor=name, action="data.read")
    ours = filled(world, 3)
    spliced = [*ours[:4], *list(forked.stream())[4:]]
    assert tampered(world, spliced, forked.head()).first_broken == 5


def test_an_event_told_twice_or_put_in_is_found(world):
    events = filled(world)
    assert tampered(world, [*events[:3], events[2], *events[3:]]).first_broken == 4
    assert tampered(world, [*events, events[5]]).first_broken == 7


def test_a_head_made_up_from_an_older_event_is_found(world):
    events = filled(world)
    fourth = events[3]
    made_up = ChainHead(4, fourth.digest, fourth.key_id, fourth.seal)
    found = tampered(world, events[:4], made_up)
    assert not found.is_intact
    assert found.reason == "the head's seal is not ours"


def test_a_log_set_back_together_with_its_head_is_found_with_an_anchor(world):
    filled(world, 4)
    old_events, old_head = list(world.stores.audit.stream()), world.stores.audit.head()
    filled(world, 2)
    audit_of_now = world.security.audit
    anchor = audit_of_now.read_anchor(audit_of_now.anchor())
    repository = MemoryAudit()
    repository._events, repository._head = old_events, old_head
    audit = AuditService(repository, world.settings, world.clock)
    assert audit.verify().is_intact
    found = audit.verify(anchor=anchor)
    assert (found.is_intact, found.first_broken) == (False, 6)
    assert world.security.audit.verify(anchor=anchor).is_intact
    filled(world, 1)
    assert world.security.audit.verify(anchor=anchor).is_intact
    text = audit_of_now.anchor()
    for forged_text in (
        text[:-1] + ("0" if text[-1] != "0" else "1"),
        text.replace(":1:", ":2:", 1),
        "",
        "x",
    ):
        with pytest.raises(InvalidInput):
            audit_of_now.read_anchor(forged_text)


def test_the_chain_survives_a_change_of_the_secret_key(world, settings_with):
    filled(world)
    new = "Zp4!Nc8@Wd1#Xb6$Ys3%Mq9^Kt7&Ru2*"
    changed = settings_with(secret_key=new, previous_secret_keys=(world.settings.secret_key,))
    audit = AuditService(world.stores.audit, changed, world.clock)
    audit.log_event(actor="u", action="data.read")
    assert audit.verify().is_intact
    assert (
        AuditService(world.stores.audit, settings_with(secret_key=new), world.clock).verify().first_broken
        == 1
    )


def test_several_writers_make_one_chain(stored, clock, stores):
    other = AuditService(stores.audit, stored.settings, clock)

    def write(i):
        (other if i % 2 else stored.security.audit).log_event(actor=f"u{i}", action="data.read")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(80)))
        assert stored.security.audit.verify().is_intact
    events = list(stores.audit.stream())
    assert [event.sequence for event in events] == list(range(1, 81))
    assert {event.actor for event in events} == {f"u{i}" for i in range(80)}
    assert stored.security.audit.verify().is_intact


def test_verifying_while_others_write_raises_no_false_alarm(stored):
    def write(i):
        stored.security.audit.log_event(actor=f"u{i}", action="data.read")

    with ThreadPoolExecutor(4) as pool:
        writes = [pool.submit(write, i) for i in range(60)]
        while not all(write.done() for write in writes):
            assert stored.security.audit.verify().reason is None


@IN_SQL
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_events SET actor = 'x' WHERE sequence = 2",
        "DELETE FROM audit_events WHERE sequence = 2",
        "DELETE FROM audit_events",
    ],
)
def test_the_database_itself_refuses_changes(stores, stored, statement):
    filled(stored)
    with pytest.raises(DatabaseError, match="append-only"), stores.engine.begin() as connection:
        connection.execute(text(statement))
    assert stored.security.audit.verify().is_intact


@IN_SQL
def test_a_change_made_past_the_database_is_named(stores, stored):
    """As an administrator of the database would: without the triggers."""
    filled(stored)
    off = {
        "sqlite": "DROP TRIGGER audit_events_no_update",
        "postgresql": "ALTER TABLE audit_events DISABLE TRIGGER ALL",
    }
    with stores.engine.begin() as connection:
        connection.execute(text(off[stores.engine.dialect.name]))
        connection.execute(text("UPDATE audit_events SET actor = 'innocent' WHERE sequence = 4"))
    assert stored.security.audit.verify().first_broken == 4


NASTY = "a\r\nINJECTED actor=root\x1b[31m\u2028\u202e\x00\ud800end"


def test_no_field_breaks_a_line_or_hides_text(stored):
    stored.security.audit.log_event(
        actor=NASTY,
        action=NASTY,
        resource=NASTY,
        tenant_id=NASTY,
        ip_address=NASTY,
        user_agent=NASTY,
        details={NASTY: NASTY},
    )
    (event,) = stored.stores.audit.stream()
    assert event.user_agent == "a\\u000d\\u000aINJECTED actor=root\\u001b[31m\\u2028\\u202e\\u0000\\ud800end"
    lines = list(stored.security.audit.export())
    assert len(lines) == 2
    for line in lines:
        assert line.isascii()
        assert line[:-1].isprintable()
    assert len(list(csv.reader(stored.security.audit.export_csv(AuditFilter())))) == 2
    assert stored.security.audit.verify().is_intact


def test_secrets_do_not_enter_the_log_by_name_or_by_look(world):
    world.user()
    token = world.login().access_token
    key = "pyn_" + "0" * 16 + "_" + "f" * 64
    event = world.security.audit.log_event(
        actor="u",
        action="request",
        user_agent=f"curl {token}",
        resource=f"x?key={key}",
        details={
            "password": "hunter2",
            "new_password": "hunter2",
            "Authorization": "Basic aHVudGVyMg==",
            "access_token": "hunter2",
            "api_key": "hunter2",
            "cookie": "hunter2",
            "note": token,
            "token_count": 7,
        },
    )
    shown = repr(event)
    for secret in ("hunter2", "aHVudGVyMg", token, token.split(".")[1], "f" * 64):
        assert secret not in shown
    assert event.details["token_count"] == 7


def test_details_of_any_size_and_kind_are_kept_within_bounds(stored):
    odd = {"big": 2**80, "nan": float("nan"), "inf": float("inf"), "float": 0.1, "long": "x" * 100_000}
    event = stored.security.audit.log_event(actor="u", action="a", details=odd)
    assert event.details["big"] == str(2**80)
    assert len(event.details["long"]) == 512
    (kept,) = stored.stores.audit.stream()
    assert kept == event
    assert stored.security.audit.verify().is_intact


def test_search_by_every_field_and_page_by_page(stored):
    filled(stored, 10)
    search = stored.security.audit.search

    def found(**wanted):
        return [event.sequence for event in search(AuditFilter(**wanted))]

    assert found() == list(range(1, 11))
    assert found(actor="u1") == [2, 4, 6, 8, 10]
    assert found(action="data.delete", tenant_id="t1") == [1, 3]
    assert found(outcome=Outcome.DENIED) == [4]
    assert found(resource="dataset:7") == [8]
    assert found(since="2023-11-14T22:13:22", until="2023-11-14T22:13:24") == [3, 4]
    assert found(limit=3) == [1, 2, 3]
    assert found(limit=3, after_sequence=3) == [4, 5, 6]
    assert found(limit=2, newest_first=True) == [10, 9]
    assert found(limit=0) == [1]
    assert found(actor="' OR 1=1 --") == found(actor="\x00") == []


def test_one_query_gives_a_thousand_events_at_most(world):
    for _ in range(1001):
        world.security.audit.log_event(actor="u", action="a")
    assert len(world.security.audit.search(AuditFilter(limit=10**9))) == 1000


def anchored(stored, tmp_path, settings=None):
    """The service with an anchor in a file outside the store."""
    return AuditService(
        stored.stores.audit,
        settings or stored.settings,
        stored.clock,
        AnchorFile(tmp_path / "audit.anchor"),
        stored.stores.accounts.users.count,
    )


def test_a_log_that_was_emptied_with_its_head_is_found(world, tmp_path):
    world.user()
    audit = anchored(world, tmp_path)
    assert audit.keep_anchor() == (tmp_path / "audit.anchor").read_text().strip()
    assert (tmp_path / "audit.anchor").stat().st_mode & 0o777 == 0o600
    emptied = AuditService(MemoryAudit(), world.settings, world.clock, AnchorFile(tmp_path / "audit.anchor"))
    found = emptied.verify()
    assert (found.is_intact, found.first_broken) == (False, 1)
    assert "anchor" in found.reason or "no longer contains" in found.reason
    assert emptied.keep_anchor() is None, "and the anchor that tells of it is not covered up"
    assert not emptied.verify().is_intact
    without_file = AuditService(MemoryAudit(), world.settings, world.clock, None, lambda: 3)
    assert "there are accounts" in without_file.verify().reason


def test_a_check_says_what_it_could_not_know(world, tmp_path):
    filled(world)
    assert "no anchor" in world.security.audit.verify().not_known
    audit = anchored(world, tmp_path)
    audit.keep_anchor()
    found = audit.verify()
    assert (found.anchored_at, found.not_known) == (found.n_events, None)
    audit.log_event(actor="u", action="a")
    later = audit.verify()
    assert (later.is_intact, later.anchored_at) == (True, found.n_events)
    assert f"after event {found.n_events}" in later.not_known


def test_an_anchor_file_that_was_changed_is_told(world, tmp_path):
    filled(world)
    audit = anchored(world, tmp_path)
    audit.keep_anchor()
    (tmp_path / "audit.anchor").write_text("pynomaly-audit-anchor:1:0::000000000000:" + "0" * 64)
    found = audit.verify()
    assert not found.is_intact
    assert "anchor" in found.reason


class TestExport:
    def lines(self, world):
        filled(world)
        return list(world.security.audit.export())

    def test_it_verifies_and_is_the_same_each_time(self, stored):
        lines = self.lines(stored)
        assert len(lines) == 7
        assert lines == list(stored.security.audit.export())
        found = stored.security.audit.verify_export(lines)
        assert (found.is_intact, found.n_events) == (True, 6)

    def test_an_empty_log_verifies(self, world):
        assert world.security.audit.verify_export(world.security.audit.export()).is_intact

    @pytest.mark.parametrize("line", range(6))
    def test_an_edited_line_is_named(self, world, line):
        lines = self.lines(world)
        lines[line] = lines[line].replace('"actor":"u', '"actor":"v')
        assert world.security.audit.verify_export(lines).first_broken == line + 1

    @pytest.mark.parametrize("line", range(7))
    def test_a_deleted_line_is_found(self, world, line):
        lines = self.lines(world)
        del lines[line]
        found = world.security.audit.verify_export(lines)
        assert not found.is_intact
        assert found.first_broken == line + 1

    def test_a_cut_with_or_without_its_head_is_found(self, world):
        lines = self.lines(world)
        for cut in ([], lines[:3], [*lines[:3], lines[6]], [lines[6]]):
            assert not world.security.audit.verify_export(cut).is_intact

    def test_swapped_doubled_and_appended_lines_are_found(self, world):
        lines = self.lines(world)
        swapped = [lines[1], lines[0], *lines[2:]]
        for touched in (swapped, [lines[0], *lines], [*lines, lines[5]], [*lines, lines[6]], [*lines, "\n"]):
            assert not world.security.audit.verify_export(touched).is_intact

    @pytest.mark.parametrize("rubbish", ["", "[]", "{}", "null", "{", '{"actor":1}', '{"head":{}}', "\ud800"])
    def test_rubbish_is_found_and_nothing_else_happens(self, world, rubbish):
        lines = self.lines(world)
        assert world.security.audit.verify_export([*lines[:2], rubbish, *lines[2:]]).first_broken == 3

    def test_an_added_field_or_space_is_found(self, world):
        lines = self.lines(world)
        record = json.loads(lines[1])
        canonical = json.dumps({**record, "zz": 1}, sort_keys=True, separators=(",", ":"))
        for touched in (canonical, json.dumps(record, sort_keys=True)):
            assert world.security.audit.verify_export([lines[0], touched, *lines[2:]]).first_broken == 2

    def test_a_tenants_export_tells_nothing_of_the_others_and_still_verifies(self, world):
        filled(world)
        lines = list(world.security.audit.export(tenant_id="t2"))
        others = [event for event in world.stores.audit.stream() if event.tenant_id != "t2"]
        assert len(lines) == 2 + 6 - len(others)
        assert [json.loads(line)["sequence"] for line in lines[1:-1]] == list(range(1, len(lines) - 1))
        for event in world.stores.audit.stream():
            assert event.digest not in "".join(lines), "a plain digest lets what it follows be guessed"
        assert world.security.audit.verify_export(lines).is_intact
        assert lines == list(world.security.audit.export(tenant_id="t2"))

    def test_a_tenants_export_that_was_changed_is_found(self, world):
        filled(world)
        lines = list(world.security.audit.export(tenant_id="t2"))
        verify = world.security.audit.verify_export
        assert verify([*lines[:1], *lines[2:]]).first_broken == 1
        for touched in (
            [lines[0], lines[1].replace('"action":"', '"action":"x'), *lines[2:]],
            [lines[0], lines[2], lines[1], *lines[3:]],
            [lines[0], lines[1], *lines[1:]],
            lines[:-1],
            [*lines[:-2], lines[-1]],
            lines[1:],
            [*lines, lines[-1]],
            [*lines[:-1], lines[-1].replace('"seal":"', '"seal":"0')],
            [lines[0], lines[-1]],
        ):
            assert not verify(touched).is_intact, touched

    def test_an_export_of_before_that_holds_links_of_others_still_verifies(self, world):
        filled(world)
        head = json.loads(list(world.security.audit.export())[-1])
        lines = [
            canonical_json(opaque(event) if event.tenant_id != "t2" else event) + "\n"
            for event in world.stores.audit.stream()
        ]
        lines.append(json.dumps(head, sort_keys=True, separators=(",", ":")) + "\n")
        assert world.security.audit.verify_export(lines).is_intact
        lines[1] = lines[1].replace('"sequence":2', '"sequence":3')
        assert world.security.audit.verify_export(lines).first_broken == 2

    def test_cells_that_a_spreadsheet_would_run_are_text(self, world):
        for start in ("=1+1", "+1", "-1", "@SUM(A1)", '=cmd|"/c calc"!A1'):
            world.security.audit.log_event(actor="u", action="a", user_agent=start)
        rows = list(csv.DictReader(world.security.audit.export_csv(AuditFilter())))
        assert [row["user_agent"][:2] for row in rows] == ["'=", "'+", "'-", "'@", "'="]


def test_the_compliance_report_counts_what_happened(stored):
    stored.auth.bootstrap_admin("root", stored.password)
    stored.user()
    stored.login()
    for _ in range(5):
        stored.auth.authenticate_user("alice", "wrong", "", "")
    stored.auth.authenticate_user("alice", "wrong", "", "")
    start = stored.clock()
    report = stored.security.audit.compliance_report(since=start, until=start + 1)
    assert report.n_failed_logins == 6
    assert report.n_lockouts == 1
    assert report.by_action["login"] == {"denied": 6, "success": 1}
    assert report.n_privileged == 2
    assert report.n_events == 9
    assert report.chain.is_intact
    assert stored.security.audit.compliance_report(since=start + 1, until=start + 2).n_events == 0
    assert stored.security.audit.compliance_report(since=start, until=start + 1, tenant_id="x").n_events == 0


def test_each_sensitive_act_leaves_one_event(world):
    """The catalogue: an act and exactly the event that it must leave."""
    world.auth.bootstrap_admin("root", world.password)
    user = world.user()
    tokens = world.login()
    by = world.caller()
    key = world.auth.create_api_key(user.id, "k", ["data:read"], by=by)
    spare = world.auth.authenticate_user("alice", world.password, "", "")
    acts = [
        ("user.create", lambda: world.user("bob")),
        ("user.set-role", lambda: world.auth.set_role(user.id, Role.VIEWER, by=SYSTEM)),
        ("token.refresh", lambda: world.auth.refresh(tokens.refresh_token)),
        ("api-key.revoke", lambda: world.auth.revoke_api_key(key.key.id, by=by)),
        ("api-key.create", lambda: world.auth.create_api_key(user.id, "k", ["data:read"], by=by)),
        ("totp.enable", lambda: world.auth.enable_totp(user.id, world.password, by=by)),
        ("logout", lambda: world.auth.logout(spare.id, by=by)),
        ("login", lambda: world.auth.authenticate_user("alice", world.password, "", "")),
        (
            "password.change",
            lambda: world.auth.change_password(user.id, world.password, world.other_password, by=by),
        ),
        ("user.reset-password", lambda: world.auth.reset_password(user.id, world.password, by=SYSTEM)),
        ("user.disable", lambda: world.auth.disable_user(user.id, by=SYSTEM)),
        ("user.enable", lambda: world.auth.enable_user(user.id, by=SYSTEM)),
        ("user.unlock", lambda: world.auth.unlock_user("alice", by=SYSTEM)),
        ("session.revoke-all", lambda: world.auth.revoke_sessions(user.id, by=SYSTEM)),
        ("user.export-data", lambda: world.security.personal_data.export_user_data(user.id, by=SYSTEM)),
        ("user.erase", lambda: world.security.personal_data.erase_user(user.id, by=SYSTEM)),
    ]
    for action, act in acts:
        before = len(world.actions())
        act()
        assert world.actions()[before:] == [f"{action}:success"]
    assert world.security.audit.verify().is_intact
