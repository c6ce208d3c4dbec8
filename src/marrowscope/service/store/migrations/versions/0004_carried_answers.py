"""Answers may come from an earlier analysis, and what became of each is noted."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both; nothing was carried over before."""
    with op.batch_alter_table("answers") as answers:
        answers.add_column(sa.Column("carried_from", sa.String(length=32), nullable=True))
    op.create_table(
        "carried_cells",
        sa.Column("analysis_id", sa.String(length=32), nullable=False),
        sa.Column("source_id", sa.String(length=32), nullable=False),
        sa.Column("cell_id", sa.String(length=32), nullable=True),
        sa.Column("why", sa.String(length=16), nullable=True),
        sa.ForeignKeyConstraint(
            ["analysis_id"],
            ["analyses.id"],
            name=op.f("fk_carried_cells_analysis_id_analyses"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["cell_id"], ["cells.id"], name=op.f("fk_carried_cells_cell_id_cells"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["source_id"], ["cells.id"], name=op.f("fk_carried_cells_source_id_cells"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("analysis_id", "source_id", name=op.f("pk_carried_cells")),
    )
    op.create_index(op.f("ix_carried_cells_cell_id"), "carried_cells", ["cell_id"], unique=False)
    op.create_index(op.f("ix_carried_cells_source_id"), "carried_cells", ["source_id"], unique=False)
