"""Test deletion for people and servers: from the script, the messages and the disk."""

import asyncio
import datetime as dt
import io
import json
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from discord import Intents
from discord.ext import commands
from sqlalchemy import URL

from bot.cogs import add_cogs
from bot.cogs.privacy import format_forgotten, make_export_file
from bot.errors import HeadMoved, RequestError
from bot.generation.prefill import Progress
from bot.interactions.in_flight import InFlight
from bot.screenplay.drafts import ERASED_NAME, ERASED_PERSON
from bot.screenplay.elements import Kind
from bot.session.preferences import STYLE
from bot.session.replay import Verdict, replay_script
from bot.session.turn import ContinueRequest, Job
from bot.settings import RunnerSettings
from bot.storage.records import ErasureResult
from bot.storage.repositories.key_value_repository import HOUSEKEEPER, guild_model_key
from bot.storage.schema import ERASED_ELEMENT, PostedLine, Script, make_fork
from bot.storage.store import Store
from bot.ui.delivery.responses import format_error
from bot.ui.pages.replay_report import format_report
from tests.bot.channel_check import assert_channel_is_true
from tests.bot.conftest import (
    BOTH,
    Inside,
    Stage,
    assert_private,
    bot_at,
    moderator,
    on,
    on_a_file,
    run_sql,
    start_script,
)
from tests.bot.playing import ask_to_forget, choose_script, forget, open_privacy, replace_script
from tests.bot.session_harness import SessionHarness, load_tree, texts
from tests.bot.storage.disk_bytes import PHRASE, read_disk
from tests.bot.storage.disk_faults import make_read_only
from tests.fake_discord.bot import at, started
from tests.fake_discord.people import PATIENCE, Discord

DATABASES = BOTH

NAME = "Annabella Zweistein"

FAR_FUTURE = dt.datetime(2999, 1, 1, tzinfo=dt.UTC)


def shown(stage: Stage) -> str:
    """Return the text of all messages that everybody sees."""
    return "\n".join(content for content, _ in stage.seen())


# Forgetting people


async def test_a_name_is_erased_from_lines_scripts_casts_and_votes(harness: SessionHarness):
    begun = await harness.start(cast=["MAYA"])
    ann = harness.writer()
    await harness.write(PHRASE)
    await harness.session.library.add_to_cast(ann, ["MAYA"], ann.id)
    turn = await harness.generate(takes=2, vote=60)
    await harness.session.polls.vote(ann, turn.poll.id, 1)
    await harness.session.sprints.start(ann, begun.script.id, 5)
    await harness.store.people.erase_person(ann.id, text=False)
    lines = await harness.lines()
    assert texts(lines) == ["INT. DINER - NIGHT", PHRASE]
    assert {(line.author, line.credit, line.asker) for line in lines} == {
        (ERASED_PERSON, ERASED_NAME, None)
    }
    script = await harness.session.library.load_script()
    assert (script.owner, script.players) == (ERASED_PERSON, {})
    # Nobody moderates direct messages.
    await harness.session.library.rename(ann, script.id, "The Bar")
    assert await harness.store.polls.load_votes(turn.poll.id) == {}
    assert (await harness.store.polls.find_poll(turn.poll.id)).asker == ERASED_PERSON
    assert (await harness.store.sprints.find_sprint(script.id)).starter == ERASED_PERSON
    # A state depends on the text alone, and the text is still there.
    assert await harness.state(lines[-1]) == await harness.read_from_start(lines)


@pytest.mark.parametrize(
    ("forgotten", "deciders"),
    [
        ([], "them, the script's owner or a moderator"),
        (["Ann"], "them or a moderator"),
        (["Ben"], "the script's owner or a moderator"),
        (["Ann", "Ben"], "a moderator"),
    ],
)
async def test_nobody_is_sent_to_somebody_who_was_forgotten(
    harness: SessionHarness, forgotten: list[str], deciders: str
):
    script = (await harness.start(guild=5)).script
    await harness.write("Rain.", by="Ben")
    for name in forgotten:
        await harness.sessions.forget(harness.writer(name).id, text=False)
    session, cy = harness.session, harness.writer("Cy")
    with pytest.raises(RequestError) as refused:
        await session.history.undo(cy)
    assert f"line. Ask {deciders}, or use" in format_error(refused.value)
    with pytest.raises(RequestError) as refused:
        await session.library.archive(cy, script.id)
    asked = "a moderator" if "Ann" in forgotten else f"<@{harness.writer('Ann').id}>"
    assert format_error(refused.value).endswith(f"Ask {asked}.")


@on_a_file
@pytest.mark.parametrize(
    "act",
    [
        lambda room, ann: room.library.add_to_cast(ann, ["JONAS"], ann.id),
        lambda room, ann: room.library.remove_from_cast(ann, ["JONAS"]),
        lambda room, ann: room.history.fork(ann, "Another"),
    ],
    ids=["add", "remove", "fork"],
)
async def test_a_player_forgotten_during_a_change_of_the_cast_plays_nobody(
    harness: SessionHarness, monkeypatch: pytest.MonkeyPatch, act: Any
):
    await harness.start(cast=["MAYA", "JONAS"])
    ann, ben = harness.writer(), harness.writer("Ben")
    await harness.session.library.add_to_cast(ann, ["MAYA"], ben.id)
    scripts = harness.store.scripts

    def then_forget(read: Any) -> Any:
        async def read_and_forget(channel: int) -> Any:
            found = await read(channel)
            await harness.store.people.erase_person(ben.id, text=False)
            return found

        return read_and_forget

    for name in ("find_running_script", "find_running_for_turn"):
        monkeypatch.setattr(scripts, name, then_forget(getattr(scripts, name)))
    await act(harness.session, ann)
    players = [script.players for script in await harness.session.library.list_scripts()]
    assert ben.id not in {who for play in players for who in play.values()}


async def test_text_is_erased_from_copies_and_states(harness: SessionHarness):
    await harness.start()
    [first] = (await harness.write("Rain.")).lines
    [kept] = (await harness.write(f"MAYA: {PHRASE}!", by="Ben")).lines
    [spoken] = await harness.continue_script(seed=1)
    await harness.rewrite(first, "Snow.")
    assert sum(PHRASE in line.text for line in await harness.lines()) == 1
    erased = await harness.store.people.erase_person(harness.writer("Ben").id, text=True)
    assert erased.lines == 1
    script = await harness.session.library.load_script()
    tree = await load_tree(harness.store, script)
    assert not [line for line in tree if PHRASE in line.text]
    assert [line.removed for line in tree] == [
        line.copy_of == kept.id or line.id == kept.id for line in tree
    ]
    lines = await harness.lines()
    assert lines[2].element == ERASED_ELEMENT
    for line in tree:
        if line.removed or line.parent in {other.id for other in tree if other.removed}:
            assert await harness.state(line) is None
    assert await harness.state(lines[1]) == await harness.read_from_start(lines[:2])
    fingerprint = spoken.origin["fingerprint"]
    assert await harness.store.states.find_surprisal(spoken.id, fingerprint) is None
    # The voice reads the script again, as it is after the removal.
    [after] = await harness.continue_script(seed=2)
    assert await harness.state(after) == await harness.read_from_start([*lines, after])
    # A copy of a removed line is marked as removed as well.
    await harness.rewrite(lines[1], "Hail.")
    assert [line.removed for line in await harness.lines()][1:3] == [False, True]


async def test_a_draft_from_before_an_erasure_is_not_stored(harness: SessionHarness):
    await harness.start()
    await harness.write(PHRASE, by="Ben")
    stood = await harness.session.library.load_script()
    head = stood.head
    reader, drafter = harness.session.reader, harness.session.continuation.drafter
    primed = await reader.open_model(stood.model, STYLE.of(stood))
    context = await reader.load_context(primed, head, Progress())
    drafts = await drafter.draft_takes(context, stood, ContinueRequest(seed=1), 1, (), Job())
    await harness.store.people.erase_person(harness.writer("Ben").id, text=True)
    with pytest.raises(HeadMoved):
        await harness.store.lines.append_lines(stood, head, drafts[0], "late")
    with pytest.raises(HeadMoved):
        await harness.store.polls.open_poll(stood, drafts, "later", 1, None)
    # A state that was read before the removal is not stored either.
    model, states = (await harness.models.engine("tiny")).model, harness.store.states
    for removed in (0, 1):
        await states.save_state(head, model.fingerprint, drafts[0][0].state, removed=removed)
        assert (await states.find_state(head, model.fingerprint) is not None) == bool(removed)
    assert len(await harness.continue_script()) == 1


@pytest.mark.parametrize("text", [False, True])
async def test_erased_names_and_texts_are_nowhere_on_the_disk(harness: SessionHarness, text: bool):
    await harness.start()
    database, ben = harness.settings.database_location, replace(harness.writer("Ben"), name=NAME)
    await harness.session.continuation.write(ben, "\n\n".join(f"{PHRASE} {n}." for n in range(9)))
    run_sql(database, "ANALYZE")  # a server then keeps samples of its tables' content
    before = read_disk(database)
    assert NAME.encode() in before
    assert PHRASE.encode() in before
    erased = await harness.store.people.erase_person(ben.id, text=text)
    storage = harness.store._database
    # A reader may be slower than the purge waits for.
    while not erased.purged and (storage._next_purge or storage._purges):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    after = read_disk(database)
    assert NAME.encode() not in after
    assert (PHRASE.encode() in after) is not text
    await harness.restart()
    assert len(await harness.lines()) == 10


@on_a_file
async def test_erased_notifications_are_sent_again(harness: SessionHarness):
    await harness.start()
    assert not (await harness.write("It is *now*, **now**.")).unreadable  # it seems to skip nothing
    for is_told in (True, False):
        assert (await harness.write("\N{SNOWMAN}" * 9)).unreadable is is_told
    harness.sessions.notifications.forget(harness.writer().id)
    assert (await harness.write("\N{SNOWMAN}" * 9)).unreadable


@on_a_file
async def test_replay_names_the_lines_below_an_erased_one(harness: SessionHarness):
    await harness.start()
    [before] = await harness.continue_script(seed=1)
    await harness.write(PHRASE, by="Ben")
    await harness.continue_script(seed=2, lines=2)
    await harness.store.people.erase_person(harness.writer("Ben").id, text=True)
    found = await replay_script(harness.session, Job())
    assert [finding.verdict for finding in found.findings] == [
        *(Verdict.PERSON, Verdict.PROVED, Verdict.PERSON),
        *(Verdict.UNPROVED, Verdict.UNPROVED),
    ]
    assert found.findings[1].line.id == before.id
    assert found.findings[3].reasons == ("it follows a removed line",)
    assert "it follows a removed line: lines 4, 5" in format_report(found)


async def test_an_erasure_waits_for_what_the_person_has_asked_for(inside: Inside):
    discord, channel, ben, services = inside.discord, inside.channel, inside.ben, inside.services
    await (await ben.slash(channel, "start", title="The Diner", heading="Roof")).is_done()
    kept = await ask_to_forget(ben, channel)
    await ben.click(kept, "Keep everything")
    await discord.until(lambda: kept.deleted)
    question = await ask_to_forget(ben, channel)
    async with services.sessions.get(channel.id).library.lock:
        late = await ben.slash(channel, "write", text=f"{PHRASE}.")
        await discord.until(lambda: late.how)
        pressed = await ben.click(question, "Forget me and my text")
        await discord.until(lambda: pressed.how)
    await pressed.shows("You are forgotten. Your name and text were removed from 2 lines.")
    await asyncio.wait([*services.in_flight.tasks, asyncio.create_task(asyncio.sleep(0))])
    lines = await services.sessions.get(channel.id).library.load_lines()
    assert {(line.author, line.text) for line in lines} == {(ERASED_PERSON, ERASED_ELEMENT.text)}
    await late.is_done()
    await discord.until(lambda: all(PHRASE not in message.text for message in channel.messages()))


async def test_two_erasures_do_not_wait_for_each_other():
    in_flight, both_wait = InFlight(128), asyncio.Barrier(2)

    async def press() -> None:
        in_flight.track_person(1)
        await both_wait.wait()
        await in_flight.wait_for(1)

    async with asyncio.timeout(5):
        await asyncio.gather(press(), press())


@on_a_file
async def test_limits_hold_for_who_was_forgotten(harness: SessionHarness):
    await harness.start()
    await harness.change_preferences({"cooldown": 60})
    await harness.write("Rain.", by="Ben")
    await harness.restart()
    await harness.sessions.forget(harness.writer("Ben").id, text=False)
    with pytest.raises(RequestError, match="This script has a cooldown"):
        await harness.write("Snow.", by="Ben")
    await harness.change_preferences({"cooldown": 0, "alternate": True})
    with pytest.raises(RequestError, match="Nobody may write twice in a row"):
        await harness.write("Snow.", by="Ben")
    await harness.write("Snow.")
    await harness.write("Hail.", by="Ben")
    # A line of somebody else is not taken for theirs.
    await harness.write("Fog.")
    await harness.sessions.forget(harness.writer().id, text=False)
    await harness.write("Wind.", by="Ben")


# Messages


async def test_messages_that_could_not_be_drawn_are_drawn_after_a_restart(stage: Stage):
    await start_script(stage)
    await stage.ben.slash(stage.channel, "write", text=f"{PHRASE}.")
    await stage.ben.slash(stage.channel, "continue", takes=2)
    await stage.store.people.erase_person(stage.ben.id, text=True)  # no message is drawn
    assert PHRASE in shown(stage)
    await stage.restart()
    assert PHRASE not in shown(stage)
    assert str(stage.ben.id) not in shown(stage)
    assert await stage.store.messages.list_stale_messages() == {}


async def test_a_recap_is_drawn_after_a_restart(stage: Stage):
    await resume_script_with_line_of_ben(stage)
    assert PHRASE in stage.panel().content
    await stage.store.people.erase_person(stage.ben.id, text=True)
    await stage.restart()
    assert PHRASE not in shown(stage)
    assert "MAYA" not in shown(stage)
    assert await stage.store.messages.list_stale_messages() == {}
    await assert_channel_is_true(stage)


async def test_a_recap_from_before_an_erasure_is_drawn_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
):
    load = stage.services.sessions.posts.has_messages

    async def then_erase(script: Script) -> bool:
        found = await load(script)
        await stage.store.people.erase_person(stage.ben.id, text=True)
        return found

    monkeypatch.setattr(stage.services.sessions.posts, "has_messages", then_erase)
    await resume_script_with_line_of_ben(stage)
    assert PHRASE not in stage.panel().content


async def resume_script_with_line_of_ben(stage: Stage) -> None:
    """Let Ben write a line, and Ann pause the script and continue it."""
    await start_script(stage)
    await stage.ben.slash(stage.channel, "write", text=f"MAYA: {PHRASE}")
    await replace_script(stage)
    await stage.ann.click(await choose_script(stage, "The Diner"), label="Continue it")


async def test_a_message_sent_during_an_erasure_is_drawn_by_the_process_of_its_shard(stage: Stage):
    await start_script(stage)
    await stage.ben.slash(stage.channel, "write", text=f"{PHRASE}.")
    store, script = stage.store, await stage.script()
    [was] = await store.lines.load_lines([script.head])
    await forget(stage, stage.ben)
    message = await stage.services.bot.get_channel(stage.channel.id).send(was.text)
    row = PostedLine(
        message=message.id, channel=stage.channel.id, line=was.id, look="typewriter", name=None
    )
    await store.messages.record_post(row, was)
    place = stage.channel.id, stage.guild.id
    assert await store.messages.list_stale_messages() == {place: [message.id]}
    bot, its_shard = stage.world.bot, (stage.guild.id >> 22) % 2
    for shard in (1 - its_shard, its_shard):
        assert PHRASE in stage.messages()[-1].content
        bot.shard_count, bot.shard_id = 2, shard
        await stage.services.stale.redraw()
    assert PHRASE not in stage.messages()[-1].content
    assert await store.messages.list_stale_messages() == {}


# Export


async def test_people_export_and_erase_their_own_lines_alone(stage: Stage):
    nothing = await open_privacy(stage, stage.ben, "My data")
    assert nothing.content == "Nothing is stored about you."
    await start_script(stage)
    await stage.ann.slash(stage.channel, "write", text="Rain.")
    await stage.ben.slash(stage.channel, "write", text=f"MAYA: {PHRASE}.")
    await stage.ann.slash(stage.channel, "write", text="Snow.")
    given = await open_privacy(stage, stage.ben, "My data")
    assert given.ephemeral
    [entry] = json.loads(await given.attachments[0].read())["lines"]
    assert (entry["text"], entry["name"]) == (f"MAYA\n{PHRASE}.", "Ben")
    assert entry["kind"] == "dialogue"
    assert (entry["server"], entry["channel"]) == (stage.guild.id, stage.channel.id)
    assert_private(await forget(stage, stage.ben), "1 line")
    assert PHRASE not in shown(stage)
    assert "Ben" not in shown(stage)
    assert ERASED_ELEMENT.text in shown(stage)
    await assert_channel_is_true(stage)


async def test_an_export_has_all_that_bears_a_persons_id(harness: SessionHarness):
    await harness.start(cast=["MAYA", "JONAS"])
    ben, people = harness.writer("Ben"), harness.store.people
    assert not await people.load_personal_data(ben.id)
    await harness.session.library.add_to_cast(ben, ["MAYA"], ben.id)
    await harness.generate(by="Ben", kind=Kind.ACTION)
    turn = await harness.generate(takes=2, vote=60)
    await harness.session.polls.vote(ben, turn.poll.id, 1)
    kept = await people.load_personal_data(ben.id)
    name, content = make_export_file(kept, 10_000)
    assert name == "on-book-yours.json"
    given = json.loads(content)
    assert [vote["take"] for vote in given["votes"]] == [2]
    assert [character["character"] for character in given["characters"]] == ["MAYA"]
    assert [line["text"] for line in given["asked"]] == [texts(await harness.lines())[-1]]
    assert given["lines"] == given["scripts"] == []
    # It is zipped where a message has too little room.
    name, zipped = make_export_file(kept, len(content) - 1)
    assert name == "on-book-yours.zip"
    with zipfile.ZipFile(io.BytesIO(zipped)) as archive:
        assert archive.read("on-book-yours.json") == content
    theirs = await people.load_personal_data(harness.writer().id)
    given = json.loads(make_export_file(theirs, 10_000)[1])
    assert [script["script"] for script in given["scripts"]] == ["The Diner"]
    [takes] = given["takes"]
    assert takes["voting_ends"] == turn.poll.ends.isoformat()
    assert takes["chosen"] is None


async def test_an_export_has_a_copy_whose_original_was_deleted(harness: SessionHarness):
    script = (await harness.start()).script
    hail = (await harness.write("Hail.\n\nSnow.")).lines[0]
    await harness.rewrite(hail, "Rain.")
    kept = await harness.store.people.load_personal_data(harness.writer().id)
    assert [line.text for line, _ in kept.lines][-3:] == ["Hail.", "Snow.", "Rain."]
    await harness.fork("Fork")
    await harness.store.scripts.delete_script(script.id)
    kept = await harness.store.people.load_personal_data(harness.writer().id)
    assert [line.text for line, _ in kept.lines][-2:] == ["Rain.", "Snow."]


# Servers


async def test_a_server_that_removed_the_bot_is_deleted_after_a_while(stage: Stage):
    mo = moderator(stage, manage_channels=True)
    empty = stage.guild.create_text_channel("empty")  # has words, but no script
    await mo.slash(empty, "banned", add="zounds")
    store, guild = stage.store, stage.guild.id
    assert await store.guilds.list_guilds() == [guild]
    await start_script(stage)
    await stage.ann.slash(stage.channel, "write", text=f"{PHRASE}.")
    await mo.slash(stage.channel, "banned", add="zounds")
    await store.key_values.save_value(guild_model_key(guild), "other")
    # A client drops a server before it announces the departure.
    here = stage.world.bot._connection._guilds.pop(guild)
    await stage.upkeep.on_guild_remove(here)
    assert await store.guilds.list_departed_guilds(FAR_FUTURE) == [guild]
    await stage.upkeep._delete_departed()
    assert await store.guilds.list_guilds() == [guild]
    stage.services.settings = stage.settings.model_copy(update={"departed_days": 0})
    mend = await make_read_only(stage.store)
    await stage.upkeep._delete_departed()
    await mend()
    assert await store.guilds.list_departed_guilds(FAR_FUTURE) == [guild]
    await stage.upkeep._delete_departed()
    assert await store.guilds.list_guilds() == []
    assert await store.guilds.list_departed_guilds(FAR_FUTURE) == []
    assert await store.key_values.find_value(guild_model_key(guild)) is None
    assert await store.scripts.list_scripts(stage.channel.id) == []
    for channel in (stage.channel, empty):
        assert await store.banned_words.list_banned_words(channel.id, guild) == []
    assert PHRASE.encode() not in read_disk(stage.settings.database)


async def test_a_server_that_has_the_bot_back_or_is_unavailable_is_kept(stage: Stage):
    await start_script(stage)
    store, guild = stage.store, stage.guild.id
    here = stage.world.bot.get_guild(guild)
    await store.guilds.record_departures([guild], [])
    stage.services.settings = stage.settings.model_copy(update={"departed_days": 0})
    await stage.upkeep._delete_departed()
    assert await store.guilds.list_guilds() == [guild]
    await stage.upkeep.on_guild_join(here)
    assert await store.guilds.list_departed_guilds(FAR_FUTURE) == []
    here.unavailable = True
    await stage.upkeep.on_ready()
    assert await store.guilds.list_departed_guilds(FAR_FUTURE) == []
    # Servers that left while the bot was off are noticed, on its own shards.
    gone, of_another_shard = 1234 << 22, 1235 << 22
    for channel, guild_then in enumerate((gone, of_another_shard)):
        await store.scripts.create_script(make_fork(await stage.script(), channel, 1, "The Roof"))
        fork = await store.scripts.find_running_script(channel)
        await store.scripts.update_script(fork.id, guild=guild_then)
    stage.world.bot.shard_count, stage.world.bot.shard_id = 2, 0
    await stage.upkeep.on_ready()
    assert await store.guilds.list_departed_guilds(FAR_FUTURE) == [gone]


async def test_a_bot_beside_another_one_deletes_nothing_in_their_database(
    where: Path | URL, bare_discord: Discord, chosen: RunnerSettings
):
    gone = 1234 << 22
    here = on(chosen, where).model_copy(update={"departed_days": 0})
    store = await Store.open(where)
    await store.key_values.save_value(HOUSEKEEPER, "1")
    await store.key_values.save_value(guild_model_key(gone), "other")
    await store.close()
    async with bot_at(bare_discord, here) as bot:
        guilds, upkeep = bot.services.sessions.store.guilds, bot.cogs["OnBook.upkeep"]
        await upkeep.on_ready()
        # A file has one bot at a time: the next one to open it takes over the work of the last.
        alone = isinstance(where, Path)
        assert await guilds.list_departed_guilds(FAR_FUTURE) == ([gone] if alone else [])
        await guilds.record_departures([gone], [])
        await upkeep._delete_departed()
        assert await guilds.list_guilds() == ([] if alone else [gone])


async def test_the_background_tasks_run_in_a_host_that_logs_in_later(
    bare_discord: Discord, chosen: RunnerSettings
):
    host = commands.Bot("!", intents=Intents(guilds=True))
    with at(bare_discord.address):
        await add_cogs(host, chosen)
        upkeep, ready = host.cogs["OnBook.upkeep"], asyncio.Event()

        async def on_ready() -> None:
            ready.set()

        host.add_listener(on_ready)
        await asyncio.sleep(0)
        async with started(host):
            async with asyncio.timeout(PATIENCE):
                await ready.wait()
            for task in (upkeep._delete_departed, upkeep._draw_stale, upkeep._evict_states):
                assert task.is_running()


# What another program keeps on the disk


@contextmanager
def reader(database: Path) -> Iterator[None]:
    """Read as another program, so that the log must keep what this program sees."""
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM lines").fetchone()
        yield
        other.execute("ROLLBACK")


@on_a_file
async def test_erased_text_leaves_the_disk_once_another_program_has_read(
    harness: SessionHarness, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("bot.storage.database.PURGE_RETRY", 0.01)
    await harness.start()
    await harness.write(f"{PHRASE}.")
    database = harness.settings.database
    with reader(database):
        found = await harness.store.people.erase_person(harness.writer().id, text=True)
        assert (found.lines, found.purged) == (2, False)
        assert "disappear from the disk within half an hour" in format_forgotten(found, text=True)
        # Writers go on meanwhile, and the purge keeps trying.
        for n in range(5):
            await harness.write(f"Rain {n}.", by="Ben")
        assert PHRASE.encode() in read_disk(database)
    async with asyncio.timeout(PATIENCE):
        while PHRASE.encode() in read_disk(database) or harness.store._database._next_purge:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert "disk" not in format_forgotten(ErasureResult(2, purged=True), text=True)


@on_a_file
async def test_erased_text_leaves_the_disk_with_the_next_start(harness: SessionHarness):
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
        await harness.close()
    log.write_bytes(left)
    await harness.open()
    assert PHRASE.encode() not in read_disk(database)
