"""Write a migration from the difference between the models and the existing migrations, for you to complete.

Example:  python packaging/new_migration.py "Notes on fields"
"""

import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.script import ScriptDirectory

from marrowscope.service.store.engine import Database
from marrowscope.service.store.schema import bring_up_to_date, config


def main() -> None:
    """Migrate an empty database to the last migration, and compare it with the models."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite+pysqlite:///{Path(folder) / 'compared.db'}")
        bring_up_to_date(database)
        with database.changing() as connection:
            settings = config(connection)
            head = ScriptDirectory.from_config(settings).get_current_head()
            number = f"{int(head or 0) + 1:04d}"
            command.revision(settings, sys.argv[1], autogenerate=True, rev_id=number)


if __name__ == "__main__":
    main()
