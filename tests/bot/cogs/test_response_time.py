"""Test that the bot answers before it waits for anything, because Discord waits 3 seconds.

Nothing here measures a time: while a request is answered, the database, the channel's lock and the
files of the voices are taken.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import discord
import pytest
from discord import app_commands, ui

from bot.cogs import feature
from bot.settings import RunnerSettings
from bot.ui.components import CUSTOM_ID_PREFIX, make_view
from tests.bot.conftest import HEADING, Inside
from tests.bot.playing import begin_script, is_settled, read_true_script
from tests.fake_discord import rules
from tests.fake_discord.people import Asked, Message
from tests.fake_discord.processes import UNLIMITED
from tests.fake_discord.state import Answer

COMMANDS: dict[str, dict[str, Any]] = {
    "banned": {},
    "cast": {"add": "Maya"},
    "continue": {},
    "help": {},
    "privacy": {},
    "script edit": {"line": "1"},
    "script export": {"format": "txt"},
    "script fork": {"title": "Act two"},
    "script history": {},
    "script import": {"file": ("play.fountain", b"INT. BARN - DAY\n\nJO\nRain.\n")},
    "script list": {},
    "script listen": {},
    "script show": {},
    "script stats": {},
    "script turns": {},
    "settings": {"setting": "takes", "value": "1"},
    "start": {"title": "The Roof"},
    "undo": {},
    "voice": {"voice": "tiny", "use": "script"},
    "write": {"text": "Rain."},
}
"""All commands, few enough for a newcomer, each with options that take it furthest."""

ON_A_MESSAGE = ("Details", "Rewrite this line", "Add to the script", "Continue from here")

BUTTONS = (
    *(f"{name}:POSITION" for name in ("continue", "take", "undo", "redo", "write", "more", "here")),
    *("action:POSITION", "speech:POSITION", "cast:SCRIPT:Maya", "join:POSITION", "agree:POSITION"),
    "rename:POSITION:Maya",
    *(f"menu-{name}:POSITION" for name in ("vote", "cast", "show", "export", "listen", "guesses")),
    *(f"menu-{name}:POSITION" for name in ("stats", "history", "scripts", "advanced", "turns")),
    *(f"menu-{name}:POSITION" for name in ("sprint", "see-sprint", "settings", "all-settings")),
    *(f"menu-{name}:POSITION" for name in ("first", "read", "together", "end")),
    *(f"script:{name}:SCRIPT" for name in ("all", "see", "rename", "ask", "run", "reopen")),
    *(f"{name}:SCRIPT:0:on" for name in ("page", "history", "shelf")),
    *(f"turns:{name}:SCRIPT:0" for name in ("join", "pass", "leave", "off")),
    *("stop:1:lines", "poll:1:take:0", "end-sprint:SCRIPT", "forget:name", "start:POSITION"),
    *("privacy:export", "privacy:forget", "privacy:keep", "star:1", "surprise:POSITION"),
    *("script:archive:SCRIPT", "end:POSITION", "script:delete:SCRIPT"),
)
"""The custom ids of all buttons, without their prefix; what ends the script comes last."""

MENUS = (
    *(("speaker:POSITION", "anybody"), ("menu-lines:POSITION", "1")),
    *(("menu-mood:POSITION", "calm"), ("menu-voice:POSITION", "tiny")),
    *(("menu-look:POSITION", "cards"), ("menu-takes:POSITION", "1")),
    ("menu-setting:POSITION", "cooldown"),
    *(("menu-style:POSITION", "storm"), ("menu-format:POSITION", "txt"), ("scripts", "SCRIPT")),
    *(("line:SCRIPT", "1"), ("turns:hours:SCRIPT:0", "24"), ("poll:1:read", "0")),
)
"""The custom ids of all menus, without their prefix, and a value of each."""

SUGGESTIONS = (
    *(("continue", "character"), ("write", "character"), ("cast", "add")),
    *(("cast", "remove"), ("script edit", "line"), ("start", "style")),
)
"""Options whose suggestions are read."""

DEFERRED = (Answer.THINKING, Answer.SILENCE)

WINDOWS = {
    *(
        "menu-setting:POSITION",
        "write:POSITION",
        "menu-advanced:POSITION",
        "menu-sprint:POSITION",
        "start:POSITION",
    ),
    "script:rename:SCRIPT",
}
"""The buttons that open windows."""


@pytest.fixture
def chosen(chosen: RunnerSettings) -> RunnerSettings:
    """Return the settings of a bot without rate limits."""
    return chosen.model_copy(update=UNLIMITED)


@asynccontextmanager
async def everything_taken(inside: Inside) -> AsyncIterator[None]:
    """Take what requests may wait for: the database, the channel's lock and a voice's file."""
    services = inside.services
    async with (
        inside.store._database._connection_lock,
        services.sessions.get(inside.channel.id).library.lock,
        services.models._looking["tiny"],
    ):
        yield


async def answers_first(
    inside: Inside, act: Callable[..., Awaitable[Asked]], *arguments: Any, **options: Any
) -> Asked:
    """Act while everything is taken; return the request once it was answered, and has ended."""
    async with everything_taken(inside):
        asked = await act(*arguments, **options)
        await inside.discord.until(lambda: asked.how, lambda: f"a first answer to {asked}")
    await inside.discord.until(lambda: is_settled(asked), lambda: f"the end of {asked}")
    await inside.until_idle()
    return asked


async def submit(inside: Inside, opened: Asked, values: dict[str, str]) -> Asked:
    assert opened.how == Answer.MODAL
    asked = await answers_first(inside, inside.ann.submit_modal, opened, values)
    assert asked.how in DEFERRED
    return asked


async def show_settings(inside: Inside) -> Message:
    asked = await inside.ann.slash(inside.channel, "settings", setting="everything")
    return await asked.shows("Temperature")


async def fill(inside: Inside, text: str) -> str:
    """Return a custom id with the running script's id and position."""
    if not await inside.script():
        await begin_script(inside.ann, inside.channel)
    script = await inside.script()
    position = f"{script.id}:{script.head or 0}"
    return text.replace("POSITION", position).replace("SCRIPT", str(script.id))


def test_all_commands_and_components_are_here(inside: Inside):
    commands = inside.services.bot.tree.walk_commands()
    names = {item.qualified_name for item in commands if isinstance(item, app_commands.Command)}
    assert names - {"script listen"} == COMMANDS.keys() - {"script listen"}
    menus = inside.services.bot.tree.walk_commands(type=discord.AppCommandType.message)
    assert {menu.name for menu in menus} == set(ON_A_MESSAGE)
    ids = [
        CUSTOM_ID_PREFIX + name.replace("POSITION", "1:1").replace("SCRIPT", "1")
        for name in (*BUTTONS, *(menu for menu, _ in MENUS))
    ]
    patterns = [
        listener.__discord_ui_compiled_template__
        for cog in inside.services.bot.cogs.values()
        if isinstance(cog, feature.FeatureCog)
        for listener in cog._listeners
    ]
    assert [found.pattern for found in patterns if not any(map(found.fullmatch, ids))] == []
    known = {custom_id for found in patterns for custom_id in filter(found.fullmatch, ids)}
    assert [custom_id for custom_id in ids if custom_id not in known] == []


async def test_each_command_is_acknowledged_before_anything_is_read(inside: Inside):
    ann, channel = inside.ann, inside.channel
    registered = await inside.discord.commands()
    await begin_script(ann, channel)
    for name, options in COMMANDS.items():
        if name == "script listen" and "listen" not in str(registered["script"]):
            continue  # without the extra for it
        asked = await answers_first(inside, ann.slash, channel, name, **options)
        assert asked.how in (Answer.THINKING, Answer.MESSAGE), name
    await (await ann.slash(channel, "write", text="Rain.\n\nSnow.")).is_done()
    lines = [message for message in channel.messages() if message.is_line]
    for name in ON_A_MESSAGE:
        for message in (lines[-1], lines[-2]):
            asked = await answers_first(inside, ann.menu, message, name)
            # The window for the last line is filled from memory.
            opens = name == "Rewrite this line" and message is lines[-1]
            assert asked.how == (Answer.MODAL if opens else Answer.THINKING), name
    inside.discord.refusals.clear()


async def test_each_component_is_acknowledged_before_anything_is_read(inside: Inside):
    ann = inside.ann
    await begin_script(ann, inside.channel)
    await show_settings(inside)
    channel: Any = inside.services.bot.get_channel(inside.channel.id)

    async def show(item: ui.Item[Any]) -> Message:
        posted = await channel.send("Press this.", view=make_view(item))
        return await inside.discord.see(posted.id)

    for name, value in MENUS:
        custom_id, choice = CUSTOM_ID_PREFIX + await fill(inside, name), await fill(inside, value)
        options = [discord.SelectOption(label=choice)]
        message = await show(ui.Select(custom_id=custom_id, options=options))
        asked = await answers_first(inside, ann.choose, message, custom_id, choice)
        assert asked.how in ([Answer.MODAL] if name in WINDOWS else DEFERRED), name
    for name in BUTTONS:
        custom_id = CUSTOM_ID_PREFIX + await fill(inside, name)
        message = await show(ui.Button(label="x", custom_id=custom_id))
        expected = [Answer.MODAL] if name in WINDOWS else [*DEFERRED, Answer.MESSAGE]
        assert (await answers_first(inside, ann.click, message, "x")).how in expected, name
    inside.discord.refusals.clear()


async def test_windows_are_filled_from_memory_and_their_submissions_acknowledged(inside: Inside):
    ann, channel = inside.ann, inside.channel
    opened = await answers_first(inside, ann.slash, channel, "start")
    typed = {"Title": "The Diner", "First scene heading": HEADING, "Cast": "Maya"}
    panel = await (await submit(inside, opened, typed)).is_done()
    opened = await answers_first(inside, ann.click, panel, "Write")
    await (await submit(inside, opened, {"Text": "MAYA: Rain."})).is_done()
    opened = await answers_first(inside, ann.slash, channel, "script edit")
    await (await submit(inside, opened, {"Text": "MAYA: Snow."})).is_done()
    settings = await show_settings(inside)
    opened = await answers_first(inside, ann.click, settings, "Advanced")
    [label] = [label for label, _ in rules.inputs(opened.modal) if label.startswith("Top-p")]
    await (await submit(inside, opened, {label: "0.5"})).shows("top-p to 0.5")
    scripts = await (await ann.slash(channel, "script list")).shows("The Diner")
    [script] = await inside.store.scripts.list_scripts(channel.id)
    await answers_first(inside, ann.choose, scripts, scripts.menus[0], str(script.id))
    await inside.discord.until(lambda: "Rename" in scripts.labels)
    opened = await answers_first(inside, ann.click, scripts, "Rename")
    await submit(inside, opened, {"Title": "The Roof"})
    assert "The Roof" in scripts.text
    opened = await answers_first(inside, ann.click, scripts, "Rename")
    assert "The Roof" in str(opened.modal)


async def test_a_window_that_is_not_in_memory_is_offered(inside: Inside):
    ann, channel = inside.ann, inside.channel
    await begin_script(ann, channel)
    settings = await show_settings(inside)
    inside.services.messages.shown.clear()
    inside.services.recent_scripts.clear()
    edited = await answers_first(inside, ann.slash, channel, "script edit")
    offer = await edited.shows("INT")
    opened = await answers_first(inside, ann.click, offer, "Rewrite this line")
    await (await submit(inside, opened, {"Text": "Rain."})).is_done()
    assert [post.text for post in channel.messages() if post.is_line] == ["```\nRain.\n```"]
    pressed = await answers_first(inside, ann.click, settings, "Advanced")
    offer = await pressed.shows("The Diner")
    opened = await answers_first(inside, ann.click, offer, "Advanced")
    assert opened.modal is not None
    inside.services.recent_scripts.clear()
    pressed = await answers_first(inside, ann.choose, settings, settings.menus[0], "ping")
    offer = await pressed.shows("The Diner")
    opened = await answers_first(inside, ann.click, offer, "pings")
    await submit(inside, opened, {"Pings": "on"})
    await inside.discord.until(lambda: "Pings: on (off)" in offer.content)
    await inside.until_idle()
    assert not offer.deleted  # because it is the card by now


async def test_suggestions_are_given_up_in_time(inside: Inside, monkeypatch: pytest.MonkeyPatch):
    await begin_script(inside.ann, inside.channel)
    monkeypatch.setattr(feature, "READING_SECONDS", 0.01)
    for command, option in SUGGESTIONS:
        async with everything_taken(inside):
            assert await inside.ann.autocomplete(inside.channel, command, option, "1") == []


async def test_requests_beyond_the_limit_are_refused_at_once_with_their_text(inside: Inside):
    inside.services.in_flight._most_requests = 8
    guild = await inside.discord.guild("Elsewhere")
    people = [await guild.person(f"P{number}") for number in range(5)]
    channels = [await guild.channel(f"stage-{number}") for number in range(5)]
    places = list(zip(people, channels, strict=True))
    for person, channel in places:
        await begin_script(person, channel)
    async with everything_taken(inside):
        # One channel may have two of the eight, so that the others have room.
        admitted = [await user.slash(here, "write", text="Rain.") for user, here in places[:3] * 2]
        await inside.discord.until(lambda: all(request.how for request in admitted))
        refused = [await people[0].slash(channels[0], "write", text="Snow.")]
        admitted += [await person.slash(here, "continue") for person, here in places[3:]]
        await inside.discord.until(lambda: all(request.how for request in admitted))
        panel = channels[4].panel()
        refused.append(await people[4].slash(channels[4], "write", text="Snow."))
        refused.append(await people[4].click(panel, "Continue"))
        for request in refused:
            told = await request.shows("The bot is very busy. Try again in a moment.")
            assert (request.how, told.only_for) == (Answer.MESSAGE, request.user)
        for request in refused[:2]:
            assert "Here is what you wrote:\n```\nSnow." in request.answers()[0].text
    for request in admitted:
        await request.is_done()
    await (await people[0].slash(channels[0], "write", text="Snow.")).is_done()
    for person, channel in places[:3]:
        assert (await read_true_script(person, channel))[1:3] == ["Rain.", "Rain."]
