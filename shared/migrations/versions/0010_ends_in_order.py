"""The last jobs that ended are found without reading all: the scaler and every waiting page ask for them."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_TABLES = ("run", "build", "preview")


def upgrade() -> None:
    for table in _TABLES:
        op.create_index(f"ix_{table}_finished_at", table, ["finished_at"])


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_index(f"ix_{table}_finished_at", table)
