"""Patients are found by their names whatever the capitals and the composition of accents."""

import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the name as searches compare it, and fill it in: databases fold less of Unicode than Python."""
    with op.batch_alter_table("patients") as patients:
        patients.add_column(
            sa.Column("search_name", sa.String(length=1000), nullable=False, server_default="")
        )
    table = sa.table("patients", sa.column("id"), sa.column("name"), sa.column("search_name"))
    connection = op.get_bind()
    for patient, name in connection.execute(sa.select(table.c.id, table.c.name)).all():
        folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
        connection.execute(table.update().where(table.c.id == patient).values(search_name=folded))
    with op.batch_alter_table("patients") as patients:
        patients.alter_column("search_name", server_default=None)
    op.create_index(op.f("ix_patients_search_name"), "patients", ["search_name"], unique=False)
