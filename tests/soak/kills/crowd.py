"""Write in many channels at once while the bot is killed again and again."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from bot.inference.model import Model
from tests.fake_discord.faults import Kind
from tests.fake_discord.people import BOT_MAY, Asked, Channel, Discord, Look, Person
from tests.fake_discord.processes import PATIENCE, Process, fake_discord, running_bot
from tests.fake_discord.state import MANAGE_WEBHOOKS

from .database_check import DatabaseCheck, Found
from .points import AT_RANDOM, POINTS, KillAt

C = TypeVar("C", bound="Crowd")

Life = Callable[[Callable[[], object] | None], AbstractAsyncContextManager[Process]]
"""Run a bot that is killed; the argument is called in its process first."""

REQUESTS = {
    "the first answer": ("POST", "/callback"),
    "a line": ("POST", r"/webhooks/\d+/[^/]+$"),
    "the panel": ("POST", r"/channels/\d+/messages$"),
    "a deletion": ("DELETE", "/messages/"),
}

OUTSIDE = {
    f"{when} {name}": (*request, when == "after")
    for name, request in REQUESTS.items()
    for when in ("before", "after")
}
"""The points at Discord: a request's method, its path, and whether it is carried out."""

AT_THE_END = "not at all"

LATEST, AT_MOST = 1.0, 30
"""The longest time before a random kill [s], and the most passes of a point before its kill."""

BEGINNING = 32
"""The number of scripts that begin at the same time."""

PATIENT = 600.0
"""Seconds in which the bot may answer, because this test is not about time."""


def plan(kills: int) -> list[str]:
    """Return the points of the kills in random order: each about as often, and `AT_RANDOM`."""
    named = [point for point in (*OUTSIDE, *POINTS) for _ in range(kills // 15)]
    rest = [AT_RANDOM] * max(0, kills - len(named))
    return random.sample(named + rest, len(named) + len(rest))


@dataclass
class Crowd:
    """A person in each channel, who writes while the bot runs."""

    discord: Discord
    people: list[tuple[Person, Channel]]
    asked: dict[int, tuple[Asked, int]] = field(default_factory=dict)
    """Every request, and the number of lines that it asks for."""
    gone: bool = False

    async def begin(self) -> None:
        """Begin a script in every channel, `BEGINNING` of them at the same time."""
        at_once = asyncio.Semaphore(BEGINNING)

        async def begin(person: Person, channel: Channel) -> None:
            async with at_once:
                await self.begin_script(person, channel)

        await asyncio.gather(*(begin(*one) for one in self.people))

    async def begin_script(self, person: Person, channel: Channel) -> None:
        """Begin a script in a channel."""
        await (await person.slash(channel, "start", title="T")).is_done()

    async def write_until_killed(self) -> None:
        """Write as all people, each after the last answer, until the bot is killed."""
        self.gone = False
        writers = [asyncio.create_task(self._write_on(*one)) for one in self.people]
        try:
            await self.discord.bot_is_gone()
        finally:
            self.gone = True
            for writer in writers:
                writer.cancel()
            await asyncio.wait(writers)

    async def _write_on(self, person: Person, channel: Channel) -> None:
        while not self.gone:
            asked = await self.ask(person, channel, times=random.choice((1, 1, 1, 2)))
            await self.discord.until(partial(has_end, asked), partial(str, asked))

    async def ask(self, person: Person, channel: Channel, **how: Any) -> Asked:
        """Write, let the voice write, or undo; ``how`` sets the delivery."""
        what, lines = random.random(), 0
        if what < 0.2:
            asked = await person.slash(channel, "undo", **how)
        elif what < 0.6:
            text, lines = f"{random.getrandbits(60):x}.", 1
            asked = await person.slash(channel, "write", text=text, **how)
        else:
            lines = random.choice((1, 1, 2))
            asked = await person.slash(channel, "continue", lines=lines, **how)
        self.asked[asked.id] = asked, lines
        return asked

    async def deliver_again(self) -> None:
        """Deliver to a new bot some requests that the previous bot received."""
        for asked, _ in list(self.asked.values())[-len(self.people) :: 3]:
            await self.discord.deliver_again(asked)

    def has_end(self, asked: Asked) -> bool:
        """Return whether a person was answered."""
        return has_end(asked)

    def seen(self) -> list[tuple[str, str]]:
        """Return the author and the text of each line that was ever shown."""
        messages = self.discord.messages.values()
        return [(one.author, one.versions[0].text) for one in messages if one.is_line]

    def wrong_channels(self, paths: Mapping[int, Sequence[str]]) -> list[str]:
        """Describe each channel that does not show its script's lines once, in order."""
        return [
            f"{channel.shown()} of {paths[channel.id]}"
            for _, channel in self.people
            if not channel.tells(paths[channel.id])
        ]

    async def write_once_more(self) -> None:
        """Write a line in every channel, so that lines that were not yet shown appear."""
        asked = [
            await person.slash(channel, "write", text=f"{random.getrandbits(60):x}.")
            for person, channel in self.people
        ]
        await self.discord.until(
            lambda: all(map(has_end, asked)), lambda: str(list(map(str, asked)))
        )

    def wanted(self) -> dict[str, int]:
        """Return the number of requested lines, by delivery."""
        return {str(one): lines for one, (_, lines) in self.asked.items() if lines}


def has_end(asked: Asked) -> bool:
    """Return whether a person was answered; the note that an answer takes long does not count.

    A turn's answer is deleted once its lines are in the channel.
    """
    answers = asked.answers()
    is_gone = bool(asked.messages) and not answers
    return is_gone or any(not one.thinking and is_end(one.versions[-1]) for one in answers)


def is_end(version: Look) -> bool:
    """Return whether a message of this version reports the end of a request."""
    return version.content not in ("", "…") and list(version.buttons) != ["Stop"]


async def kill_bot(
    voice: Path, folder: Path, points: Iterable[str], channels: int, settings: dict[str, Any]
) -> dict[str, Found]:
    """Kill the bot at each of these points, and check the database each time."""
    settings = {"models": voice.parent, "model": voice.stem, "threads": 1} | settings
    check = DatabaseCheck(folder / "onbook.db", Model.load(voice, 1))
    found: dict[str, Found] = {}
    with fake_discord(PATIENT) as address:
        async with Discord(address) as discord:
            crowd = await gather_crowd(Crowd, discord, channels)

            @asynccontextmanager
            async def life(first: Callable[[], object] | None = None) -> AsyncIterator[Process]:
                """Yield a bot that is killed while the context lasts."""
                log = folder / "bot.log"
                with running_bot(address, folder, log, first=first, **settings) as bot:
                    await discord.bot_is_ready()
                    yield bot
                    await discord.bot_is_gone()
                    assert bot.wait(PATIENCE) == -signal.SIGKILL, "the bot ended by itself"

            async with life() as bot:
                await crowd.begin()
                bot.kill()
            for point in points:
                await _kill(crowd, life, point)
                one = check.compare({}, crowd.wanted())
                one.lost += check.count_unknown(crowd.seen())
                found.setdefault(point, Found()).__iadd__(one)
            async with life() as bot:
                await crowd.write_once_more()
                wrong = crowd.wrong_channels(check.paths())
                found[AT_THE_END] = Found(shown=len(crowd.seen()), doubled=len(wrong))
                print(*wrong, sep="\n")
                bot.kill()
    return found


async def gather_crowd(kind: type[C], discord: Discord, channels: int) -> C:
    """Return a crowd of one person in each of a number of channels."""
    guild = await discord.guild("The Playhouse", BOT_MAY | MANAGE_WEBHOOKS)
    return kind(
        discord,
        [
            (await guild.person(f"P{number}"), await guild.channel(f"stage-{number}"))
            for number in range(channels)
        ],
    )


async def _kill(crowd: Crowd, life: Life, point: str) -> None:
    """Run the bot until it is killed at a point."""
    number = random.randint(1, AT_MOST)
    # The bot writes a little by itself when it starts.
    first = partial(KillAt, point, number + 5) if point in POINTS else None
    async with life(first) as bot:
        await crowd.deliver_again()
        if point in OUTSIDE:
            method, path, heard = OUTSIDE[point]
            await crowd.discord.fail(
                Kind.KILL, method, path, heard=heard, process=bot.pid, after=number - 1
            )
        if point == AT_RANDOM:
            delay = random.uniform(0, LATEST)
            asyncio.get_running_loop().call_later(delay, bot.kill)
        await crowd.write_until_killed()
        await crowd.discord.mend()


def is_complete(found: dict[str, Found], points: Sequence[str]) -> bool:
    """Return whether the bot was killed as often as planned and nothing is wrong."""
    kills, shown = (
        sum(getattr(one, name) for one in found.values()) for name in ("kills", "shown")
    )
    return kills == len(points) and shown > kills and all(one.fine for one in found.values())
