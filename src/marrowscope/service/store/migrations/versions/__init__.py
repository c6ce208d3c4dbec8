"""One module a migration, in order of their numbers."""
