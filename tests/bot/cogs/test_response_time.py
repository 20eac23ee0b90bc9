"""Test that the bot answers before it reads a script, because Discord waits 3 seconds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bot.storage.store import Store
from bot.ui import script_messages
from tests.bot.conftest import Inside
from tests.bot.playing import BLOCK, begin_script
from tests.fake_discord.people import Asked

READS = ("load_path", "load_elements", "load_lines", "load_tree_lines", "load_last_lines")
"""The functions that read many lines at once."""


@asynccontextmanager
async def held_reads(store: Store) -> AsyncIterator[None]:
    """Hold all reads of many lines until this ends."""
    may_read = asyncio.Event()

    def hold(read: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def wait_and_read(*args: Any) -> Any:
            await may_read.wait()
            return await read(*args)

        return wait_and_read

    with pytest.MonkeyPatch.context() as patch:
        for name in READS:
            patch.setattr(store.lines, name, hold(getattr(store.lines, name)))
        try:
            yield
        finally:
            may_read.set()


COMMANDS: list[tuple[str, dict[str, Any], str]] = [
    ("script show", {}, BLOCK),
    ("script export", {"format": "txt"}, "“The Diner”"),
    ("script stats", {}, "10 lines"),
    ("script replay", {}, "The voice wrote none of it"),
    ("script surprise", {}, "How the last 4 lines surprised"),
    ("script history", {}, "Knock 8"),
    ("privacy export", {}, "All data stored about you"),
    ("script fork", {"title": "Act two"}, "Act two"),
]


async def test_the_bot_answers_before_it_reads_the_script(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(script_messages, "PAGE_SIZE", 100)
    ann, channel, store = inside.ann, inside.channel, inside.services.store

    async def wait_for_answer(asked: Asked) -> None:
        await inside.discord.until(lambda: asked.how, lambda: f"a first answer to {asked}")

    await begin_script(ann, channel)
    text = "\n\n".join(f"Knock {knock}." for knock in range(9))
    await (await inside.ben.slash(channel, "write", text=text)).is_done()
    for command in ("script show", "script history"):
        shown = await (await ann.slash(channel, command)).shows("page")
        before = shown.content
        async with held_reads(store):
            await wait_for_answer(await ann.click(shown, "Previous page"))
            assert shown.content == before
        await inside.discord.until(lambda shown=shown, before=before: shown.content != before)
    async with held_reads(store):
        for options in ({}, {"line": 1}):
            await (await ann.slash(channel, "script edit", **options)).shows_modal()
    for command, options, shows in COMMANDS:
        async with held_reads(store):
            asked = await ann.slash(channel, command, **options)
            await wait_for_answer(asked)
        await asked.shows(shows)
