"""Levels of detectors and operations, from which lists are narrowed; the role of who runs the service; addresses
from which people have logged in.
"""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_INTERNAL = 1
"""For operations whose dataset is gone: what every role is cleared for, as it was shown until now."""


def upgrade() -> None:
    """Add the columns, fill them from what they follow from, and name the operator."""
    op.add_column("detectors", sa.Column("level", sa.SmallInteger(), nullable=False, server_default="0"))
    op.add_column("operations", sa.Column("level", sa.SmallInteger(), nullable=False, server_default="0"))
    op.create_table(
        "known_sources",
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("last_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_known_sources_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_known_sources")),
    )
    op.create_index(op.f("ix_known_sources_user_id"), "known_sources", ["user_id"], unique=False)
    op.create_index(op.f("ix_known_sources_last_at"), "known_sources", ["last_at"], unique=False)
    connection = op.get_bind()
    _level_detectors(connection)
    _level_operations(connection)
    _name_the_operator(connection)


def _level_detectors(connection: sa.Connection) -> None:
    """A detector is as sensitive as the data its model learned from."""
    detectors = sa.table("detectors", sa.column("id"), sa.column("model", sa.JSON()), sa.column("level"))
    for row in connection.execute(sa.select(detectors.c.id, detectors.c.model)).all():
        model = row.model
        if isinstance(model, dict):
            change = detectors.update().where(detectors.c.id == row.id)
            connection.execute(change.values(level=int(model["level"])))


def _level_operations(connection: sa.Connection) -> None:
    """An operation is as sensitive as the datasets that it names."""
    levels = {row.id: row.level for row in connection.execute(sa.text("SELECT id, level FROM datasets"))}
    operations = sa.table("operations", sa.column("id"), sa.column("subject", sa.JSON()), sa.column("level"))
    for row in connection.execute(sa.select(operations.c.id, operations.c.subject)).all():
        named = _datasets_of(row.subject)
        level = max((levels.get(name, _INTERNAL) for name in named), default=_INTERNAL)
        connection.execute(operations.update().where(operations.c.id == row.id).values(level=level))


def _datasets_of(subject: Any) -> list[str]:
    known = json.loads(subject) if isinstance(subject, str) else subject
    return [*known.get("dataset_ids", ()), *([known["dataset_id"]] if "dataset_id" in known else ())]


def _name_the_operator(connection: sa.Connection) -> None:
    """Until now any admin could act on the whole service. The first one of the first tenant goes on to."""
    first = connection.execute(
        sa.text(
            "SELECT id FROM users WHERE role = 'admin' AND tenant_id = 'default' AND disabled = :no"
            " ORDER BY created_at, id LIMIT 1"
        ),
        {"no": False},
    ).scalar_one_or_none()
    if first is not None:
        connection.execute(sa.text("UPDATE users SET role = 'operator' WHERE id = :id"), {"id": first})
