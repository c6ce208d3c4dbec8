"""Runs migrations within the transaction that `schema.bring_up_to_date` opened."""

from alembic import context

from marrowscope.service.store.schema import migration_options

context.configure(connection=context.config.attributes["connection"], **migration_options())
with context.begin_transaction():
    context.run_migrations()
