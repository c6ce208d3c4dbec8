"""Cells that fields which overlap show twice."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add them; analyses until now were not looked through for any."""
    with op.batch_alter_table("analysis_fields") as fields:
        fields.add_column(sa.Column("repeated", sa.JSON(), nullable=False, server_default="[]"))
    with op.batch_alter_table("analysis_fields") as fields:
        fields.alter_column("repeated", server_default=None)
