"""What people and servers can have deleted: it is gone from the script, the messages, the disk."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from bot.replay import Verdict, in_words, replay
from bot.room import Patience, Place, Wish
from bot.store import HeadMoved, fork_of
from bot.tables import FORGOTTEN, REMOVED, SOMEBODY, guilds_voice

from .conftest import Stage, answer
from .test_buttons import assert_true
from .test_cog import begin
from .test_room import House, house, texts

__all__ = ["house"]

PHRASE = "Zanzibar marzipan"
NAME = "Annabella Zweistein"


def on_the_disk(database: Path) -> bytes:
    """Every byte of the database, its log too."""
    files = [one for one in database.parent.glob(f"{database.name}*") if one.suffix != ".lock"]
    assert files
    return b"".join(one.read_bytes() for one in files)


async def forget(stage: Stage, person: Any, *, text: bool) -> Any:
    """Asks to be forgotten, and is sure."""
    asked = answer(await person.slash(stage.channel, "privacy forget", text=text))
    assert asked.ephemeral
    label = "Forget me and my text" if text else "Forget me"
    return answer(await person.click(asked, label=label))


async def test_about_says_what_is_kept_and_for_how_long(stage: Stage):
    told = answer(await stage.ann.slash(stage.channel, "privacy about"))
    assert told.ephemeral
    assert "30 days" in told.content
    assert "/privacy forget" in told.content


async def test_a_name_is_taken_from_lines_scripts_casts_and_votes(house: House):
    begun = await house.start(cast=["MAYA"])
    ann = house.writer()
    await house.write(PHRASE)
    await house.room.add_to_cast(ann, ["MAYA"], ann.id)
    turn = await house.room.carry_on(ann, Wish(takes=2, vote=60))
    await house.room.vote(ann, turn.ballot.id, 1)
    await house.store.forget(ann.id, text=False)
    lines = await house.room.lines()
    assert texts(lines) == ["INT. DINER - NIGHT", PHRASE]
    assert {(line.author, line.credit, line.asker) for line in lines} == {
        (FORGOTTEN, SOMEBODY, None)
    }
    script = await house.store.script(begun.script.id)
    assert (script.owner, script.players) == (FORGOTTEN, {})
    assert await house.store.votes(turn.ballot.id) == {}
    assert (await house.store.ballot(turn.ballot.id)).asker == FORGOTTEN
    # What a voice remembers is of the text, which is still there.
    assert await house.state(lines[-1]) == await house.read_from_the_start(lines)


async def test_text_is_taken_from_copies_too_and_every_voice_forgets_it(house: House):
    await house.start()
    first = (await house.write("Rain.")).lines[0]
    ben = house.writer("Ben")
    kept = (await house.room.write(ben, f"MAYA: {PHRASE}!")).lines[0]
    [spoken] = await house.carry_on(seed=1)
    await house.room.rewrite(
        house.writer(), Place((await house.room.script()).id, first.id), "Snow."
    )
    assert sum(PHRASE in line.text for line in await house.room.lines()) == 1
    await house.store.forget(ben.id, text=True)
    script = await house.room.script()
    tree = await house.store.tree(script, 0, 99)
    assert not [line for line in tree if PHRASE in line.text]
    assert [line.removed for line in tree] == [
        line.copy_of == kept.id or line.id == kept.id for line in tree
    ]
    lines = await house.room.lines()
    assert lines[2].element == REMOVED
    for line in [*tree]:
        if line.removed or line.parent in {one.id for one in tree if one.removed}:
            assert await house.state(line) is None
    assert await house.state(lines[1]) == await house.read_from_the_start(lines[:2])
    assert await house.store.surprise(spoken.id, spoken.origin["fingerprint"]) is None
    # It is read again, from what is there now.
    [after] = await house.carry_on(seed=2)
    assert await house.state(after) == await house.read_from_the_start([*lines, after])
    # A copy of what was removed says so as well.
    await house.room.rewrite(house.writer(), Place(script.id, lines[1].id), "Hail.")
    assert [line.removed for line in await house.room.lines()][1:3] == [False, True]


async def test_a_line_that_was_being_written_meanwhile_is_not_kept(house: House):
    await house.start()
    ben = house.writer("Ben")
    await house.room.write(ben, PHRASE)
    stood = await house.room.script()
    head = stood.head
    drafts = await house.room._drafts(stood, head, [Wish(seed=1)], Patience())
    await house.store.forget(ben.id, text=True)
    with pytest.raises(HeadMoved):
        await house.store.append(stood, head, drafts[0], "late", 0)
    with pytest.raises(HeadMoved):
        await house.store.offer(stood, drafts, "later", 1, None)
    # Nor what somebody was reading.
    model = (await house.voices.engine("tiny")).model
    await house.store.keep_state(head, model.fingerprint, drafts[0][0].state, removed=0)
    assert await house.store.state(head, model.fingerprint) is None
    await house.store.keep_state(head, model.fingerprint, drafts[0][0].state, removed=1)
    assert await house.store.state(head, model.fingerprint) is not None
    assert len(await house.carry_on()) == 1


@pytest.mark.parametrize("text", [False, True])
async def test_what_is_forgotten_is_nowhere_on_the_disk(house: House, text: bool):
    await house.start()
    ben = house.writer("Ben")
    named = type(ben)(ben.id, NAME, ben.delivery)
    await house.room.write(named, "\n\n".join(f"{PHRASE} {n}." for n in range(9)))
    database = house.settings.database
    before = on_the_disk(database)
    assert NAME.encode() in before
    assert PHRASE.encode() in before
    await house.store.forget(ben.id, text=text)
    after = on_the_disk(database)
    assert NAME.encode() not in after
    assert (PHRASE.encode() in after) is not text
    await house.restart()
    assert len(await house.room.lines()) == 10


async def test_what_is_deleted_is_nowhere_on_the_disk(house: House):
    begun = await house.start()
    await house.write(f"{PHRASE}.")
    assert PHRASE.encode() in on_the_disk(house.settings.database)
    await house.store.delete(begun.script.id)
    assert PHRASE.encode() not in on_the_disk(house.settings.database)


async def test_messages_are_drawn_again_without_what_was_forgotten(stage: Stage):
    await begin(stage)
    await stage.ben.slash(stage.channel, "write", text=f"{PHRASE}.")
    await stage.ann.slash(stage.channel, "write", text="Rain.")
    told = await forget(stage, stage.ben, text=True)
    assert told.ephemeral
    assert "1 line" in told.content
    everything = "\n".join(content for content, _ in stage.seen())
    assert PHRASE not in everything
    assert "Ben" not in everything
    assert SOMEBODY in everything
    await assert_true(stage)


async def test_whoever_is_not_sure_changes_nothing(stage: Stage):
    await begin(stage)
    await stage.ben.slash(stage.channel, "write", text="Rain.")
    asked = answer(await stage.ben.slash(stage.channel, "privacy forget", text=True))
    assert "Nobody can bring it back" in asked.content
    assert (await stage.lines())[-1] == "Rain."
    # The question outlives a restart.
    await stage.restart()
    await stage.ben.click(asked, label="Forget me and my text")
    assert (await stage.lines())[-1] == REMOVED.text


async def test_export_gives_people_theirs_and_nobody_elses(stage: Stage):
    nothing = answer(await stage.ben.slash(stage.channel, "privacy export"))
    assert nothing.content == "No line here is yours."
    await begin(stage)
    await stage.ann.slash(stage.channel, "write", text="Rain.")
    await stage.ben.slash(stage.channel, "write", text="MAYA: Snow.")
    given = answer(await stage.ben.slash(stage.channel, "privacy export"))
    assert given.ephemeral
    [file] = given.attachments
    [entry] = json.loads(await file.read())
    assert (entry["text"], entry["name"], entry["kind"]) == ("MAYA\nSnow.", "Ben", "dialogue")
    assert (entry["server"], entry["channel"]) == (stage.guild.id, stage.channel.id)


async def test_replay_says_what_follows_a_removed_line(house: House):
    await house.start()
    [before] = await house.carry_on(seed=1)
    ben = house.writer("Ben")
    await house.room.write(ben, PHRASE)
    await house.carry_on(seed=2, lines=2)
    await house.store.forget(ben.id, text=True)
    found = await replay(house.room, Patience())
    assert [one.verdict for one in found.findings] == [
        *(Verdict.PERSON, Verdict.PROVED, Verdict.PERSON),
        *(Verdict.UNPROVED, Verdict.UNPROVED),
    ]
    assert found.findings[1].line.id == before.id
    assert found.findings[3].reasons == ("it follows a removed line",)
    assert "it follows a removed line: lines 4, 5" in in_words(found)


# Servers -----------------------------------------------------------------------------------------


async def test_a_server_that_removed_the_bot_is_deleted_after_a_while(stage: Stage):
    await begin(stage)
    await stage.ann.slash(stage.channel, "write", text=f"{PHRASE}.")
    await stage.ann.slash(stage.channel, "settings banned", add="zounds")
    store, guild = stage.cog.store, stage.guild.id
    await store.note_fact(guilds_voice(guild), "other")
    later = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1)
    # It is gone from what a client knows before it hears of it.
    here = stage.world.bot._connection._guilds.pop(guild)
    await stage.cog.on_guild_remove(here)
    assert await store.departed(later) == [guild]
    await stage.cog._delete_departed()
    assert await store.guilds() == [guild]
    stage.cog.settings = stage.settings.model_copy(update={"departed_days": 0})
    await stage.cog._delete_departed()
    assert await store.guilds() == []
    assert await store.fact(guilds_voice(guild)) is None
    assert await store.shelf(stage.channel.id) == []
    assert await store.banned(stage.channel.id, guild) == []
    assert PHRASE.encode() not in on_the_disk(stage.settings.database)


async def test_a_server_that_has_the_bot_back_or_is_not_available_is_kept(stage: Stage):
    await begin(stage)
    store, guild = stage.cog.store, stage.guild.id
    later = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1)
    here = stage.world.bot.get_guild(guild)
    await store.note_departures([guild], [])
    stage.cog.settings = stage.settings.model_copy(update={"departed_days": 0})
    await stage.cog._delete_departed()
    assert await store.guilds() == [guild]
    await stage.cog.on_guild_join(here)
    assert await store.departed(later) == []
    here.unavailable = True
    await stage.cog.on_ready()
    assert await store.departed(later) == []


async def test_a_server_that_left_while_the_bot_was_off_is_noticed(stage: Stage):
    await begin(stage)
    store, guild = stage.cog.store, stage.guild.id
    later = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1)
    gone, of_another_shard = 1234 << 22, 1235 << 22
    for number, at in enumerate((gone, of_another_shard)):
        script = await store.running(stage.channel.id)
        await store.begin(fork_of(script, number, 1, "The Roof"))
        await store.change((await store.running(number)).id, guild=at)
    stage.world.bot.shard_count, stage.world.bot.shard_id = 2, 0
    await stage.cog.on_ready()
    assert await store.departed(later) == [gone]
    # It came back before its time was over.
    await store.change((await store.running(0)).id, guild=guild)
    await store.note_departures([], [gone])
    assert await store.departed(later) == []


async def test_a_disk_that_fails_once_does_not_end_the_deleting_of_servers(stage: Stage):
    await begin(stage)
    store, gone = stage.cog.store, 1234 << 22
    await store.note_departures([gone], [])
    stage.cog.settings = stage.settings.model_copy(update={"departed_days": 0})
    async with store._database.reading() as session:
        await (await session.connection()).exec_driver_sql("PRAGMA query_only = ON")
    await stage.cog._delete_departed()
    async with store._database.reading() as session:
        await (await session.connection()).exec_driver_sql("PRAGMA query_only = OFF")
    later = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1)
    assert await store.departed(later) == [gone]
    await stage.cog._delete_departed()
    assert await store.departed(later) == []
