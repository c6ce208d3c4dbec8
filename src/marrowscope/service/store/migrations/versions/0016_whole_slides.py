"""Whole slides, and which images are tiles of one."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both; no image was a tile before."""
    op.create_table(
        "slides",
        sa.Column("patient_id", sa.String(32), nullable=False),
        sa.Column("name", sa.String(500), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("width", sa.BigInteger(), nullable=False),
        sa.Column("height", sa.BigInteger(), nullable=False),
        sa.Column("mpp", sa.Double(), nullable=False),
        sa.Column("countable_mm2", sa.Double(), nullable=False),
        sa.Column("tile_mm2", sa.Double(), nullable=False),
        sa.Column("tiles", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.String(32), nullable=False),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patients.id"], name=op.f("fk_slides_patient_id_patients"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_slides")),
    )
    op.create_index(op.f("ix_slides_patient_id"), "slides", ["patient_id"])
    op.create_index(op.f("ix_slides_sha256"), "slides", ["sha256"])
    with op.batch_alter_table("fields") as fields:
        fields.add_column(sa.Column("slide_id", sa.String(32), nullable=True))
        fields.add_column(sa.Column("slide_x", sa.Integer(), nullable=True))
        fields.add_column(sa.Column("slide_y", sa.Integer(), nullable=True))
        fields.create_index(op.f("ix_fields_slide_id"), ["slide_id"])
        fields.create_foreign_key(
            op.f("fk_fields_slide_id_slides"), "slides", ["slide_id"], ["id"], ondelete="SET NULL"
        )
