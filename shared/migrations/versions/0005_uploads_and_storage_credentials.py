"""Uploads straight to the object store, and people's credentials for their part of it."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def _account() -> sa.Column[str]:
    return sa.Column(
        "account_id", sa.String(), sa.ForeignKey("account.id", ondelete="CASCADE"), nullable=False
    )


def upgrade() -> None:
    op.create_table(
        "upload",
        sa.Column("id", sa.String(), primary_key=True),
        _account(),
        sa.Column("file_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=True),
        sa.Column("in_store", sa.String(), nullable=True),
        sa.Column("part_size", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
    )
    op.create_index("ix_upload_account_id", "upload", ["account_id"])
    op.create_index("ix_upload_created_at", "upload", ["created_at"])
    op.create_table(
        "storage_credential",
        sa.Column("id", sa.String(), primary_key=True),
        _account(),
        sa.Column("access_key_id", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
    )
    op.create_index("ix_storage_credential_account_id", "storage_credential", ["account_id"])
    op.create_index("ix_storage_credential_expires_at", "storage_credential", ["expires_at"])


def downgrade() -> None:
    op.drop_table("storage_credential")
    op.drop_table("upload")
