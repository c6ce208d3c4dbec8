"""Candidates for megakaryocytes on whole slides, and the area in which they were looked for."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both; on slides that are there nobody has looked."""
    with op.batch_alter_table("slides") as slides:
        slides.add_column(sa.Column("examined_mm2", sa.Double(), nullable=True))
    op.create_table(
        "megakaryocytes",
        sa.Column("slide_id", sa.String(32), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("x0", sa.Integer(), nullable=False),
        sa.Column("y0", sa.Integer(), nullable=False),
        sa.Column("x1", sa.Integer(), nullable=False),
        sa.Column("y1", sa.Integer(), nullable=False),
        sa.Column("area_um2", sa.Double(), nullable=False),
        sa.Column("nucleus_um2", sa.Double(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("confirmed", sa.Boolean(), nullable=True),
        sa.Column("answered_by", sa.String(200), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.String(32), nullable=False),
        sa.ForeignKeyConstraint(
            ["slide_id"], ["slides.id"], name=op.f("fk_megakaryocytes_slide_id_slides"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_megakaryocytes")),
    )
    op.create_index(
        op.f("ix_megakaryocytes_slide_id_place"), "megakaryocytes", ["slide_id", "place"], unique=True
    )
