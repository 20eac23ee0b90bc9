"""Read PostgreSQL's error codes."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnection

from ...errors import StoreError

REASONS = {
    "53100": "full",
    "25006": "readonly",
    "42501": "readonly",
    "40001": "locked",
    "40P01": "locked",
    "55P03": "locked",
}
"""The reasons of TransactionFailed by PostgreSQL's code; all others are ``away``."""

OUR_FAULT = ("21", "22", "23", "42")
"""The classes of codes that blame a statement, not the server."""

SERVER_ERRORS = (DBAPIError, NoConnection, OSError)
"""The exceptions of a server that fails or cannot be reached."""

log = logging.getLogger("onbook.postgres")


def get_code(error: Exception) -> str:
    """Return PostgreSQL's code of an error, or "" if the error does not come from the server."""
    return getattr(getattr(error, "orig", None), "sqlstate", None) or ""


def is_locked(error: Exception) -> bool:
    """Return whether a lock could not be acquired in time."""
    return REASONS.get(get_code(error)) == "locked"


def find_reason(error: Exception) -> str | None:
    """Log an error; return why a transaction failed, or None if a statement is to blame."""
    code = get_code(error)
    if code not in REASONS and code.startswith(OUR_FAULT):
        return None
    # The server's message is not logged, because it may quote people's words.
    log.error("the database cannot be used now: %s (%s)", type(error).__name__, code or "no code")
    return REASONS.get(code, "away")


@contextmanager
def raising_store_error() -> Iterator[None]:
    """Raise StoreError if a database cannot be opened; omit its address, which has a password."""
    try:
        yield
    except ModuleNotFoundError:
        raise StoreError(
            "PostgreSQL needs asyncpg. Run pip install asyncpg, or unset ONBOOK_DATABASE_URL."
        ) from None
    except SERVER_ERRORS as error:
        if is_locked(error):
            raise StoreError(
                "Another program has locked the PostgreSQL database, such as a dump or the bot's "
                "own cleanup. Wait until it ends, then start again."
            ) from None
        # A TimeoutError says nothing.
        said = str(getattr(error, "orig", None) or error).partition("\n")[0] or "no answer in time"
        raise StoreError(
            f"The PostgreSQL database cannot be used ({said}). Check its address, name and "
            "password, and whether the server runs."
        ) from None
