"""Test the store: a tree of lines to which nothing is written twice or by halves."""

import sqlite3
import subprocess
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import URL, event

from bot.errors import AlreadyWritten, HeadMoved
from bot.screenplay.drafts import Draft
from bot.screenplay.elements import Element, Kind
from bot.storage import line_tree
from bot.storage.schema import Line, Script, make_fork, utc_now
from bot.storage.store import Store
from tests.bot.conftest import BOTH, count, on_a_file, run_sql

from .scripts import STATE, append, make_draft, make_script, opened, record_post

DATABASES = BOTH


# Lines ------------------------------------------------------------------------------------------


async def test_a_path_is_in_the_order_of_the_script(store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(line_tree, "BATCH", 3)
    script = await store.scripts.create_script(make_script())
    texts = [f"Line {number}." for number in range(10)]
    ids = await append(store, script.id, *texts)
    elsewhere = await store.scripts.create_script(make_script(channel=2))
    await append(store, elsewhere.id, "Elsewhere.")
    ids += await append(store, script.id, "The end.")
    path = await store.lines.load_path(ids[-1])
    assert [line.text for line in path] == [*texts, "The end."]
    assert [line.element for line in path] == await store.lines.load_elements(ids[-1])
    assert [line.id for line in path] == ids == await store.lines.load_path_ids(ids[-1])
    assert [line.parent for line in path] == [None, *ids[:-1]]
    assert [line.id for line in await store.lines.load_path(ids[2])] == ids[:3]
    assert await store.lines.load_path_ids(ids[2], since=ids[1]) == ids[1:3]
    assert await store.lines.load_path(None) == await store.lines.load_elements(None) == []


async def test_an_import_makes_no_objects_for_which_other_channels_wait(store: Store):
    made: list[Line] = []

    def note(line: Line, *_: object) -> None:
        made.append(line)

    event.listen(Line, "init", note)
    try:
        drafts = [make_draft(f"Line {number}.") for number in range(3)]
        script = await store.scripts.create_script(make_script(), drafts, "import")
    finally:
        event.remove(Line, "init", note)
    assert not made
    assert len(await store.lines.load_path(script.head)) == 3


async def test_a_line_and_its_state_are_stored_exactly(where: Path | URL):
    element = Element(Kind.DIALOGUE, "ÉMILE\n(茂)\nHm — “so”?")
    origin = {"seed": 2**53, "p": 0.1}
    draft = Draft(element, None, "tiny", STATE, "fingerprint", origin)
    async with opened(where) as store:
        script = await store.scripts.create_script(make_script())
        [line] = await store.lines.append_lines(script, None, [draft], "delivery")
        await record_post(store, 100, line.id)
    async with opened(where) as store:
        found = await store.lines.find_line(line.id)
        content = found.element, found.author, found.credit, found.take, found.origin
        assert content == (element, None, "tiny", 0, origin)
        assert await store.lines.find_line(99) is None
        state = await store.states.find_state(line.id, "fingerprint")
        assert (state.dtype, state.tobytes()) == (np.float32, STATE.tobytes())
        assert await store.states.find_state(line.id, "another") is None
        assert await store.states.find_state(line.id + 1, "fingerprint") is None
        running = await store.scripts.find_running_script(1)
        assert (running.head, running.cast, running.guild) == (line.id, script.cast, script.guild)
        assert [post.message for post in await store.messages.load_posts(running)] == [100]


async def test_lines_share_what_their_origins_have_in_common(store: Store, where: Path | URL):
    script, other = [await store.scripts.create_script(make_script(channel)) for channel in (1, 2)]
    shared = {"p": 0.1, "cast": ["MAYA"]}
    origins = [*({**shared, "seed": seed} for seed in range(2)), {"cast": ["JONAS"], "seed": 1}, {}]
    drafts = [make_draft("Rain.", **origin) for origin in origins]
    lines = await store.lines.append_lines(script, None, drafts, "one")
    [copy] = await store.lines.append_lines(other, None, drafts[:1], "other")
    common = lines[0].provenance
    are_common = [line.provenance == common for line in (*lines, copy)]
    assert are_common == [True, True, False, False, True]
    assert [line.origin for line in lines] == origins
    assert [line.origin for line in await store.lines.load_path(lines[-1].id)] == origins
    # A provenance is deleted with the last line that has it.
    assert count(where, "provenances") == 2
    await store.scripts.delete_script(script.id)
    assert count(where, "provenances") == 1
    assert (await store.lines.find_line(copy.id)).origin == origins[0]
    await store.scripts.delete_script(other.id)
    assert count(where, "provenances") == 0


async def test_a_stale_head_refuses_lines_and_moves(store: Store, where: Path | URL):
    stale = await store.scripts.create_script(make_script())
    [first] = await append(store, stale.id, "First.")
    with pytest.raises(HeadMoved):
        await store.lines.append_lines(stale, None, [make_draft("Late."), make_draft("2")], "late")
    with pytest.raises(HeadMoved):
        await store.lines.move_head(stale, None, (), utc_now())
    assert count(where, "lines") == count(where, "states") == 1
    now = await store.scripts.get_script(stale.id)
    assert now.head == first
    # The refused delivery may try again.
    assert len(await append(store, stale.id, "Late.", delivery="late")) == 1
    with pytest.raises(HeadMoved):
        await store.lines.move_head(now, None, (), utc_now())
    await store.lines.move_head(await store.scripts.get_script(stale.id), None, (), utc_now())
    assert (await store.scripts.get_script(stale.id)).head is None


async def test_a_repeated_delivery_is_written_once(store: Store, where: Path | URL):
    stale = await store.scripts.create_script(make_script())
    ids = await append(store, stale.id, "One.", "Two.", delivery="once")
    for texts in (["One.", "Two."], ["Another.", "And one more.", "And more."]):
        with pytest.raises(AlreadyWritten):
            await append(store, stale.id, *texts, delivery="once")
    # The repetition is recognised although the head has moved.
    with pytest.raises(AlreadyWritten):
        await store.lines.append_lines(stale, None, [make_draft("One.")], "once")
    assert count(where, "lines") == count(where, "states") == 2
    assert (await store.scripts.get_script(stale.id)).head == ids[-1]


async def test_rewriting_copies_the_lines_that_follow(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(line_tree, "BATCH", 4)
    script = await store.scripts.create_script(make_script())
    ids = await append(store, script.id, *(f"Line {number}." for number in range(10)))
    script, old = await store.scripts.get_script(script.id), await store.lines.load_path(ids[-1])
    drafts = [make_draft("New."), make_draft("Newer.")]
    lines, head = await store.lines.rewrite_line(script, old[1], drafts, "rewriting", asker=9)
    now = await store.lines.load_path((await store.scripts.get_script(script.id)).head)
    assert [line.text for line in now[:3]] == ["Line 0.", "New.", "Newer."]
    assert [line.id for line in (*now[1:3], now[-1])] == [*(line.id for line in lines), head]

    def content(line: Line) -> tuple[object, ...]:
        return (line.kind, line.text, line.author, line.credit, line.origin, line.written)

    copies = now[3:]
    assert [content(copy) for copy in copies] == [content(line) for line in old[2:]]
    assert [copy.copy_of for copy in copies] == ids[2:]
    assert [copy.ordinal for copy in copies] == list(range(2, 10))
    assert {copy.delivery for copy in copies} == {"rewriting"}
    assert [line.id for line in await store.lines.load_path(ids[-1])] == ids
    assert await append(store, script.id, "On.") == [head + 1]


async def test_each_voice_has_its_own_states(store: Store):
    script = await store.scripts.create_script(make_script())
    first, second, third = await append(store, script.id, "One.", "Two.", "Three.")
    for number in (1, 2):  # the second state replaces the first
        await store.states.save_state(second, "another", np.array([number], np.float32), 0)
    assert (await store.states.find_state(second, "another")).tolist() == [2]
    assert (await store.states.find_state(second, "fingerprint")).tobytes() == STATE.tobytes()
    assert (await store.states.find_nearest_state(third, "another"))[0] == second
    assert (await store.states.find_nearest_state(second, "fingerprint"))[0] == second
    assert await store.states.find_nearest_state(first, "another") is None


# Scripts and messages ---------------------------------------------------------------------------


async def test_one_script_runs_in_a_channel(store: Store, where: Path | URL):
    first, elsewhere, second = [
        await store.scripts.create_script(make_script(channel), [make_draft("Rain.")], delivery)
        for channel, delivery in ((1, "one"), (2, "two"), (1, "three"))
    ]
    assert (await store.scripts.find_running_script(1)).id == second.id
    assert not (await store.scripts.get_script(first.id)).running
    assert (await store.scripts.find_running_script(2)).id == elsewhere.id
    assert await store.scripts.find_running_script(3) is None
    with pytest.raises((sqlite3.IntegrityError, subprocess.CalledProcessError)):
        run_sql(where, "UPDATE scripts SET running = true")


async def test_a_new_script_takes_the_place_of_its_owners_empty_one(store: Store):
    async def begin(title: str, owner: int = 7, cast: Sequence[str] = ()) -> Script:
        script = make_script(title=title)
        script.owner, script.cast = owner, list(cast)
        return await store.scripts.create_script(script)

    elsewhere = await store.scripts.create_script(make_script(channel=2))
    await begin("Empty")
    undone = await begin("Undone")
    [line] = await append(store, undone.id, "Rain.")
    await store.lines.move_head(await store.scripts.get_script(undone.id), None, (), utc_now())
    await begin("Mine")
    await begin("Another's", owner=8)
    await begin("With a cast", cast=["MAYA"])
    await begin("Last")
    kept = [script.title for script in await store.scripts.list_scripts(1)]
    assert kept == ["Last", "With a cast", "Another's", "Mine", "Undone"]
    assert (await store.lines.find_line(line)).text == "Rain."
    assert (await store.scripts.find_running_script(2)).id == elsewhere.id


async def test_a_script_is_found_by_its_title_or_id(store: Store):
    script = await store.scripts.create_script(make_script(title="Über den Dächern"))
    other = await store.scripts.create_script(make_script(2))
    for name in ("ÜBER DEN DÄCHERN", "Über den Dächern", str(script.id)):
        assert [found.id for found in await store.scripts.find_scripts(name)] == [script.id]
    for name in (str(other.id + 1), "1" * 20, "Über"):
        assert await store.scripts.find_scripts(name) == []


async def test_deleting_a_script_walks_only_forks_that_can_reach_it(store: Store):
    async def fork(guild: int | None, channel: int) -> Script:
        script = make_script(channel)
        script.guild = guild
        script = await store.scripts.create_script(script, [make_draft("Rain.")], str(channel))
        return await store.scripts.create_script(make_fork(script, channel + 1, 7, "A fork"))

    for channel, guild in enumerate((5, None)):
        await fork(guild, 10 * channel)
    near = await fork(6, 30)
    updates = list[str]()

    @event.listens_for(store._database._engine.sync_engine, "before_cursor_execute")
    def record(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        updates.extend([statement] if "UPDATE lines" in statement else [])

    empty = make_script(31)
    empty.guild, empty.cast = 6, []
    empty = await store.scripts.create_script(empty)
    another = make_script(31)
    another.guild = 6
    await store.scripts.create_script(another)
    assert await store.scripts.find_script(empty.id) is None
    assert len(updates) == 0
    await store.scripts.delete_script(another.id)
    assert len(updates) == 1
    assert await store.scripts.find_script(near.id) is not None


@on_a_file
async def test_forks_of_a_deleted_script_share_one_walk(store: Store):
    [connection] = store._database._connections

    async def count_steps(forks: int) -> int:
        """Return the hundreds of steps that SQLite takes to delete a script with some forks."""
        drafts = [make_draft("Rain.")] * 500
        script = await store.scripts.create_script(make_script(), drafts, f"{forks}")
        for _ in range(forks):
            fork = await store.scripts.create_script(make_fork(script, 1, 7, "A fork"))
        steps = list[None]()
        await connection.set_progress_handler(lambda: steps.append(None), 100)
        await store.scripts.delete_script(script.id)
        await connection.set_progress_handler(None, 0)
        assert len(await store.lines.load_path_ids(fork.head)) == 500
        return len(steps)

    once = await count_steps(1)
    assert await count_steps(20) < 2 * once


async def test_posts_belong_to_the_lines_of_a_script_in_its_channel(store: Store):
    script = await store.scripts.create_script(make_script())
    [first, second, third] = await append(store, script.id, "One.", "Two.", "Three.")
    now = await store.scripts.get_script(script.id)
    fork = await store.scripts.create_script(make_fork(now, 1, 7, "A fork"), forked=script.id)
    [four] = await append(store, fork.id, "Four.")
    for message, line in ((300, third), (100, first), (400, four), (200, second), (200, third)):
        await record_post(store, message, line)

    async def posts(of: Script, limit: int = 10) -> list[tuple[int, int]]:
        found, *_ = await store.messages.load_posts_and_path(of, limit)
        return [(post.message, post.line) for post in found]

    assert await posts(script) == [(100, first), (200, second), (300, third)]
    assert await posts(fork, 2) == [(300, third), (400, four)]
    elsewhere = await store.scripts.create_script(make_fork(now, 2, 7, "Elsewhere"))
    assert await posts(elsewhere) == []
    content = await store.messages.load_content(1)
    assert (content.newest_post, content.panel) == (400, 0)
    deleted = 900  # with its script, while a sync edits its messages
    await store.messages.replace_lines({200: third, deleted: first, 300: second})
    assert await posts(script, 2) == [(200, third), (300, second)]
    await store.scripts.delete_script(script.id)
    assert await posts(fork) == [(100, first), (200, third), (300, second), (400, four)]
    await store.messages.delete_post(200)
    assert await posts(fork, 2) == [(300, second), (400, four)]
    await store.messages.delete_all_messages()
    assert await posts(fork) == []


async def test_a_surplus_message_shows_no_line_and_is_listed_until_it_is_deleted(
    where: Path | URL, store: Store
):
    script, messages = await store.scripts.create_script(make_script()), store.messages
    [first, second] = await append(store, script.id, "One.", "Two.")
    script = await store.scripts.get_script(script.id)
    for message, line, unshown in ((100, first, 1), (200, second, 0)):
        await record_post(store, message, line)
        assert len(await messages.list_unshown_scripts()) == unshown
    for _ in range(2):
        await messages.mark_surplus(200)
        assert [post.message for post in await messages.load_posts(script)] == [100]
        posts, path, _ = await messages.load_posts_and_path(script, 10)
        assert ([post.message for post in posts], path) == ([100], [first, second])
        assert len(await messages.list_unshown_scripts()) == 1
        assert await messages.list_stale_messages() == {(1, script.guild): [200]}
    assert (await messages.load_content(1)).newest_post == 200
    erased = await store.people.erase_person(7, text=True)
    assert sorted(erased.messages) == [100, 200]
    await messages.delete_post(200)
    assert await messages.list_stale_messages() == {(1, script.guild): [100]}
    for redrawn, left in (([], 1), ([100], 0)):
        await messages.mark_messages_redrawn(redrawn)
        assert count(where, "stale_messages") == left


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


# Speed ------------------------------------------------------------------------------------------


@on_a_file
async def test_queries_scan_no_large_table(store: Store, path: Path):
    queries = list[tuple[str, Any]]()

    @event.listens_for(store._database._engine.sync_engine, "before_cursor_execute")
    def record(_connection: Any, _cursor: Any, statement: str, values: Any, *_more: Any) -> None:
        # Of several rows the first is enough to explain the query.
        first = values[0] if values and isinstance(values[0], tuple) else values
        queries.append((statement, first))

    lines, scripts, messages = store.lines, store.scripts, store.messages
    await scripts.create_script(make_script())
    script = await scripts.create_script(make_script(title="The Roof"))
    [first, second] = await append(store, script.id, "Trunk.", "Left.")
    await record_post(store, 500, second)
    fork = make_fork(await scripts.get_script(script.id), 1, 7, "A fork")
    fork = await scripts.create_script(fork, forked=script.id)
    await append(store, fork.id, "Right.")
    now = await scripts.find_running_script(1)
    await messages.load_posts(now)
    await messages.load_content(1)
    await messages.load_posts_and_path(now, 10)
    await scripts.load_panel_state(now)
    await messages.replace_lines({500: first})
    await messages.list_unshown_scripts()
    await lines.move_head(now, first, (), utc_now())
    titles = [script.title for script in await scripts.list_scripts(1)]
    assert titles == ["A fork", "The Roof", "The Diner"]
    await store.states.load_checkpoint(second, "fingerprint", 100)
    await lines.find_last_request_time(script.id, 7)
    await store.states.find_last_reader(second)
    await lines.list_speech_cues(second)
    await lines.count_characters(second)
    await lines.load_path_originals(second)
    await store.stars.load_best_lines(second, 3)
    await lines.load_elements(second)
    await lines.load_history(now, 0, 10)
    await lines.count_history(now, second)
    await lines.list_sibling_texts(now, first)
    await lines.list_model_texts(1, 10)
    await scripts.has_line(now, second)
    await lines.is_delivered("Left.")
    await messages.find_post(500)
    await store.polls.find_poll_by_message(500)
    await store.states.find_nearest_state(second, "fingerprint")
    line = await lines.find_line(first)
    now = await scripts.get_script(now.id)
    await lines.rewrite_line(now, line, [make_draft("Root.")], "new", 7)
    assert len((await store.people.load_personal_data(7)).lines) == 4
    with closing(sqlite3.connect(path)) as connection:
        steps = [
            (step, statement)
            for statement, values in queries
            if statement.split()[0] in ("SELECT", "UPDATE", "DELETE", "WITH", "INSERT")
            for *_, step in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)
        ]
    scans = [f"SCAN {table}" for table in ("scripts", "lines", "posted_lines", "redo_pointers")]
    # Players and owners may be scanned, because many lines share one.
    assert [
        (step, statement)
        for step, statement in steps
        if " ".join(step.split()[:2]) in scans
        if "scripts.players" not in statement and "scripts.owner" not in statement
    ] == []
