"""Connect to a PostgreSQL server."""

from __future__ import annotations

from typing import Any

from sqlalchemy import URL, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from . import timeouts

APPLICATION_NAME = "onbook"
"""The name of the connections on the server."""

TCP_SETTINGS = {
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "30000",
}
"""Make the server drop a cut-off process's connections within half a minute instead of hours."""


def connect(
    url: URL,
    *,
    lock_timeout: int | None = None,
    command_timeout: float | None = None,
    **options: Any,  # noqa: ANN401 - what the engine takes
) -> AsyncEngine:
    """Make the engine of a database, with further options of `create_async_engine`.

    A statement waits ``lock_timeout`` milliseconds for a lock, by default `timeouts.LOCK`. The
    server must answer it within ``command_timeout`` seconds; None sets no limit.
    """
    settings = {
        "application_name": APPLICATION_NAME,
        "lock_timeout": str(lock_timeout or timeouts.LOCK),
        "idle_in_transaction_session_timeout": str(timeouts.STALLED),
        **TCP_SETTINGS,
        # Compiling a query takes longer than any of the bot's queries.
        "jit": "off",
    }
    engine = create_async_engine(
        url.set(drivername="postgresql+asyncpg"),
        # Parameters are people's words, which must not be logged.
        hide_parameters=True,
        connect_args={
            "timeout": timeouts.CONNECT,
            "command_timeout": command_timeout,
            "server_settings": settings,
        },
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
