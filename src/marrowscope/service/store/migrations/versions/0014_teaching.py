"""Teaching the networks, and which networks new analyses use."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both tables; until somebody chooses, new analyses use the built-in networks as before."""
    op.create_table(
        "teachings",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("stage", sa.String(16), nullable=False),
        sa.Column("username", sa.String(200), nullable=False),
        sa.Column("by", sa.String(200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stage_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("analyses", sa.JSON(), nullable=False),
        sa.Column("images", sa.JSON(), nullable=False),
        sa.Column("types", sa.JSON(), nullable=False),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("kept_out", sa.JSON(), nullable=False),
        sa.Column("learned_from", sa.JSON(), nullable=False),
        sa.Column("from_bundle", sa.Text(), nullable=False),
        sa.Column("from_title", sa.Text(), nullable=False),
        sa.Column("from_sha256", sa.String(64), nullable=False),
        sa.Column("owner", sa.String(100), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deaths", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("result", sa.JSON(), nullable=True),
        sa.Column("bundle", sa.String(200), nullable=True),
        sa.Column("bundle_title", sa.Text(), nullable=True),
        sa.Column("bundle_sha256", sa.String(64), nullable=True),
        sa.Column("decision", sa.String(16), nullable=True),
        sa.Column("decided_by", sa.String(200), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_teachings")),
        sa.UniqueConstraint("number", name=op.f("uq_teachings_number")),
    )
    op.create_index(op.f("ix_teachings_status"), "teachings", ["status"])
    op.create_index(op.f("ix_teachings_bundle_sha256"), "teachings", ["bundle_sha256"])
    op.create_table(
        "bundle_choices",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("bundle", sa.String(200), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("username", sa.String(200), nullable=False),
        sa.Column("by", sa.String(200), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("teaching_id", sa.String(32), nullable=True),
        sa.ForeignKeyConstraint(
            ["teaching_id"], ["teachings.id"],
            name=op.f("fk_bundle_choices_teaching_id_teachings"), ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_bundle_choices")),
    )  # fmt: skip
