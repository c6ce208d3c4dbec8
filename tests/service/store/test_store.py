"""The database: migrations make what the models say, on both databases; transactions are whole."""

from pathlib import Path
from typing import Literal

import pytest
from alembic.autogenerate import compare_metadata
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Column, String, select, text
from sqlalchemy.exc import IntegrityError

from marrowscope.errors import InputError
from marrowscope.service.accounts.users import add_user, find_user
from marrowscope.service.actors import SYSTEM
from marrowscope.service.clock import now
from marrowscope.service.settings import Settings
from marrowscope.service.store.base import Base
from marrowscope.service.store.engine import Database
from marrowscope.service.store.schema import bring_up_to_date, is_up_to_date, migration_options
from marrowscope.service.store.tables.accounts import LoginSession, User


@pytest.fixture
def opened(database_url: str) -> Database:
    return Database(Settings(database=database_url).database_url)


def test_migrations_make_the_models_tables(opened: Database) -> None:
    options = {"compare_type": True, "render_item": migration_options()["render_item"]}
    with opened.changing() as connection:
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, Base.metadata) == []
    opened.close()


def test_an_up_to_date_database_stays_as_it_is(opened: Database) -> None:
    with opened.reading() as session:
        before = session.scalars(select(User.username)).all()
        assert is_up_to_date(session.connection())
    bring_up_to_date(opened)
    with opened.reading() as session:
        assert session.scalars(select(User.username)).all() == before
    opened.close()


def test_a_later_version_s_database_is_left_alone(opened: Database) -> None:
    with opened.changing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(InputError, match="later version"):
        bring_up_to_date(opened)
    opened.close()


def test_a_failed_transaction_leaves_neither_change_nor_audit_entry(opened: Database) -> None:
    def interrupted() -> None:
        with opened.writing() as session:
            add_user(session, SYSTEM, "mallory", "M", role="admin", password=None)
            raise KeyError

    with opened.reading() as session:
        entries = session.scalar(text("SELECT count(*) FROM audit_entries"))
    with pytest.raises(KeyError):
        interrupted()
    with opened.reading() as session:
        assert session.scalar(select(User).where(User.username == "mallory")) is None
        assert session.scalar(text("SELECT count(*) FROM audit_entries")) == entries
    opened.close()


def test_a_table_changed_keeps_the_rows_that_refer_to_it(opened: Database) -> None:
    with opened.writing() as session:
        anna = find_user(session, "anna")
        add = LoginSession(user_id=anna.id, secret_sha256="x" * 64, expires_at=now())
        session.add(add)
    with opened.changing() as connection:
        change = Operations(MigrationContext.configure(connection))
        always: Literal["always", "auto"] = "always" if opened.is_sqlite else "auto"
        with change.batch_alter_table("users", recreate=always) as users:
            users.add_column(Column("pager", String(20), nullable=True))
    with opened.reading() as session:
        assert session.scalar(text("SELECT count(*) FROM login_sessions")) == 1
    with pytest.raises(IntegrityError), opened.writing() as session:
        session.add(LoginSession(user_id="nobody", secret_sha256="y" * 64, expires_at=now()))
    opened.close()


@pytest.mark.parametrize("url", ["nonsense", "mysql://host/name", "sqlite://", "sqlite:///:memory:"])
def test_databases_the_service_cannot_use_are_refused(url: str) -> None:
    with pytest.raises(InputError):
        Database(Settings(database=url).database_url)


def test_sqlite_lives_in_the_data_folder_unless_another_is_named(tmp_path: Path) -> None:
    assert str(tmp_path) in Settings(data_folder=tmp_path).database_url
    assert Settings(database="postgresql://host/name").database_url == "postgresql+psycopg://host/name"
