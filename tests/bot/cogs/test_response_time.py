"""Test that everybody is answered at once, however long the script is: Discord waits 3 seconds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bot.storage.store import Store
from tests.bot.conftest import Inside
from tests.fake_discord.people import Asked

from .test_concurrency import BLOCK, begin

OF_MANY_LINES = ("load_path", "load_elements", "load_lines", "load_tree_lines", "load_last_lines")
"""The functions that read many lines at once."""


@asynccontextmanager
async def unread(store: Store, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Hold all reads of many lines until this ends."""
    may_read = asyncio.Event()

    def held(read: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def wait_and_read(*args: Any) -> Any:
            await may_read.wait()
            return await read(*args)

        return wait_and_read

    with monkeypatch.context() as patch:
        for name in OF_MANY_LINES:
            patch.setattr(store.lines, name, held(getattr(store.lines, name)))
        try:
            yield
        finally:
            may_read.set()


async def answered(inside: Inside, asked: Asked) -> None:
    """Wait for a first answer."""
    await inside.discord.until(lambda: asked.how, lambda: f"a first answer to {asked}")


COMMANDS: list[tuple[str, dict[str, Any], str]] = [
    ("script show", {}, BLOCK),
    ("script export", {"format": "txt"}, "“The Diner”"),
    ("script stats", {}, "1 line"),
    ("script replay", {}, "The voice wrote none of it"),
    ("script surprise", {}, "How the last line surprised"),
    ("script history", {}, "scene heading"),
    ("privacy export", {}, "All data stored about you"),
    ("script fork", {"title": "Act two"}, "Act two"),
]


async def test_a_command_answers_before_it_reads_the_script(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
):
    await begin(inside.ann, inside.channel)
    for command, options, shows in COMMANDS:
        async with unread(inside.services.store, monkeypatch):
            asked = await inside.ann.slash(inside.channel, command, **options)
            await answered(inside, asked)
        await asked.shows(shows)
    async with unread(inside.services.store, monkeypatch):
        for options in ({}, {"line": 1}):
            asked = await inside.ann.slash(inside.channel, "script edit", **options)
            await asked.shows_modal()


async def test_a_page_is_turned_to_before_the_script_is_read(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
):
    await begin(inside.ann, inside.channel)
    for scene in range(2):
        text = "\n\n".join(f"Knock {scene}-{knock}. {'And on. ' * 60}" for knock in range(6))
        await (await inside.ben.slash(inside.channel, "write", text=text)).is_done()
    for command in ("script show", "script history"):
        shown = await (await inside.ann.slash(inside.channel, command)).shows("page")
        before = shown.content
        async with unread(inside.services.store, monkeypatch):
            turned = await inside.ann.click(shown, "Previous page")
            await answered(inside, turned)
            assert shown.content == before
        await inside.discord.until(lambda shown=shown, before=before: shown.content != before)
