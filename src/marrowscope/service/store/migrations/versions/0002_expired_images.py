"""Images removed because the retention time was over are marked as such.

What an earlier version removed is marked from the audit trail.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the mark, and set it on images of patients whose images an earlier version removed."""
    with op.batch_alter_table("fields") as fields:
        fields.add_column(sa.Column("expired_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(
        """UPDATE fields SET expired_at = (
            SELECT max(at) FROM audit_entries
            WHERE action = 'patient.expire' AND audit_entries.patient_id = fields.patient_id
            AND audit_entries.at > fields.created_at)"""
    )
