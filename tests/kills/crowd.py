"""Crowd: people who write in many channels at once, while the bot is killed again and again."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from bot.inference.model import Model
from tests.discord.faults import Kind
from tests.discord.people import Asked, Channel, Discord, Look, Message, Person
from tests.discord.processes import ROOT, fake_discord
from tests.discord.state import TOKEN

from .points import POINTS
from .truth import Found, Truth, flat

C = TypeVar("C", bound="Crowd")

BLOCK = "```"

OUTSIDE = {
    "the first answer comes": ("POST", "/callback", False),
    "the first answer is there": ("POST", "/callback", True),
    "the lines come": ("PATCH", "@original", False),
    "the lines are there": ("PATCH", "@original", True),
    "a repaint comes": ("PATCH", r"/channels/\d+/messages/", False),
    "a repaint is there": ("PATCH", r"/channels/\d+/messages/", True),
}
"""The points of a turn that Discord sees: a request's method, its path, and whether it is done."""

AT_RANDOM = "at random"

LATEST, AT_MOST = 1.0, 30
"""Seconds after which a kill comes at random, and how often a point is passed before."""

PATIENT = 600.0
"""Seconds in which the bot may answer: here it is not about the time."""


def plan(kills: int, least: int) -> list[str]:
    """Where the bot is to be killed: at each point so often, and the rest at random."""
    named = [point for point in (*OUTSIDE, *POINTS) for _ in range(least)]
    rest = [AT_RANDOM] * max(0, kills - len(named))
    return random.sample(named + rest, len(named) + len(rest))


@dataclass
class Nest:
    """Where bots come from; see `nest`."""

    process: asyncio.subprocess.Process
    folder: Path
    settings: dict[str, Any]

    async def start(self, point: str | None = None, number: int = 0) -> int:
        """A bot, and its process."""
        names = {f"ONBOOK_{name.upper()}": str(value) for name, value in self.settings.items()}
        how = {
            "folder": str(self.folder),
            "log": str(self.folder / "bot.log"),
            "environment": {"DISCORD_TOKEN": TOKEN, "ONBOOK_LOG_LEVEL": "WARNING"} | names,
            "point": point,
            "number": number,
        }
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(how).encode() + b"\n")
        return await self._number()

    async def ended(self) -> int:
        """Waits for its end, and says how it was, as `os.waitpid` does."""
        return await self._number()

    async def _number(self) -> int:
        assert self.process.stdout is not None
        return int(await self.process.stdout.readline())


@asynccontextmanager
async def nest(address: str, folder: Path, settings: dict[str, Any]) -> AsyncIterator[Nest]:
    """A process that bots are forked from."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.kills.nest", address),
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield Nest(process, folder, settings)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


@dataclass
class Crowd:
    """Somebody in each channel, who writes as long as there is a bot."""

    discord: Discord
    people: list[tuple[Person, Channel]]
    asked: dict[int, tuple[Asked, int]] = field(default_factory=dict)
    """What was asked for, and how many lines of it."""
    bot: int = 0
    """The process of the bot that runs."""
    gone: bool = False

    async def begin(self) -> None:
        """Begins a script everywhere."""
        begun = [await person.slash(channel, "start", title="T") for person, channel in self.people]
        await asyncio.gather(*(one.shows("begins") for one in begun))

    async def write_until_killed(self) -> None:
        """Lets everybody write, each as soon as the last answer is there."""
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
        """Somebody writes, or lets the voice write, or takes back; ``how`` is how it is heard."""
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

    async def hear_again(self) -> None:
        """A new bot hears of some of what the one before it was asked."""
        for asked, _ in list(self.asked.values())[-len(self.people) :: 3]:
            await self.discord.deliver_again(asked)

    def has_end(self, asked: Asked) -> bool:
        """Whether a person was answered."""
        return has_end(asked)

    def shown(self) -> dict[str, str]:
        """The lines that anybody has seen, flat, by what they answered."""
        found = {one: _seen(asked) for one, (asked, lines) in self.asked.items() if lines}
        return {str(one): cards[0] for one, cards in found.items() if cards}

    def shown_twice(self) -> int:
        """How many answers stand in more than one message."""
        return sum(len(_seen(asked)) > 1 for asked, lines in self.asked.values() if lines)

    def wanted(self) -> dict[str, int]:
        """How many lines were asked for."""
        return {str(one): lines for one, (_, lines) in self.asked.items() if lines}


def has_end(asked: Asked) -> bool:
    """Whether a person was answered; that it takes a while, or will go, is no answer."""
    return any(not one.thinking and is_end(one.versions[-1]) for one in asked.answers())


def is_end(version: Look) -> bool:
    """Whether a message that looks like this says what became of something."""
    return version.content not in ("", "…") and list(version.buttons) != ["Stop"]


def _seen(asked: Asked) -> list[str]:
    """What each answer with lines in it first showed of them."""
    found = [asked.discord.messages[one] for one in asked.messages]
    return [card for one in found if one.only_for is None and (card := card_of(one))]


def card_of(message: Message) -> str:
    """What a message first showed of lines, flat."""
    for version in message.versions:
        parts = version.content.split(BLOCK)
        if len(parts) > 1:
            return flat("".join(parts[1::2]))
    return ""


async def kills(
    voice: Path, folder: Path, points: Iterable[str], channels: int, settings: dict[str, Any]
) -> dict[str, Found]:
    """Kills the bot at each of these points, and compares what is there each time."""
    settings = {"models": voice.parent, "model": voice.stem, "threads": 1} | settings
    truth = Truth(folder / "onbook.db", Model.load(voice, 1))
    found: dict[str, Found] = {}
    with fake_discord(PATIENT) as address:
        async with Discord(address) as discord, nest(address, folder, settings) as bots:
            crowd = await gathered(Crowd, discord, channels)
            crowd.bot = await bots.start()
            await discord.bot_is_ready()
            await crowd.begin()
            os.kill(crowd.bot, signal.SIGKILL)
            await discord.bot_is_gone()
            await bots.ended()
            for point in points:
                await _kill(crowd, bots, point)
                one = truth.look(crowd.shown(), crowd.wanted())
                one.doubled += crowd.shown_twice()
                found.setdefault(point, Found()).__iadd__(one)
    return found


async def gathered(kind: type[C], discord: Discord, channels: int) -> C:
    """Somebody in each of so many channels."""
    guild = await discord.guild("The Playhouse")
    return kind(
        discord,
        [
            (await guild.person(f"P{number}"), await guild.channel(f"stage-{number}"))
            for number in range(channels)
        ],
    )


async def _kill(crowd: Crowd, bots: Nest, point: str) -> None:
    """One life of the bot."""
    number = random.randint(1, AT_MOST)
    inside = point in POINTS
    # The bot itself writes a little when it begins.
    crowd.bot = await bots.start(point if inside else None, number + 5)
    ended = asyncio.create_task(bots.ended())
    try:
        await crowd.discord.bot_is_ready()
        await crowd.hear_again()
        if point in OUTSIDE:
            method, path, heard = OUTSIDE[point]
            await crowd.discord.fail(
                Kind.KILL, method, path, heard=heard, process=crowd.bot, after=number - 1
            )
        timer = None
        if point == AT_RANDOM:
            delay = random.uniform(0, LATEST)
            timer = asyncio.get_running_loop().call_later(delay, os.kill, crowd.bot, signal.SIGKILL)
        await crowd.write_until_killed()
        if timer:
            timer.cancel()
        await crowd.discord.mend()
    except BaseException:
        with suppress(ProcessLookupError):
            os.kill(crowd.bot, signal.SIGKILL)
        raise
    assert await ended == signal.SIGKILL, "the bot ended by itself"


def fewest(kills: int) -> int:
    """How often each point is come to, of so many kills."""
    return kills // 15


def counted(found: dict[str, Found], points: Sequence[str]) -> bool:
    """Whether the bot was killed as often as planned, and nothing is wrong."""
    kills, shown = (
        sum(getattr(one, name) for one in found.values()) for name in ("kills", "shown")
    )
    return kills == len(points) and shown > kills and all(one.fine for one in found.values())
