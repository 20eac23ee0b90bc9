"""Test deletion for people and servers: from the script, the messages and the disk."""

from __future__ import annotations

import asyncio
import datetime as dt
import io
import json
import sqlite3
import time
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from discord import Intents
from discord.ext import commands
from sqlalchemy import URL

from bot.cogs import add_cogs
from bot.cogs.privacy import make_export_file
from bot.errors import HeadMoved
from bot.screenplay.elements import Kind
from bot.session.context import TurnContext
from bot.session.replay import Verdict, replay_script
from bot.session.turn import ContinueRequest, Job
from bot.settings import RunnerSettings
from bot.storage.repositories.key_value_repository import HOUSEKEEPER, guild_voice_key
from bot.storage.schema import (
    ERASED_ELEMENT,
    ERASED_NAME,
    ERASED_PERSON,
    PostedLine,
    make_fork,
)
from bot.storage.store import Store
from bot.ui.replay_report import format_report
from tests.bot.app.test_shutdown import discord
from tests.bot.channel_check import assert_channel_is_true
from tests.bot.conftest import BOTH, Stage, answer, moderator, on, on_a_file, run_sql, start_script
from tests.bot.session_harness import SessionHarness, texts
from tests.bot.storage.test_disk_failures import only_read
from tests.fake_discord.bot import at, bot_here
from tests.fake_discord.people import PATIENCE, Discord
from tests.fake_discord.state import TOKEN

from . import test_concurrency as at_once

__all__ = ["discord"]

DATABASES = BOTH

PHRASE = "Zanzibar marzipan"
NAME = "Annabella Zweistein"

AT_LAST = dt.datetime(2999, 1, 1, tzinfo=dt.UTC)


def on_the_disk(database: Path | URL) -> bytes:
    """Return every byte of the database, with the log of a file but not that of a server."""
    if isinstance(database, URL):
        run_sql(database, "CHECKPOINT")
        [[folder]] = run_sql(database, "SHOW data_directory")
        mine = "SELECT oid FROM pg_database WHERE datname = current_database()"
        parts = (Path(folder, part) for part in (f"base/{run_sql(database, mine)[0][0]}", "global"))
        there = (one for part in parts for one in part.rglob("*") if one.is_file())
        return b"".join(one.read_bytes() for one in there)
    files = [one for one in database.parent.glob(f"{database.name}*") if one.suffix != ".lock"]
    assert files
    return b"".join(one.read_bytes() for one in files)


def until_it_is_gone(database: Path) -> None:
    """Wait until the phrase is nowhere on the disk; raise TimeoutError."""
    end = time.monotonic() + PATIENCE
    while PHRASE.encode() in on_the_disk(database):
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.01)


async def forget(stage: Stage, person: Any, *, text: bool) -> Any:
    """Ask to be forgotten, and confirm."""
    asked = answer(await person.slash(stage.channel, "privacy forget"))
    assert asked.ephemeral
    assert "nobody can find your lines later" in asked.content
    label = "Forget me and my text" if text else "Forget me"
    return answer(await person.click(asked, label=label))


async def test_a_name_is_taken_from_lines_scripts_casts_and_votes(harness: SessionHarness):
    begun = await harness.start(cast=["MAYA"])
    ann = harness.writer()
    await harness.write(PHRASE)
    await harness.session.library.add_to_cast(ann, ["MAYA"], ann.id)
    turn = await harness.session.continuation.generate(ann, ContinueRequest(takes=2, vote=60))
    await harness.session.polls.vote(ann, turn.poll.id, 1)
    await harness.store.people.erase_person(ann.id, text=False)
    lines = await harness.lines()
    assert texts(lines) == ["INT. DINER - NIGHT", PHRASE]
    assert {(line.author, line.credit, line.asker) for line in lines} == {
        (ERASED_PERSON, ERASED_NAME, None)
    }
    script = await harness.store.scripts.get_script(begun.script.id)
    assert (script.owner, script.players) == (ERASED_PERSON, {})
    assert await harness.store.polls.load_votes(turn.poll.id) == {}
    assert (await harness.store.polls.find_poll(turn.poll.id)).asker == ERASED_PERSON
    # A state depends on the text alone, and the text is still there.
    assert await harness.state(lines[-1]) == await harness.read_from_start(lines)


@pytest.mark.parametrize(
    "act",
    [
        lambda room, ann: room.library.add_to_cast(ann, ["JONAS"], ann.id),
        lambda room, ann: room.library.remove_from_cast(ann, "JONAS"),
        lambda room, ann: room.history.fork(ann, "Another"),
    ],
    ids=["add", "remove", "fork"],
)
async def test_who_is_forgotten_while_the_cast_is_changed_plays_nobody(
    harness: SessionHarness, monkeypatch: pytest.MonkeyPatch, act: Any
):
    await harness.start(cast=["MAYA", "JONAS"])
    ann, ben = harness.writer(), harness.writer("Ben")
    await harness.session.library.add_to_cast(ann, ["MAYA"], ben.id)
    scripts = harness.store.scripts

    def then_forget(read: Any) -> Any:
        async def read_before_he_is_forgotten(channel: int) -> Any:
            found = await read(channel)
            await harness.store.people.erase_person(ben.id, text=False)
            return found

        return read_before_he_is_forgotten

    for name in ("find_running_script", "find_running_for_turn"):
        monkeypatch.setattr(scripts, name, then_forget(getattr(scripts, name)))
    await act(harness.session, ann)
    players = [one.players for one in await harness.session.library.list_scripts()]
    assert ben.id not in {who for play in players for who in play.values()}


async def test_text_is_taken_from_copies_too_and_every_voice_forgets_it(harness: SessionHarness):
    await harness.start()
    first = (await harness.write("Rain.")).lines[0]
    ben = harness.writer("Ben")
    kept = (await harness.session.continuation.write(ben, f"MAYA: {PHRASE}!")).lines[0]
    [spoken] = await harness.continue_script(seed=1)
    await harness.rewrite(first, "Snow.")
    assert sum(PHRASE in line.text for line in await harness.lines()) == 1
    await harness.store.people.erase_person(ben.id, text=True)
    script = await harness.session.library.load_script()
    tree = await harness.store.lines.load_tree_lines(script, 0, 99)
    assert not [line for line in tree if PHRASE in line.text]
    assert [line.removed for line in tree] == [
        line.copy_of == kept.id or line.id == kept.id for line in tree
    ]
    lines = await harness.lines()
    assert lines[2].element == ERASED_ELEMENT
    for line in [*tree]:
        if line.removed or line.parent in {one.id for one in tree if one.removed}:
            assert await harness.state(line) is None
    assert await harness.state(lines[1]) == await harness.read_from_start(lines[:2])
    assert (
        await harness.store.states.find_surprisal(spoken.id, spoken.origin["fingerprint"]) is None
    )
    # The voice is reading the script again, as it is after the removal.
    [after] = await harness.continue_script(seed=2)
    assert await harness.state(after) == await harness.read_from_start([*lines, after])
    # A copy of a removed line is marked as removed as well.
    await harness.rewrite(lines[1], "Hail.")
    assert [line.removed for line in await harness.lines()][1:3] == [False, True]


async def test_a_line_that_was_being_written_meanwhile_is_not_kept(harness: SessionHarness):
    await harness.start()
    ben = harness.writer("Ben")
    await harness.session.continuation.write(ben, PHRASE)
    stood = await harness.session.library.load_script()
    head = stood.head
    drafts = await harness.session.continuation.write_takes(
        TurnContext(harness.store, stood, ben, ()), head, ContinueRequest(seed=1), 1, Job()
    )
    await harness.store.people.erase_person(ben.id, text=True)
    with pytest.raises(HeadMoved):
        await harness.store.lines.append_lines(stood, head, drafts[0], "late")
    with pytest.raises(HeadMoved):
        await harness.store.polls.open_poll(stood, drafts, "later", 1, None)
    # A state that was read before the removal is not stored either.
    model = (await harness.voices.engine("tiny")).model
    await harness.store.states.save_state(head, model.fingerprint, drafts[0][0].state, removed=0)
    assert await harness.store.states.find_state(head, model.fingerprint) is None
    await harness.store.states.save_state(head, model.fingerprint, drafts[0][0].state, removed=1)
    assert await harness.store.states.find_state(head, model.fingerprint) is not None
    assert len(await harness.continue_script()) == 1


@pytest.mark.parametrize("text", [False, True])
async def test_what_is_forgotten_is_nowhere_on_the_disk(harness: SessionHarness, text: bool):
    await harness.start()
    ben = harness.writer("Ben")
    named = type(ben)(ben.id, NAME, ben.delivery)
    await harness.session.continuation.write(named, "\n\n".join(f"{PHRASE} {n}." for n in range(9)))
    database = harness.settings.database_location
    run_sql(database, "ANALYZE")  # a server then keeps samples of its tables' content
    before = on_the_disk(database)
    assert NAME.encode() in before
    assert PHRASE.encode() in before
    await harness.store.people.erase_person(ben.id, text=text)
    after = on_the_disk(database)
    assert NAME.encode() not in after
    assert (PHRASE.encode() in after) is not text
    await harness.restart()
    assert len(await harness.lines()) == 10


async def test_messages_are_drawn_again_without_what_was_forgotten(stage: Stage):
    await start_script(stage)
    await stage.ben.slash(stage.channel, "write", text=f"{PHRASE}.")
    await stage.ann.slash(stage.channel, "write", text="Rain.")
    told = await forget(stage, stage.ben, text=True)
    assert told.ephemeral
    assert "1 line" in told.content
    everything = "\n".join(content for content, _ in stage.seen())
    assert PHRASE not in everything
    assert "Ben" not in everything
    assert ERASED_ELEMENT.text in everything
    await assert_channel_is_true(stage)


async def test_export_gives_people_theirs_and_nobody_elses(stage: Stage):
    nothing = answer(await stage.ben.slash(stage.channel, "privacy export"))
    assert nothing.content == "Nothing is stored about you."
    await start_script(stage)
    await stage.ann.slash(stage.channel, "write", text="Rain.")
    await stage.ben.slash(stage.channel, "write", text="MAYA: Snow.")
    given = answer(await stage.ben.slash(stage.channel, "privacy export"))
    assert given.ephemeral
    [file] = given.attachments
    [entry] = json.loads(await file.read())["lines"]
    assert (entry["text"], entry["name"], entry["kind"]) == ("MAYA\nSnow.", "Ben", "dialogue")
    assert (entry["server"], entry["channel"]) == (stage.guild.id, stage.channel.id)


async def test_export_has_whatever_bears_a_persons_id(harness: SessionHarness):
    begun = await harness.start(cast=["MAYA", "JONAS"])
    ben, voters = (
        harness.writer("Ben"),
        (await harness.store.scripts.get_script(begun.script.id)).owner,
    )
    assert not await harness.store.people.load_personal_data(ben.id)
    await harness.session.library.add_to_cast(ben, ["MAYA"], ben.id)
    await harness.session.continuation.generate(ben, ContinueRequest(kind=Kind.ACTION))
    turn = await harness.session.continuation.generate(
        harness.writer(), ContinueRequest(takes=2, vote=60)
    )
    await harness.session.polls.vote(ben, turn.poll.id, 1)
    name, content = make_export_file(await harness.store.people.load_personal_data(ben.id), 10_000)
    assert name == "on-book-yours.json"
    given = json.loads(content)
    assert [one["take"] for one in given["votes"]] == [2]
    assert [one["character"] for one in given["characters"]] == ["MAYA"]
    assert len(given["asked"]) == 1
    assert given["lines"] == given["scripts"] == []
    theirs = await harness.store.people.load_personal_data(voters)
    [began] = json.loads(make_export_file(theirs, 10_000)[1])["scripts"]
    assert began["script"] == "The Diner"


async def test_export_has_a_copy_whose_original_is_gone(harness: SessionHarness):
    script = (await harness.start()).script
    hail = (await harness.write("Hail.\n\nSnow.")).lines[0]
    await harness.rewrite(hail, "Rain.")
    kept = await harness.store.people.load_personal_data(harness.writer().id)
    assert [line.text for line, _ in kept.lines][-3:] == ["Hail.", "Snow.", "Rain."]
    await harness.fork("Fork")
    await harness.store.scripts.delete_script(script.id)
    kept = await harness.store.people.load_personal_data(harness.writer().id)
    assert [line.text for line, _ in kept.lines][-2:] == ["Rain.", "Snow."]


async def test_export_is_packed_where_it_is_too_large_for_a_message(stage: Stage):
    await start_script(stage)
    for _ in range(3):
        await stage.ben.slash(stage.channel, "write", text="Rain. " * 200)
    kept = await stage.store.people.load_personal_data(stage.ben.id)
    name, content = make_export_file(kept, 2000)
    assert (name, len(content) < 2000) == ("on-book-yours.zip", True)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert len(json.loads(archive.read("on-book-yours.json"))["lines"]) == 3


async def test_whom_it_told_of_what_no_voice_can_read_is_forgotten_too(harness: SessionHarness):
    await harness.start()
    assert (await harness.write("\N{SNOWMAN}" * 9)).unreadable
    assert not (await harness.write("\N{SNOWMAN}" * 9)).unreadable
    harness.sessions.notifications.forget(harness.writer().id)
    assert (await harness.write("\N{SNOWMAN}" * 9)).unreadable


@on_a_file
async def test_replay_says_what_follows_a_removed_line(harness: SessionHarness):
    await harness.start()
    [before] = await harness.continue_script(seed=1)
    ben = harness.writer("Ben")
    await harness.session.continuation.write(ben, PHRASE)
    await harness.continue_script(seed=2, lines=2)
    await harness.store.people.erase_person(ben.id, text=True)
    found = await replay_script(harness.session, Job())
    assert [one.verdict for one in found.findings] == [
        *(Verdict.PERSON, Verdict.PROVED, Verdict.PERSON),
        *(Verdict.UNPROVED, Verdict.UNPROVED),
    ]
    assert found.findings[1].line.id == before.id
    assert found.findings[3].reasons == ("it follows a removed line",)
    assert "it follows a removed line: lines 4, 5" in format_report(found)


async def test_a_server_that_removed_the_bot_is_deleted_after_a_while(stage: Stage):
    await start_script(stage)
    await stage.ann.slash(stage.channel, "write", text=f"{PHRASE}.")
    mo = moderator(stage, manage_channels=True)
    await mo.slash(stage.channel, "settings banned", add="zounds")
    store, guild = stage.store, stage.guild.id
    await store.key_values.save_value(guild_voice_key(guild), "other")
    # A client drops a server before it announces the departure.
    here = stage.world.bot._connection._guilds.pop(guild)
    await stage.upkeep.on_guild_remove(here)
    assert await store.guilds.list_departed_guilds(AT_LAST) == [guild]
    await stage.upkeep._delete_departed()
    assert await store.guilds.list_guilds() == [guild]
    stage.services.settings = stage.settings.model_copy(update={"departed_days": 0})
    await stage.upkeep._delete_departed()
    assert await store.guilds.list_guilds() == []
    assert await store.key_values.find_value(guild_voice_key(guild)) is None
    assert await store.scripts.list_scripts(stage.channel.id) == []
    assert await store.banned_words.list_banned_words(stage.channel.id, guild) == []
    assert PHRASE.encode() not in on_the_disk(stage.settings.database)


async def test_the_list_of_a_channel_goes_with_its_server_though_it_had_no_script(stage: Stage):
    mo = moderator(stage, manage_channels=True)
    await mo.slash(stage.channel, "settings banned", add="zounds")
    store, guild = stage.store, stage.guild.id
    assert await store.guilds.list_guilds() == [guild]
    await store.guilds.delete_guild(guild)
    assert await store.banned_words.list_banned_words(stage.channel.id, guild) == []
    assert await store.guilds.list_guilds() == []


async def test_a_server_that_has_the_bot_back_or_is_not_available_is_kept(stage: Stage):
    await start_script(stage)
    store, guild = stage.store, stage.guild.id
    here = stage.world.bot.get_guild(guild)
    await store.guilds.record_departures([guild], [])
    stage.services.settings = stage.settings.model_copy(update={"departed_days": 0})
    await stage.upkeep._delete_departed()
    assert await store.guilds.list_guilds() == [guild]
    await stage.upkeep.on_guild_join(here)
    assert await store.guilds.list_departed_guilds(AT_LAST) == []
    here.unavailable = True
    await stage.upkeep.on_ready()
    assert await store.guilds.list_departed_guilds(AT_LAST) == []


async def test_a_server_that_left_while_the_bot_was_off_is_noticed(stage: Stage):
    await start_script(stage)
    store, guild = stage.store, stage.guild.id
    gone, of_another_shard = 1234 << 22, 1235 << 22
    for number, guild_then in enumerate((gone, of_another_shard)):
        script = await store.scripts.find_running_script(stage.channel.id)
        await store.scripts.create_script(make_fork(script, number, 1, "The Roof"))
        await store.scripts.update_script(
            (await store.scripts.find_running_script(number)).id, guild=guild_then
        )
    stage.world.bot.shard_count, stage.world.bot.shard_id = 2, 0
    await stage.upkeep.on_ready()
    assert await store.guilds.list_departed_guilds(AT_LAST) == [gone]
    # The server came back before its time was over.
    await store.scripts.update_script((await store.scripts.find_running_script(0)).id, guild=guild)
    await store.guilds.record_departures([], [gone])
    assert await store.guilds.list_departed_guilds(AT_LAST) == []


async def test_whoever_has_a_database_beside_another_bot_deletes_nothing_of_its(
    where: Path | URL, discord: Discord, chosen: RunnerSettings
):
    gone = 1234 << 22
    here = on(chosen, where).model_copy(update={"departed_days": 0})
    store = await Store.open(where)
    await store.key_values.save_value(HOUSEKEEPER, "1")
    await store.key_values.save_value(guild_voice_key(gone), "other")
    await store.close()
    async with bot_here(discord.address, here) as bot:
        await discord.bot_is_ready()
        services, upkeep = bot.services, bot.cogs["OnBook.upkeep"]
        await upkeep.on_ready()
        # A file has one bot at a time: the next one to open it takes over the work of the last.
        alone = isinstance(where, Path)
        assert await services.store.guilds.list_departed_guilds(AT_LAST) == (
            [gone] if alone else []
        )
        await services.store.guilds.record_departures([gone], [])
        await upkeep._delete_departed()
        assert await services.store.guilds.list_guilds() == ([] if alone else [gone])


async def test_departures_are_looked_for_though_it_was_loaded_before_its_host_logged_in(
    discord: Discord, chosen: RunnerSettings
):
    host = commands.Bot("!", intents=Intents(guilds=True))
    with at(discord.address):
        await add_cogs(host, chosen)
        upkeep = host.cogs["OnBook.upkeep"]
        ready = asyncio.Event()

        async def on_ready() -> None:
            ready.set()

        host.add_listener(on_ready)
        await asyncio.sleep(0)
        running = asyncio.create_task(host.start(TOKEN))
        async with asyncio.timeout(PATIENCE):
            await ready.wait()
        assert upkeep._delete_departed.is_running()
        assert upkeep._draw_stale.is_running()
        running.cancel()
        await asyncio.wait([running])
        await host.close()


async def test_a_disk_that_fails_once_does_not_end_the_deleting_of_servers(stage: Stage):
    await start_script(stage)
    store, gone = stage.store, 1234 << 22
    await store.guilds.record_departures([gone], [])
    stage.services.settings = stage.settings.model_copy(update={"departed_days": 0})
    mend = await only_read(stage)
    await stage.upkeep._delete_departed()
    await mend()
    assert await store.guilds.list_departed_guilds(AT_LAST) == [gone]
    await stage.upkeep._delete_departed()
    assert await store.guilds.list_departed_guilds(AT_LAST) == []


@contextmanager
def reader(database: Path) -> Iterator[None]:
    """Read as another program, so that the log must keep what this program sees."""
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM lines").fetchone()
        yield
        other.execute("ROLLBACK")


@on_a_file
async def test_what_another_program_reads_goes_when_it_has_ended(
    harness: SessionHarness, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("bot.storage.database.PURGE_RETRY", 0.01)
    await harness.start()
    await harness.write(f"{PHRASE}.")
    database = harness.settings.database
    with reader(database):
        found = await harness.store.people.erase_person(harness.writer().id, text=True)
        assert (found.lines, found.purged) == (2, False)
        assert PHRASE.encode() in on_the_disk(database)
        # Writers go on meanwhile, and the purge keeps trying.
        for n in range(5):
            await harness.session.continuation.write(harness.writer("Ben"), f"Rain {n}.")
        assert PHRASE.encode() in on_the_disk(database)
    await asyncio.to_thread(until_it_is_gone, database)
    assert harness.store._database._next_purge is None


@on_a_file
async def test_what_was_read_as_long_as_the_bot_ran_goes_when_it_runs_again(
    harness: SessionHarness,
):
    await harness.start()
    await harness.write(f"{PHRASE}.")
    database = harness.settings.database
    with reader(database):
        await harness.store.people.erase_person(harness.writer().id, text=True)
        await harness.close()
        # After a kill, or where the reader may not write, the log is left as it is.
        log = database.with_name(f"{database.name}-wal")
        left = log.read_bytes()
        assert PHRASE.encode() in left
        await harness.open()
        assert harness.store._database._next_purge is not None
        await harness.close()
    log.write_bytes(left)
    await harness.open()
    assert PHRASE.encode() not in on_the_disk(database)


async def test_whoever_is_forgotten_is_told_what_goes_later(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
):
    # Longer than the simulated Discord waits.
    its_module = type(stage.store._database).purge.__globals__
    monkeypatch.setitem(its_module, "PURGE_RETRY", 100.0)
    await start_script(stage)
    await stage.ben.slash(stage.channel, "write", text=f"{PHRASE}.")
    with reader(stage.settings.database):
        told = await forget(stage, stage.ben, text=True)
        database = stage.settings.database
        assert PHRASE.encode() in on_the_disk(database)
    assert "The last traces leave the disk within half an hour" in told.content
    assert PHRASE not in "\n".join(content for content, _ in stage.seen())
    await stage.world.advance_time(101)
    assert PHRASE.encode() not in on_the_disk(database)


async def test_messages_that_could_not_be_drawn_are_drawn_after_a_restart(stage: Stage):
    await start_script(stage)
    await stage.ben.slash(stage.channel, "write", text=f"{PHRASE}.")
    await stage.ben.slash(stage.channel, "continue", takes=2)
    await stage.store.people.erase_person(stage.ben.id, text=True)  # no message is drawn
    assert PHRASE in "\n".join(content for content, _ in stage.seen())
    await stage.restart()
    await stage.world.settle()
    everything = "\n".join(content for content, _ in stage.seen())
    assert PHRASE not in everything
    assert str(stage.ben.id) not in everything
    assert await stage.store.messages.list_stale_messages() == {}


async def test_messages_of_other_shards_are_drawn_by_their_processes(stage: Stage):
    await start_script(stage)
    await stage.ben.slash(stage.channel, "write", text=f"{PHRASE}.")
    await stage.store.people.erase_person(stage.ben.id, text=True)
    bot, its_shard = stage.world.bot, (stage.guild.id >> 22) % 2
    for shard in (1 - its_shard, its_shard):
        assert PHRASE in "\n".join(content for content, _ in stage.seen())
        bot.shard_count, bot.shard_id = 2, shard
        await stage.services.stale.redraw()
    assert PHRASE not in "\n".join(content for content, _ in stage.seen())


async def test_a_message_that_was_sent_meanwhile_is_drawn_again(stage: Stage):
    await start_script(stage)
    await stage.ben.slash(stage.channel, "write", text=f"{PHRASE}.")
    store, script = (
        stage.store,
        (await stage.script()).id,
    )
    was = await store.lines.load_lines(
        await store.lines.load_path_ids(
            (await store.scripts.find_running_script(stage.channel.id)).head
        )
    )
    await forget(stage, stage.ben, text=True)
    # A message that shows what somebody read before.
    message = await stage.services.bot.get_channel(stage.channel.id).send(was[-1].text)
    row = PostedLine(
        message=message.id, channel=stage.channel.id, line=was[-1].id, look="typewriter", name=None
    )
    await store.messages.record_post(row, was[-1])
    assert await store.messages.list_stale_messages() == {script: [message.id]}
    await stage.services.stale.redraw()
    assert await store.messages.list_stale_messages() == {}
    assert PHRASE not in stage.messages()[-1].content


async def test_what_somebody_has_in_hand_is_forgotten_with_the_rest(
    discord: Discord, chosen: RunnerSettings, monkeypatch: pytest.MonkeyPatch
):
    guild = await discord.guild("The Playhouse")
    channel, ben = await guild.channel("stage"), await guild.person("Ben")
    async with bot_here(discord.address, chosen) as bot:
        await discord.bot_is_ready()
        services = bot.services
        await at_once.begin(ben, channel)
        asked = await ben.slash(channel, "privacy forget")
        await asked.shows("Remove your name")
        async with services.sessions.get(channel.id).library.lock:
            late = await ben.slash(channel, "write", text=f"{PHRASE}.")
            await discord.until(lambda: late.how)
            pressed = await ben.click(asked.answers()[0], "Forget me and my text")
            await discord.until(lambda: pressed.how)
        await pressed.shows("You are forgotten. Name and text removed from 2 lines.")
        await asyncio.wait([*services.in_flight.tasks, asyncio.create_task(asyncio.sleep(0))])
        lines = await services.sessions.get(channel.id).library.load_lines()
        assert {(line.author, line.text) for line in lines} == {
            (ERASED_PERSON, ERASED_ELEMENT.text)
        }
        await late.is_done()
        await discord.until(lambda: all(PHRASE not in one.text for one in channel.messages()))


async def test_two_who_wait_do_not_wait_for_each_other(stage: Stage):
    """Check two presses of the same button at once: neither waits for the other."""
    both_in_hand = asyncio.Barrier(2)

    async def press() -> None:
        stage.services.in_flight.track_person(stage.ben.id)
        await both_in_hand.wait()
        await stage.services.in_flight.wait_for(stage.ben.id)

    async with asyncio.timeout(5):
        await asyncio.gather(press(), press())
