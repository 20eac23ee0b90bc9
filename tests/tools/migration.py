"""Write a migration to the current schema: ``python -m tests.tools.migration "Add a column"``.

Alembic compares what all revisions make of the first version's tables in SQLite with the schema in
`bot.storage.schema`. Check the new revision, and correct what Alembic cannot detect, such as
renamed columns.
"""

from pathlib import Path

import tyro
from alembic import command
from sqlalchemy import NullPool, create_engine
from tyro.conf import Positional

from bot.storage import migrations
from bot.storage.schema import Base

FIRST_TABLES = Path(__file__).parents[1] / "bot/storage/first_tables.sql"
"""A dump of a SQLite database of the first revision."""


def main(message: Positional[str]) -> None:
    """Write a revision; Alembic prints its path.

    Args:
        message: An imperative sentence, such as "Add a column".
    """
    config = migrations.make_config()
    number = len(migrations.list_revisions()) + 1
    with create_engine("sqlite://", poolclass=NullPool).connect() as connection:
        connection.connection.executescript(FIRST_TABLES.read_text())
        migrations.upgrade(connection, "The first tables")
        config.attributes.update(connection=connection, metadata=Base.metadata)
        command.revision(config, message, autogenerate=True, rev_id=f"{number:04}")


if __name__ == "__main__":
    tyro.cli(main, prog="python -m tests.tools.migration", description=__doc__)
