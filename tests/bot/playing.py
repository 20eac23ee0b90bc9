"""Act as people do in a script, at the project's own Discord or on a simulated stage."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from unittest.mock import AsyncMock

import pytest

from bot.interactions import in_flight
from bot.interactions.services import CogServices
from tests.bot.conftest import HEADING, Stage, answer, assert_private, fields, find_menus, labels
from tests.fake_discord.people import Asked, Channel, Message, Person

BLOCK = "```"

FIRST_LINE = "`1` "
"""The number of the first line, on the first page of a script."""

BY_VOICE = ["Continue", "Three takes", "Another take", "Undo", "Write", "More…"]
"""The buttons under a line of the voice."""

BY_PERSON = ["Continue", "Three takes", "Undo", "Write", "More…"]
"""The buttons under a line of a person."""

PAUSE = "Pause it and start the new one"
"""The button that starts a script in the place of the running one."""


async def begin_script(person: Person, channel: Channel) -> Message:
    """Begin a script with a heading, and return its panel."""
    asked = await person.slash(channel, "start", title="The Diner", heading=HEADING)
    return await asked.is_done()


async def read_script(person: Person, channel: Channel) -> list[str]:
    """Return the lines of the script, as anybody can download them."""
    shown = await (await person.slash(channel, "script show")).shows(FIRST_LINE)
    [file] = shown.attachments
    _title, *lines = (await person.discord.read(file)).strip().split("\n\n")
    return lines


async def read_true_script(person: Person, channel: Channel) -> list[str]:
    """Wait until the channel shows the script as it is stored, and return the script's lines."""
    lines = await read_script(person, channel)

    await person.discord.until(
        lambda: channel.tells(lines), lambda: f"{lines} in {channel.shown()}"
    )
    # Redo depends on earlier lines, the other reading on the text of the last one.
    some = {"Redo", "Make it action", "Make it speech"}
    labels = [label for label in channel.panel().labels if label not in some]
    assert labels in (BY_PERSON, BY_VOICE)
    return lines


def is_settled(asked: Asked) -> bool:
    """Return whether a press was answered and no answer still thinks or writes."""
    return asked.how is not None and not any(
        answer.thinking or answer.labels == ["Stop"] for answer in asked.answers()
    )


async def hold_up(
    services: CogServices, monkeypatch: pytest.MonkeyPatch, wait: Callable[[], Awaitable[object]]
) -> None:
    """Let the voice wait before it reads or writes anything."""
    engine = await services.models.engine("tiny")
    run = engine.run

    async def run_late(request: Any) -> Any:
        await wait()
        return await run(request)

    monkeypatch.setattr(engine, "run", run_late)


async def slow_down(services: CogServices, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slow each line down, and show progress early."""
    await hold_up(services, monkeypatch, partial(asyncio.sleep, 0.15))
    monkeypatch.setattr(in_flight, "PROGRESS_INTERVAL", 0.05)


async def ask(stage: Stage, command: str, by: Any = None, **options: Any) -> Any:
    """Use a command as Ann, or somebody else, and return the answer."""
    return answer(await (by or stage.ann).slash(stage.channel, command, **options))


async def suggest(stage: Stage, command: str, option: str, typed: str, **others: Any) -> list[str]:
    """Return the values that are suggested to Ann for a partly typed option."""
    found = await stage.ann.autocomplete(stage.channel, command, option, typed, **others)
    return [choice["value"] for choice in found]


async def click(who: Any, message: Any, label: str) -> Any:
    """Press a button as it is now, and return the answer."""
    return answer(await who.click(message, label=label))


async def write(stage: Stage, text: str) -> None:
    """Write lines as Ben."""
    await stage.ben.slash(stage.channel, "write", text=text)


async def open_window(who: Any, asked: Any) -> Any:
    """Return what opened the window to rewrite a line: a command, or the button that it offers."""
    offer = answer(asked)
    if offer and "Rewrite this line" in labels(offer):
        return await who.click(offer, label="Rewrite this line")
    return asked


async def edit(stage: Stage, by: Any = None, **options: Any) -> Any:
    """Open the window to rewrite a line, as Ann or somebody else."""
    who = by or stage.ann
    return await open_window(who, await who.slash(stage.channel, "script edit", **options))


async def rewrite(stage: Stage, window: Any, text: str, by: Any = None) -> Any:
    """Submit a window to rewrite a line, as Ann or somebody else; return the answer, or None."""
    values = {fields(window)["Text"]: text}
    return answer(await (by or stage.ann).submit_modal(window, values))


async def open_menu(stage: Stage, by: Any = None, level: str = "") -> Any:
    """Press *More…* as Ben, or somebody else, under the newest line, and open a level by label."""
    menu = await click(by or stage.ben, stage.panel(), "More…")
    return await click(by or stage.ben, menu, level) if level else menu


async def choose(actor: Any, message: Any, menu: str, value: str) -> Any:
    """Choose a value of a list in a message, and return the answer."""
    ids = [found["custom_id"] for found in find_menus(message)]
    [custom_id] = [custom_id for custom_id in ids if custom_id.startswith(f"onbook:{menu}:")]
    return answer(await actor.select(message, [value], custom_id=custom_id))


async def use_on_message(stage: Stage, who: Any, command: str, message: Any) -> Any:
    """Use a command of a message's context menu, and return the answer."""
    return answer(await who.context_menu(stage.channel, command, message))


async def open_privacy(stage: Stage, who: Any, label: str) -> Any:
    """Press a button under what `/privacy` says, and return the answer."""
    return await click(who, await ask(stage, "privacy", who), label)


async def forget(stage: Stage, who: Any) -> Any:
    """Forget a person with their text, as they ask and confirm; return the answer."""
    about = await ask(stage, "privacy", who)
    assert "These messages stay" not in about.content  # only the question says which
    asked = await click(who, about, "Forget me…")
    assert_private(asked, "nobody can find your lines later", "These messages stay")
    told = await click(who, asked, "Forget me and my text")
    assert (told.id, labels(told)) == (asked.id, [])  # nothing is left to press
    return told


async def ask_to_forget(person: Person, channel: Channel) -> Message:
    """Ask to be forgotten, and return the question that a person confirms."""
    shown = await (await person.slash(channel, "privacy")).shows("What On Book stores")
    return await (await person.click(shown, "Forget me…")).shows("Remove your name")


async def press_star(stage: Stage, who: Any, shown: Any) -> Any:
    """Give a line a star under its details, and return the answer."""
    return await click(who, await use_on_message(stage, who, "Details", shown), "Star")


async def press_star_of(person: Person, line: Message) -> Asked:
    """Press the button for a person's star under the details of a line."""
    details = await (await person.menu(line, "Details")).shows("bits per character")
    [label] = details.labels
    return await person.click(details, label)


async def act_unrecorded(stage: Stage, act: Any) -> None:
    """Act in a process that dies before it can record what it posts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage.store.messages, "record_post", AsyncMock())
        patch.setattr(stage.store.messages, "record_panel", AsyncMock())
        patch.setattr(stage.store.polls, "record_message", AsyncMock())
        await act
    await stage.restart()


async def write_lines(stage: Stage, *lines: str, by: Any = None) -> Any:
    """Write lines as Ann, or as somebody else, and return the message of the last one."""
    await (by or stage.ann).slash(stage.channel, "write", text="\n\n".join(lines))
    return stage.messages()[-2]


async def replace_script(stage: Stage, by: Any = None, **how: Any) -> Any:
    """Pause the script that runs, and start another one as Ann, or as somebody else."""
    how = {"title": "The Roof", "heading": "Ext. roof", **how}
    asked = await ask(stage, "start", by, **how)
    return await click(by or stage.ann, asked, PAUSE)


def menu_options(shown: Any) -> dict[str, str]:
    """Return the values of a message's lists by their labels."""
    options = (option for menu in find_menus(shown) for option in menu["options"])
    return {option["label"]: option["value"] for option in options}


async def choose_script(stage: Stage, title: str, by: Any = None) -> Any:
    """Choose a script from the list as Ann, or as somebody else; return the message below."""
    shown = await ask(stage, "script list", by)
    scripts = {label.partition(". ")[2]: value for label, value in menu_options(shown).items()}
    await (by or stage.ann).select(shown, [scripts[title]])
    return shown


async def pass_time_without_bot(stage: Stage, seconds: float) -> None:
    """Let time pass while no bot runs."""
    with stage.world._bot_scope():
        stage.services.timers.stop()
    await stage.world.advance_time(seconds)
