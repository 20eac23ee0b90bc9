"""Test how scripts start: the command, its window, and the offer to pause the running script."""

import re
from typing import Any
from unittest.mock import AsyncMock

import pytest
import simcord

from bot.errors import RequestError
from bot.session import situations
from bot.session.continuation import Continuation
from bot.session.preferences import LOCK
from bot.session.situations import find_fitting_model, load_situations
from bot.session.turn import Requester
from bot.ui.markdown import inline
from tests.bot.channel_check import assert_channel_is_true
from tests.bot.conftest import HEADING, Stage, answer, assert_private, fields, labels, start_script
from tests.bot.playing import PAUSE, ask, click, open_menu, replace_script

TURNS = ("continue", {}), ("write", {"text": "Rain."}), ("undo", {})


@pytest.mark.parametrize("is_preset", [False, True])
async def test_the_window_offers_a_situation_and_surprise_me_draws_another(
    stage: Stage, is_preset: bool
):
    if not is_preset:
        stage.services.settings.model_fields_set.discard("model")
    shown = await stage.ann.slash(stage.channel, "start")
    labelled = ["Surprise me", "Voice", "Title", "First scene heading", "Cast"]
    assert list(fields(shown)) == labelled
    rows = shown.modal["components"]
    suggestion = "INT. or EXT. suggests the film voice; any other heading, the stage voice"
    assert rows[3].get("description") == (None if is_preset else suggestion)
    _, voice, *texts = [row["component"] for row in rows]
    offers = [[offer.title, offer.heading, ", ".join(offer.cast)] for offer in load_situations()]
    assert [text.get("value") for text in texts] in offers
    [first, *others] = [option["label"] for option in voice["options"]]
    assert first == ("tiny" if is_preset else "As the heading suggests")
    assert others == [name for name in stage.services.models.names() if name != first]
    await stage.ann.submit_modal(shown, {fields(shown)["Surprise me"]: True})
    await assert_surprise(stage, stage.ann)


async def assert_surprise(stage: Stage, by: Any) -> None:
    """Assert that a situation was drawn by On Book, and that the voice has gone on with it."""
    script = await stage.script()
    [drawn] = [situation for situation in load_situations() if situation.title == script.title]
    assert (script.cast, LOCK.of(script), script.owner) == (list(drawn.cast), True, by.id)
    lines = await stage.session.library.load_lines()
    assert [line.element for line in lines[:-1]] == [*drawn.elements]
    assert [line.credit for line in lines] == [*["On Book"] * 3, "tiny"]
    *others, last = drawn.cast
    assert find_start(stage, f"-# “{inline(script.title, 100)}” starts here.") == (
        f"The voice writes only for {inline(', '.join(others), 500)} and {inline(last, 60)}. "
        "Change that with </cast:ID>."
    )
    assert drawn.speech.split()[0] in stage.messages()[-3].content
    await assert_channel_is_true(stage)


def find_start(stage: Stage, start: str) -> str:
    """Return what follows in the message that announces the start of a script."""
    [said] = [message.content for message in stage.messages() if message.content.startswith(start)]
    return re.sub(r":\d+>", ":ID>", said.removeprefix(start).strip())


async def test_a_surprise_draws_what_is_left_open(stage: Stage):
    own = {"title": "Rain", "voice": "tiny", "mood": "calm"}
    await ask(stage, "start", surprise=True, **own)
    script = await stage.script()
    assert (script.title, script.model, script.preferences["temperature"]) == ("Rain", "tiny", 0.5)
    assert len(await stage.lines()) == 4
    asked = await ask(stage, "start", surprise=True, cast="Maya, Jonas")
    assert_private(asked, "```\nMaya, Jonas\n```")
    await stage.ann.click(asked, label=PAUSE)
    script, (heading, _) = await stage.script(), await stage.session.library.load_lines()
    [drawn] = [situation for situation in load_situations() if situation.title == script.title]
    assert (heading.element, heading.credit) == (drawn.elements[0], "On Book")
    assert script.cast == ["MAYA", "JONAS"]


async def test_a_surprise_keeps_what_was_typed_into_the_window(stage: Stage):
    shown = await stage.ann.slash(stage.channel, "start")
    suggested = shown.modal["components"][2]["component"]["value"]
    typed = {"Surprise me": True, "Title": suggested, "First scene heading": " int. diner - night "}
    inputs = fields(shown)
    await stage.ann.submit_modal(shown, {inputs[label]: value for label, value in typed.items()})
    script, (heading, _) = await stage.script(), await stage.session.library.load_lines()
    assert (heading.text, heading.credit) == (HEADING, "Ann")
    [drawn] = [situation for situation in load_situations() if situation.title == script.title]
    assert script.cast == list(drawn.cast)


async def test_a_surprise_replaces_an_empty_script_and_asks_before_it_pauses_another(stage: Stage):
    await stage.ann.slash(stage.channel, "start", title="Nothing yet")
    await stage.ben.click(stage.panel(), label="Surprise me")
    await assert_surprise(stage, stage.ben)
    assert "Surprise me" not in labels(stage.panel())
    asked = await ask(stage, "start", surprise=True)
    assert labels(asked) == ["Continue it", PAUSE]
    await stage.ann.click(asked, label=PAUSE)
    await assert_surprise(stage, stage.ann)


async def test_a_surprise_is_drawn_once_a_channel(stage: Stage, monkeypatch: pytest.MonkeyPatch):
    few = load_situations()[:4]
    monkeypatch.setattr(situations, "load_situations", lambda: few)
    await ask(stage, "start", surprise=True)
    for _ in few[1:]:
        await click(stage.ann, await ask(stage, "start", surprise=True), PAUSE)
    kept = await stage.store.scripts.list_scripts(stage.channel.id)
    assert {script.title for script in kept} == {situation.title for situation in few}


async def test_nobody_is_asked_before_a_script_takes_the_place_of_an_empty_one(stage: Stage):
    for person, title, titles in (
        (stage.ann, "The Dinner", ["The Dinner"]),
        (stage.ann, "The Diner", ["The Diner"]),
        # Another person's is paused, because it has a cast and settings perhaps.
        (stage.ben, "The Roof", ["The Roof", "The Diner"]),
    ):
        assert await ask(stage, "start", person, title=title) is None
        kept = await stage.store.scripts.list_scripts(stage.channel.id)
        assert [script.title for script in kept] == titles
        await assert_channel_is_true(stage)


async def test_an_opening_stands_where_the_voice_cannot_go_on(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
):
    refusal = AsyncMock(side_effect=RequestError("The voice had nothing to say."))
    monkeypatch.setattr(Continuation, "generate", refusal)
    told = await ask(stage, "start", surprise=True)
    assert (told.content, told.ephemeral) == ("The voice had nothing to say.", True)
    assert len(await stage.lines()) == 3
    await assert_channel_is_true(stage)


async def test_the_voice_does_not_go_on_where_somebody_else_has(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
):
    messages, cid = stage.services.messages, Requester(3, "Cid", "message")
    sync = messages.sync

    async def sync_and_write(*arguments: Any, **more: Any) -> int:
        monkeypatch.undo()
        left = await sync(*arguments, **more)
        await stage.session.continuation.write(cid, "Snow.")
        return left

    monkeypatch.setattr(messages, "sync", sync_and_write)
    told = await ask(stage, "start", surprise=True)
    assert told.content.startswith("The script has moved on.")
    assert (await stage.lines())[3:] == ["Snow."]
    await assert_channel_is_true(stage)


async def test_the_first_continue_of_a_channel_begins_a_script(stage: Stage):
    assert await ask(stage, "continue", stage.ben, lines=2) is None
    script = await stage.script()
    said = f"-# There was no script here, so a new one starts: “{inline(script.title, 100)}”."
    assert find_start(stage, said).startswith("The voice writes only for ")
    assert len(await stage.lines()) == 5
    await assert_channel_is_true(stage)


@pytest.mark.parametrize(
    ("heading", "voice"),
    [
        *(("INT. DINER - NIGHT", "screen"), ("ext. heath", "screen"), ("Act I", None)),
        *(("SCENE 2. A WOOD", None), ("A room", None), ("", None), ("INTERVAL", None)),
        ("Innen. Küche - Tag", "screen"),
    ],
)
def test_a_heading_suggests_a_voice(heading: str, voice: str | None):
    assert find_fitting_model(heading) == voice


async def test_commands_without_a_script_offer_to_start_one(stage: Stage):
    turns = [turn for turn in TURNS if turn != ("continue", {})]
    for command, options in (*turns, ("script show", {})):
        refused = await ask(stage, command, stage.ben, **options)
        assert refused.ephemeral
        assert labels(refused) == ["Start a script", "Surprise me"]
        assert options.get("text", "") in refused.content
        assert stage.messages() == []
    shown = await stage.ben.click(refused, label="Start a script")
    typed = {"Title": "The Diner", "First scene heading": "int. diner - night", "Cast": "Maya"}
    inputs = fields(shown)
    await stage.ben.submit_modal(shown, {inputs[label]: text for label, text in typed.items()})
    assert await stage.lines() == [HEADING]
    script = await stage.script()
    assert (script.title, script.cast, script.owner) == ("The Diner", ["MAYA"], stage.ben.id)


async def test_a_script_may_start_without_a_line_or_a_visible_title(stage: Stage):
    await stage.ann.slash(stage.channel, "start", title=" \u202e\u200b\n")
    assert stage.panel().content.startswith("-# **Untitled** · tiny\nTo write, press **Write**")
    assert labels(stage.panel()) == ["Continue", "Three takes", "Write", "Surprise me", "More…"]
    menu = await open_menu(stage, stage.ann)
    assert "The end" not in labels(menu)
    for command in ("script show", "undo"):
        assert_private(await ask(stage, command), "is empty")
    assert (await stage.script()).running
    await stage.ann.click(stage.panel(), label="Continue")
    assert len(await stage.lines()) == 1
    await assert_channel_is_true(stage)


async def test_bad_options_are_refused_in_one_sentence(stage: Stage):
    for options, why in (
        ({"heading": "..."}, "A scene heading needs at least one letter or digit."),
        ({"cast": "Maya, 1234"}, "A character's name needs at least one letter."),
        ({"cast": "M" * 41}, f"“{'M' * 41}” is too long: a character's name can have"),
        ({"cast": ",".join(f"Actor {n}" for n in range(26))}, "A cast can have at most 25"),
        ({"voice": "nobody"}, "There is no voice “nobody”"),
        ({"voice": "../tiny"}, "There is no voice “\\.\\.\\/tiny”"),
    ):
        refused = answer(await start_script(stage, **options))
        assert_private(refused, why)
        sentences, _, text = refused.content.partition(" Here is what you wrote:")
        assert sentences.partition(" Did you mean")[0].count(". ") <= 1
        assert "The Diner" in text
        assert stage.messages() == []
        assert await stage.script() is None


async def test_start_asks_before_it_pauses_the_running_script(stage: Stage):
    await start_script(stage)
    look = stage.look(stage.panel())
    asked = await ask(stage, "start", stage.ben, title="Another *one*", heading="Roof")
    assert_private(asked, "The Diner")
    assert labels(asked) == ["Continue it", PAUSE]
    seen = stage.seen()
    kept = await click(stage.ben, asked, "Continue it")
    assert (kept.content, kept.ephemeral) == ("“The Diner” continues.", True)
    assert stage.seen() == seen
    assert await stage.lines() == [HEADING]

    text = "Here is what you wrote:\n```\nThe Roof\nExt. roof\nMaya\n```"
    asked = await ask(stage, "start", title="The Roof", heading="Ext. roof", cast="Maya")
    assert_private(asked, text)
    await stage.store.banned_words.replace_word_list("channel", stage.channel.id, ["maya"], None)
    assert_private(await click(stage.ann, asked, PAUSE), "“maya” is banned here", text)
    await replace_script(stage)
    assert "-# “The Roof” starts here." in [message.content for message in stage.messages()]
    seen = stage.seen()
    for label in labels(look):
        refused = answer(await stage.press_late(stage.ben, look, label))
        assert_private(refused, "“The Roof”")
        assert refused.components == []
    assert stage.seen() == seen
    assert await stage.lines() == ["EXT. ROOF"]
    await assert_channel_is_true(stage)


async def test_without_the_permission_to_post_nothing_is_stored(stage: Stage):
    for lacks, name in (("send_messages", "Send Messages"), ("view_channel", "View Channel")):
        stage.channel = stage.closed(**{lacks: False})
        for command, options in (("start", {"heading": HEADING}), *TURNS):
            refused = await ask(stage, command, **options)
            assert refused.ephemeral, command
            assert refused.content.startswith(f"I need **{name}** in this channel"), command
            assert options.get("text", "") in refused.content
            assert stage.messages() == []
        assert await stage.script() is None

    closed = stage.closed(send_messages_in_threads=False)
    made = stage.world.backend.create_thread(closed.id, "the second act", stage.ann.id)
    thread = simcord.ChannelHandle(stage.world, stage.guild, made)
    assert_private(answer(await start_script(stage, thread)), "**Send Messages In Threads**")
    assert answer(await start_script(stage, closed)) is None
