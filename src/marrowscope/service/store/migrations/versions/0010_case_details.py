"""What a laboratory states about a patient's case is kept with the patient, whatever is analysed again."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the statements, of which there are none until now."""
    with op.batch_alter_table("patients") as patients:
        patients.add_column(sa.Column("details", sa.JSON(), nullable=False, server_default="{}"))
        patients.add_column(sa.Column("details_revision", sa.Integer(), nullable=False, server_default="0"))
    with op.batch_alter_table("patients") as patients:
        patients.alter_column("details", server_default=None)
        patients.alter_column("details_revision", server_default=None)
