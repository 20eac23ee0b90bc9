"""Test how people begin: the window, *Surprise me*, help, mentions, and refused speakers."""

from __future__ import annotations

import pytest

from bot.cogs.starting import SURPRISE
from bot.i18n.catalogue import remember_commands, say
from bot.session.situations import load_situations, suggest_voice
from tests.bot.conftest import HEADING, Stage, answer, fields, labels, start_script

FIELDS = ["Voice", "Title", "First scene heading", "Cast"]


async def running(stage: Stage):
    """Return the script that runs."""
    return await stage.script()


async def test_start_without_options_opens_a_window_with_a_situation(stage: Stage):
    shown = await stage.ann.slash(stage.channel, "start")
    assert list(fields(shown)) == FIELDS
    texts = [row["component"].get("value") for row in shown.modal["components"][1:]]
    assert texts in [[one.title, one.heading, ", ".join(one.cast)] for one in load_situations()]
    voices = [one["value"] for one in shown.modal["components"][0]["component"]["options"]]
    assert voices[2:] == stage.services.voices.names()


async def test_surprise_me_fills_all_of_it(stage: Stage):
    shown = await stage.ann.slash(stage.channel, "start")
    await stage.ann.submit_modal(shown, {fields(shown)["Voice"]: [SURPRISE]})
    script = await running(stage)
    [drawn] = [one for one in load_situations() if one.title == script.title]
    assert (script.cast, script.lock) == (list(drawn.cast), True)
    assert await stage.lines() == [element.text for element in drawn.elements]
    assert drawn.speech.split()[0] in stage.messages()[-2].content
    await stage.ann.click(stage.panel(), label="Continue")
    session = stage.session
    last = (await session.library.load_lines())[-1].element
    assert last.cue is None or last.cue in script.cast


@pytest.mark.parametrize(
    ("heading", "voice"),
    [
        *(("INT. DINER - NIGHT", "screen"), ("ext. heath", "screen"), ("Act I", "stage")),
        *(("SCENE 2. A WOOD", "stage"), ("A room", None), ("", None), ("INTERVAL", None)),
    ],
)
def test_a_heading_suggests_a_voice(heading: str, voice: str | None):
    assert suggest_voice(heading) == voice


async def test_the_voice_does_not_speak_for_somebody_outside_a_locked_cast(stage: Stage):
    await start_script(stage, cast="Maya, Jonas")
    refused = answer(await stage.ben.slash(stage.channel, "continue", character="Cerimon"))
    assert refused.ephemeral
    assert refused.content.startswith("CERIMON is not in the cast. Add them with </cast add:")
    assert await stage.lines() == [HEADING]
    await stage.ann.slash(stage.channel, "write", text="CERIMON: Hello.")
    found = await stage.ben.autocomplete(stage.channel, "continue", "character", "")
    assert [choice["value"] for choice in found] == ["MAYA", "JONAS"]
    await stage.ann.slash(stage.channel, "undo")
    await stage.ann.slash(stage.channel, "cast lock", lock="off")
    await stage.ben.slash(stage.channel, "continue", character="Cerimon")
    assert (await stage.lines())[1].startswith("CERIMON\n")


async def mention(stage: Stage, text: str = "<@{bot}> hello") -> list[str]:
    """Return what the bot has said after a message of Ben's."""
    await stage.ben.send(stage.channel, text.format(bot=stage.world.bot.user.id))
    await stage.world.settle()
    return [one.content for one in stage.messages() if one.author.id == stage.world.bot.user.id]


async def test_a_mention_is_answered_with_how_to_begin_once_a_minute(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
):
    assert await mention(stage, "hello <@{bot}>") == []
    assert await mention(stage, "nobody") == []
    [told] = await mention(stage)
    assert "has understood none of them. That is the fun." in told
    [shown] = [one for one in stage.messages() if one.content == told]
    assert labels(shown) == ["Start a script"]
    assert await mention(stage) == [told]
    monkeypatch.setattr("bot.cogs.help.MENTION_SECONDS", 0.0)
    assert await mention(stage) == [told, told]


async def test_in_a_hosts_bot_mentions_are_the_hosts(stage: Stage, monkeypatch: pytest.MonkeyPatch):
    services = stage.services
    monkeypatch.setattr(services, "group", "onbook")
    assert await mention(stage) == []
    allowed = services.settings.model_copy(update={"mentions": True})
    monkeypatch.setattr(services, "settings", allowed)
    assert len(await mention(stage)) == 1


def test_a_command_is_mentioned_by_its_id(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("bot.i18n.catalogue._command_ids", {})
    assert say("Use {/script show}.") == "Use /script show."
    remember_commands({"script": 7})
    assert say("Use {/script show}.") == "Use </script show:7>."


async def test_details_of_a_message_are_for_who_asks(stage: Stage):
    await start_script(stage)
    await stage.continue_with_seed(stage.ann, stage.channel, seed=7)
    begun, written = stage.messages()[-3:-1]
    told = answer(await stage.ben.context_menu(stage.channel, "Details", written))
    assert told.ephemeral
    for part in ("tiny", "seed 7", "temperature 0.65", "quality quick", "bits per character"):
        assert part in told.content
    told = answer(await stage.ben.context_menu(stage.channel, "Details", begun))
    assert "Ann" in told.content
    assert "seed" not in told.content
    said = await stage.ben.send(stage.channel, "hello")
    told = answer(await stage.ben.context_menu(stage.channel, "Details", said))
    assert told.content.startswith("That message shows no line of a script.")
