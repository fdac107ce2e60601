"""What an upload was completed of, so that a repeat by another window gets no other file's bytes."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("upload", sa.Column("parts_sha256", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("upload", "parts_sha256")
