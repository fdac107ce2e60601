"""A revoked storage credential is kept apart from one whose revocation the issuer has taken."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("storage_credential", sa.Column("told_at", sa.BigInteger(), nullable=True))
    op.add_column("storage_credential", sa.Column("ended_before", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("storage_credential", "ended_before")
    op.drop_column("storage_credential", "told_at")
