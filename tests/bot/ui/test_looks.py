"""Test how lines stand in a channel: as characters, as cards, and as typewritten pages."""

from __future__ import annotations

from typing import Any

import discord
import pytest

from bot.screenplay.elements import Element, Kind
from bot.screenplay.free_text import parse_person_text
from bot.settings import RunnerSettings
from bot.ui.images.monogram import monogram_of
from bot.ui.looks import DIVIDER, NAME_LIMIT, format_message, format_prose, make_webhook_name
from tests.bot.channel_check import assert_channel_is_true, is_line, read
from tests.bot.cogs.test_panel_buttons import unnoted, write
from tests.bot.conftest import HEADING, Stage, answer, fields, start_script


@pytest.fixture
def chosen(chosen: RunnerSettings) -> RunnerSettings:
    """Return settings by which characters speak."""
    return chosen.model_copy(update={"look": "characters"})


@pytest.fixture
def characters(stage: Stage) -> Stage:
    """Return a stage on which characters speak, because the bot may manage webhooks."""
    stage.permit(manage_webhooks=True)
    return stage


def shown(stage: Stage) -> list[tuple[str, str]]:
    """Return the author and the text of each line that everybody sees."""
    return [(one.author.name, read(one)) for one in stage.messages() if is_line(one)]


async def test_characters_speak_under_their_names(characters: Stage):
    stage = characters
    await start_script(stage)
    await write(stage, "MAYA (V.O.): (quietly) *You* came.\n\nRain falls.\n\nCUT TO:")
    assert shown(stage) == [
        ("The Diner", f"{DIVIDER}\n**INT\\. DINER \\- NIGHT**"),
        ("MAYA (V.O.)", "*\\(quietly\\)*\n\\*You\\* came\\."),
        ("The Diner", "*Rain falls\\.*"),
        ("The Diner", "*CUT TO\\:*"),
    ]
    maya = next(one for one in stage.messages() if one.author.name.startswith("MAYA"))
    emojis = stage.world.backend.application_emojis.values()
    [face] = [one for one in emojis if one.name == monogram_of("MAYA").emoji_name]
    assert f"/emojis/{face.id}" in maya.author.display_avatar.url or str(face.id) in str(
        [request.json for request in stage.world.http_requests]
    )
    assert stage.panel().author.id == stage.world.backend.bot_user.id
    await assert_channel_is_true(stage)


async def test_all_lines_come_by_one_webhook_even_after_a_restart(characters: Stage):
    stage = characters
    await start_script(stage)
    await write(stage, "MAYA: Hello.")
    await stage.restart()
    await write(stage, "JONAS: Hello.")
    await stage.ann.slash(stage.channel, "undo")
    assert len({one.webhook_id for one in stage.messages() if is_line(one)}) == 1
    await assert_channel_is_true(stage)


async def test_another_speaker_takes_the_place_of_one_at_the_end(characters: Stage):
    stage = characters
    await start_script(stage)
    await write(stage, "MAYA: Hello.\n\nRain.")
    for text in ("JONAS: Hello.", "JONAS: Who is there?"):
        opened = await stage.ben.slash(stage.channel, "script edit", line=2)
        await stage.ben.submit_modal(opened, {fields(opened)["Text"]: text})
    await assert_channel_is_true(stage)


async def test_what_a_lost_process_could_not_record_is_shown_once(characters: Stage):
    stage = characters
    await start_script(stage)
    await unnoted(stage, stage.ann.slash(stage.channel, "write", text="Rain.\n\nMAYA: Oh."))
    await stage.world.settle()
    await assert_channel_is_true(stage)
    await stage.ben.click(stage.panel(), label="Undo")


async def test_a_lost_answer_doubles_no_line(characters: Stage, monkeypatch: pytest.MonkeyPatch):
    stage = characters
    await start_script(stage)
    send, lost = discord.Webhook.send, [True]

    async def send_and_lose(*arguments: Any, **more: Any) -> Any:
        message = await send(*arguments, **more)
        if lost:
            raise ConnectionResetError(lost.pop())
        return message

    monkeypatch.setattr(discord.Webhook, "send", send_and_lose)
    await write(stage, "MAYA: Hello.")
    assert len(shown(stage)) == 2
    await assert_channel_is_true(stage)


async def test_who_could_grant_the_permission_is_told_once(stage: Stage):
    denied = discord.PermissionOverwrite(manage_webhooks=False)
    closed = stage.guild.create_text_channel("closed", overwrites={stage.guild.me: denied})
    rights = stage.guild.create_role("Crew", permissions=discord.Permissions(manage_roles=True))
    mo = stage.guild.add_member(stage.world.create_user("Mo"), roles=[rights])
    await stage.world.settle()
    assert answer(await stage.ann.slash(closed, "start", heading=HEADING)) is None
    told = answer(await mo.slash(closed, "write", text="MAYA: Hello."))
    assert told.ephemeral
    assert told.content.startswith("Give me the **Manage Webhooks** permission here")
    assert answer(await mo.slash(closed, "write", text="Snow.")) is None
    assert [one.flags.components_v2 for one in stage.messages(closed) if is_line(one)] == [True] * 3
    await assert_channel_is_true(stage, closed)


async def test_cards_have_the_colours_of_the_characters(stage: Stage):
    await start_script(stage)
    await stage.ann.slash(stage.channel, "settings look", look="cards")
    await write(stage, "MAYA: (quietly) You came.")
    card = stage.messages()[-2]
    [container] = card.components
    assert container.accent_colour == discord.Colour.from_rgb(*monogram_of("MAYA").colour)
    assert read(card) == "**MAYA**\n*\\(quietly\\)*\nYou came\\."
    await stage.ann.slash(stage.channel, "settings look", look="typewriter")
    await write(stage, "Rain.")
    opened = await stage.ann.slash(stage.channel, "script edit", line=2)
    await stage.ann.submit_modal(opened, {fields(opened)["Text"]: "JONAS: You came."})
    await assert_channel_is_true(stage)


@pytest.mark.parametrize("name", ["Clyde", "clydeclyde", "DISCORD", "x" * 200, "\u200b", "@a`*_"])
def test_names_that_discord_refuses_are_made_acceptable(name: str):
    made = make_webhook_name(name)
    assert 1 <= len(made) <= 80
    assert not any(word in made.lower() for word in ("clyde", "discord"))


def test_a_message_that_keeps_another_name_says_who_speaks():
    [speech] = parse_person_text("JONAS: Hello.")
    assert format_message(speech, "JONAS", "JONAS") == "Hello\\."
    assert format_message(speech, "JONAS", "MAYA") == "**JONAS:** Hello\\."


def test_long_lines_are_cut_with_a_note():
    for kind in (Kind.ACTION, Kind.HEADING, Kind.DIALOGUE):
        element = Element(kind, "MAYA\n" + "*word* " * 1000)
        text = format_prose(element)
        assert 1900 < len(text) <= 2000
        assert text.endswith("see all of it with /script show")
        assert len(format_message(element, "x" * NAME_LIMIT, "y")) <= 2000


def test_headings_have_a_divider():
    element = Element(Kind.HEADING, HEADING)
    assert format_message(element, "a", "b") == f"{DIVIDER}\n**INT\\. DINER \\- NIGHT**"
