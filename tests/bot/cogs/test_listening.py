"""Test the table reads of /script listen, through a simulated Discord."""

import threading
from collections.abc import Iterator
from typing import Any
from unittest.mock import AsyncMock

import numpy as np
import pytest

from bot.audio import table_read
from bot.cogs import listening, menu
from bot.interactions import in_flight
from tests.bot.conftest import Inside, Stage, assert_private, labels, opened, staged, start_script
from tests.bot.playing import ask, begin_script, click, open_menu
from tests.fake_discord.people import Asked


async def listen(stage: Stage, **options: Any) -> Any:
    return await ask(stage, "script listen", stage.ben, **options)


async def test_everybody_hears_the_last_scene(stage: Stage):
    await start_script(stage)
    await stage.ann.slash(stage.channel, "write", text="MAYA: Oh!\n\n🎉")
    shown = await listen(stage)
    assert not shown.ephemeral
    assert shown.content.startswith("A table read of the last scene of **The Diner**, 0:0")
    assert shown.content.endswith("One line has nothing that can be spoken.")
    [file] = shown.attachments
    assert file.filename == "the-diner.mp3"
    assert (await file.read())[:2] == b"\xff\xf3"


async def test_a_long_table_read_is_cut(stage: Stage, monkeypatch: pytest.MonkeyPatch):
    def speak(text: str, voice: object) -> Any:
        yield np.full(table_read.SAMPLE_RATE, 0.1, np.float32)

    monkeypatch.setattr(table_read, "speak", speak)
    monkeypatch.setattr(table_read, "MAX_SECONDS", 3.5)
    await start_script(stage)
    await stage.ann.slash(stage.channel, "write", text="Rain.\n\nSnow.\n\nINT. BARN\n\nHay.")
    shown = await listen(stage, whole=True)
    assert shown.content == (
        "A table read of **The Diner**, 0:03. The last 3 lines are left out because a file can "
        "have at most 2 minutes."
    )
    shown = await click(stage.ben, await open_menu(stage, level="Read…"), "Listen")
    told = "A table read of the last scene of **The Diner**, 0:03."
    assert (shown.ephemeral, shown.content) == (False, told)
    stage.channel = stage.guild.create_text_channel("silent")
    await start_script(stage, heading="茂")
    shown = await listen(stage)
    assert (shown.ephemeral, shown.content) == (True, "Nothing here can be spoken.")
    assert not any(message.attachments for message in stage.messages())


async def test_table_reads_are_limited(stage: Stage, monkeypatch: pytest.MonkeyPatch):
    recorded = AsyncMock(return_value=table_read.TableRead(b"1", 1.0, 0, 0))
    monkeypatch.setattr(listening, "record_table_read", recorded)
    await start_script(stage)
    for _ in range(10):
        assert (await listen(stage)).attachments
    assert_private(await listen(stage), "You have reached your limit")


async def test_without_the_extra_nothing_is_offered(chosen: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("bot.cogs.is_installed", lambda: False)
    monkeypatch.setattr(menu, "is_installed", lambda: False)
    async with opened(chosen) as world:
        stage = await staged(world, chosen)
        await start_script(stage)
        assert "Listen" not in labels(await open_menu(stage, level="Read…"))
        [script] = [group for group in world.bot.tree.get_commands() if group.name == "script"]
        assert "listen" not in [command.name for command in script.commands]


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Yield an event that speech waits for; no thread waits longer than the test."""
    event = threading.Event()
    yield event
    event.set()


async def test_anybody_can_stop_a_table_read(
    inside: Inside, monkeypatch: pytest.MonkeyPatch, gate: threading.Event
):
    def speak(text: str, voice: object) -> Any:
        yield np.ones(9, np.float32)
        gate.wait()

    async def find_answer(asked: Asked, text: str) -> Any:
        def find() -> Any:
            return next((answer for answer in asked.answers() if text in answer.content), None)

        return await inside.discord.until(find, lambda: f"{text} in {asked}")

    monkeypatch.setattr(table_read, "speak", speak)
    monkeypatch.setattr(in_flight, "PROGRESS_INTERVAL", 0.05)
    await begin_script(inside.ann, inside.channel)
    progress, stopped = "is being recorded: 0%.", "Stopped. No table read was made."
    first = await inside.ann.slash(inside.channel, "script listen")
    shown = await find_answer(first, progress)
    assert (shown.only_for, shown.labels) == (None, ["Stop"])
    # The second one waits for the first.
    second = await inside.ben.slash(inside.channel, "script listen")
    await inside.ann.click(await find_answer(second, progress), "Stop")
    assert (await find_answer(second, stopped)).only_for == inside.ben.id
    await inside.ben.click(shown, "Stop")
    assert (await find_answer(first, stopped)).only_for == inside.ann.id
