"""Tables of the audit trail."""

from datetime import datetime

from sqlalchemy import BigInteger, String, Text, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from marrowscope.service.store.base import Base


class AuditEntry(Base):
    """One action. `before` and `after` are JSON texts, exactly as they entered `hash`."""

    __tablename__ = "audit_entries"

    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    actor_id: Mapped[str | None] = mapped_column(String(32))
    actor: Mapped[str] = mapped_column(String(100))
    action: Mapped[str] = mapped_column(String(100), index=True)
    subject_kind: Mapped[str] = mapped_column(String(50))
    subject_id: Mapped[str | None] = mapped_column(String(100))
    patient_id: Mapped[str | None] = mapped_column(String(32), index=True)
    before: Mapped[str] = mapped_column(Text)
    after: Mapped[str] = mapped_column(Text)
    previous: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))


HEAD = 1
"""Identifier of the only head."""


class AuditHead(Base):
    """Number and digest of the last entry: a single row, locked while entries are added.

    `unsealed` entries at the beginning are older than the seals that are kept outside the database.
    """

    __tablename__ = "audit_head"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[str] = mapped_column(String(64))
    unsealed: Mapped[int] = mapped_column(BigInteger, default=0)


# What a migration made the database refuse, as the database itself describes it.
_SQLITE_TRIGGERS = {
    f"audit_entries_{act.lower()}": f"BEFORE {act} ON audit_entries BEGIN SELECT RAISE(ABORT, "
    for act in ("UPDATE", "DELETE")
}
_POSTGRES_TRIGGERS = {"audit_entries_append_only": "BEFORE DELETE OR UPDATE OR TRUNCATE ON "}
_SQLITE_QUERY = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit_entries'"
_POSTGRES_QUERY = """
    SELECT t.tgname, pg_get_triggerdef(t.oid) FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
    WHERE t.tgrelid = 'audit_entries'::regclass AND t.tgenabled IN ('O', 'A')
    AND p.prosrc LIKE '% RAISE EXCEPTION %'"""


def protection_fault(session: Session) -> str | None:
    """Return which of the triggers that make the trail append-only is gone, None if all are there."""
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    expected = _SQLITE_TRIGGERS if is_sqlite else _POSTGRES_TRIGGERS
    rows = session.execute(text(_SQLITE_QUERY if is_sqlite else _POSTGRES_QUERY))
    found: dict[str, str] = {row[0]: row[1] for row in rows}
    for name, meaning in expected.items():
        if meaning not in " ".join(found.get(name, "").split()):
            return f"the database no longer protects the trail: the trigger {name} is missing or altered"
    return None
