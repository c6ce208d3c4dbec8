"""A session knows when its user signed on anew in order to sign a report."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the time, which no session has yet."""
    op.add_column("login_sessions", sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True))
