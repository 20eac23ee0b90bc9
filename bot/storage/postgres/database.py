"""Postgres: the database on a server, on which several processes may write."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from typing import Any, Self, TypeAlias

from sqlalchemy import (
    JSON,
    URL,
    BigInteger,
    Column,
    Connection,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    event,
    extract,
    func,
    insert,
    inspect,
    select,
    text,
    update,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnection
from sqlalchemy.ext.asyncio import (
    AsyncConnection,
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.pool import NullPool

from ..dialects import highest_id, number_from
from ..migrations import SCHEMA, STEPS
from ..schema import NUMBERED, Base, State, Surprise
from ..transactions import Guard, NotKept, StoreError, Transactions

DRIVER = "postgresql+asyncpg"

OLDEST = (14,)
"""The version of the server that has all that is asked of it."""

READERS = 4
"""Readings that go on side by side in one process."""

LOCKED_WAIT = 2000
"""Milliseconds for which a lock is waited for at a time; then it is looked who stands still."""

SWEPT_WAIT = 60.0
"""Seconds for which all wait for whoever else writes, or for a sweep, before they are refused."""

LEFT_ALONE = 10_000
"""Milliseconds after which a transaction, or a sweep, is ended whose process says nothing more:
nobody can write as long as it has the lock."""

SHARE = 0.01
"""The part of the time that sweeps take at most, in all processes together."""

LONGEST_REST = 1700.0
"""Seconds for which a sweep is put off at most: what `privacy.told` promises, less the sweep."""

CONNECT_WAIT, ANSWER_WAIT = 5.0, SWEPT_WAIT + 15
"""Seconds in which the server must be reached, and in which it must answer."""

NAME = "onbook"
"""What the server calls the connections."""

CUT_OFF = {
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "30000",
}
"""Has the server end the connections of who was cut off within half a minute, not after hours."""

FLUSH_WAIT = 0.2
"""Seconds for which it is waited for those who read, before what they see is swept out later."""

WRITERS = int.from_bytes(b"onbook", "big")
"""The lock of whoever writes: one after the other, in all processes."""

REASONS = {
    "53100": "full",
    "25006": "readonly",
    "42501": "readonly",
    "40001": "locked",
    "40P01": "locked",
    "55P03": "locked",
}
"""Why something is not kept, by PostgreSQL's code for it; all else is ``away``."""

OUR_FAULT = ("21", "22", "23", "42")
"""What the codes begin with that do not tell of the server, but of what it was asked."""

NUMBERS = (State.__tablename__, Surprise.__tablename__)
"""Tables of numbers that a voice makes of text: large, and nobody reads a text in them."""

PEOPLE = frozenset({"author", "asker", "owner"})
"""The columns with people's ids that are in no index."""

onbook = Table(
    "onbook",
    MetaData(),
    Column("schema", Integer, nullable=False),
    Column("erased", BigInteger, nullable=False, comment="how often something was"),
    Column("swept", BigInteger, nullable=False, comment="how often it had been by the last sweep"),
    Column("rests", DateTime(timezone=True), comment="until when nothing is swept"),
)
"""One row: what is noted about the database itself."""

log = logging.getLogger("onbook.postgres")


class Postgres(Transactions):
    """Transactions on a server: those that write one at a time, in whatever process.

    Use `Postgres.open`.
    """

    def __init__(self, url: URL, guard: Guard | None = None) -> None:
        super().__init__()
        self._guard = guard
        self._engine = engine = connect(
            url,
            pool_size=READERS + 1,
            max_overflow=0,
            # So that a server that was started again is found again.
            pool_pre_ping=True,
            answers={"command_timeout": ANSWER_WAIT},
            # Whoever reads a table that is swept waits for it.
            lock_wait=round(SWEPT_WAIT * 1000),
        )
        writing = engine.execution_options(isolation_level="READ COMMITTED")
        self._sessions = async_sessionmaker(writing, expire_on_commit=False)
        reading = engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        self._readings = async_sessionmaker(reading, expire_on_commit=False)
        # Nobody has a connection who only waits for another one to write.
        self._in_turn = asyncio.Lock()
        self._seats = asyncio.Semaphore(READERS)
        # Outside of a transaction, where alone it can be swept, and as long as that takes.
        self._sweeper = connect(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        # As long as that takes, too: tables that are brought up to date may be large.
        preparing = self._sweeper.execution_options(isolation_level="READ COMMITTED")
        self._preparations = async_sessionmaker(preparing, expire_on_commit=False)

    @classmethod
    async def open(cls, url: URL, guard: Guard | None = None) -> Self:
        """Opens the database, and makes its tables; raises StoreError when it cannot be used.

        Each transaction that writes begins with ``guard``, which may forbid it.
        """
        with or_store_error():
            database = cls(url, guard)
        try:
            with or_store_error():
                async with database._transaction(database._preparations) as session:
                    await _prepare(session)
            await database.flush_out()
        except BaseException:
            await database.close()
            raise
        return database

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """A session that reads; all of it is of one moment."""
        with self.meter.transaction("reading"):
            async with _held(self._seats), self._or_not_kept(), self._readings() as session:
                yield session

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncSession]:
        """A session whose changes are on the disk when it ends, or none if it fails."""
        with self.meter.transaction("writing"):
            async with (
                _held(self._in_turn),
                self._or_not_kept(),
                self._transaction(self._sessions) as session,
            ):
                if self._guard:
                    await self._guard(session)
                yield session

    @asynccontextmanager
    async def erasing(self) -> AsyncIterator[AsyncSession]:
        """The same, and it is noted that there is something to be swept out."""
        async with self.writing() as session:
            yield session
            await session.execute(update(onbook).values(erased=onbook.c.erased + 1))

    @asynccontextmanager
    async def _transaction(
        self, sessions: async_sessionmaker[AsyncSession]
    ) -> AsyncIterator[AsyncSession]:
        """A session to which alone it is to write, until it ends; raises DBAPIError."""
        async with sessions() as session:
            # Each statement sees what others have written until now: nothing is read before.
            await take_turn(session, SWEPT_WAIT)
            yield session
            await session.commit()

    @asynccontextmanager
    async def _or_not_kept(self) -> AsyncIterator[None]:
        """Raises NotKept where the server allows no transaction, or it is being closed."""
        if self._closed:
            raise NotKept("away")
        try:
            yield
        except (DBAPIError, NoConnection, OSError) as error:
            reason = _reason(error)
            if reason is None:
                raise
            raise NotKept(reason) from error

    async def _flush(self) -> float | None:
        """Sweeps out what was deleted: VACUUM alone leaves it in the middle of a page.

        So the tables are written anew, but for `NUMBERS`. Whoever writes waits meanwhile, and so
        does whoever reads a table that is being written: a sweep that took long has all processes
        leave the next one for long, and that one is for all that was deleted until then.
        """
        async with (
            _held(self._in_turn),
            self._or_not_kept(),
            self._sweeper.connect() as connection,
            ending_the_silent(connection),
        ):
            erased, rest = await _to_sweep(connection)
            if not erased:
                return rest
            await connection.execute(text(f"SET idle_session_timeout = {LEFT_ALONE}"))
            await connection.execute(select(func.pg_advisory_lock(WRITERS)))
            # What was deleted while this was waited for goes with it, unless it has gone by now.
            erased, rest = await _to_sweep(connection)
            if erased:
                begun = time.monotonic()
                await _sweep(connection)
                resting = min((time.monotonic() - begun) / SHARE, LONGEST_REST)
                done = update(onbook).values(swept=erased, rests=_NOW + timedelta(seconds=resting))
                await connection.execute(done)
            return rest

    async def _leave(self) -> None:
        # Whoever has a connection gives it back first, and nobody gets another one.
        async with self._in_turn:
            for _ in range(READERS):
                await self._seats.acquire()
            await self._engine.dispose()
            await self._sweeper.dispose()
            for _ in range(READERS):
                self._seats.release()


@asynccontextmanager
async def _held(lock: asyncio.Lock | asyncio.Semaphore) -> AsyncIterator[None]:
    """A lock within this process; raises NotKept where those before one do not come to an end."""
    try:
        async with asyncio.timeout(SWEPT_WAIT):
            await lock.acquire()
    except TimeoutError:
        raise NotKept("locked") from None
    try:
        yield
    finally:
        lock.release()


def _reason(error: Exception) -> str | None:
    """Why something was not kept; None where that is no fault of the server's."""
    code = _code(error)
    if code not in REASONS and code.startswith(OUR_FAULT):
        return None
    # Not what the server says: that may have people's words in it.
    log.error("the database cannot be used now: %s (%s)", type(error).__name__, code or "no code")
    return REASONS.get(code, "away")


@contextmanager
def or_store_error() -> Iterator[None]:
    """Raises StoreError where a database cannot be opened. The address has a password in it."""
    try:
        yield
    except ModuleNotFoundError:
        raise StoreError(
            "PostgreSQL needs asyncpg, which is not installed: pip install 'onbook[postgres]', or "
            "leave ONBOOK_DATABASE_URL out."
        ) from None
    except (DBAPIError, NoConnection, OSError) as error:
        if is_locked(error):
            raise StoreError(
                "Something else has the database on PostgreSQL, such as a dump, or another process "
                "of the bot that sweeps it: start again once that has ended."
            ) from None
        said = str(getattr(error, "orig", None) or error).partition("\n")[0]
        raise StoreError(
            f"The database on PostgreSQL cannot be used ({said}): check its address, its name and "
            f"password, and whether the server runs."
        ) from None


# Locks -----------------------------------------------------------------------------------------

Transaction: TypeAlias = AsyncSession | AsyncConnection

_END_THE_SILENT = text(
    """
    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE datname = current_database() AND usename = current_user AND application_name = :name
        AND xact_start IS NOT NULL AND wait_event_type = 'Client'
        AND state_change < clock_timestamp() - make_interval(secs => :silent)
    """
)
"""Ends the transactions of processes that say nothing more, and says how many there were.

The server does so by itself where one is idle. It has no such limit for one that was told of a
statement, and not to execute it: a process that is stopped then, or cut off, would have its locks
for ever. (`transaction_timeout` would not spare those that take their time, and is of version 17.)
Here the server waits for its client, be it to speak or to listen, in the midst of a transaction:
that takes milliseconds of a process that lives, and whoever it was then finds its connection ended
and nothing of it kept, as it does where it was idle. So any process may do it.
"""


async def take_turn(transaction: Transaction, seconds: float = 0.0) -> None:
    """Waits for whoever else writes; the end of the transaction lets the next one in.

    It must have done nothing yet. Raises DBAPIError, `is_locked` where nobody else has ended after
    so many seconds, or after `LOCKED_WAIT`.
    """
    # One after the other, and until its end: it waits for no other lock where nobody else writes.
    wait = func.set_config("lock_timeout", str(LOCKED_WAIT), True)
    turn = select(wait, func.pg_advisory_xact_lock(WRITERS))
    end = time.monotonic() + seconds
    while True:
        try:
            async with ending_the_silent(transaction):
                await transaction.execute(turn)
                return
        except DBAPIError as error:
            if not is_locked(error) or time.monotonic() > end:
                raise


@asynccontextmanager
async def ending_the_silent(transaction: Transaction) -> AsyncIterator[None]:
    """Where a lock is not to be had within, ends whoever stands still with it, and raises on."""
    try:
        yield
    except DBAPIError as error:
        if is_locked(error):
            await transaction.rollback()
            await _end_the_silent(transaction)
            await transaction.rollback()
        raise


async def _end_the_silent(transaction: Transaction) -> None:
    about = {"name": NAME, "silent": LEFT_ALONE / 1000}
    if ended := (await transaction.execute(_END_THE_SILENT, about)).scalar_one():
        log.warning("ended what processes had begun that said nothing more: %d", ended)


def is_locked(error: Exception) -> bool:
    """Whether somebody else had what was needed for too long."""
    return REASONS.get(_code(error)) == "locked"


def _code(error: Exception) -> str:
    """PostgreSQL's code for an error; nothing where it has not said any."""
    return getattr(getattr(error, "orig", None), "sqlstate", None) or ""


# Tables ----------------------------------------------------------------------------------------


async def is_older(connection: AsyncConnection) -> bool:
    """Whether the tables are there, and those of an earlier On Book."""
    there = await connection.run_sync(lambda one: inspect(one).has_table(onbook.name))
    return there and (await connection.scalar(select(onbook.c.schema)) or 0) < SCHEMA


async def _prepare(session: AsyncSession) -> None:
    """Makes the tables, or brings them up to date, all or nothing; raises StoreError."""
    connection = await session.connection()
    if (connection.dialect.server_version_info or OLDEST) < OLDEST:
        raise StoreError(
            f"The server of the database is older than PostgreSQL {OLDEST[0]}: name a newer one."
        )
    await check_owner(connection)
    there = await connection.run_sync(lambda one: set(inspect(one).get_table_names()))
    if onbook.name not in there:
        if others := there.intersection(Base.metadata.tables):
            raise StoreError(
                f"The database on PostgreSQL has a table {min(others)!r} that is not On "
                f"Book's: give it a database of its own."
            )
        await connection.run_sync(Base.metadata.create_all)
        await connection.run_sync(onbook.metadata.create_all)
        await session.execute(insert(onbook).values(schema=SCHEMA, erased=0, swept=0))
    schema = await session.scalar(select(onbook.c.schema)) or 0
    if schema > SCHEMA:
        raise StoreError(
            f"The database on PostgreSQL comes from a newer On Book (schema {schema}, "
            f"this one knows {SCHEMA}): install that one, or name another database."
        )
    for step in range(schema, SCHEMA):
        for statement in STEPS[step]:
            await connection.exec_driver_sql(statement)
    await session.execute(update(onbook).values(schema=SCHEMA))
    await _number_anew(session)


async def check_owner(connection: AsyncConnection) -> None:
    """Raises StoreError where the tables are there, but this role could not sweep them.

    The server would only warn, and what was deleted would be taken to be gone.
    """
    version = connection.dialect.server_version_info or OLDEST
    may = (
        "has_table_privilege(oid, 'MAINTAIN')"
        if version >= (17,)
        else "pg_has_role(relowner, 'USAGE')"
    )
    others = text(
        "SELECT relname, CAST(current_user AS text) FROM pg_class WHERE relname = ANY(:names)"  # noqa: S608 - either of these
        f" AND relkind = 'r' AND pg_table_is_visible(oid) AND NOT {may} ORDER BY relname LIMIT 1"
    )
    names = [*Base.metadata.tables, onbook.name]
    if other := (await connection.execute(others, {"names": names})).one_or_none():
        table, role = other
        raise StoreError(
            f"The role {role!r} does not own the table {table!r} of the database on PostgreSQL, so "
            f"that what people delete would stay in its files: give it all of On Book's tables "
            f"(ALTER TABLE {table} OWNER TO {role}, and so on)."
        )


async def _number_anew(session: AsyncSession) -> None:
    """Lets ids go on from the time, in milliseconds.

    It may be a backup that was put back: old buttons bear the ids of what is not in it, and must
    never mean anything else. No database writes as fast as that passes.
    """
    now = time.time_ns() // 10**6
    for table in NUMBERED:
        await number_from(session, table, max(now, await highest_id(session, table)))


def _is_personal(column: Column[Any]) -> bool:
    return isinstance(column.type, String | JSON | LargeBinary) or column.name in PEOPLE


@event.listens_for(Base.metadata, "after_create")
def _keep_no_samples(_metadata: MetaData, connection: Connection, **_: object) -> None:
    """Lets the server note no samples of what people wrote: they would outlive it elsewhere."""
    if connection.dialect.name != "postgresql":
        return
    for table in Base.metadata.sorted_tables:
        for column in filter(_is_personal, table.columns):
            name = connection.dialect.identifier_preparer.format_column(column)
            alter = f"ALTER TABLE {table.name} ALTER COLUMN {name} SET"
            connection.exec_driver_sql(f"{alter} STATISTICS 0")
            if isinstance(column.type, LargeBinary):
                # Numbers that are as good as random: it would be tried in vain to make them less.
                connection.exec_driver_sql(f"{alter} STORAGE EXTERNAL")


async def add_rows(session: AsyncSession, table: Table, rows: Iterable[Sequence[Any]]) -> None:
    """Adds rows with a value for every column, in the order of the table's; raises DBAPIError.

    By COPY, which is what PostgreSQL has for many of them.
    """
    # It may not be installed, and tells no types.
    from asyncpg import InterfaceError, PostgresError  # type: ignore[import-untyped]

    connection = await session.connection()
    as_sent = [
        column.type.dialect_impl(connection.dialect).bind_processor(connection.dialect)
        for column in table.columns
    ]
    records = [
        [value if send is None else send(value) for send, value in zip(as_sent, row, strict=True)]
        for row in rows
    ]
    raw = await connection.get_raw_connection()
    assert raw.driver_connection is not None  # nobody has closed it
    # An INSERT would have begun it.
    await session.execute(select(1))
    try:
        await raw.driver_connection.copy_records_to_table(
            table.name, columns=table.columns.keys(), records=records
        )
    except (PostgresError, InterfaceError) as error:
        raise DBAPIError(f"COPY {table.name}", None, error, hide_parameters=True) from error


# Sweeping --------------------------------------------------------------------------------------


_NOW = func.clock_timestamp()

# Its clock may have been set back since.
_REST = func.least(func.coalesce(extract("epoch", onbook.c.rests - _NOW), 0), LONGEST_REST)
"""Seconds for which nothing is to be swept; not above 0 where that may be."""


async def _to_sweep(connection: AsyncConnection) -> tuple[int, float | None]:
    """How often something was erased, where that can be swept out now, and None.

    Else 0, and what `Transactions._flush` returns.
    """
    noted = await connection.execute(select(onbook.c.erased, onbook.c.swept, _REST))
    erased, swept, rest = noted.one()
    if erased == swept:
        return 0, None
    if rest > 0:
        return 0, float(rest)
    if not await _is_unseen(connection):
        await _end_the_silent(connection)
        return 0, 0.0
    return erased, None


async def _sweep(connection: AsyncConnection) -> None:
    """Writes all tables anew that have people's words, one after the other."""
    words = [name for name in Base.metadata.tables if name not in NUMBERS]
    await connection.exec_driver_sql(f"VACUUM (FULL) {', '.join(words)}")
    await connection.exec_driver_sql(f"VACUUM {', '.join(NUMBERS)}")


_SEEN = text(
    """
    WITH given AS (SELECT CAST(CAST(:then AS text) AS xid8) AS number)
    SELECT pg_snapshot_xmin(pg_current_snapshot()) < number
        OR EXISTS (
            SELECT FROM pg_stat_activity
            WHERE pid <> pg_backend_pid() AND age(backend_xmin) > age(CAST(number AS xid))
                AND coalesce(datname = current_database(), true)
        )
        OR EXISTS (SELECT FROM pg_replication_slots WHERE age(xmin) > age(CAST(number AS xid)))
    FROM given
    """
)
"""Whether somebody may see what was there before a transaction: for them it would be kept."""


async def _is_unseen(connection: AsyncConnection) -> bool:
    """Whether nobody sees any more what was there before now; waits a moment for that."""
    then = await connection.scalar(text("SELECT pg_snapshot_xmax(pg_current_snapshot())::text"))
    until = time.monotonic() + FLUSH_WAIT
    while await connection.scalar(_SEEN, {"then": then}):
        if time.monotonic() > until:
            return False
        await asyncio.sleep(0.01)
    return True


# Connections -----------------------------------------------------------------------------------


def connect(url: URL, **how: Any) -> AsyncEngine:  # noqa: ANN401 - what the engine takes
    """The engine of a database; ``how`` is what it takes, and ``answers`` what asyncpg does.

    ``lock_wait``: milliseconds for which its statements wait for a lock, or `LOCKED_WAIT`.
    """
    settings = {
        "application_name": NAME,
        "lock_timeout": str(how.pop("lock_wait", LOCKED_WAIT)),
        "idle_in_transaction_session_timeout": str(LEFT_ALONE),
        **CUT_OFF,
        # It takes longer than any of our questions.
        "jit": "off",
    }
    engine = create_async_engine(
        url.set(drivername=DRIVER),
        # They are people's words, which have no place in a log.
        hide_parameters=True,
        connect_args={"timeout": CONNECT_WAIT, "server_settings": settings}
        | how.pop("answers", {}),
        **how,
    )

    @event.listens_for(engine.sync_engine, "connect")
    def configure(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's class
        cursor = connection.cursor()
        # A line that was shown survives a power cut, also where others are content with less.
        cursor.execute(
            "SELECT set_config('synchronous_commit', 'on', false)"
            " WHERE current_setting('synchronous_commit') = 'off'"
        )
        cursor.close()
        connection.commit()

    return engine
