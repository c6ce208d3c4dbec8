"""Every table of the service, and bringing a database up to date."""

from importlib import import_module
from importlib.util import find_spec

from marrowscope.service.audit import begin_trail
from marrowscope.service.store.base import Base
from marrowscope.service.store.engine import Database

_TABLES = ("accounts", "audit", "patients", "analyses", "reviews")

for _name in _TABLES:
    if find_spec(f"marrowscope.service.store.{_name}") is not None:
        import_module(f"marrowscope.service.store.{_name}")


def bring_up_to_date(database: Database) -> None:
    """Create or migrate all tables."""
    Base.metadata.create_all(database.engine)
    with database.writing() as session:
        begin_trail(session)
