"""Run revisions for Alembic on the connection of `upgrade`; leave the host's logging alone."""

from __future__ import annotations

from typing import Literal

from alembic import context
from sqlalchemy import TypeDecorator


def render_stored_type(kind: str, item: object, _: object) -> str | Literal[False]:
    """Write a type of the schema as the type that it stores, because a revision never changes."""
    if kind == "type" and isinstance(item, TypeDecorator):
        return f"sa.{item.impl_instance!r}"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=context.config.attributes["metadata"],
    render_item=render_stored_type,
    # SQLite replaces a table to alter it.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
