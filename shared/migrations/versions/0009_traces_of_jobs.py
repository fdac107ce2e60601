"""Which request asked for a job, so that a doorbell that is rung again belongs to its trace."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_JOBS = ("run", "build", "preview")


def upgrade() -> None:
    for table in _JOBS:
        # With a default: an older web that does not know the column goes on writing rows.
        op.add_column(
            table, sa.Column("trace", sa.String(), nullable=False, server_default=sa.text("''"))
        )


def downgrade() -> None:
    for table in _JOBS:
        op.drop_column(table, "trace")
