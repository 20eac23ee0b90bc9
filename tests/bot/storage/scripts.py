"""Make scripts, lines and messages in a store, without a session."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
from sqlalchemy import URL

from bot.screenplay.drafts import Draft
from bot.screenplay.elements import Element, Kind
from bot.storage.database import Guard
from bot.storage.schema import PostedLine, Script
from bot.storage.store import Store

STATE = np.array([0.0, -0.0, 1.5, np.nan, np.inf, 1e-45, -3e38], np.float32)
"""The state after every line of `append`."""


@asynccontextmanager
async def opened(where: Path | URL, guard: Guard | None = None) -> AsyncIterator[Store]:
    """Open a store, and close it at the end."""
    store = await Store.open(where, guard=guard)
    try:
        yield store
    finally:
        await store.close()


def make_script(channel: int = 1, title: str = "The Diner") -> Script:
    """Return a script that runs in a channel, with the largest ids."""
    return Script(
        channel=channel,
        guild=2**63 - 1,
        owner=2**60,
        title=title,
        cast=["MAYA", "ÉMILE"],
        preferences={"voice": "tiny", "temperature": 0.7, "top_p": 0.95},
        running=True,
        head=None,
    )


def make_draft(text: str, **origin: object) -> Draft:
    """Return an action by Ann, who is person 7."""
    return Draft(Element(Kind.ACTION, text), 7, "Ann", STATE, "fingerprint", origin)


async def append(store: Store, script: int, *texts: str, delivery: str | None = None) -> list[int]:
    """Append Ann's lines to the head of a script, and return their ids."""
    now = await store.scripts.get_script(script)
    drafts = [make_draft(text) for text in texts]
    lines = await store.lines.append_lines(now, now.head, drafts, delivery or texts[0])
    return [line.id for line in lines]


def make_post(message: int, line: int) -> PostedLine:
    """Return the record of a message in channel 1 that shows a line."""
    return PostedLine(message=message, channel=1, line=line, look="typewriter", name=None)


async def record_post(store: Store, message: int, line: int) -> None:
    """Record that a message in channel 1 shows a line."""
    await store.messages.record_post(make_post(message, line), await store.lines.find_line(line))
