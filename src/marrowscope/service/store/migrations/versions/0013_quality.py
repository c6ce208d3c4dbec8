"""Control slides with their occasions and acknowledged alarms; what learners' readings are scored against."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add them; until now no patient is an occasion of a control, and no reading a learner's."""
    op.create_table(
        "controls",
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("first", sa.Integer(), nullable=False),
        sa.Column("target_id", sa.String(32), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_controls")),
        sa.UniqueConstraint("name", name=op.f("uq_controls_name")),
    )
    op.create_table(
        "acknowledgements",
        sa.Column("control_id", sa.String(32), nullable=False),
        sa.Column("signals", sa.JSON(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("username", sa.String(200), nullable=False),
        sa.Column("by", sa.String(200), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.String(32), nullable=False),
        sa.ForeignKeyConstraint(
            ["control_id"], ["controls.id"], name=op.f("fk_acknowledgements_control_id_controls"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_acknowledgements")),
    )  # fmt: skip
    op.create_index(op.f("ix_acknowledgements_control_id"), "acknowledgements", ["control_id"])
    with op.batch_alter_table("patients") as patients:
        patients.add_column(sa.Column("control_id", sa.String(32), nullable=True))
        patients.create_foreign_key(
            op.f("fk_patients_control_id_controls"), "controls", ["control_id"], ["id"], ondelete="SET NULL"
        )
        patients.create_index(op.f("ix_patients_control_id"), ["control_id"])
    with op.batch_alter_table("readings") as readings:
        readings.add_column(sa.Column("signed", sa.JSON(), nullable=True))
