"""Accept from windows only what a client of Discord sends."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from contextlib import AbstractAsyncContextManager
from typing import Any

import discord
from discord import ui

from ..ui.components import Interaction, make_custom_id
from .option_checks import InvalidOption, check_inputs

WINDOW_SECONDS = 1800.0
"""Seconds for which a window can be submitted, because Discord does not report dismissals."""

Submit = Callable[[Interaction], Coroutine[Any, Any, None]]
Answering = Callable[[Interaction, str], AbstractAsyncContextManager[None]]
"""Returns a context in which an error is answered, and a text given back with it."""


class Window(ui.Modal):
    """A window that calls ``submit``, which answers its own errors, once a person has filled it in.

    The texts of a window that is submitted later than `WINDOW_SECONDS` are given back.
    """

    def __init__(
        self, title: str, items: Iterable[ui.Item[Any]], submit: Submit, answering: Answering
    ) -> None:
        super().__init__(title=title, custom_id=make_custom_id("window"), timeout=WINDOW_SECONDS)
        for item in items:
            self.add_item(item)
        self._submit = submit
        self._answering = answering

    async def interaction_check(self, _interaction: Interaction, /) -> bool:
        """Raise InvalidOption for values that the inputs do not accept."""
        check_inputs(self)
        return True

    async def on_submit(self, interaction: Interaction, /) -> None:
        await self._submit(interaction)

    async def on_error(  # type: ignore[override]  # discord.py's own modal does the same
        self, interaction: Interaction, error: Exception, /
    ) -> None:
        """Refuse values that are invalid, or that discord.py could not read."""
        if isinstance(error, discord.HTTPException):  # which `submit` could not answer
            await super().on_error(interaction, error)
            return
        async with self._answering(interaction, collect_texts(interaction)):
            raise InvalidOption from error


def collect_texts(interaction: Interaction) -> str:
    """Return all texts of a submitted window, so that they are not lost with it."""
    texts: list[str] = []
    components: list[Any] = [interaction.data]
    while components:
        match components.pop(0):
            case {"value": str(text)} if text.strip():
                texts.append(text)
            case {"components": [*children]}:
                components += children
            case {"component": child}:
                components.append(child)
    return "\n\n".join(texts)
