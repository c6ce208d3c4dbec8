"""All readers' answers become rows of one table, and the first reading a row of `readings`.

The answers of the first reading stood on the cells themselves, with the display name of who gave them; who
that was is taken from the audit trail, which has the user name of every change. The trail stays as it is.
"""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_BATCH = 1000
_answers = sa.table(
    "answers",
    *(
        sa.column(name)
        for name in ("reading_id", "cell_id", "type", "deleted", "username", "by", "at", "revision")
    ),
)


def upgrade() -> None:
    """Make the table of answers, fill it, and drop what it replaces."""
    op.create_table(
        "answers",
        sa.Column("reading_id", sa.String(length=32), nullable=False),
        sa.Column("cell_id", sa.String(length=32), nullable=False),
        sa.Column("type", sa.String(length=60), nullable=True),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("username", sa.String(length=200), nullable=False),
        sa.Column("by", sa.String(length=200), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["cell_id"], ["cells.id"], name=op.f("fk_answers_cell_id_cells"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["reading_id"], ["readings.id"], name=op.f("fk_answers_reading_id_readings"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("reading_id", "cell_id", name=op.f("pk_answers")),
    )
    op.create_index(op.f("ix_answers_cell_id"), "answers", ["cell_id"], unique=False)
    _rename_uploads()
    _add_first_readings()
    _move_second_answers()
    _move_first_answers()
    _drop_what_is_replaced()


def _rename_uploads() -> None:
    """Give the results of uploads a table of that name: *answer* is a reader's word alone."""
    op.create_table(
        "idempotent_uploads",
        sa.Column("patient_id", sa.String(length=32), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("items", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["patient_id"],
            ["patients.id"],
            name=op.f("fk_idempotent_uploads_patient_id_patients"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("patient_id", "key", name=op.f("pk_idempotent_uploads")),
    )
    op.execute(
        """INSERT INTO idempotent_uploads (patient_id, key, created_at, items)
        SELECT patient_id, key, created_at, items FROM upload_answers"""
    )
    op.drop_table("upload_answers")


def _add_first_readings() -> None:
    with op.batch_alter_table("readings") as readings:
        readings.add_column(sa.Column("kind", sa.String(length=8), nullable=False, server_default="second"))
        readings.alter_column("username", existing_type=sa.String(length=200), nullable=True)
        readings.alter_column("reader", existing_type=sa.String(length=200), nullable=True)
    with op.batch_alter_table("readings") as readings:
        readings.alter_column("kind", existing_type=sa.String(length=8), server_default=None)
    op.execute(
        """INSERT INTO readings (id, analysis_id, kind, status, opened_at, finished_at)
        SELECT id, id, 'first', CASE WHEN locked THEN 'finished' ELSE 'open' END, created_at,
            CASE WHEN locked THEN (SELECT max(signed_at) FROM versions WHERE analysis_id = analyses.id) END
        FROM analyses"""
    )


def _move_second_answers() -> None:
    op.execute(
        """INSERT INTO answers (reading_id, cell_id, type, deleted, username, "by", at, revision)
        SELECT s.reading_id, s.cell_id, s.type, s.deleted, r.username, r.reader, s.at, s.revision
        FROM second_answers s JOIN readings r ON r.id = s.reading_id"""
    )


def _move_first_answers() -> None:
    connection = op.get_bind()
    last_change = _last_changes(connection)
    users = connection.execute(sa.text("SELECT username, name FROM users"))
    names: dict[str, str] = {row.username: row.name for row in users}
    rows: list[dict[str, Any]] = []
    for cell in _answered_cells(connection):
        username, changed_at = last_change.get(cell.id, (None, None))
        # Where the trail has no entry, a name that one user alone has tells who it was.
        username = username or _only_user(names, cell.reviewed_by)
        rows.append(
            {
                "reading_id": cell.analysis_id,
                "cell_id": cell.id,
                "type": cell.reviewed_type,
                "deleted": cell.deleted,
                "username": username,
                "by": cell.reviewed_by or names.get(username, username),
                "at": cell.reviewed_at or changed_at or cell.changed_at,
                "revision": cell.revision,
            }
        )
    insert = _answers.insert()
    for start in range(0, len(rows), _BATCH):
        connection.execute(insert, rows[start : start + _BATCH])


def _answered_cells(connection: sa.Connection) -> Iterator[Any]:
    """Return the cells that a person answered or drew, those among them whose answer was taken back."""
    columns: list[sa.ColumnClause[Any]] = [
        sa.column("id"), sa.column("analysis_id"), sa.column("reviewed_type"), sa.column("reviewed_by"),
        sa.column("reviewed_at", sa.DateTime(timezone=True)), sa.column("deleted", sa.Boolean()),
        sa.column("revision"), sa.column("origin"),
    ]  # fmt: skip
    cells = sa.table("cells", *columns)
    analyses = sa.table("analyses", sa.column("id"), sa.column("changed_at", sa.DateTime(timezone=True)))
    query = sa.select(cells, analyses.c.changed_at).join(analyses, analyses.c.id == cells.c.analysis_id)
    is_answered = sa.or_(
        cells.c.revision > 0,
        cells.c.reviewed_type.is_not(None),
        cells.c.deleted.is_(True),
        cells.c.origin == "person",
    )
    return iter(connection.execute(query.where(is_answered)).all())


def _last_changes(connection: sa.Connection) -> dict[str, tuple[str, Any]]:
    """Return, by cell, who changed it last and when, after the audit trail."""
    entries = sa.table(
        "audit_entries", sa.column("number"), sa.column("action"), sa.column("subject_id"),
        sa.column("actor"), sa.column("at", sa.DateTime(timezone=True)),
    )  # fmt: skip
    query = (
        sa.select(entries.c.subject_id, entries.c.actor, entries.c.at)
        .where(entries.c.action.in_(("cell.review", "cell.add")))
        .order_by(entries.c.number)
    )
    return {cell: (actor, at) for cell, actor, at in connection.execute(query)}


def _only_user(names: dict[str, str], name: str | None) -> str:
    found = [username for username, own in names.items() if own == name]
    return found[0] if len(found) == 1 else ""


def _drop_what_is_replaced() -> None:
    op.drop_table("second_answers")
    with op.batch_alter_table("cells") as cells:
        cells.drop_index(op.f("ix_cells_analysis_id_type_probability"))
        cells.create_index(
            op.f("ix_cells_analysis_id_model_type_probability"), ["analysis_id", "model_type", "probability"]
        )
        for name in ("type", "counted", "reviewed_type", "reviewed_by", "reviewed_at", "deleted", "revision"):
            cells.drop_column(name)
