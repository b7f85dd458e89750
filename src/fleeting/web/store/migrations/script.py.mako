"""${message}."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    """Make the tables those of this version."""
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    """Make the tables those of the version before."""
    ${downgrades if downgrades else "pass"}
