"""One's runs, newest first, without sorting all of them."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("run_list", "run", ["account_id", "created_at", "id"])


def downgrade() -> None:
    op.drop_index("run_list", "run")
