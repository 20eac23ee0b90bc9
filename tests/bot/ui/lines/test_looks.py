"""Test the looks of lines in a channel: characters, cards and typewritten pages."""

from unittest.mock import AsyncMock

import discord
import pytest

from bot.screenplay.elements import Element, Kind
from bot.screenplay.free_text import parse_person_text
from bot.settings import RunnerSettings
from bot.ui.images.monogram import monogram_of
from bot.ui.lines import faces
from bot.ui.lines.looks import (
    DIVIDER,
    NAME_LIMIT,
    format_message,
    format_prose,
    format_recap,
    make_webhook_name,
)
from tests.bot.channel_check import assert_channel_is_true, is_line, read
from tests.bot.conftest import Stage, answer, assert_private, fields, start_script
from tests.bot.playing import act_unrecorded, ask, choose_script, edit, replace_script, write
from tests.fake_discord.people import letters
from tests.fake_discord.rules import clean_webhook_name


@pytest.fixture
def chosen(chosen: RunnerSettings) -> RunnerSettings:
    """Return settings with the look *characters*."""
    return chosen.model_copy(update={"look": "characters"})


@pytest.fixture
async def stage(stage: Stage) -> Stage:
    """Return a stage on which the bot may manage webhooks, and has begun a script."""
    stage.permit(manage_webhooks=True)
    await start_script(stage)
    return stage


def shown(stage: Stage) -> list[tuple[str, str]]:
    """Return the author and the text of each line that everybody sees."""
    return [(post.author.name, read(post)) for post in stage.messages() if is_line(post)]


async def test_characters_speak_under_their_names(stage: Stage):
    await write(stage, "MAYA (V.O.): (quietly) *You* came.\n\nRain falls.\n\nCUT TO:")
    assert shown(stage) == [
        ("The Diner", f"{DIVIDER}\n**INT\\. DINER \\- NIGHT**"),
        ("MAYA (V.O.)", "*\\(quietly\\)*\n*You* came\\."),
        ("The Diner", "*Rain falls\\.*"),
        ("The Diner", "*CUT TO\\:*"),
    ]
    maya = next(message for message in stage.messages() if message.author.name.startswith("MAYA"))
    emojis = stage.world.backend.application_emojis.values()
    [face] = [emoji for emoji in emojis if emoji.name == monogram_of("MAYA").emoji_name]
    assert f"/emojis/{face.id}" in maya.author.display_avatar.url or str(face.id) in str(
        [request.json for request in stage.world.http_requests]
    )
    assert stage.panel().author.id == stage.world.backend.bot_user.id
    await assert_channel_is_true(stage)


async def test_the_new_avatar_of_a_player_is_found(stage: Stage):
    await ask(stage, "cast", add="Maya", player=stage.ben)
    for avatar in ("a" * 32, "b" * 32):
        stage.world.backend.users[stage.ben.id].avatar = avatar
        await write(stage, "MAYA: Hello.")
        assert avatar in str([request.json for request in stage.world.http_requests])
        await stage.world.advance_time(faces.PLAYER_SECONDS)


async def test_rewriting_the_last_line_changes_its_speaker(stage: Stage):
    await write(stage, "MAYA: Hello.\n\nRain.")
    for text in ("JONAS: Hello.", "JONAS: Who is there?"):
        opened = await edit(stage, stage.ben, line="2")
        await stage.ben.submit_modal(opened, {fields(opened)["Text"]: text})
    await assert_channel_is_true(stage)


async def test_line_posted_before_a_crash_is_shown_once(stage: Stage):
    await act_unrecorded(stage, stage.ann.slash(stage.channel, "write", text="Rain.\n\nMAYA: Oh."))
    await stage.world.settle()
    await assert_channel_is_true(stage)
    await stage.ben.click(stage.panel(), label="Undo")


async def test_line_posted_before_a_crash_is_shown_once_above_the_first_of_several(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as patch:
        patch.setattr(stage.store.messages, "record_post", AsyncMock())
        await write(stage, "MAYA: Hello.")
    stage.services.messages._checked.clear()  # the next process knows no channel
    await stage.ben.slash(stage.channel, "continue", lines=3)
    assert len(shown(stage)) == 5
    await assert_channel_is_true(stage)


async def test_the_messages_of_a_deleted_script_stay(stage: Stage):
    await replace_script(stage)
    await write(stage, "MAYA: Rain.")
    before = shown(stage)
    await stage.restart()
    asked = await choose_script(stage, "The Roof")
    for label in ("Delete", "Delete for good"):
        await stage.ann.click(asked, label=label)
    assert shown(stage) == before


async def test_missing_permission_is_explained_once_to_who_can_grant_it(stage: Stage):
    closed = stage.closed(manage_webhooks=False)
    rights = stage.guild.create_role("Crew", permissions=discord.Permissions(manage_roles=True))
    mo = stage.guild.add_member(stage.world.create_user("Mo"), roles=[rights])
    await stage.world.settle()
    assert answer(await start_script(stage, closed)) is None
    told = answer(await mo.slash(closed, "write", text="MAYA: Hello."))
    assert_private(told, "Give me the **Manage Webhooks** permission here")
    assert answer(await mo.slash(closed, "write", text="Snow.")) is None
    assert [
        message.flags.components_v2 for message in stage.messages(closed) if is_line(message)
    ] == [True] * 3
    await assert_channel_is_true(stage, closed)


async def test_cards_have_the_colours_of_the_characters(stage: Stage):
    await stage.ann.slash(stage.channel, "settings", setting="look", value="cards")
    await write(stage, "MAYA: (quietly) You came.")
    card = stage.messages()[-2]
    [container] = card.components
    assert container.accent_colour == discord.Colour.from_rgb(*monogram_of("MAYA").colour)
    assert read(card) == "**MAYA**\n*\\(quietly\\)*\nYou came\\."
    await stage.ann.slash(stage.channel, "settings", setting="look", value="typewriter")
    await write(stage, "Rain.")
    opened = await edit(stage, line="2")
    await stage.ann.submit_modal(opened, {fields(opened)["Text"]: "JONAS: You came."})
    await assert_channel_is_true(stage)


@pytest.mark.parametrize(
    "name",
    [
        *("Clyde", "clydeclyde", "DISCORD", "Everyone", "HERE", "a```b", "@a`*_", "x" * 200),
        *("\u200b", "he\u200bre", "cly\u2060de", "\uff28\uff25\uff32\uff25", "\u24d7ere"),
    ],
)
def test_webhook_names_are_made_acceptable(name: str):
    made = make_webhook_name(name)
    assert clean_webhook_name(made, "username") == made
    assert letters(name).startswith(letters(made))


def test_webhook_names_that_discord_takes_are_kept():
    for name in ("MAYA (V.O.)", "There", "Here and everyone", "\uff2d\uff21\uff39\uff21", "x" * 80):
        assert make_webhook_name(name) == name


def test_message_under_another_name_says_who_speaks():
    [speech] = parse_person_text("JONAS: Hello.")
    assert format_message(speech, "JONAS", "JONAS") == "Hello\\."
    assert format_message(speech, "JONAS", "MAYA") == "**JONAS:** Hello\\."


def test_long_lines_are_cut_with_a_note():
    for kind in (Kind.ACTION, Kind.HEADING, Kind.DIALOGUE):
        element = Element(kind, "MAYA\n" + "*word* " * 1000)
        text = format_prose(element)
        assert 1900 < len(text) <= 2000
        assert text.endswith("see it all with /script show")
        assert len(format_message(element, "x" * NAME_LIMIT, "y")) <= 2000


def test_a_recap_has_the_last_line_rather_than_all_before():
    long = [Element(Kind.ACTION, letter * 300) for letter in "abcde"]
    [scene] = format_recap([Element(Kind.HEADING, "INT. DINER"), *long], ())
    assert scene.split("\n") == ["> **INT\\. DINER**", *(f"> *{part.text}*" for part in long[2:])]
    [scene] = format_recap([Element(Kind.ACTION, "a" * 2000)], ())
    assert scene.endswith("and more: see it all with /script show")
