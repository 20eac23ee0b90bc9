"""Test what people can ask of a voice: a kind, a cast, banned words, and to stop."""

from __future__ import annotations

import numpy as np
import pytest

from bot.errors import RequestError
from bot.inference.word_filter import find_banned_word
from bot.screenplay.elements import Kind
from bot.session.banned_words import edit_words
from bot.session.channel_session import ChannelSession
from bot.ui import components
from tests.bot.conftest import Stage, answer, buttons, moderator, start_script
from tests.bot.session_harness import SessionHarness


async def test_continue_writes_the_kind_that_was_chosen(stage: Stage):
    await start_script(stage)
    for kind in (Kind.DIALOGUE, Kind.ACTION, Kind.HEADING):
        await stage.continue_with_seed(stage.ann, stage.channel, kind=kind.value, lines=3, seed=1)
        await stage.ann.slash(stage.channel, "script retry")
        lines = await stage.session.library.load_lines()
        assert [line.kind for line in lines[-3:]] == [kind.value] * 3


async def test_somebody_who_speaks_does_not_write_action(stage: Stage):
    await start_script(stage)
    refused = await stage.ann.slash(stage.channel, "continue", kind="action", character="MAYA")
    assert "Leave out kind or character" in answer(refused).content
    assert len(await stage.lines()) == 1


async def test_words_are_banned_for_a_channel_and_for_a_server(stage: Stage):
    mo = moderator(stage, manage_channels=True, manage_guild=True)
    await start_script(stage)
    room = stage.session
    await stage.continue_with_seed(stage.ann, stage.channel, lines=10, seed=1)
    before = " ".join(await stage.lines())
    first, second = sorted({w.lower() for w in before.split() if w.isalpha() and len(w) > 2})[:2]
    told = await mo.slash(stage.channel, "settings banned", add=f"{first.upper()}, zounds")
    assert f"{first}, zounds" in told.response.content
    await mo.slash(stage.channel, "settings banned", add=second, server=True)
    elsewhere = stage.guild.create_text_channel("elsewhere")
    assert set(
        await stage.services.sessions.get(elsewhere.id).library.load_banned_words(stage.guild.id)
    ) >= {second}
    assert first not in await stage.services.sessions.get(elsewhere.id).library.load_banned_words(
        stage.guild.id
    )
    await stage.restart()
    for _ in range(10):
        await stage.ann.slash(stage.channel, "undo")
    await stage.continue_with_seed(stage.ann, stage.channel, lines=10, seed=1)
    room = stage.session
    after = " ".join(line.text for line in (await room.library.load_lines())[1:])
    assert find_banned_word(before, [first, second])
    assert not find_banned_word(after, [first, second])
    shown = await stage.ben.slash(stage.channel, "settings banned")
    assert first in shown.response.content
    assert shown.response.ephemeral
    gone = await mo.slash(stage.channel, "settings banned", remove=f"{first}, zounds")
    assert "the bot's own list applies in this channel" in gone.response.content


async def test_banned_words_are_among_the_settings_and_all_are_taken_back(stage: Stage):
    mo = moderator(stage, manage_channels=True, manage_guild=True)
    await start_script(stage)

    async def shown() -> list[str]:
        told = answer(await stage.ann.slash(stage.channel, "settings show"))
        assert told.ephemeral
        return told.content.split("\n")[-3:-1]

    assert await shown() == ["- banned in this channel: none", "- banned in this server: none"]
    await mo.slash(stage.channel, "settings banned", add="zounds, f*ie")
    await mo.slash(stage.channel, "settings banned", add="alas, alack", server=True)
    assert await shown() == [
        "- **banned in this channel: 2 words (f\\*ie, zounds)**",
        "- **banned in this server: 2 words (alack, alas)**",
    ]
    for change in ({"setting": "banned"}, {"clear": True}, {"clear": True, "server": True}):
        command = "settings banned" if "clear" in change else "settings reset"
        refused = answer(await stage.ann.slash(stage.channel, command, **change))
        assert "You need the **" in refused.content
    told = answer(await stage.ann.slash(stage.channel, "settings reset", setting="everything"))
    assert told.content.endswith("banned words stay. Reset them separately.")
    told = answer(await mo.slash(stage.channel, "settings reset", setting="banned"))
    assert told.content.startswith("This channel bans no words of its own now")
    left = answer(
        await mo.slash(stage.channel, "settings banned", clear=True, add="fie", server=True)
    )
    assert left.content.endswith("\n```\nfie\n```")
    await stage.restart()
    assert await shown() == [
        "- banned in this channel: none",
        "- **banned in this server: 1 word (fie)**",
    ]


async def test_only_those_who_may_change_what_is_banned(stage: Stage):
    refused = await stage.ann.slash(stage.channel, "settings banned", add="word")
    assert "You need the **Manage Channels**" in answer(refused).content
    refused = await stage.ann.slash(stage.channel, "settings banned", add="word", server=True)
    assert "You need the **Manage Server**" in answer(refused).content
    assert await stage.store.banned_words.list_banned_words(stage.channel.id, stage.guild.id) == []


async def test_a_name_that_must_not_be_said_is_not_in_the_cast(stage: Stage):
    mo = moderator(stage, manage_channels=True, manage_guild=True)
    await mo.slash(stage.channel, "settings banned", add="zounds")
    refused = await start_script(stage, cast="Maya, Old Zounds")
    assert "cannot join the cast" in answer(refused).content
    assert answer(refused).ephemeral
    assert await stage.script() is None


async def test_the_operators_list_holds_everywhere(harness: SessionHarness):
    banned = await harness.session.library.load_banned_words(None)
    assert len(banned) > 20
    assert not any(word.startswith("#") for word in banned)
    other = harness.settings.model_copy(
        update={"banned": harness.settings.database.with_name("w.txt")}
    )
    other.banned.write_text("# mine\nzounds\n\n", encoding="utf-8")
    assert await ChannelSession(1, harness.store, harness.voices, other).library.load_banned_words(
        None
    ) == ("zounds",)


def test_a_list_is_changed_word_by_word():
    assert edit_words(["b"], "A, c c,  b", "") == ["a", "b", "c c"]
    assert edit_words(["é", "b"], "", "E") == ["b"]
    for add, remove, why in (
        ("", "x", "not on this list"),
        ("...", "", "at least one letter or digit"),
        ("x" * 61, "", "at most 60 characters"),
        (",".join(map(str, range(501))), "", "the limit is 500"),
    ):
        with pytest.raises(RequestError, match=why):
            edit_words(["b"], add, remove)


async def test_the_surprise_of_every_character_is_kept(harness: SessionHarness):
    await harness.start()
    [mine] = (await harness.write("MAYA: Zqxj vwk pfff.")).lines
    [its] = await harness.continue_script(1, character="MAYA")
    model = (await harness.voices.engine("tiny")).model
    for line in (mine, its):
        bits = await harness.store.states.find_surprisal(line.id, model.fingerprint)
        assert len(bits) == len(model.encode(line.text)) + 1
        assert (bits >= 0).all()
    mean = [
        float(np.mean(await harness.store.states.find_surprisal(line.id, model.fingerprint)))
        for line in (mine, its)
    ]
    assert mean[0] > mean[1]


async def test_stop_says_so_when_nothing_is_written_any_more(stage: Stage):
    await start_script(stage)
    await stage.continue_with_seed(stage.ann, stage.channel, lines=3, seed=1)
    look = stage.look(stage.panel())
    [*_, last] = await stage.session.library.load_lines()
    look["components"] = components.make_stop_button(
        int(last.delivery), components.LINES
    ).to_components()
    assert list(buttons(look)) == ["Stop"]
    pressed = await stage.press_late(stage.ben, look, "Stop")
    assert "That is already written" in pressed.response.content
    assert len(await stage.lines()) == 4
