"""Which queued jobs a worker has put away: only those are announced when a place becomes free."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("run", "build"):
        # True: what waits during the upgrade, or is written by an older web, may have been put away.
        op.add_column(
            table, sa.Column("put_away", sa.Boolean(), nullable=False, server_default=sa.true())
        )


def downgrade() -> None:
    for table in ("run", "build"):
        op.drop_column(table, "put_away")
