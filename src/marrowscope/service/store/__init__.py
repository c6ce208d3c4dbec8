"""The database: typed tables, the engine, migrations."""
