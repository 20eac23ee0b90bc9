"""Test the database on a server: several writers, a server that goes, and deletion."""

import asyncio
import signal
import sys
import traceback
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import AsyncExitStack

import pytest
from sqlalchemy import URL, func, insert, select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from bot.errors import HeadMoved, StoreError, TransactionFailed
from bot.sharding import Shards
from bot.storage import database, line_tree
from bot.storage.dialects import look_up_line_by_line
from bot.storage.postgres import timeouts, vacuum
from bot.storage.postgres.connections import TCP_SETTINGS
from bot.storage.postgres.error_codes import raising_store_error
from bot.storage.postgres.leases import Lease, check_no_lease
from bot.storage.postgres.postgres_database import READERS
from bot.storage.postgres.write_lock import WRITE_LOCK
from bot.storage.schema import KeyValue, Line
from bot.storage.store import Store
from tests.bot.conftest import AddRevision, count
from tests.fake_discord.people import PATIENCE
from tests.tools.postgres_server import PASSWORD, Server, ask, connection, wait_until

from .disk_bytes import PHRASE, read_disk
from .scripts import append, make_draft, make_script, opened

DATABASES = ["postgresql"]


@pytest.fixture
async def other(url: URL) -> AsyncIterator[Store]:
    """Open the same database as another process."""
    async with opened(url) as store:
        yield store


async def failure(act: Awaitable[object]) -> str:
    """Return why a transaction fails."""
    with pytest.raises(TransactionFailed) as refused:
        await act
    return refused.value.reason


# Several processes -----------------------------------------------------------------------------


async def test_two_processes_write_one_after_the_other(store: Store, other: Store, url: URL):
    async def write(target: Store, channel: int) -> list[int]:
        script = await target.scripts.create_script(make_script(channel))
        ids = await append(target, script.id, *(f"{channel} {n}." for n in range(3)))
        ids += await append(target, script.id, f"{channel} 3.")
        now = await target.scripts.get_script(script.id)
        first, drafts = await target.lines.find_line(ids[0]), [make_draft(f"{channel} new.")]
        _, head = await target.lines.rewrite_line(now, first, drafts, f"{channel} r", asker=9)
        path = await target.lines.load_path(head)
        assert [line.text for line in path] == [
            f"{channel} new.",
            *(f"{channel} {n}." for n in range(1, 4)),
        ]
        return ids

    written = await asyncio.gather(*(write(where, n) for n, where in enumerate([store, other] * 2)))
    assert len({line for ids in written for line in ids}) == 4 * 4
    assert count(url, "lines") == 4 * 8  # and as many in the rewritten paths


async def test_one_of_two_processes_moves_a_head(store: Store, other: Store, url: URL):
    script = await store.scripts.create_script(make_script())
    appends = (
        target.lines.append_lines(script, None, [make_draft(name)], name)
        for target, name in ((store, "a"), (other, "b"))
    )
    results = await asyncio.gather(*appends, return_exceptions=True)
    assert sum(isinstance(result, HeadMoved) for result in results) == 1
    assert count(url, "lines") == 1
    [line] = next(result for result in results if isinstance(result, list))
    assert (await other.scripts.get_script(script.id)).head == line.id


async def test_a_read_is_consistent_and_writes_nothing(store: Store, other: Store):
    script = await store.scripts.create_script(make_script())
    async with store._database.reading() as session:
        lines = list(await session.scalars(select(Line)))
        await append(other, script.id, "Rain.")
        assert list(await session.scalars(select(Line))) == lines == []

    async def write() -> None:
        async with store._database.reading() as session:
            await session.execute(insert(KeyValue).values(key="a", value="b"))

    assert await failure(write()) == "readonly"
    assert len(await store.lines.load_path((await store.scripts.get_script(script.id)).head)) == 1


async def test_waiting_for_another_program_times_out(
    store: Store, url: URL, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(timeouts, "LOCK", 50)
    monkeypatch.setattr(timeouts, "QUEUE", 0.1)
    script = await store.scripts.create_script(make_script())
    async with connection(url) as program:
        await program.execute(f"SELECT pg_advisory_lock({WRITE_LOCK})")
        assert await failure(append(store, script.id, "Rain.")) == "locked"
        assert await store.scripts.find_running_script(1) is not None
    assert len(await append(store, script.id, "Rain.")) == 1


async def test_waiting_for_the_same_process_times_out(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(timeouts, "QUEUE", 0.1)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(store._database.writing())
        for _ in range(READERS):
            await stack.enter_async_context(store._database.reading())
        for act in (store.key_values.save_value("a", "b"), store.key_values.find_value("a")):
            assert await asyncio.wait_for(failure(act), PATIENCE) == "locked"
    await store.key_values.save_value("a", "b")
    assert await store.key_values.find_value("a") == "b"


async def write_slowly(store: Store, event: Awaitable[object], *, parse: bool = False) -> None:
    """Write something in a transaction, and commit after an event.

    With ``parse``, the server has parsed the transaction's next statement, without the order to
    execute it.
    """
    async with store._database.writing() as session:
        session.add(KeyValue(key="a", value=PHRASE))
        await session.flush()
        if parse:
            await parse_only(session)
        await event
        await session.execute(text("SELECT 1"))


async def parse_only(session: AsyncSession) -> None:
    """Make the server parse a statement without executing it."""
    raw = await (await session.connection()).get_raw_connection()
    await raw.driver_connection.prepare("SELECT 1")


@pytest.mark.parametrize("parse", [False, True], ids=["idle", "active"])
async def test_a_process_that_stalls_in_a_transaction_is_cut_off(
    parse: bool, own_url: URL, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(timeouts, "STALLED", 500)
    monkeypatch.setattr(timeouts, "LOCK", 50)
    async with opened(own_url) as stalled, opened(own_url) as store:
        saving = store.key_values.save_value("c", "d")  # waits for the end of the transaction
        assert await failure(write_slowly(stalled, saving, parse=parse)) == "away"
        assert [await store.key_values.find_value(name) for name in "ac"] == [None, "d"]


async def test_a_process_that_stalls_in_a_vacuum_is_cut_off(
    store: Store, other: Store, monkeypatch: pytest.MonkeyPatch
):
    script = await other.scripts.create_script(make_script())
    monkeypatch.setattr(timeouts, "STALLED", 1000)

    async def stall(_connection: object) -> None:
        await store.key_values.save_value("a", "b")  # waits for the end of the vacuum

    monkeypatch.setattr(vacuum, "rewrite_tables", stall)
    await other.scripts.delete_script(script.id)
    assert await store.key_values.find_value("a") == "b"


async def test_a_long_transaction_is_not_cut_off(
    store: Store, other: Store, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(timeouts, "LOCK", 20)
    monkeypatch.setattr(timeouts, "STALLED", 200)
    async with store._database.writing() as session:
        saving = asyncio.create_task(other.key_values.save_value("a", "b"))
        await session.execute(text("SELECT pg_sleep(0.6)"))
    await saving
    assert await store.key_values.find_value("a") == "b"


# The server ------------------------------------------------------------------------------------


async def test_connections_notice_a_lost_peer(store: Store):
    async with store._database.reading() as session:
        for name, value in TCP_SETTINGS.items():
            assert await session.scalar(select(func.current_setting(name))) == value


OTHERS = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"

END_OTHERS = f"SELECT pg_terminate_backend(pid) {OTHERS}"


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["stopped", "crashed"])
async def test_a_lost_server_rolls_back_and_is_used_again(
    how: signal.Signals, store: Store, postgres: Server, url: URL, caplog: pytest.LogCaptureFixture
):
    script = await store.scripts.create_script(make_script())
    await append(store, script.id, "Snow.")
    stopping = asyncio.to_thread(postgres.stop, how)
    assert await failure(write_slowly(store, stopping)) == "away"
    for act in (
        append(store, script.id, PHRASE),
        store.scripts.find_running_script(1),
        store.scripts.delete_script(script.id),
    ):
        assert await failure(act) == "away"
    await asyncio.to_thread(postgres.start)
    assert count(url, "key_values") == 0
    await append(store, script.id, "Hail.")
    running = await store.scripts.find_running_script(1)
    assert [line.text for line in await store.lines.load_path(running.head)] == ["Snow.", "Hail."]
    assert PHRASE not in caplog.text
    assert PASSWORD not in caplog.text


async def test_a_read_only_server_refuses_writing(store: Store, url: URL):
    script = await store.scripts.create_script(make_script())
    ask(url, f"ALTER DATABASE {url.database} SET default_transaction_read_only = on", END_OTHERS)
    try:
        assert await failure(append(store, script.id, "Rain.")) == "readonly"
        assert (await store.scripts.get_script(script.id)).head is None
    finally:
        again = f"ALTER DATABASE {url.database} RESET ALL"
        ask(url, "SET default_transaction_read_only = off", again, END_OTHERS)
    assert len(await append(store, script.id, "Rain.")) == 1


def test_a_server_that_does_not_answer_is_told():
    with pytest.raises(StoreError, match=r"\(no answer in time\)"), raising_store_error():
        raise TimeoutError


async def test_a_closed_store_has_no_connection(store: Store, url: URL):
    reading = [asyncio.ensure_future(store.key_values.find_value("a")) for _ in range(20)]
    await asyncio.sleep(0)
    await store.close()
    for result in await asyncio.gather(*reading, return_exceptions=True):
        assert result is None or isinstance(result, TransactionFailed)
    for act in (store.key_values.find_value("a"), store.key_values.save_value("a", "b")):
        with pytest.raises(TransactionFailed):
            await act
    await wait_until(url, f"SELECT count(*) = 0 {OTHERS}")


async def test_commits_are_synchronous_whatever_the_servers_default(own_url: URL):
    ask(own_url, f"ALTER DATABASE {own_url.database} SET synchronous_commit = off")
    async with opened(own_url) as store, store._database.writing() as session:
        assert await session.scalar(text("SHOW synchronous_commit")) == "on"


# Deletion --------------------------------------------------------------------------------------


VACUUMED = "SELECT erased = vacuumed FROM erasure_counts"


def is_on_the_disk(url: URL) -> bool:
    """Return whether the files of the database contain `PHRASE`."""
    return PHRASE.encode() in read_disk(url)


async def write_phrase(store: Store) -> int:
    """Write `PHRASE` into a new script, and return its id."""
    script = await store.scripts.create_script(make_script())
    await append(store, script.id, PHRASE, delivery="1")
    return script.id


async def delete_another_script(store: Store) -> None:
    """Make and delete a script in another channel."""
    await store.scripts.delete_script((await store.scripts.create_script(make_script(2))).id)


async def test_erased_text_goes_when_another_reader_has_ended(
    own_url: URL, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(database, "PURGE_RETRY", 0.01)
    async with opened(own_url) as store:
        script = await write_phrase(store)
        async with connection(own_url) as reader:
            await reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
            await reader.fetch("SELECT 1")  # the reader has locked nothing, and may read anything
            assert not (await store.people.erase_person(7, text=True)).purged
            await append(store, script, "Nobody waits for the reader.")
            assert is_on_the_disk(own_url)
        await wait_until(own_url, VACUUMED)
        assert not is_on_the_disk(own_url)


async def test_text_that_was_read_until_the_bot_ended_goes_at_its_next_start(own_url: URL):
    async with connection(own_url) as reader:
        async with opened(own_url) as store:
            script = await write_phrase(store)
            await reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
            await reader.fetch("SELECT 1")
            await store.scripts.delete_script(script)
        assert is_on_the_disk(own_url)
    async with opened(own_url):
        assert not is_on_the_disk(own_url)


async def test_a_stalled_reader_keeps_no_erased_text(own_url: URL, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(database, "PURGE_RETRY", 0.01)
    monkeypatch.setattr(timeouts, "STALLED", 500)
    async with opened(own_url) as store, opened(own_url) as stalled:
        await write_phrase(store)
        reading = stalled._database.reading()
        session = await reading.__aenter__()
        await session.execute(select(Line.id))
        await parse_only(session)
        assert not (await store.people.erase_person(7, text=True)).purged
        await wait_until(own_url, VACUUMED)
        with pytest.raises(DBAPIError):
            await session.execute(text("SELECT 1"))
        await reading.__aexit__(None, None, None)
        assert not is_on_the_disk(own_url)


VACUUM_WAITS = """
    SELECT count(*) = 1 FROM pg_stat_activity
    WHERE query LIKE 'VACUUM (FULL)%' AND wait_event = 'relation'
"""


async def test_readers_and_writers_wait_for_a_vacuum(own_url: URL, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(timeouts, "LOCK", 10**6)
    async with opened(own_url) as store, opened(own_url) as other:
        script = await store.scripts.create_script(make_script())
        [line] = await append(store, script.id, "Rain.")
        async with connection(own_url) as program, program.transaction():
            # This lock keeps the vacuum from its end, because a vacuum rewrites the table.
            await program.execute("LOCK TABLE lines IN ACCESS SHARE MODE")
            erasing = asyncio.create_task(store.people.erase_person(7, text=True))
            await wait_until(own_url, VACUUM_WAITS)
            monkeypatch.setattr(timeouts, "LOCK", 20)
            acts = [
                asyncio.create_task(act)
                for act in (
                    other.key_values.save_value("a", "b"),
                    store.key_values.save_value("c", "d"),
                    append(other, script.id, "Snow."),
                    other.lines.find_line(line),
                )
            ]
            _, waiting = await asyncio.wait(acts, timeout=0.3)
            assert len(waiting) == len(acts)
        await asyncio.gather(*acts)
        assert (await erasing).purged
        assert [await store.key_values.find_value(name) for name in "ac"] == ["b", "d"]


async def test_a_long_vacuum_puts_off_the_next_one_in_all_processes(
    own_url: URL, monkeypatch: pytest.MonkeyPatch
):
    lines_file = "SELECT pg_relation_filenode('lines')"
    monkeypatch.setattr(vacuum, "TIME_SHARE", 1e-9)
    async with opened(own_url) as store, opened(own_url) as other:
        await write_phrase(store)
        await delete_another_script(store)
        vacuumed = ask(own_url, lines_file)
        assert not (await other.people.erase_person(7, text=True)).purged
        await delete_another_script(store)
    async with opened(own_url):
        assert ask(own_url, lines_file) == vacuumed
    assert is_on_the_disk(own_url)
    pause = "SELECT extract(epoch FROM paused_until - clock_timestamp()) FROM erasure_counts"
    [[seconds]] = ask(own_url, pause)
    assert 900 < float(seconds) <= vacuum.LONGEST_PAUSE < 1800
    ask(own_url, "UPDATE erasure_counts SET paused_until = clock_timestamp()")
    async with opened(own_url):
        assert not is_on_the_disk(own_url)


async def test_a_delayed_vacuum_follows_by_itself(own_url: URL, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(database, "PURGE_RETRY", 0.01)
    monkeypatch.setattr(vacuum, "TIME_SHARE", 1e-9)
    monkeypatch.setattr(vacuum, "LONGEST_PAUSE", 1.0)
    async with opened(own_url) as store:
        await write_phrase(store)
        await delete_another_script(store)
        await store.people.erase_person(7, text=True)
        await wait_until(own_url, VACUUMED)
        assert not is_on_the_disk(own_url)


async def test_one_vacuum_serves_all_who_wait(own_url: URL, monkeypatch: pytest.MonkeyPatch):
    vacuums = list[object]()
    rewrite = vacuum.rewrite_tables

    async def rewrite_tables(connection: AsyncConnection) -> None:
        vacuums.append(connection)
        await rewrite(connection)

    monkeypatch.setattr(vacuum, "rewrite_tables", rewrite_tables)
    monkeypatch.setattr(timeouts, "LOCK", 10**6)  # a timeout would mix up their order
    async with AsyncExitStack() as stack:
        stores = [await stack.enter_async_context(opened(own_url)) for _ in range(3)]
        scripts = [await one.scripts.create_script(make_script(n)) for n, one in enumerate(stores)]
        async with connection(own_url) as program:
            await program.execute(f"SELECT pg_advisory_lock({WRITE_LOCK})")
            deleting = [
                asyncio.create_task(target.scripts.delete_script(script.id))
                for target, script in zip(stores, scripts, strict=True)
            ]
            waiting = "SELECT count(*) = 3 FROM pg_stat_activity WHERE wait_event = 'advisory'"
            await wait_until(own_url, waiting)
        await asyncio.gather(*deleting)
    assert len(vacuums) == 1
    assert ask(own_url, "SELECT erased, vacuumed FROM erasure_counts") == [["3", "3"]]


async def test_long_texts_are_erased_from_their_own_file(own_url: URL):
    # The text is incompressible, so that the server stores it outside of its row.
    long = PHRASE + "".join(chr(0x4E00 + n * 7919 % 20000) for n in range(3000))
    async with opened(own_url) as store:
        script = await store.scripts.create_script(make_script())
        await append(store, script.id, long, delivery="long")
        assert is_on_the_disk(own_url)
        await store.people.erase_person(7, text=True)
        assert not is_on_the_disk(own_url)


MANY = """
    INSERT INTO lines SELECT n, 1, CASE WHEN n % 100 <> 1 THEN n - 1 END, 'action', 'Rain.',
        CASE WHEN n = 1 THEN 7 END, 'stage', false, NULL, NULL, 'many ' || n, 0, 0, now(), NULL,
        NULL, NULL, NULL, NULL, false
    FROM generate_series(1, 4000) AS n
"""
"""Lines in chains of a hundred, of which a person wrote the first."""


async def test_descendants_of_a_persons_lines_are_looked_up_by_index(own_url: URL):
    descendants = line_tree.query_descendants(select(Line.id).where(Line.author == 7))
    literals = {"literal_binds": True}
    query = select(descendants.c.id).compile(dialect=postgresql.dialect(), compile_kwargs=literals)
    plans = list[str]()
    async with opened(own_url) as store:
        await store.scripts.create_script(make_script())
        ask(own_url, "UPDATE scripts SET id = 1", MANY, "ANALYZE lines")
        async with store._database.writing() as session:
            for prepare in (None, look_up_line_by_line):
                if prepare:
                    await prepare(session)
                plans.append("\n".join(await session.scalars(text(f"EXPLAIN {query}"))))
        assert (await store.people.erase_person(7, text=True)).lines == 1
    assert ["Index Cond: (parent = " in plan for plan in plans] == [False, True]


async def test_a_restored_database_reuses_no_id(own_url: URL):
    async with opened(own_url) as store:
        script = await store.scripts.create_script(make_script())
        [line] = await append(store, script.id, "Rain.")
    # Empty the database, as it was before.
    ask(own_url, "DELETE FROM states", "DELETE FROM redo_pointers", "DELETE FROM lines",
        "DELETE FROM scripts",
        "SELECT setval('lines_id_seq', 1), setval('scripts_id_seq', 1)")  # fmt: skip
    async with opened(own_url) as store:
        begun = await store.scripts.create_script(make_script())
        assert begun.id > script.id
        assert (await append(store, begun.id, "Snow."))[0] > line


# Unusable databases ----------------------------------------------------------------------------


async def refusal(url: URL) -> str:
    """Return the refusal of an unusable database, after checking that it is one safe sentence."""
    with pytest.raises(StoreError) as refused:
        await Store.open(url)
    sentence = str(refused.value)
    assert "\n" not in sentence
    assert sentence.endswith(".")
    assert "PostgreSQL" in sentence
    assert PASSWORD not in "".join(traceback.format_exception(refused.value))
    return sentence


async def test_an_unreachable_database_is_refused(url: URL):
    assert "password" in await refusal(url.set(password="wrong"))  # noqa: S106 - wrong on purpose
    assert "nowhere" in await refusal(url.set(database="nowhere"))
    assert "cannot be used" in await refusal(url.set(port=1))
    assert "cannot be used" in await refusal(url.set(host="nowhere.invalid"))


async def test_locked_tables_are_not_upgraded(own_url: URL, add_revision: AddRevision):
    newest = ask(own_url, "SELECT version_num FROM alembic_version")
    add_revision('op.execute("DO $$ BEGIN RAISE lock_not_available; END $$")')
    assert "Wait until it ends, then start again" in await refusal(own_url)
    assert ask(own_url, "SELECT version_num FROM alembic_version") == newest


async def test_an_upgrade_may_take_longer_than_other_statements(
    own_url: URL, add_revision: AddRevision, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(timeouts, "COMMAND", 1)
    add_revision('op.execute("SELECT pg_sleep(1.2)")')
    async with opened(own_url):
        assert ask(own_url, "SELECT version_num FROM alembic_version") == [["9999"]]


async def test_the_server_samples_nothing_that_people_wrote(template: URL):
    columns = """
        SELECT attrelid::regclass, attname, attstattarget, attstorage FROM pg_attribute
        WHERE attrelid = ANY (ARRAY['lines', 'scripts', 'states']::regclass[])
            AND attname IN ('text', 'author', 'owner', 'preferences', 'state', 'parent')
    """
    assert {(table, column): tuple(how) for table, column, *how in ask(template, columns)} == {
        ("lines", "author"): ("0", "p"),
        ("lines", "parent"): ("", "p"),
        ("lines", "text"): ("0", "x"),
        ("scripts", "owner"): ("0", "p"),
        ("scripts", "preferences"): ("0", "x"),
        ("states", "state"): ("0", "e"),
    }


async def test_a_database_with_foreign_tables_is_refused_and_left_alone(bare_url: URL):
    ask(bare_url, "CREATE TABLE lines (id int)")
    assert "foreign table 'lines'" in await refusal(bare_url)
    names = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    assert ask(bare_url, names) == [["lines"]]


@pytest.fixture
def guest_url(own_url: URL) -> Iterator[URL]:
    """Yield the database for a role that may do all with the tables except vacuum ``lines``."""
    ask(own_url, "CREATE ROLE guest LOGIN PASSWORD 'as a guest'",
        "GRANT ALL ON ALL TABLES IN SCHEMA public TO guest",
        "GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO guest",
        "REVOKE MAINTAIN ON lines FROM guest")  # fmt: skip
    yield own_url.set(username="guest", password="as a guest")  # noqa: S106 - opens nothing else
    owner = own_url.username
    ask(own_url, f"REASSIGN OWNED BY guest TO {owner}", "DROP OWNED BY guest", "DROP ROLE guest")


async def test_a_role_that_may_not_vacuum_is_refused(own_url: URL, guest_url: URL):
    async with opened(own_url) as store:
        await write_phrase(store)
    assert "'guest' must own On Book's PostgreSQL tables" in await refusal(guest_url)
    with pytest.raises(StoreError, match="ALTER TABLE lines OWNER TO guest"):
        await Lease(guest_url, Shards.all_of(1), lambda: None).__aenter__()
    ask(own_url, "GRANT MAINTAIN ON lines TO guest")
    async with opened(guest_url) as store:
        assert (await store.people.erase_person(7, text=True)).purged
        assert not is_on_the_disk(own_url)


async def test_a_missing_driver_is_named(url: URL, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    assert (await refusal(url)).startswith("PostgreSQL needs asyncpg. Run pip install")
    with pytest.raises(StoreError, match=r"^PostgreSQL needs asyncpg\. "):
        await check_no_lease(url)
