"""Run revisions for Alembic on the connection of `upgrade`; leave the host's logging alone."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=context.config.attributes["metadata"],
    # SQLite replaces a table to alter it.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
