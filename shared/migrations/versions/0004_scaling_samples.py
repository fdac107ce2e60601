"""How many workers were wanted, there and busy, over time."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "scaling_sample",
        sa.Column("group_name", sa.String(), primary_key=True),
        sa.Column("at", sa.BigInteger(), primary_key=True),
        *(
            sa.Column(name, sa.BigInteger(), nullable=False)
            for name in ("desired", "running", "busy", "queued", "active")
        ),
        sa.Column("asked", sa.Double(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("scaling_sample")
