"""The audit trail's head is sealed outside the database, from here on."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add how many entries are older than the seals: all that are there."""
    with op.batch_alter_table("audit_head") as head:
        head.add_column(sa.Column("unsealed", sa.BigInteger(), nullable=False, server_default="0"))
    op.execute("UPDATE audit_head SET unsealed = number")
    with op.batch_alter_table("audit_head") as head:
        head.alter_column("unsealed", server_default=None)
