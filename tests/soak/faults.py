"""Make the network fail while people write in many channels: ``python -m tests.soak.faults``.

    --only "first answer: 5.. after" --times 120    # commands whose acknowledgement is lost
    --only "line: .* late" --times 60               # lines that Discord posts after 7 to 20 s

The program starts the fake Discord and the bot, and has a person write in each channel. Meanwhile
requests get no answer, connections break, Discord answers with errors and rate limits, sessions
end, and deliveries are duplicated or late. It prints the faults, and how many lines were lost or
stored twice, and how many people are still waiting.

The faults come in rounds. Each round has each fault once, as soon as there is a request that it can
affect. A fault of the session waits until the bot is connected again. Discord asks for a new
connection (op 7), closes the connection, or invalidates the session (op 9), or the network breaks
the connection, and perhaps the next one fails too. Only an invalid session that cannot be resumed
makes the bot begin a new one. So sessions fail every few seconds here, and every few hours at
Discord.
"""

import asyncio
import random
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import tyro

from bot.inference.model import Model
from tests.fake_discord.faults import GATEWAYS, STATUSES, TOO_MANY, Kind
from tests.fake_discord.people import Asked, Channel, Discord, Person
from tests.fake_discord.processes import UNLIMITED, fake_discord, running_bot
from tests.voice_option import STAGE, VoiceFile

from .kills.crowd import Crowd
from .kills.database_check import DatabaseCheck

REQUESTS = {
    "first answer": ("POST", "/callback"),
    "line": ("POST", r"/webhooks/\d+/[^/]+$"),
    "panel": ("POST", r"/channels/\d+/messages$"),
    "same panel": ("PATCH", r"/channels/\d+/messages/"),
    "deleted line or panel": ("DELETE", r"/messages/\d+$"),
    "end": ("DELETE", "@original"),
}
"""The method and the path of each kind of request that fails."""

HANDSHAKE = "GET", "^/(session/)?$"
"""The requests for a connection to the gateway."""

OFTEN = 0.1
"""The share of turns with two lines, and that of commands that are refused."""

TO_ANSWER = 8.0
"""Seconds until the first answer is due. Discord allows 3, but the machine may be busy."""

SLOW = 7.0, 13.0, 20.0
"""Seconds after which Discord posts a line that it takes slowly."""

AT_ONCE = 8
"""The number of faults that are set at the same time."""

LATE = 0.5
"""The delay of a late delivery [s]."""

TO_END = 180.0
"""Seconds after which people stop waiting: twice as long as the bot retries a message."""


@dataclass
class Outcome:
    """The outcome of a run."""

    happened: Counter[str] = field(default_factory=Counter)
    """The count of each fault."""
    asked: int = 0
    answered: int = 0
    """Requests that the bot answered."""
    refused: int = 0
    """Requests that Discord reported as unanswered; these must leave nothing behind."""
    without_end: int = 0
    """Requests that still wait."""
    lines: int = 0
    """Turns whose lines are in the database."""
    lost: int = 0
    """Lines that were shown but are not in the database, and incomplete turns."""
    doubled: int = 0
    """Lines that are stored twice, and channels that do not show their script once, in order."""
    wrong: int = 0
    """States that do not match the text, stars that nobody gave, and corrupt databases."""

    @property
    def fine(self) -> bool:
        """Return whether nothing was lost and nobody waits."""
        return not (self.lost + self.doubled + self.wrong + self.without_end)

    def __str__(self) -> str:
        faults = "\n".join(f"{times:5,}  {what}" for what, times in sorted(self.happened.items()))
        counts = "\n".join(
            f"{value:5,}  {name.replace('_', ' ')}"
            for name, value in vars(self).items()
            if name != "happened"
        )
        return f"{faults}\n{sum(self.happened.values()):5,}  faults\n\n{counts}"


class Writers(Crowd):
    """People who write while requests and deliveries fail."""

    stopped = False
    next_delivery: dict[str, float]
    """The fault of the next delivery."""

    async def write(self) -> None:
        """Write as all people until stopped, then wait until each request has ended."""
        self.next_delivery = {}
        await asyncio.gather(*(self._write_on(*person) for person in self.people))

    async def _write_on(self, person: Person, channel: Channel) -> None:
        while not self.stopped:
            await self.act_beside(person, channel)
            how, self.next_delivery = self.next_delivery, {}
            await self._wait(await self.ask(person, channel, **how))

    async def _wait(self, asked: Asked) -> None:
        """Wait for the answer until `TO_END`."""
        clock = asyncio.get_running_loop().time
        began = clock()
        while not self.has_end(asked) and clock() < began + TO_END:
            if asked.how is None and clock() > began + TO_ANSWER + LATE + 2:
                break  # "The application did not respond."
            with suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self.discord.until(partial(self.has_end, asked))

    async def ask(self, person: Person, channel: Channel, **how: Any) -> Asked:
        """Ask as a crowd does, sometimes for several lines or with a command that is refused."""
        match random.choices(("long", "refused", "other"), (OFTEN, OFTEN, 1 - 2 * OFTEN))[0]:
            case "long":
                text = "\n\n".join(f"{random.getrandbits(60):x}." for _ in range(2))
                asked = await person.slash(channel, "write", text=text, **how)
                self.asked[asked.id] = asked, 2
            case "refused":
                both = {"kind": "action", "character": "MAYA"}
                asked = await person.slash(channel, "continue", **both, **how)
                self.asked[asked.id] = asked, 0
            case _:
                asked = await super().ask(person, channel, **how)
        return asked


def faults() -> dict[str, tuple[Kind, str, str, dict[str, object]]]:
    """Return the faults of a request by name: kind, method, path and options."""
    found: dict[str, tuple[Kind, str, str, dict[str, object]]] = {}
    for name, (method, path) in REQUESTS.items():
        for heard in (False, True):
            done = "after" if heard else "before"
            for kind in (Kind.SILENCE, Kind.RESET):
                found[f"{name}: {kind} {done} it was done"] = kind, method, path, {"heard": heard}
            for status in STATUSES:
                how = {"heard": heard, "status": status}
                found[f"{name}: {status} {done} it was done"] = Kind.STATUS, method, path, how
        limit = {"status": TOO_MANY, "retry_after": 0.5}
        found[f"{name}: {TOO_MANY}"] = Kind.STATUS, method, path, limit
    for seconds in SLOW:
        found[f"line: {seconds:g} s late"] = Kind.LATE, *REQUESTS["line"], {"seconds": seconds}
    return found


async def _play(address: str, channels: int, times: int, only: str) -> tuple[Outcome, Writers]:
    """Make faults happen while people write; return their counts and the people."""
    async with Discord(address) as discord:
        await discord.bot_is_ready()
        writers, outcome = await Writers.gather(discord, channels), Outcome()
        await writers.begin()
        writing = asyncio.create_task(writers.write())
        await _fail(writers, outcome, times, only)
        writers.stopped = True
        await writing
        await discord.mend()
        await writers.write_once_more()
        return outcome, writers


def sessions(discord: Discord) -> dict[str, Callable[[], Awaitable[None]]]:
    """Return the faults of a session by name."""

    async def lose(next_one: Kind) -> None:
        # aiohttp retries once by itself on a reused connection.
        most = 2 if next_one is Kind.RESET else 1
        await discord.fail(next_one, *HANDSHAKE, most=most)
        await discord.drop(politely=next_one is Kind.HANG_UP)

    return {
        "session: reconnect": discord.reconnect,
        "session: connection closed": discord.drop,
        "session: connection reset": partial(discord.drop, politely=False),
        "session: connection reset, next one refused": partial(lose, Kind.STATUS),
        "session: connection reset, next one too": partial(lose, Kind.RESET),
        "session: connection closed, next one too": partial(lose, Kind.HANG_UP),
        "session: invalid, can be resumed": partial(discord.invalidate, resumable=True),
        "session: invalid": partial(discord.invalidate, resumable=False),
    }


def _plan(names: Sequence[str], times: int) -> list[str]:
    """Return the names of the faults in random order, each once in a round."""
    rounds, rest = divmod(times, len(names))
    sizes = [len(names)] * rounds + [rest]
    return [name for size in sizes for name in random.sample(names, size)]


async def _fail(writers: Writers, outcome: Outcome, times: int, only: str) -> None:
    """Make the planned faults happen, a few at a time."""
    discord, requests, of_session = writers.discord, faults(), sessions(writers.discord)
    deliveries = {"delivery: doubled": {"times": 2}, "delivery: late": {"late": LATE}}
    asked_for = 0
    names = [name for name in (*requests, *of_session, *deliveries) if re.search(only, name)]
    for name in _plan(names, times):
        outcome.happened[name] += 1
        if name in requests:
            kind, method, path, how = requests[name]
            await discord.fail(kind, method, path, **how)
            asked_for += 1
            await discord.until(lambda least=asked_for - AT_ONCE: _happened(discord) >= least)
        elif name in of_session:
            await of_session[name]()
            await discord.bot_is_ready()
        else:
            writers.next_delivery = deliveries[name]
            await discord.until(lambda: not writers.next_delivery)
    await discord.until(lambda: _happened(discord) >= asked_for)


def _happened(discord: Discord) -> int:
    """Return how many requests have failed, without connections to the gateway."""
    return sum(path not in GATEWAYS for _, _, path in discord.faults)


def judge(outcome: Outcome, writers: Crowd, check: DatabaseCheck) -> Outcome:
    """Compare what people saw with the database, after the bot has stopped."""
    asked = [request for request, _ in writers.asked.values()]
    outcome.asked = len(asked)
    outcome.answered = sum(map(writers.has_end, asked))
    outcome.refused = sum(request.how is None for request in asked)
    outcome.without_end = outcome.asked - outcome.answered - outcome.refused
    found = check.compare({}, writers.wanted())
    outcome.lines = len(check.deliveries())
    outcome.lost = check.count_unknown(writers.seen()) + found.halves
    wrong = writers.wrong_channels(check.paths())
    print(*wrong, sep="\n")
    outcome.doubled = found.doubled + len(wrong)
    outcome.wrong = found.wrong + found.broken + len(check.stars() - writers.starred)
    return outcome


def run(voice: Path, folder: Path, channels: int, times: int, only: str = "") -> Outcome:
    """Run the bot in a folder with faults whose names ``only`` matches, and judge the outcome."""
    settings = {"models": voice.parent, "model": voice.stem, "threads": 1, "line_length": 200}
    settings |= UNLIMITED
    log = folder / "bot.log"
    with fake_discord(TO_ANSWER) as address, running_bot(address, folder, log, **settings):
        outcome, writers = asyncio.run(_play(address, channels, times, only))
    return judge(outcome, writers, DatabaseCheck(folder / "onbook.db", Model.load(voice, 1)))


def main(times: int = 200, channels: int = 20, only: str = "", voice: VoiceFile = STAGE) -> int:
    """Run the command; return the exit code: 1 if anything was lost or a request has no end.

    Args:
        times: The number of faults.
        channels: The number of channels.
        only: A regular expression of the names of the faults, by default of all.
        voice: The voice file.
    """
    with tempfile.TemporaryDirectory() as folder:
        outcome = run(voice.resolve(), Path(folder), channels, times, only)
    print(outcome)
    return int(not outcome.fine)


if __name__ == "__main__":
    sys.exit(tyro.cli(main, prog="python -m tests.soak.faults", description=__doc__))
