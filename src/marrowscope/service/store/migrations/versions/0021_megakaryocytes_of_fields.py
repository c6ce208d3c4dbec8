"""Candidates for megakaryocytes in fields, beside those on slides."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let a candidate belong to a field.

    Analyses until now have none: what was found in their fields nobody could answer, and it must not get
    into a count that people have looked at. A new analysis of the patient has them.
    """
    with op.batch_alter_table("analysis_fields") as fields:
        fields.add_column(sa.Column("examined_mm2", sa.Double(), nullable=True))
        fields.add_column(sa.Column("megakaryocytes", sa.JSON(), nullable=False, server_default="[]"))
    with op.batch_alter_table("analysis_fields") as fields:
        fields.alter_column("megakaryocytes", server_default=None)
    with op.batch_alter_table("megakaryocytes") as candidates:
        candidates.add_column(sa.Column("field_id", sa.String(32), nullable=True))
        candidates.alter_column("slide_id", existing_type=sa.String(32), nullable=True)
        candidates.create_foreign_key(
            op.f("fk_megakaryocytes_field_id_fields"), "fields", ["field_id"], ["id"], ondelete="CASCADE"
        )
        candidates.create_check_constraint(
            op.f("ck_megakaryocytes_slide_or_field"), "(slide_id IS NULL) <> (field_id IS NULL)"
        )
        candidates.create_index(op.f("ix_megakaryocytes_field_id_place"), ["field_id", "place"], unique=True)
