"""Test the database on a server: several writers, a server that goes, and deletion."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import URL, func, insert, select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from bot.errors import HeadMoved, StoreError, TransactionFailed
from bot.sharding import Shards
from bot.storage import database, line_tree
from bot.storage.postgres import timeouts, vacuum
from bot.storage.postgres.connections import TCP_SETTINGS
from bot.storage.postgres.leases import Lease
from bot.storage.postgres.postgres_database import READERS
from bot.storage.postgres.postgres_dialect import POSTGRES
from bot.storage.postgres.write_lock import WRITE_LOCK
from bot.storage.schema import KeyValue, Line
from bot.storage.store import Store
from tests.bot.cogs.test_privacy import PHRASE, on_the_disk
from tests.bot.conftest import AddRevision, count
from tests.fake_discord.people import PATIENCE
from tests.tools.postgres_server import PASSWORD, Server, ask

from .test_store import a_draft, a_script, append, as_argument

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
async def store(url: URL) -> AsyncIterator[Store]:
    store = await Store.open(url)
    yield store
    await store.close()


@pytest.fixture
async def other(url: URL) -> AsyncIterator[Store]:
    """Open the same database as another process."""
    store = await Store.open(url)
    yield store
    await store.close()


@pytest.fixture
def own(postgres: Server) -> URL:
    """Return a new database, for tests of the files of a database."""
    return postgres.create()


def wait_for(url: URL, question: str) -> None:
    """Wait until the answer is yes; raise TimeoutError."""
    end = time.monotonic() + PATIENCE
    while ask(url, question) != [["t"]]:
        if time.monotonic() > end:
            raise TimeoutError


@asynccontextmanager
async def as_another_program(url: URL) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(as_argument(url))
    yield connection
    await connection.close()


async def test_what_two_write_at_once_is_as_if_one_had_waited(store: Store, other: Store, url: URL):
    async def write(one: Store, channel: int) -> list[int]:
        script = await one.scripts.create_script(a_script(channel))
        ids = await append(one, script.id, *(f"{channel} {n}." for n in range(3)))
        for n in range(3, 5):
            ids += await append(one, script.id, f"{channel} {n}.")
        now = await one.scripts.get_script(script.id)
        was = await one.lines.find_line(ids[0])
        _, head = await one.lines.rewrite_line(
            now, was, [a_draft(f"{channel} new.")], f"{channel} r", asker=9
        )
        assert [line.text for line in await one.lines.load_path(head)] == [
            f"{channel} new.",
            *(f"{channel} {n}." for n in range(1, 5)),
        ]
        return ids

    every = (write(one, n) for n, one in enumerate([store, other] * 3))
    written = await asyncio.gather(*every)
    assert len({line for ids in written for line in ids}) == 6 * 5
    assert count(url, "lines") == 6 * 10  # and as many in the rewritten paths


async def test_where_two_move_a_head_one_does(store: Store, other: Store, url: URL):
    script = await store.scripts.create_script(a_script())
    both = (one.lines.append_lines(script, None, [a_draft(name)], name) for one, name in
            ((store, "a"), (other, "b")))  # fmt: skip
    results = await asyncio.gather(*both, return_exceptions=True)
    assert sorted(type(one) for one in results if isinstance(one, HeadMoved)) == [HeadMoved]
    assert count(url, "lines") == 1
    [line] = next(one for one in results if isinstance(one, list))
    assert (await other.scripts.get_script(script.id)).head == line.id


async def test_a_reading_is_of_one_moment_and_writes_nothing(store: Store, other: Store):
    script = await store.scripts.create_script(a_script())
    async with store._database.reading() as session:
        lines = list(await session.scalars(select(Line)))
        await append(other, script.id, "Rain.")
        assert list(await session.scalars(select(Line))) == lines == []
    with pytest.raises(TransactionFailed) as refused:
        async with store._database.reading() as session:
            await session.execute(insert(KeyValue).values(key="a", value="b"))
    assert refused.value.reason == "readonly"
    assert len(await store.lines.load_path((await store.scripts.get_script(script.id)).head)) == 1


async def test_whoever_finds_another_program_writing_is_told_after_a_while(
    url: URL, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(timeouts, "LOCK", 50)
    monkeypatch.setattr(timeouts, "QUEUE", 0.1)
    store = await Store.open(url)
    script = await store.scripts.create_script(a_script())
    async with as_another_program(url) as connection:
        await connection.execute(f"SELECT pg_advisory_lock({WRITE_LOCK})")
        with pytest.raises(TransactionFailed) as refused:
            await append(store, script.id, "Rain.")
        assert refused.value.reason == "locked"
        assert await store.scripts.find_running_script(1) is not None
    assert len(await append(store, script.id, "Rain.")) == 1
    await store.close()


async def test_nobody_waits_for_ever_for_those_before_them_in_the_same_process(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(timeouts, "QUEUE", 0.1)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(store._database.writing())
        for _ in range(READERS):
            await stack.enter_async_context(store._database.reading())
        for act in (store.key_values.save_value("a", "b"), store.key_values.find_value("a")):
            with pytest.raises(TransactionFailed) as refused:
                await asyncio.wait_for(act, PATIENCE)
            assert refused.value.reason == "locked"
    await store.key_values.save_value("a", "b")
    assert await store.key_values.find_value("a") == "b"


async def half(store: Store, until: Awaitable[object], *, told: bool = False) -> None:
    """Write something in a transaction, and commit when something else has ended.

    With ``told``, the server has parsed the transaction's next statement, without the order to
    execute it.
    """
    async with store._database.writing() as session:
        session.add(KeyValue(key="a", value=PHRASE))
        await session.flush()
        if told:
            await only_told(session)
        await until
        await session.execute(text("SELECT 1"))


async def only_told(session: AsyncSession) -> None:
    """Make the server parse a statement without executing it."""
    raw = await (await session.connection()).get_raw_connection()
    await raw.driver_connection.prepare("SELECT 1")


@pytest.mark.parametrize("told", [False, True], ids=["idle", "active"])
async def test_a_process_that_stands_still_in_a_transaction_does_not_stop_the_others(
    told: bool, url: URL, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(timeouts, "STALLED", 500)
    monkeypatch.setattr(timeouts, "LOCK", 50)
    still = await Store.open(url)
    store = await Store.open(url)
    with pytest.raises(TransactionFailed) as refused:
        await half(
            still, store.key_values.save_value("c", "d"), told=told
        )  # the writer waits until that transaction has ended
    assert refused.value.reason == "away"
    assert [await store.key_values.find_value(name) for name in "ac"] == [None, "d"]
    await store.close()
    await still.close()


async def test_a_process_that_stands_still_in_a_sweep_does_not_stop_the_others(
    store: Store, other: Store, monkeypatch: pytest.MonkeyPatch
):
    script = await other.scripts.create_script(a_script())
    monkeypatch.setattr(timeouts, "STALLED", 1000)

    async def stand_still(_connection: object) -> None:
        await store.key_values.save_value("a", "b")  # waits for the end of the other

    monkeypatch.setattr(vacuum, "rewrite_tables", stand_still)
    await other.scripts.delete_script(script.id)
    assert await store.key_values.find_value("a") == "b"


async def test_a_transaction_that_goes_on_for_long_is_nobodys_to_end(
    store: Store, monkeypatch: pytest.MonkeyPatch, url: URL
):
    other = await Store.open(url)
    monkeypatch.setattr(timeouts, "LOCK", 20)
    monkeypatch.setattr(timeouts, "STALLED", 200)
    async with store._database.writing() as session:
        writing = asyncio.create_task(other.key_values.save_value("a", "b"))
        await session.execute(text("SELECT pg_sleep(0.6)"))
    await writing
    assert await store.key_values.find_value("a") == "b"
    await other.close()


async def test_connections_of_who_was_cut_off_do_not_stay(store: Store):
    async with store._database.reading() as session:
        for name, value in TCP_SETTINGS.items():
            assert await session.scalar(select(func.current_setting(name))) == value


OTHERS = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"

END_OTHERS = f"SELECT pg_terminate_backend(pid) {OTHERS}"


# A lost server ---------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["stopped", "crashed"])
async def test_what_was_begun_when_the_server_goes_is_not_kept_and_it_goes_on_when_it_is_back(
    how: signal.Signals, store: Store, postgres: Server, url: URL, caplog: pytest.LogCaptureFixture
):
    script = await store.scripts.create_script(a_script())
    await append(store, script.id, "Snow.")
    with pytest.raises(TransactionFailed) as refused:
        await half(store, asyncio.to_thread(postgres.stop, how))
    assert refused.value.reason == "away"
    for act in (
        append(store, script.id, PHRASE),
        store.scripts.find_running_script(1),
        store.scripts.delete_script(script.id),
    ):
        with pytest.raises(TransactionFailed) as refused:
            await act
        assert refused.value.reason == "away"
    await asyncio.to_thread(postgres.start)
    assert count(url, "key_values") == 0
    await append(store, script.id, "Hail.")
    running = await store.scripts.find_running_script(1)
    assert [line.text for line in await store.lines.load_path(running.head)] == ["Snow.", "Hail."]
    assert PHRASE not in caplog.text
    assert PASSWORD not in caplog.text


async def test_a_server_that_can_only_be_read_says_so(store: Store, url: URL):
    script = await store.scripts.create_script(a_script())
    ask(url, f"ALTER DATABASE {url.database} SET default_transaction_read_only = on", END_OTHERS)
    try:
        with pytest.raises(TransactionFailed) as refused:
            await append(store, script.id, "Rain.")
        assert refused.value.reason == "readonly"
        assert (await store.scripts.get_script(script.id)).head is None
    finally:
        again = f"ALTER DATABASE {url.database} RESET ALL"
        ask(url, "SET default_transaction_read_only = off", again, END_OTHERS)
    assert len(await append(store, script.id, "Rain.")) == 1


async def test_what_is_closed_opens_no_more(url: URL):
    store = await Store.open(url)
    begun = [asyncio.ensure_future(store.key_values.find_value("a")) for _ in range(20)]
    await asyncio.sleep(0)
    await store.close()
    for one in await asyncio.gather(*begun, return_exceptions=True):
        assert one is None or isinstance(one, TransactionFailed)
    with pytest.raises(TransactionFailed):
        await store.key_values.find_value("a")
    with pytest.raises(TransactionFailed):
        await store.key_values.save_value("a", "b")
    wait_for(url, f"SELECT count(*) = 0 {OTHERS}")


async def test_what_was_seen_is_kept_where_the_server_is_content_with_less(url: URL):
    ask(url, f"ALTER DATABASE {url.database} SET synchronous_commit = off")
    store = await Store.open(url)
    async with store._database.writing() as session:
        assert await session.scalar(text("SHOW synchronous_commit")) == "on"
    await store.close()
    ask(url, f"ALTER DATABASE {url.database} RESET ALL")


# Deletion --------------------------------------------------------------------------------------


async def test_what_another_program_sees_goes_when_it_has_ended(
    own: URL, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(database, "PURGE_RETRY", 0.01)
    store = await Store.open(own)
    script = await store.scripts.create_script(a_script())
    await append(store, script.id, PHRASE, delivery="1")
    async with as_another_program(own) as reader:
        await reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        await reader.fetch("SELECT 1")  # the reader has locked nothing, and may read anything
        assert not (await store.people.erase_person(7, text=True)).purged
        await append(store, script.id, "Nobody waits for it.")
        assert PHRASE.encode() in on_the_disk(own)
    await asyncio.to_thread(wait_for, own, "SELECT erased = vacuumed FROM erasure_counts")
    assert PHRASE.encode() not in on_the_disk(own)
    await store.close()


async def test_what_was_seen_as_long_as_the_bot_ran_goes_when_it_runs_again(own: URL):
    store = await Store.open(own)
    script = await store.scripts.create_script(a_script())
    await append(store, script.id, PHRASE, delivery="1")
    async with as_another_program(own) as reader:
        await reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        await reader.fetch("SELECT 1")  # the reader has locked nothing, and may read anything
        await store.scripts.delete_script(script.id)
        await store.close()
    assert PHRASE.encode() in on_the_disk(own)
    await (await Store.open(own)).close()
    assert PHRASE.encode() not in on_the_disk(own)


async def test_whoever_stands_still_while_he_reads_does_not_keep_it(
    own: URL, monkeypatch: pytest.MonkeyPatch
):
    # Alembic may take longer to make the tables than a transaction may stand still.
    await (await Store.open(own)).close()
    monkeypatch.setattr(database, "PURGE_RETRY", 0.01)
    monkeypatch.setattr(timeouts, "STALLED", 500)
    store, still = await Store.open(own), await Store.open(own)
    script = await store.scripts.create_script(a_script())
    await append(store, script.id, PHRASE, delivery="1")
    reading = still._database.reading()
    session = await reading.__aenter__()
    await session.execute(select(Line.id))
    await only_told(session)
    assert not (await store.people.erase_person(7, text=True)).purged
    await asyncio.to_thread(wait_for, own, "SELECT erased = vacuumed FROM erasure_counts")
    with pytest.raises(DBAPIError):
        await session.execute(text("SELECT 1"))
    await reading.__aexit__(None, None, None)
    assert PHRASE.encode() not in on_the_disk(own)
    await store.close()
    await still.close()


SOMEBODY_SWEEPS = "SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE 'VACUUM (FULL)%'"


async def test_whoever_reads_or_writes_during_a_sweep_waits_for_its_end(
    own: URL, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(timeouts, "LOCK", 10**6)
    sweeping = await Store.open(own)
    monkeypatch.setattr(timeouts, "LOCK", 20)
    other = await Store.open(own)
    script = await sweeping.scripts.create_script(a_script())
    [line] = await append(sweeping, script.id, "Rain.")
    async with as_another_program(own) as program, program.transaction():
        # This lock keeps the sweep from its end, because a sweep rewrites the table.
        await program.execute("LOCK TABLE lines IN ACCESS SHARE MODE")
        deleting = asyncio.create_task(sweeping.people.erase_person(7, text=True))
        await asyncio.to_thread(wait_for, own, f"{SOMEBODY_SWEEPS} AND wait_event = 'relation'")
        acts = [
            asyncio.create_task(act)
            for act in (
                other.key_values.save_value("a", "b"),
                sweeping.key_values.save_value("c", "d"),
                append(other, script.id, "Snow."),
                other.lines.find_line(line),
            )
        ]
        _, waiting = await asyncio.wait(acts, timeout=0.5)
        assert len(waiting) == len(acts)
    await asyncio.gather(*acts)
    assert (await deleting).purged
    assert [await sweeping.key_values.find_value(name) for name in "ac"] == ["b", "d"]
    await sweeping.close()
    await other.close()


FILE_OF_LINES = "SELECT pg_relation_filenode('lines')"


async def test_after_a_sweep_that_took_long_all_processes_leave_the_next_one_for_long(
    own: URL, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(vacuum, "TIME_SHARE", 1e-9)
    store, other = await Store.open(own), await Store.open(own)
    script = await store.scripts.create_script(a_script())
    await append(store, script.id, PHRASE, delivery="1")
    await store.scripts.delete_script((await store.scripts.create_script(a_script(2))).id)
    swept = ask(own, FILE_OF_LINES)
    assert not (await other.people.erase_person(7, text=True)).purged
    await store.scripts.delete_script((await store.scripts.create_script(a_script(2))).id)
    await other.close()
    await store.close()
    await (await Store.open(own)).close()
    assert ask(own, FILE_OF_LINES) == swept
    assert PHRASE.encode() in on_the_disk(own)
    [[rest]] = ask(
        own, "SELECT extract(epoch FROM paused_until - clock_timestamp()) FROM erasure_counts"
    )
    assert 900 < float(rest) <= vacuum.LONGEST_PAUSE < 1800
    # Set the pause back, as if it had passed.
    ask(own, "UPDATE erasure_counts SET paused_until = clock_timestamp()")
    await (await Store.open(own)).close()
    assert PHRASE.encode() not in on_the_disk(own)


async def test_what_was_left_for_the_next_sweep_goes_with_it_by_itself(
    own: URL, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(database, "PURGE_RETRY", 0.01)
    monkeypatch.setattr(vacuum, "TIME_SHARE", 1e-9)
    monkeypatch.setattr(vacuum, "LONGEST_PAUSE", 2.0)
    store = await Store.open(own)
    script = await store.scripts.create_script(a_script())
    await append(store, script.id, PHRASE, delivery="1")
    await store.scripts.delete_script((await store.scripts.create_script(a_script(2))).id)
    await store.people.erase_person(7, text=True)
    await asyncio.to_thread(wait_for, own, "SELECT erased = vacuumed FROM erasure_counts")
    assert PHRASE.encode() not in on_the_disk(own)
    await store.close()


async def test_one_sweep_is_for_all_who_waited_for_it(own: URL, monkeypatch: pytest.MonkeyPatch):
    stores = [await Store.open(own) for _ in range(4)]
    scripts = [await one.scripts.create_script(a_script(n)) for n, one in enumerate(stores)]
    sweeps = list[object]()
    sweep = vacuum.rewrite_tables

    async def counted(connection: AsyncConnection) -> None:
        sweeps.append(connection)
        await sweep(connection)

    monkeypatch.setattr(vacuum, "rewrite_tables", counted)
    monkeypatch.setattr(timeouts, "LOCK", 10**6)  # a timeout would mix up their order
    async with as_another_program(own) as program:
        await program.execute(f"SELECT pg_advisory_lock({WRITE_LOCK})")
        acts = (
            one.scripts.delete_script(script.id)
            for one, script in zip(stores, scripts, strict=True)
        )
        deleting = [asyncio.create_task(act) for act in acts]
        waiting = "SELECT count(*) = 4 FROM pg_stat_activity WHERE wait_event = 'advisory'"
        await asyncio.to_thread(wait_for, own, waiting)
    await asyncio.gather(*deleting)
    assert len(sweeps) == 1
    assert ask(own, "SELECT erased, vacuumed FROM erasure_counts") == [["4", "4"]]
    for one in stores:
        await one.close()


async def test_long_texts_that_are_kept_elsewhere_go_as_well(own: URL):
    store = await Store.open(own)
    script = await store.scripts.create_script(a_script())
    # The text is incompressible, so that the server cannot pack it.
    long = PHRASE + "".join(chr(0x4E00 + n * 7919 % 20000) for n in range(3000))
    await append(store, script.id, long, delivery="long")
    assert PHRASE.encode() in on_the_disk(own)
    await store.people.erase_person(7, text=True)
    assert PHRASE.encode() not in on_the_disk(own)
    await store.close()


MANY = """
INSERT INTO lines SELECT n, 1, CASE WHEN n % 100 <> 1 THEN n - 1 END, 'action', 'Rain.',
    CASE WHEN n = 1 THEN 7 END, 'stage', NULL, NULL, 'many ' || n, 0, 0, now(), NULL, NULL, NULL,
    false
FROM generate_series(1, 20000) AS n
"""
"""Lines in chains of a hundred, of which a person wrote the first."""


async def test_what_hangs_below_somebodys_lines_is_looked_up_line_by_line(own: URL):
    store = await Store.open(own)
    await store.scripts.create_script(a_script())
    ask(own, "UPDATE scripts SET id = 1", MANY, "ANALYZE lines")
    below = line_tree.query_descendants(select(Line.id).where(Line.author == 7))
    literally = {"literal_binds": True}
    walk = select(below.c.id).compile(dialect=postgresql.dialect(), compile_kwargs=literally)
    plans = list[str]()
    async with store._database.writing() as session:
        for prepare in (None, POSTGRES.look_up_line_by_line):
            if prepare:
                await prepare(session)
            plans.append("\n".join(await session.scalars(text(f"EXPLAIN {walk}"))))
    assert (await store.people.erase_person(7, text=True)).lines == 1
    await store.close()
    as_it_comes, line_by_line = plans
    assert "Index Cond: (parent = " not in as_it_comes
    assert "Index Cond: (parent = " in line_by_line


async def test_old_numbers_mean_nothing_else_after_a_backup_was_put_back(store: Store, url: URL):
    script = await store.scripts.create_script(a_script())
    [line] = await append(store, script.id, "Rain.")
    await store.close()
    # Empty the database, as it was before.
    ask(url, "DELETE FROM states", "DELETE FROM redo_pointers", "DELETE FROM lines",
        "DELETE FROM scripts",
        "SELECT setval('lines_id_seq', 1), setval('scripts_id_seq', 1)")  # fmt: skip
    again = await Store.open(url)
    begun = await again.scripts.create_script(a_script())
    assert begun.id > script.id
    assert (await append(again, begun.id, "Snow."))[0] > line
    await again.close()


# Unusable databases ----------------------------------------------------------------------------


async def refusal(where: URL) -> str:
    """Return the refusal of an unusable database, after checking how it is said."""
    with pytest.raises(StoreError) as refused:
        await Store.open(where)
    sentence = str(refused.value)
    assert "\n" not in sentence
    assert sentence.endswith(".")
    assert "PostgreSQL" in sentence
    assert PASSWORD not in "".join(traceback.format_exception(refused.value))
    return sentence


async def test_a_database_that_cannot_be_reached_is_refused_in_a_sentence(url: URL):
    assert "password" in await refusal(url.set(password="wrong"))  # noqa: S106 - wrong on purpose
    assert "nowhere" in await refusal(url.set(database="nowhere"))
    assert "cannot be used" in await refusal(url.set(port=1))
    assert "cannot be used" in await refusal(url.set(host="nowhere.invalid"))


async def test_a_table_that_something_else_has_is_not_upgraded(own: URL, add_revision: AddRevision):
    await (await Store.open(own)).close()
    add_revision('op.execute("DO $$ BEGIN RAISE lock_not_available; END $$")')
    assert "Wait until it ends, then start again" in await refusal(own)
    assert ask(own, "SELECT version_num FROM alembic_version") == [["0001"]]


async def test_an_upgrade_may_take_longer_than_an_answer(
    own: URL, add_revision: AddRevision, monkeypatch: pytest.MonkeyPatch
):
    await (await Store.open(own)).close()
    monkeypatch.setattr(timeouts, "COMMAND", 1)
    add_revision('op.execute("SELECT pg_sleep(1.5)")')
    await (await Store.open(own)).close()
    assert ask(own, "SELECT version_num FROM alembic_version") == [["next"]]


OF_PEOPLE = """
    SELECT attrelid::regclass, attname, attstattarget, attstorage FROM pg_attribute
    WHERE attrelid = ANY (ARRAY['lines', 'scripts', 'states']::regclass[])
        AND attname IN ('text', 'author', 'owner', 'voice', 'state', 'parent') ORDER BY 1, 2
"""


async def test_the_server_keeps_no_samples_of_what_people_wrote(url: URL):
    await (await Store.open(url)).close()
    kept = {(table, column): tuple(how) for table, column, *how in ask(url, OF_PEOPLE)}
    assert kept == {
        ("lines", "author"): ("0", "p"),
        ("lines", "parent"): ("", "p"),
        ("lines", "text"): ("0", "x"),
        ("scripts", "owner"): ("0", "p"),
        ("scripts", "voice"): ("0", "x"),
        ("states", "state"): ("0", "e"),
    }


async def test_one_that_others_have_tables_in_is_refused_and_left_alone(own: URL):
    ask(own, "CREATE TABLE lines (id int)")
    assert "foreign table 'lines'" in await refusal(own)
    assert ask(own, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'") == [["lines"]]


@pytest.fixture
def guest(postgres: Server, own: URL) -> Iterator[URL]:
    """Yield the database for a role that may do all with the tables but sweep them."""
    ask(own, "CREATE ROLE guest LOGIN PASSWORD 'as a guest'")
    yield own.set(username="guest", password="as a guest")  # noqa: S106 - opens nothing else
    ask(own, f"REASSIGN OWNED BY guest TO {own.username}", "DROP OWNED BY guest", "DROP ROLE guest")


async def test_a_role_that_could_not_sweep_its_tables_is_refused(own: URL, guest: URL):
    store = await Store.open(own)
    script = await store.scripts.create_script(a_script())
    await append(store, script.id, PHRASE, delivery="1")
    await store.close()
    for kind in ("TABLES", "SEQUENCES"):
        ask(own, f"GRANT ALL ON ALL {kind} IN SCHEMA public TO guest")
    ask(own, "REVOKE MAINTAIN ON lines FROM guest")
    assert "'guest' must own On Book's PostgreSQL tables" in await refusal(guest)
    with pytest.raises(StoreError, match="ALTER TABLE lines OWNER TO guest"):
        await Lease(guest, Shards.all_of(1), lambda: None).__aenter__()
    ask(own, "GRANT MAINTAIN ON lines TO guest")
    store = await Store.open(guest)
    assert (await store.people.erase_person(7, text=True)).purged
    assert PHRASE.encode() not in on_the_disk(own)
    await store.close()


def test_without_the_driver_it_says_how_to_get_it(url: URL):
    program = """if True:
        import asyncio, sys
        sys.modules["asyncpg"] = None
        from sqlalchemy import make_url
        from bot.errors import StoreError
        from bot.storage.store import Store
        try:
            asyncio.run(Store.open(make_url(sys.argv[1])))
        except StoreError as error:
            print(error)
    """
    command = [sys.executable, "-c", program, as_argument(url)]
    said = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert said.stdout.startswith("PostgreSQL needs asyncpg. Run pip install")
    assert said.stderr == ""
