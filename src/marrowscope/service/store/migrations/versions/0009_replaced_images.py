"""An image that was replaced stays beside the one of the same name that took its place."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let names be unique among the images that were not replaced; none was until now."""
    with op.batch_alter_table("fields") as fields:
        fields.drop_constraint("uq_fields_patient_id_name", type_="unique")
    op.create_index(
        "ix_fields_patient_id_name",
        "fields",
        ["patient_id", "name"],
        unique=True,
        sqlite_where=sa.text("status <> 'replaced'"),
        postgresql_where=sa.text("status <> 'replaced'"),
    )
