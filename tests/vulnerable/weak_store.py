"""State of the vulnerable application: accounts, objects, an audit log, and files on disk."""

from __future__ import annotations

import hashlib
import json
import secrets
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROLES = ("viewer", "analyst", "data_scientist", "admin")
LEVELS = ("PUBLIC", "INTERNAL", "RESTRICTED", "CONFIDENTIAL", "SECRET")
ADMIN_PASSWORD = "admin-password-of-the-weak-app-1"


@dataclass
class Account:
    id: str
    username: str
    password: str
    role: str
    tenant: str
    disabled: bool = False
    failures: int = 0
    version: int = 0
    clearance: int = len(LEVELS) - 1
    wrong_codes: int = 0


@dataclass
class Thing:
    """A dataset, detector or result."""

    id: str
    kind: str
    owner: Account
    body: dict[str, Any]
    columns: list[str] = field(default_factory=list)
    cells: list[list[str]] = field(default_factory=list)
    model: dict[str, Any] | None = None
    level: int = 0


@dataclass
class Store:
    """Everything that the application remembers; what it `log`s and keeps in `folder` can be looked at."""

    folder: Path
    holes: frozenset[str]
    accounts: dict[str, Account] = field(default_factory=dict)
    sessions: dict[str, str] = field(default_factory=dict)
    things: dict[str, Thing] = field(default_factory=dict)
    audit: list[dict[str, Any]] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    unknown_failures: dict[str, int] = field(default_factory=dict)
    hits: dict[str, int] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    """API keys, and whose each is."""
    waiting: dict[str, str] = field(default_factory=dict)
    """Trainings that wait, and whose each is."""
    devices: dict[str, str] = field(default_factory=dict)
    """Device tokens, and whose each is."""
    ballast: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.add_account("root-user", ADMIN_PASSWORD, "admin", "one")
        if "AUT-02" in self.holes:
            self.add_account("admin", "admin", "admin", "one")
        self.sql = sqlite3.connect(":memory:", check_same_thread=False)
        self.sql.execute("create table datasets (id text)")

    def add_account(self, username: str, password: str, role: str, tenant: str) -> Account:
        account = Account(secrets.token_hex(8), username, password, role, tenant)
        self.accounts[account.id] = account
        return account

    def by_name(self, username: str) -> Account | None:
        return next((each for each in self.accounts.values() if each.username == username), None)

    def keep(self, thing: Thing) -> None:
        """Remember it, on disk too: as it is where DAT-03 is open, else scrambled."""
        self.things[thing.id] = thing
        if thing.kind == "dataset":
            self.sql.execute("insert into datasets values (?)", (thing.id,))
        plain = json.dumps([thing.body.get("name"), thing.body.get("description"), thing.cells]).encode()
        stored = plain if "DAT-03" in self.holes else bytes(byte ^ 0x5A for byte in plain)
        (self.folder / thing.id).write_bytes(stored)
        if "DAT-06" in self.holes:
            with (self.folder / "journal").open("a") as journal:
                journal.write(json.dumps(thing.body) + "\n")

    def forget(self, thing: Thing) -> None:
        self.things.pop(thing.id, None)
        self.sql.execute("delete from datasets where id = ?", (thing.id,))
        (self.folder / thing.id).unlink(missing_ok=True)

    def record(self, actor: str, action: str, resource: str, agent: str, outcome: str = "success") -> None:
        """One audit event, chained to the one before it."""
        if "AUD-01" in self.holes and action.startswith("dataset"):
            return
        shown = agent if "AUD-03" in self.holes else agent.encode("unicode_escape").decode()
        event = {
            "sequence": len(self.audit) + 1,
            "occurred_at": "2026-01-01T00:00:00Z",
            "actor": actor,
            "action": action,
            "outcome": outcome,
            "resource": resource,
            "user_agent": shown,
            "tenant": self.accounts[actor].tenant if actor in self.accounts else "one",
        }
        previous = self.audit[-1]["digest"] if self.audit else ""
        event["digest"] = digest_of(event, previous)
        self.audit.append(event)
        lines = "".join(json.dumps(each) + "\n" for each in self.audit)
        (self.folder / "audit.jsonl").write_text(lines)


def digest_of(event: dict[str, Any], previous: str) -> str:
    content = json.dumps({key: value for key, value in event.items() if key != "digest"}, sort_keys=True)
    return hashlib.sha256(f"{previous}|{content}".encode()).hexdigest()
