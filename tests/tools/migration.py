"""Write a migration to the current schema: ``python -m tests.tools.migration "Add a column"``.

Alembic compares the tables that all revisions create in an empty SQLite database with those of
`bot.storage.schema`. Check the new revision, and correct what Alembic cannot detect, such as
renamed columns.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from bot.storage import migrations
from bot.storage.schema import Base


def main(arguments: Sequence[str] | None = None) -> None:
    """Write a revision; Alembic prints its path."""
    parser = argparse.ArgumentParser(prog="python -m tests.tools.migration")
    parser.add_argument("message", help='an imperative sentence, such as "Add a column"')
    options = parser.parse_args(arguments)
    config = migrations.make_config()
    number = len(list(ScriptDirectory.from_config(config).walk_revisions())) + 1
    with create_engine("sqlite://").connect() as connection:
        migrations.upgrade(connection, "The new database")
        config.attributes.update(connection=connection, metadata=Base.metadata)
        command.revision(config, options.message, autogenerate=True, rev_id=f"{number:04}")


if __name__ == "__main__":
    main()
