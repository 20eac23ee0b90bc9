"""Write in many channels at once while the bot is killed again and again."""

import asyncio
import random
import signal
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Self

from sqlalchemy import URL

from bot.cogs.feature import ADD_ANYWAY
from bot.cogs.star_reactions import STAR
from bot.inference.model import Model
from bot.storage.copying import copy_database
from bot.storage.postgres.leases import LEASE_DURATION
from tests.fake_discord.faults import Kind
from tests.fake_discord.people import BOT_MAY, Asked, Channel, Discord, Guild, Look, Message, Person
from tests.fake_discord.processes import PATIENCE, Process, fake_discord, running_bot
from tests.fake_discord.state import MANAGE_WEBHOOKS, NotPossible
from tests.tools.postgres_server import Server

from .database_check import DatabaseCheck, Found
from .points import AT_RANDOM, POINTS, KillAt

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

TAKES, VOTE = 2, 10
"""The takes that people choose from, and the seconds of a vote, which are the fewest."""

HURRY = 5
"""The factor by which leases on a server run out sooner."""

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
    guests: list[tuple[Person, Channel]] = field(default_factory=list)
    """People who have installed the bot, each in a channel of a server without it."""
    asked: dict[int, tuple[Asked, int]] = field(default_factory=dict)
    """Every request, and the number of lines that it asks for."""
    said: set[int] = field(default_factory=set)
    """The messages that the bot should turn into lines: one line each."""
    starred: set[tuple[int, int]] = field(default_factory=set)
    """The message and the person of each star that was ever given."""
    gone: bool = False

    @classmethod
    async def gather(cls, discord: Discord, channels: int) -> Self:
        """Return a crowd of one person in each of a number of channels."""
        guild = await discord.guild("The Playhouse", BOT_MAY | MANAGE_WEBHOOKS)
        return cls(discord, await make_places(guild, channels))

    async def begin(self) -> None:
        """Begin a script in every channel, `BEGINNING` of them at the same time."""
        at_once = asyncio.Semaphore(BEGINNING)

        async def begin(person: Person, channel: Channel) -> None:
            async with at_once:
                await self.begin_script(person, channel)

        await asyncio.gather(*(begin(*pair) for pair in [*self.people, *self.guests]))

    async def begin_script(self, person: Person, channel: Channel) -> None:
        await (await person.slash(channel, "start", title="T")).is_done()

    async def write_until_killed(self) -> None:
        """Write as all people, each after the last answer, until the bot is killed."""
        self.gone = False
        writers = [asyncio.create_task(self._write_on(*person)) for person in self.people]
        writers += [asyncio.create_task(self._write_elsewhere(*guest)) for guest in self.guests]
        try:
            await self.discord.bot_is_gone()
        finally:
            self.gone = True
            for writer in writers:
                writer.cancel()
            await asyncio.wait(writers)

    async def _write_on(self, person: Person, channel: Channel) -> None:
        while not self.gone:
            await self.act_beside(person, channel)
            asked = await self.ask(person, channel, times=random.choice((1, 1, 1, 2)))
            await self.discord.until(partial(self.has_end, asked), partial(str, asked))

    async def _write_elsewhere(self, person: Person, channel: Channel) -> None:
        """Write where only the answers show the script, a single line each."""
        while not self.gone:
            asked = await self.ask(person, channel, most=1)
            await self.discord.until(partial(is_answered, asked), partial(str, asked))

    async def act_beside(self, person: Person, channel: Channel) -> None:
        """Write by a message, react to a line, choose a take, or do nothing."""
        acts = self.say, self.star, self.choose_take, None
        [act] = random.choices(acts, (2, 1, 4, 5))
        if act:
            with suppress(NotPossible):  # the message was deleted at this moment
                await act(person, channel)

    async def say(self, person: Person, channel: Channel) -> None:
        """Write by a reply to the panel, or by a message that mentions the bot."""
        text = f"{random.getrandbits(60):x}."
        panel = next((message for message in channel.messages() if message.is_panel), None)
        if panel and random.random() < 0.5:
            message = await person.write(channel, text, reply_to=panel)
        else:
            bot = (await self.discord.commands())["write"]["application_id"]
            message = await person.write(channel, f"<@{bot}> {text}")
        self.said.add(message)
        if random.random() < 0.3:
            await self.discord.tell_again(message)

    async def star(self, person: Person, channel: Channel) -> None:
        """Give a line a star by a reaction, and perhaps take it back."""
        if lines := [message for message in channel.messages() if message.is_line]:
            line = random.choice(lines)
            self.starred.add((line.id, person.id))
            await person.react(line, STAR)
            if random.random() < 0.3:
                await person.unreact(line, STAR)

    async def choose_take(self, person: Person, channel: Channel) -> None:
        """Vote for a take, or choose it, if there are any."""
        takes = [
            (post, label)
            for post in channel.messages()
            for label in post.labels
            if label.startswith("Take ")
        ]
        if takes:
            message, label = random.choice(takes)
            await person.click(message, label)

    async def ask(self, person: Person, channel: Channel, most: int = 2, **how: Any) -> Asked:
        """Write, let the voice write at most ``most`` lines, or undo; ``how`` sets the delivery."""
        what, lines = random.random(), 0
        if what < 0.2:
            asked = await person.slash(channel, "undo", **how)
        elif what < 0.55:
            text, lines = f"{random.getrandbits(60):x}.", 1
            asked = await person.slash(channel, "write", text=text, **how)
        elif what < 0.65:
            vote, lines = random.choice(({}, {"vote": VOTE})), TAKES
            asked = await person.slash(channel, "continue", takes=TAKES, **vote, **how)
        else:
            lines = random.choice((1, 1, most))
            asked = await person.slash(channel, "continue", lines=lines, **how)
        self.asked[asked.id] = asked, lines
        return asked

    async def deliver_again(self) -> None:
        """Deliver to a new bot some requests that the previous bot received."""
        for asked, _ in list(self.asked.values())[-len(self.people) :: 3]:
            await self.discord.deliver_again(asked)

    def has_end(self, asked: Asked) -> bool:
        """Return whether a person was answered; a note that the answer takes long does not count.

        A turn's answer is deleted once its lines are in the channel.
        """
        answers = asked.answers()
        is_gone = bool(asked.messages) and not answers
        return is_gone or any(
            not answer.thinking and is_end(answer.versions[-1]) for answer in answers
        )

    def seen(self) -> list[tuple[str, str]]:
        """Return the author and the text of each line that was ever shown."""
        return [
            (message.author, _find_line(message))
            for _, channel in [*self.people, *self.guests]
            for message in self.discord.messages_in(channel.id)
            if message.is_line
        ]

    def wrong_channels(self, paths: Mapping[int, Sequence[str]]) -> list[str]:
        """Describe each channel that does not show its script's lines once, in order."""
        return [
            f"{channel.shown()} of {paths[channel.id]}"
            for _, channel in self.people
            if not channel.tells(paths[channel.id])
        ]

    async def write_once_more(self) -> None:
        """Write a line in every channel, so that lines that were not yet shown appear.

        Votes end first, because there is no panel during a vote.
        """
        left = self.people
        for _ in range(VOTE):
            await asyncio.sleep(1)  # a new bot shows a vote of an earlier one a moment later
            with suppress(TimeoutError):  # a message may not show the end of its vote
                async with asyncio.timeout(VOTE + 1):
                    await self.discord.until(lambda: not self._is_voting())
            asked = [
                await person.slash(channel, "write", text=f"{random.getrandbits(60):x}.")
                for person, channel in left
            ]
            await self.discord.until(
                lambda asked=asked: all(map(self.has_end, asked)),
                lambda asked=asked: str(list(map(str, asked))),
            )
            left = [who for who, act in zip(left, asked, strict=True) if is_asked_back(act)]
            if not left:
                return
        raise AssertionError(f"the votes of {len(left)} channels do not end")

    def _is_voting(self) -> bool:
        """Return whether a message has buttons with numbers of votes."""
        messages = (message for _, channel in self.people for message in channel.messages())
        return any(" — " in label for message in messages for label in message.labels)

    def wanted(self) -> dict[str, int]:
        """Return the number of requested lines, by delivery."""
        asked = {str(delivery): lines for delivery, (_, lines) in self.asked.items() if lines}
        return asked | dict.fromkeys(map(str, self.said), 1)


def is_asked_back(asked: Asked) -> bool:
    """Return whether a person was asked whether to write although people vote."""
    return any(ADD_ANYWAY in answer.labels for answer in asked.answers())


def is_answered(asked: Asked) -> bool:
    """Return whether a person sees an answer, and the bot no longer thinks."""
    return asked.how is not None and not any(answer.thinking for answer in asked.answers())


def _find_line(message: Message) -> str:
    """Return the line that a message showed first.

    An answer to a guest thinks or can be stopped before it shows its line, which stands above a
    panel.
    """
    shown = (
        version.text
        for version in message.versions
        if version.text not in ("", "…") and list(version.buttons) != ["Stop"]
    )
    return next(shown).partition("\n-# ")[0]


def is_end(version: Look) -> bool:
    """Return whether a message of this version reports the end of a request."""
    return version.content not in ("", "…") and list(version.buttons) != ["Stop"]


async def kill_bot(
    voice: Path,
    folder: Path,
    points: Iterable[str],
    channels: int,
    server: Server | None = None,
    line_length: int = 200,
) -> dict[str, Found]:
    """Kill the bot at each of these points, and check the database each time.

    With a server, the bot writes there, and a copy of the database is checked. A tenth of the
    channels, and at least one, are in a server without the bot.
    """
    settings = {"models": voice.parent, "model": voice.stem, "threads": 1}
    settings["line_length"] = line_length
    file = folder / "onbook.db"
    where = server.create() if server else file
    if isinstance(where, URL):
        settings["database_url"] = where.render_as_string(hide_password=False)
    check = DatabaseCheck(file, Model.load(voice, 1))
    found: dict[str, Found] = {}
    with fake_discord(PATIENT) as address:
        async with Discord(address) as discord:
            crowd = await Crowd.gather(discord, channels)
            crowd.guests = await invite_guests(discord, max(1, channels // 10))

            @asynccontextmanager
            async def life(first: Callable[[], object] | None = None) -> AsyncIterator[Process]:
                """Yield a bot that is killed while the context lasts."""
                log = folder / "bot.log"
                with running_bot(address, folder, log, HURRY, first, **settings) as bot:
                    await discord.bot_is_ready()
                    yield bot
                    await discord.bot_is_gone()
                    assert bot.wait(PATIENCE) == -signal.SIGKILL, "the bot ended by itself"
                if where != file:
                    file.unlink(missing_ok=True)
                    await asyncio.sleep(LEASE_DURATION / HURRY)  # until the lease has run out
                    await copy_database(where, file)

            async with life() as bot:
                await crowd.begin()
                bot.kill()
            for point in points:
                await _kill(crowd, life, point)
                finding = check.compare({}, crowd.wanted())
                finding.lost += check.count_unknown(crowd.seen())
                found.setdefault(point, Found()).__iadd__(finding)
            async with life() as bot:
                await crowd.write_once_more()
                bot.kill()
            wrong = crowd.wrong_channels(check.paths())
            found[AT_THE_END] = Found(
                shown=len(crowd.seen()),
                doubled=len(wrong),
                wrong=len(check.stars() - crowd.starred),
            )
            print(*wrong, sep="\n")
    return found


async def make_places(guild: Guild, number: int) -> list[tuple[Person, Channel]]:
    """Make channels in a server, each with a person."""
    channels = await guild.channels(*(f"stage-{count}" for count in range(number)))
    return [(await guild.person(f"P{count}"), place) for count, place in enumerate(channels)]


async def invite_guests(discord: Discord, number: int) -> list[tuple[Person, Channel]]:
    """Return people who have installed the bot, each in a channel of a server without it."""
    guests = await make_places(await discord.guild("Elsewhere", has_bot=False), number)
    for person, _ in guests:
        await person.install()
    return guests


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
    kills = sum(finding.kills for finding in found.values())
    shown = sum(finding.shown for finding in found.values())
    are_fine = all(finding.fine for finding in found.values())
    return are_fine and kills == len(points) and shown > kills
