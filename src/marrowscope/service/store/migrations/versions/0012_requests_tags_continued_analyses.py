"""Requests to colleagues, tags of patients, and analyses that go on from earlier ones."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add all three; every analysis until now has read all its fields itself."""
    op.create_table(
        "requests",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("patient_id", sa.String(32), nullable=False),
        sa.Column("field_id", sa.String(32), nullable=True),
        sa.Column("cell_id", sa.String(32), nullable=True),
        sa.Column("username", sa.String(200), nullable=False),
        sa.Column("author", sa.String(200), nullable=False),
        sa.Column("asked", sa.String(200), nullable=False),
        sa.Column("asked_name", sa.String(200), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.String(200), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patients.id"], name=op.f("fk_requests_patient_id_patients"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["field_id"], ["fields.id"], name=op.f("fk_requests_field_id_fields"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["cell_id"], ["cells.id"], name=op.f("fk_requests_cell_id_cells"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_requests")),
    )
    op.create_index(op.f("ix_requests_patient_id"), "requests", ["patient_id"])
    op.create_index(op.f("ix_requests_cell_id"), "requests", ["cell_id"])
    op.create_index("ix_requests_asked_state", "requests", ["asked", "state"])
    op.create_index("ix_requests_username_state", "requests", ["username", "state"])
    op.create_table(
        "patient_tags",
        sa.Column("patient_id", sa.String(32), nullable=False),
        sa.Column("tag", sa.String(40), nullable=False),
        sa.ForeignKeyConstraint(
            ["patient_id"],
            ["patients.id"],
            name=op.f("fk_patient_tags_patient_id_patients"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("patient_id", "tag", name=op.f("pk_patient_tags")),
    )
    op.create_index(op.f("ix_patient_tags_tag"), "patient_tags", ["tag"])
    with op.batch_alter_table("analyses") as analyses:
        analyses.add_column(sa.Column("continues", sa.String(32), nullable=True))
    with op.batch_alter_table("analysis_fields") as fields:
        fields.add_column(sa.Column("taken_from", sa.String(32), nullable=True))
