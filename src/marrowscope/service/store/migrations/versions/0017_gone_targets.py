"""When the case that says what to expect of a control slide was deleted."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add it; of cases that were deleted before, the moment of this migration stands for when."""
    with op.batch_alter_table("controls") as controls:
        controls.add_column(sa.Column("target_gone_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(
        "UPDATE controls SET target_id = NULL, target_gone_at = CURRENT_TIMESTAMP "
        "WHERE target_id IS NOT NULL AND target_id NOT IN (SELECT id FROM analyses)"
    )
