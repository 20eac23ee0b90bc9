"""Read what a database keeps on the disk."""

from pathlib import Path

from sqlalchemy import URL

from tests.bot.session_harness import run_sql

PHRASE = "Zanzibar marzipan"
"""A text that no database has by itself."""


def read_disk(database: Path | URL) -> bytes:
    """Return every byte of the database, with the log of a file but not that of a server."""
    if isinstance(database, URL):
        run_sql(database, "CHECKPOINT")
        [[folder]] = run_sql(database, "SHOW data_directory")
        [[own]] = run_sql(database, "SELECT oid FROM pg_database WHERE datname=current_database()")
        parts = (Path(folder, part) for part in (f"base/{own}", "global"))
        files = [path for part in parts for path in part.rglob("*") if path.is_file()]
    else:
        files = [
            path for path in database.parent.glob(f"{database.name}*") if path.suffix != ".lock"
        ]
    assert files
    return b"".join(path.read_bytes() for path in files)
