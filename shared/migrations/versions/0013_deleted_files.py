"""A stored file can be deleted by its owner: its row stays for the runs that took it."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("file", sa.Column("deleted_at", sa.BigInteger(), nullable=True))
    op.create_index(op.f("ix_run_input_file_id"), "run_input", ["file_id"])
    given = sa.text("stdin_file_id IS NOT NULL")
    op.create_index(
        "run_stdin", "run", ["stdin_file_id"], sqlite_where=given, postgresql_where=given
    )


def downgrade() -> None:
    op.drop_index("run_stdin", "run")
    op.drop_index(op.f("ix_run_input_file_id"), "run_input")
    op.drop_column("file", "deleted_at")
