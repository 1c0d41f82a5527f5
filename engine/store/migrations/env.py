"""How Alembic reaches the store: the caller hands over an open connection, no ini file is read."""

from alembic import context

from engine.store.tables import metadata

connection = context.config.attributes["connection"]
# SQLite cannot alter most things in place; batch mode copies a table where that is needed.
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True, compare_type=True)
with context.begin_transaction():
    context.run_migrations()
