"""Plan previews, forms, edited plans, bills of material, provenance, webhooks, private repositories."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TOOL: tuple[sa.Column[Any], ...] = (
    sa.Column("webhook_secret", sa.LargeBinary(), nullable=True),
    sa.Column("newest_commit", sa.String(), nullable=True),
    sa.Column("newest_checked_at", sa.BigInteger(), nullable=True),
)
_VERSION: tuple[sa.Column[Any], ...] = (
    sa.Column("overrides", sa.String(), nullable=False, server_default=sa.text("''")),
    sa.Column("forms", sa.JSON(), nullable=True),
    sa.Column("sbom_key", sa.String(), nullable=True),
    sa.Column("provenance", sa.JSON(), nullable=True),
)


def upgrade() -> None:
    for column in _TOOL:
        op.add_column("tool", column)
    for column in _VERSION:
        op.add_column("version", column)
    op.add_column(
        "build",
        sa.Column("from_snapshot", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.create_table(
        "preview",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("account_id", sa.String(), sa.ForeignKey("account.id"), nullable=False),
        sa.Column("tool_id", sa.String(), sa.ForeignKey("tool.id"), nullable=True),
        sa.Column("link", sa.String(), nullable=False),
        sa.Column("ref", sa.String(), nullable=True),
        sa.Column("folder", sa.String(), nullable=False),
        sa.Column("runtime", sa.String(), nullable=True),
        sa.Column("command", sa.String(), nullable=True),
        sa.Column("overrides", sa.String(), nullable=False),
        sa.Column("commit", sa.String(), nullable=True),
        sa.Column("plan", sa.JSON(), nullable=True),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.String(), nullable=True),
        sa.Column("token_digest", sa.String(), nullable=True),
        sa.Column("lease_owner", sa.String(), nullable=True),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("not_before", sa.BigInteger(), nullable=False),
        sa.Column("announced_at", sa.BigInteger(), nullable=False),
        sa.Column("put_away", sa.Boolean(), nullable=False, server_default=sa.true()),
        sa.Column("infra_attempts", sa.BigInteger(), nullable=False),
        sa.Column("cancel_requested_at", sa.BigInteger(), nullable=True),
        sa.Column("result_fence", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
    )
    for name in ("account_id", "state", "lease_until"):
        op.create_index(f"ix_preview_{name}", "preview", [name])
    op.create_table(
        "source_credential",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column(
            "account_id",
            sa.String(),
            sa.ForeignKey("account.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("username", sa.String(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("account_id", "host"),
    )


def downgrade() -> None:
    op.drop_table("source_credential")
    op.drop_table("preview")
    op.drop_column("build", "from_snapshot")
    for column in _VERSION:
        op.drop_column("version", column.name)
    for column in _TOOL:
        op.drop_column("tool", column.name)
