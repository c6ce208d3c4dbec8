"""The networks' second guess of each cell; cells that readers pinned to the atlas."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both; of cells read before, the guess is not known."""
    op.create_table(
        "pinned_cells",
        sa.Column("cell_id", sa.String(32), nullable=False),
        sa.Column("type", sa.String(60), nullable=False),
        sa.Column("username", sa.String(200), nullable=False),
        sa.Column("by", sa.String(200), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["cell_id"], ["cells.id"], name=op.f("fk_pinned_cells_cell_id_cells"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("cell_id", name=op.f("pk_pinned_cells")),
    )
    op.create_index(op.f("ix_pinned_cells_type"), "pinned_cells", ["type"])
    with op.batch_alter_table("cells") as cells:
        cells.add_column(sa.Column("second_type", sa.String(60), nullable=True))
        cells.add_column(sa.Column("second_probability", sa.Double(), nullable=True))
