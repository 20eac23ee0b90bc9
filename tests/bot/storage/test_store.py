"""Test the store: a tree of lines, to which nothing is written twice or by halves."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy as np
import pytest
from sqlalchemy import URL, event

from bot.errors import AlreadyWritten, HeadMoved, StoreError
from bot.screenplay.drafts import Draft
from bot.screenplay.elements import Element, Kind
from bot.storage.schema import Line, PostedLine, Script, make_fork
from bot.storage.store import Store
from tests.bot.conftest import BOTH, count, on_a_file, run_sql

DATABASES = BOTH

REPOSITORY = Path(__file__).parents[3]
STATE = np.array([0.0, -0.0, 1.5, np.nan, np.inf, 1e-45, -3e38], np.float32)


@pytest.fixture
async def store(where: Path | URL) -> AsyncIterator[Store]:
    store = await Store.open(where)
    yield store
    await store.close()


def a_script(channel: int = 1, title: str = "The Diner") -> Script:
    return Script(
        channel=channel,
        guild=2**63 - 1,
        owner=2**60,
        title=title,
        cast=["MAYA", "ÉMILE"],
        voice="tiny",
        options={"temperature": 0.7, "top_p": 0.95},
        running=True,
        head=None,
    )


def a_draft(text: str, **origin: object) -> Draft:
    return Draft(Element(Kind.ACTION, text), 7, "Ann", STATE, "fingerprint", origin)


async def post(store: Store, message: int, line: int) -> None:
    """Record that a message in channel 1 shows a line."""
    row = PostedLine(message=message, channel=1, line=line, look="typewriter", name=None)
    await store.messages.record_post(row, (await store.lines.load_lines([line]))[0])


async def append(store: Store, script: int, *texts: str, delivery: str | None = None) -> list[int]:
    """Append to the head, and return the ids of the lines."""
    now = await store.scripts.get_script(script)
    drafts = [a_draft(text) for text in texts]
    lines = await store.lines.append_lines(now, now.head, drafts, delivery or texts[0])
    return [line.id for line in lines]


@on_a_file
async def test_nobody_waits_for_a_look_through_everybodys_scripts(store: Store, path: Path):
    asked = list[tuple[str, Any]]()

    @event.listens_for(store._database._engine.sync_engine, "before_cursor_execute")
    def note(_c: Any, _cursor: Any, statement: str, given: Any, *_more: Any) -> None:
        # Of several rows the first is enough to explain the query.
        asked.append((statement, given[0] if given and isinstance(given[0], tuple) else given))

    await store.scripts.create_script(a_script())
    script = await store.scripts.create_script(a_script(title="The Roof"))
    [first, second] = await append(store, script.id, "Trunk.", "Left.")
    await post(store, 500, second)
    fork = await store.scripts.create_script(
        make_fork(await store.scripts.get_script(script.id), 1, 7, "A fork"), forked=script.id
    )
    await append(store, fork.id, "Right.")
    now = await store.scripts.find_running_script(1)
    assert now is not None
    await store.messages.load_posts(now, 10)
    await store.messages.load_content(1)
    await store.messages.load_posts_and_path(now, 10)
    await store.scripts.load_panel_state(now)
    await store.messages.replace_lines({500: first})
    await store.messages.list_unshown_scripts()
    await store.lines.move_head(now, first)
    assert [one.title for one in await store.scripts.list_scripts(1)] == [
        "A fork",
        "The Roof",
        "The Diner",
    ]
    await store.states.load_checkpoint(second, "fingerprint", 100)
    await store.lines.find_last_request_time(script.id, 7)
    await store.states.find_last_reader(second)
    await store.lines.list_speech_cues(second)
    await store.lines.count_characters(second)
    await store.lines.load_elements(second)
    await store.lines.load_tree_lines(now, 0, 10)
    await store.lines.count_tree_lines(now, second)
    await store.scripts.has_line(now, second)
    await store.lines.is_delivered("Left.")
    await store.messages.find_post(500)
    await store.polls.find_poll_by_message(500)
    await store.states.find_nearest_state(second, "fingerprint")
    line = await store.lines.find_line(first)
    assert line is not None
    await store.lines.rewrite_line(
        await store.scripts.get_script(now.id), line, [a_draft("Root.")], "new", 7
    )
    assert len((await store.people.load_personal_data(7)).lines) == 4
    large = {"scripts", "lines", "posted_lines", "redo_pointers"}
    with closing(sqlite3.connect(path)) as connection:
        steps = [
            (step, statement)
            for statement, parameters in asked
            if statement.split()[0] in ("SELECT", "UPDATE", "DELETE", "WITH", "INSERT")
            for *_, step in connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
        ]
    looked_through = [
        one for one in steps if one[0].split()[0] == "SCAN" and one[0].split()[1] in large
    ]
    # Players and owners may be scanned, because many lines share one.
    rare = "scripts.players", "scripts.owner"
    assert [one for one in looked_through if not any(name in one[1] for name in rare)] == []


async def test_the_path_is_in_the_order_of_the_script(store: Store):
    script = await store.scripts.create_script(a_script())
    ids = await append(store, script.id, *(f"Line {i}." for i in range(60)))
    elsewhere = await store.scripts.create_script(a_script(channel=2))
    await append(store, elsewhere.id, "Elsewhere.")
    ids += await append(store, script.id, "The end.")
    path = await store.lines.load_path(ids[-1])
    assert [line.text for line in path] == [*(f"Line {i}." for i in range(60)), "The end."]
    assert [line.element for line in path] == await store.lines.load_elements(ids[-1])
    assert [line.id for line in path] == ids == await store.lines.load_path_ids(ids[-1])
    assert [line.parent for line in path] == [None, *ids[:-1]]
    assert [line.id for line in await store.lines.load_path(ids[2])] == ids[:3]
    assert (
        await store.lines.load_path(None)
        == await store.lines.load_path_ids(None)
        == await store.lines.load_elements(None)
        == []
    )


async def test_a_line_is_kept_as_it_was_given(store: Store):
    script = await store.scripts.create_script(a_script())
    element = Element(Kind.DIALOGUE, "ÉMILE\n(茂)\nHm — “so”?")
    draft = Draft(element, None, "tiny", STATE, "fingerprint", {"seed": 2**53, "p": 0.1})
    [line] = await store.lines.append_lines(script, None, [draft], "delivery")
    found = await store.lines.find_line(line.id)
    assert found is not None
    assert found.element == element
    assert (found.author, found.credit, found.take) == (None, "tiny", 0)
    assert found.origin == {"seed": 2**53, "p": 0.1}
    assert await store.lines.find_line(99) is None


async def test_what_origins_have_in_common_is_kept_once_and_as_long_as_a_line_has_it(
    store: Store, where: Path | URL
):
    one, other = [await store.scripts.create_script(a_script(channel)) for channel in (1, 2)]
    drafts = [a_draft(f"{seed}", p=0.1, cast=["MAYA"], seed=seed) for seed in range(3)]
    rare = a_draft("Rare.", p=0.1, cast=["JONAS"], seed=1)
    by_somebody = a_draft("Somebody's.")
    lines = await store.lines.append_lines(one, None, [*drafts, rare, by_somebody], "one")
    lines += await store.lines.append_lines(other, None, drafts[:1], "other")
    common = lines[0].provenance
    assert [line.provenance == common for line in lines] == [True, True, True, False, False, True]
    assert [line.origin for line in lines] == [
        *({"p": 0.1, "cast": ["MAYA"], "seed": seed} for seed in range(3)),
        {"p": 0.1, "cast": ["JONAS"], "seed": 1},
        *({}, {"p": 0.1, "cast": ["MAYA"], "seed": 0}),
    ]
    assert [line.origin for line in await store.lines.load_path(lines[4].id)] == [
        line.origin for line in lines[:5]
    ]
    assert count(where, "provenances") == 2
    await store.scripts.delete_script(one.id)
    assert count(where, "provenances") == 1
    assert (await store.lines.find_line(lines[5].id)).origin == lines[5].origin
    await store.scripts.delete_script(other.id)
    assert count(where, "provenances") == 0


async def test_lines_for_a_head_that_has_moved_leave_nothing(store: Store, where: Path | URL):
    stale = await store.scripts.create_script(a_script())
    ids = await append(store, stale.id, "First.")
    with pytest.raises(HeadMoved):
        await store.lines.append_lines(stale, None, [a_draft("Late."), a_draft("Later.")], "late")
    assert count(where, "lines") == count(where, "states") == 1
    assert (await store.scripts.get_script(stale.id)).head == ids[0]
    # The same delivery may try again.
    assert len(await append(store, stale.id, "Late.", delivery="late")) == 1


async def test_a_delivery_that_comes_twice_is_written_once(store: Store, where: Path | URL):
    script = await store.scripts.create_script(a_script())
    ids = await append(store, script.id, "One.", "Two.", delivery="once")
    for texts in (["One.", "Two."], ["Another.", "And one more.", "And more."]):
        with pytest.raises(AlreadyWritten):
            await append(store, script.id, *texts, delivery="once")
    assert count(where, "lines") == count(where, "states") == 2
    assert (await store.scripts.get_script(script.id)).head == ids[-1]


async def test_a_delivery_that_comes_twice_is_known_although_the_head_has_moved(store: Store):
    stale = await store.scripts.create_script(a_script())
    await append(store, stale.id, "One.", delivery="once")
    with pytest.raises(AlreadyWritten):
        await store.lines.append_lines(stale, None, [a_draft("One.")], "once")


async def test_the_head_moves_only_from_where_it_was_seen(store: Store):
    before = await store.scripts.create_script(a_script())
    [first, second] = await append(store, before.id, "One.", "Two.")
    with pytest.raises(HeadMoved):
        await store.lines.move_head(before, first)
    after = await store.scripts.get_script(before.id)
    assert after.head == second
    await store.lines.move_head(after, None)
    assert (await store.scripts.get_script(before.id)).head is None
    with pytest.raises(HeadMoved):
        await store.lines.move_head(after, first)


async def test_one_script_runs_in_a_channel(store: Store, where: Path | URL):
    first = await store.scripts.create_script(a_script(title="First"))
    elsewhere = await store.scripts.create_script(a_script(channel=2))
    second = await store.scripts.create_script(a_script(title="Second"))
    running = await store.scripts.find_running_script(1)
    assert running is not None
    assert running.id == second.id
    assert running.cast == ["MAYA", "ÉMILE"]
    assert running.guild == 2**63 - 1
    assert not (await store.scripts.get_script(first.id)).running
    assert (await store.scripts.get_script(elsewhere.id)).running
    assert await store.scripts.find_running_script(3) is None
    with pytest.raises((sqlite3.IntegrityError, subprocess.CalledProcessError)):
        run_sql(where, "UPDATE scripts SET running = true")


async def test_a_state_comes_back_bit_for_bit(store: Store):
    script = await store.scripts.create_script(a_script())
    [line] = await append(store, script.id, "One.")
    found = await store.states.find_state(line, "fingerprint")
    assert found is not None
    assert found.dtype == np.float32
    assert found.tobytes() == STATE.tobytes()
    assert await store.states.find_state(line, "another") is None
    assert await store.states.find_state(line + 1, "fingerprint") is None


async def test_each_voice_has_a_state_of_its_own_which_is_replaced(store: Store):
    script = await store.scripts.create_script(a_script())
    ids = await append(store, script.id, "One.", "Two.", "Three.")
    for number in (1, 2):
        await store.states.save_state(ids[1], "another", np.array([number], np.float32))
    assert (await store.states.find_state(ids[1], "another")).tolist() == [2]
    assert (await store.states.find_state(ids[1], "fingerprint")).tobytes() == STATE.tobytes()
    for head, fingerprint, line in (
        (ids[2], "another", ids[1]),
        (ids[1], "fingerprint", ids[1]),
    ):
        assert (await store.states.find_nearest_state(head, fingerprint))[0] == line
    assert await store.states.find_nearest_state(ids[0], "another") is None


async def test_what_follows_a_rewritten_line_is_copied_as_it_is(store: Store):
    script = await store.scripts.create_script(a_script())
    ids = await append(store, script.id, *(f"Line {number}." for number in range(450)))
    script, was = await store.scripts.get_script(script.id), await store.lines.load_path(ids[-1])
    drafts = [a_draft("New."), a_draft("Newer.")]
    lines, head = await store.lines.rewrite_line(script, was[1], drafts, "rewriting", asker=9)
    now = await store.lines.load_path((await store.scripts.get_script(script.id)).head)
    copies = now[3:]
    assert [line.text for line in now[:3]] == ["Line 0.", "New.", "Newer."]
    assert [line.id for line in (*now[1:3], now[-1])] == [*(line.id for line in lines), head]

    def kept(line: Line) -> tuple[object, ...]:
        return (line.kind, line.text, line.author, line.credit, line.origin, line.written)

    assert [kept(copy) for copy in copies] == [kept(line) for line in was[2:]]
    assert [copy.copy_of for copy in copies] == ids[2:]
    assert [copy.ordinal for copy in copies] == list(range(2, 450))
    assert {copy.delivery for copy in copies} == {"rewriting"}
    assert [line.text for line in await store.lines.load_path(ids[-1])] == [
        line.text for line in was
    ]
    [next_one] = await append(store, script.id, "On.")
    assert next_one == head + 1


async def test_the_messages_of_a_script_are_those_of_its_lines_in_its_channel(store: Store):
    script = await store.scripts.create_script(a_script())
    [one, two, three] = await append(store, script.id, "One.", "Two.", "Three.")
    fork = await store.scripts.create_script(
        make_fork(await store.scripts.get_script(script.id), 1, 7, "A fork"), forked=script.id
    )
    [four] = await append(store, fork.id, "Four.")
    for message, line in ((300, three), (100, one), (400, four), (200, two), (200, three)):
        await post(store, message, line)

    async def shown(of: Script, limit: int | None = None) -> list[tuple[int, int]]:
        return [(one.message, one.line) for one in await store.messages.load_posts(of, limit)]

    assert await shown(script) == [(100, one), (200, two), (300, three)]
    assert await shown(fork, 2) == [(300, three), (400, four)]
    elsewhere = make_fork(await store.scripts.get_script(script.id), 2, 7, "Elsewhere")
    assert await shown(await store.scripts.create_script(elsewhere)) == []
    content = await store.messages.load_content(1)
    assert (content.newest_post, content.panel) == (400, 0)
    await store.messages.replace_lines({200: three, 300: two})
    assert await shown(script, 2) == [(200, three), (300, two)]
    await store.scripts.delete_script(script.id)
    assert await shown(fork) == [(100, one), (200, three), (300, two), (400, four)]
    await store.messages.delete_posts([200])
    assert await shown(fork, 2) == [(300, two), (400, four)]
    await store.messages.delete_all_messages()
    assert await shown(fork) == []


async def test_a_script_is_unshown_until_a_message_shows_its_last_line(store: Store):
    script = await store.scripts.create_script(a_script())
    [one, two] = await append(store, script.id, "One.", "Two.")
    for message, line, unshown in ((100, one, 1), (200, two, 0)):
        await post(store, message, line)
        assert len(await store.messages.list_unshown_scripts()) == unshown


async def test_each_channel_has_one_panel(store: Store):
    assert await store.messages.find_channel(1) is None
    for panel in (5, 6, None):
        await store.messages.record_panel(1, 9, panel)
        await store.messages.record_panel(2, None, 7)
        assert (await store.messages.find_channel(1)).panel == panel
    await store.messages.record_asked_for_webhooks(1, 9)
    assert (await store.messages.find_channel(1)).asked_for_webhooks
    await store.guilds.delete_guild(9)
    assert await store.messages.find_channel(1) is None
    assert (await store.messages.find_channel(2)).panel == 7


async def test_everything_is_there_when_it_is_opened_again(where: Path | URL):
    store = await Store.open(where)
    script = await store.scripts.create_script(a_script())
    ids = await append(store, script.id, "One.", "Two.")
    await post(store, 100, ids[1])
    await store.key_values.save_value("synced", "a")
    await store.close()
    store = await Store.open(where)
    running = await store.scripts.find_running_script(1)
    assert running is not None
    assert (running.id, running.head) == (script.id, ids[1])
    assert [line.text for line in await store.lines.load_path(ids[1])] == ["One.", "Two."]
    assert (await store.states.find_state(ids[0], "fingerprint")).tobytes() == STATE.tobytes()
    assert [one.message for one in await store.messages.load_posts(running)] == [100]
    assert await store.key_values.find_value("synced") == "a"
    await store.close()


def as_argument(where: Path | URL) -> str:
    """Return a database as an argument of a process."""
    return where.render_as_string(hide_password=False) if isinstance(where, URL) else str(where)


def run(program: str, where: Path | URL) -> subprocess.CompletedProcess[str]:
    """Run a program in another process."""
    return subprocess.run(
        [sys.executable, "-c", dedent(program), as_argument(where)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )


async def test_a_second_process_is_refused_until_the_first_has_closed(path: Path):
    program = """
        import asyncio, sys
        from pathlib import Path
        from bot.errors import StoreError
        from bot.storage.store import Store

        try:
            asyncio.run(Store.open(Path(sys.argv[1])))
        except StoreError as error:
            print(error)
    """
    store = await Store.open(path)
    assert run(program, path).stdout.startswith(f"{path} is in use by another On Book. ")
    with pytest.raises(StoreError, match="is in use"):
        await Store.open(path)
    await store.key_values.save_value("still", "mine")
    await store.close()
    store = await Store.open(path)
    assert await store.key_values.find_value("still") == "mine"
    await store.close()


@pytest.mark.parametrize("name", ["100% mine?.db", "mine#1&x=y.db", "шоу.db"])
async def test_a_file_may_have_any_name(name: str, tmp_path: Path):
    store = await Store.open(tmp_path / name)
    await store.key_values.save_value("a", "b")
    await store.close()
    assert count(tmp_path / name, "key_values") == 1


async def open_and_close(path: Path) -> None:
    await (await Store.open(path)).close()


async def open_in_vain(path: Path) -> None:
    try:
        await open_and_close(path)
    finally:
        # Where SQLite cannot open a file, aiosqlite leaves a thread that still needs the loop.
        for thread in threading.enumerate():
            if "_connection_worker_thread" in thread.name:
                thread.join(timeout=10)


def refusal(path: Path) -> str:
    """Return the refusal of an unusable database, after checking that it is one sentence."""
    with pytest.raises(StoreError) as refused:
        asyncio.run(open_in_vain(path))
    sentence = str(refused.value)
    assert "\n" not in sentence
    assert sentence.endswith(".")
    assert "ONBOOK_DATABASE" in sentence
    return sentence


def test_what_is_no_database_is_refused_and_left_alone(tmp_path: Path):
    file, folder, missing = (tmp_path / name for name in ("file", "folder", "missing/scripts.db"))
    content = b"INT. DINER - NIGHT\n" * 500
    file.write_bytes(content)
    folder.mkdir()
    assert "is not a usable database" in refusal(file)
    assert str(folder) in refusal(folder)
    assert "There is no folder" in refusal(missing)
    assert file.read_bytes() == content
    assert not missing.parent.exists()


async def test_nobody_passes_those_who_wait(path: Path):
    store = await Store.open(path)
    order: list[int] = []

    async def ask(number: int) -> None:
        await store.key_values.find_value("anything")
        order.append(number)

    asking = []
    for number in range(500):
        asking.append(asyncio.create_task(ask(number)))
        await asyncio.sleep(0)  # so that some start at the moment when another ends
    await asyncio.gather(*asking)
    await store.close()
    assert order == sorted(order)


async def test_cues_are_the_latest_first(store: Store):
    begun = await store.scripts.create_script(a_script())
    lines = ["MAYA\nOne.", "@Émile (V.O.)\nTwo.\n\n", "MAYA\nThree."]
    drafts = [Draft(Element(Kind.DIALOGUE, one), 1, "Ann", None, "f") for one in lines]
    drafts.append(Draft(Element(Kind.ACTION, "BOB\nsleeps."), 1, "Ann", None, "f"))
    written = await store.lines.append_lines(begun, None, drafts, "1")
    assert await store.lines.list_speech_cues(written[-1].id) == ["MAYA", "@Émile (V.O.)"]
    assert await store.lines.load_path_ids(written[-1].id, written[2].id) == [
        one.id for one in written[2:]
    ]
