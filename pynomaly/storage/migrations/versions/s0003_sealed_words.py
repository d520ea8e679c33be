"""Room for the words of datasets and detectors, encrypted; those that are there in clear are sealed at the start."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the columns; they are filled by who has the keys."""
    op.add_column("datasets", sa.Column("sealed", sa.LargeBinary(), nullable=True))
    op.add_column("detectors", sa.Column("sealed", sa.LargeBinary(), nullable=True))
    op.add_column("detectors", sa.Column("sealed_model", sa.LargeBinary(), nullable=True))
