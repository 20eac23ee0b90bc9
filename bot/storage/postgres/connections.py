"""Connect to a PostgreSQL server."""

from __future__ import annotations

from typing import Any

from sqlalchemy import URL, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from . import timeouts

DRIVER = "postgresql+asyncpg"

APPLICATION_NAME = "onbook"
"""The name of the connections on the server."""

TCP_SETTINGS = {
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "30000",
}
"""Make the server drop the connections of a process that was cut off within half a minute instead
of hours."""


def connect(
    url: URL,
    *,
    lock_timeout: int | None = None,
    command_timeout: float | None = None,
    **options: Any,  # noqa: ANN401 - what the engine takes
) -> AsyncEngine:
    """Make the engine of a database.

    Args:
        url: The address of the database.
        lock_timeout: Milliseconds for which a statement waits for a lock; `timeouts.LOCK` if None.
        command_timeout: Seconds in which the server must answer a statement; no limit if None.
        options: Further arguments of `create_async_engine`.
    """
    settings = {
        "application_name": APPLICATION_NAME,
        "lock_timeout": str(timeouts.LOCK if lock_timeout is None else lock_timeout),
        "idle_in_transaction_session_timeout": str(timeouts.STALLED),
        **TCP_SETTINGS,
        # Compiling takes longer than any of the bot's queries.
        "jit": "off",
    }
    arguments: dict[str, Any] = {"timeout": timeouts.CONNECT, "server_settings": settings}
    if command_timeout is not None:
        arguments["command_timeout"] = command_timeout
    engine = create_async_engine(
        url.set(drivername=DRIVER),
        # Parameters are people's words, which must not be logged.
        hide_parameters=True,
        connect_args=arguments,
        **options,
    )

    @event.listens_for(engine.sync_engine, "connect")
    def configure(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's class
        cursor = connection.cursor()
        # A line that was shown survives a power cut, even if the server is configured for less.
        cursor.execute(
            "SELECT set_config('synchronous_commit', 'on', false)"
            " WHERE current_setting('synchronous_commit') = 'off'"
        )
        cursor.close()
        connection.commit()

    return engine
