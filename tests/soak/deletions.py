"""Remove text that characters have said while the bot loses its rights.

``python -m tests.soak.deletions --times 120`` has a line posted by a webhook in each of many
channels, then deletes the webhook or withdraws permissions, and has the line removed. Where the
answer does not say that the text is still visible, nobody may see it. The program prints each
loss with how often text was removed, stayed with a word about it, and stayed without one.
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import tyro

from tests.fake_discord.people import BOT_MAY, Asked, Channel, Discord, Guild, Person
from tests.fake_discord.processes import PATIENCE, UNLIMITED, fake_discord, running_bot
from tests.fake_discord.state import MANAGE_MESSAGES, MANAGE_WEBHOOKS
from tests.tools.tables import format_table
from tests.voice_option import STAGE, VoiceFile

from .kills.crowd import has_end

LOSSES = {
    "nothing": (False, {}),
    "Manage Messages": (False, {"manage_messages": True}),
    "Manage Webhooks": (False, {"manage_webhooks": True}),
    "both permissions": (False, {"manage_messages": True, "manage_webhooks": True}),
    "the webhook": (True, {}),
    "the webhook and Manage Messages": (True, {"manage_messages": True}),
    "all three": (True, {"manage_messages": True, "manage_webhooks": True}),
}
"""Whether the webhook is deleted, and the permissions that are withdrawn."""

REMOVED, TOLD, HIDDEN = "removed", "visible, and told", "visible, but confirmed"


async def undo(person: Person, channel: Channel) -> Asked:
    """Take the last line back."""
    return await person.slash(channel, "undo")


async def rewrite(person: Person, channel: Channel) -> Asked:
    """Rewrite the only line."""
    offer = await person.slash(channel, "script edit", line="1")
    asked = await person.click(await offer.shows("MAYA"), "Rewrite this line")
    return await person.submit_modal(asked, {"Text": "MAYA: Good night."})


async def forget(person: Person, channel: Channel) -> Asked:
    """Remove a person's name and text."""
    shown = await (await person.slash(channel, "privacy")).shows("What On Book stores")
    question = await (await person.click(shown, "Forget me…")).shows("Remove your name")
    return await person.click(question, "Forget me and my text")


REMOVALS: tuple[Callable[[Person, Channel], Awaitable[Asked]], ...] = undo, rewrite, forget


def is_settled(asked: Asked) -> bool:
    """Return whether the bot has answered, and no longer says that it is at work."""
    is_at_work = any("redrawing" in answer.text for answer in asked.answers())
    return has_end(asked) and not is_at_work


async def remove(guild: Guild, number: int, loss: str) -> str:
    """Write a line in a new channel, lose something, remove the line; return what has become."""
    channel, person = await guild.channel(f"stage-{number}"), await guild.person(f"P{number}")
    await (await person.slash(channel, "start", title="T")).is_done()
    secret = f"{random.getrandbits(60):x}"
    await (await person.slash(channel, "write", text=f"MAYA: {secret}.")).is_done()
    is_deleted, denied = LOSSES[loss]
    if is_deleted:
        [webhook] = {message.webhook for message in channel.messages()} - {None}
        await guild.discord.delete_webhook(webhook)
    await channel.deny(**denied)
    asked = await random.choice(REMOVALS)(person, channel)
    await guild.discord.until(partial(is_settled, asked), partial(str, asked))
    if not any(secret in message.text for message in channel.messages()):
        return REMOVED
    return TOLD if any("still visible" in answer.text for answer in asked.answers()) else HIDDEN


async def remove_all(address: str, times: int) -> dict[str, Counter[str]]:
    """Remove a number of lines, one after the other; return what has become of them, by loss."""
    found = {loss: Counter[str]() for loss in LOSSES}
    async with Discord(address) as discord:
        await discord.bot_is_ready()
        guild = await discord.guild("The Globe", BOT_MAY | MANAGE_WEBHOOKS | MANAGE_MESSAGES)
        for number in range(times):
            loss = list(LOSSES)[number % len(LOSSES)]
            found[loss][await remove(guild, number, loss)] += 1
    return found


def run(voice: Path, times: int) -> dict[str, Counter[str]]:
    """Run the bot, and remove a number of lines."""
    settings = {"models": voice.parent, "model": voice.stem, "threads": 1} | UNLIMITED
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "bot.log"
        with fake_discord(PATIENCE) as address, running_bot(address, Path(folder), log, **settings):
            return asyncio.run(remove_all(address, times))


def main(times: int = 120, voice: VoiceFile = STAGE) -> int:
    """Run the command; return the exit code: 1 if a confirmed text is still visible.

    Args:
        times: The number of lines.
        voice: The voice file.
    """
    found = run(voice.resolve(), times)
    kinds = (REMOVED, TOLD, HIDDEN)
    rows = [("the bot has lost", *kinds)]
    for loss, counts in [*found.items(), ("all", sum(found.values(), Counter[str]()))]:
        rows.append((loss, *(f"{counts[kind]:,}" for kind in kinds)))
    print(format_table(rows))
    return int(any(counts[HIDDEN] for counts in found.values()))


if __name__ == "__main__":
    sys.exit(tyro.cli(main, prog="python -m tests.soak.deletions", description=__doc__))
