"""``python -m tests.soak.faults``: people write in many channels while the network fails.

It starts the fake Discord and the bot, lets somebody in each channel write, and lets faults happen
to what the bot asks for and hears: requests that are not answered, connections that break, errors
of Discord's, limits, new and lost sessions, deliveries that are doubled and delayed. It prints what
happened, and what became of the lines and of the people.

Each kind happens as often as the others, once in each round, and the rounds follow one another as
fast as requests come that can fail. What befalls the session waits until the bot hears again what
happens, since nothing can befall one that is not there: Discord asks for another connection (op 7),
closes it, or the network breaks it without a word; that too, and then the next one is refused,
breaks off, or is closed before a word; Discord says that the session must be resumed, or that it is
lost (op 9), which is the only one of these after which another one has to begin. That is a fault of
the session every few seconds, where Discord has one in hours.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from bot.inference.model import Model
from bot.settings import SHIPPED_MODELS
from tests.fake_discord.faults import GATEWAYS, STATUSES, TOO_MANY, Kind
from tests.fake_discord.people import Asked, Channel, Discord, Person
from tests.fake_discord.processes import UNLIMITED, fake_discord, running_bot

from .kills.crowd import Crowd, gathered
from .kills.truth import Truth

REQUESTS = {
    "first answer": ("POST", "/callback"),
    "line": ("POST", r"/webhooks/\d+/[^/]+$"),
    "panel": ("POST", r"/channels/\d+/messages$"),
    "same panel": ("PATCH", r"/channels/\d+/messages/"),
    "line or panel that goes": ("DELETE", r"/messages/\d+$"),
    "end": ("DELETE", "@original"),
}

HANDSHAKE = "GET", "^/(session/)?$"
"""The requests for a connection to the gateway."""

OFTEN = 0.1
"""How often somebody writes two lines, and how often a command that is refused."""

TO_ANSWER = 8.0
"""Seconds in which the bot must answer first. Discord allows 3, but a machine may be busy."""

AT_ONCE = 8
"""Faults that are set at the same time."""

LATE = 0.5
"""Seconds by which a delivery comes late."""

TO_END = 180.0
"""Seconds after which nobody waits any more: twice as long as the bot retries a message."""


@dataclass
class Outcome:
    """The outcome of a run."""

    happened: Counter[str] = field(default_factory=Counter)
    """Number of times that each fault happened."""
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
    """Lines that were shown but are not in the database, and halves of turns."""
    doubled: int = 0
    """Lines that are stored twice, and channels that do not show their script once, in order."""
    away: dict[str, list[float]] = field(default_factory=dict)
    """Seconds until the bot heard events again, by the fault of its session."""
    wrong: int = 0
    """States that are not those of the text, and databases that fail their own check."""

    @property
    def fine(self) -> bool:
        """Return whether nothing was lost, and nobody waits."""
        return not (self.lost + self.doubled + self.wrong + self.without_end)

    def __str__(self) -> str:
        faults = "\n".join(f"{times:5,}  {what}" for what, times in sorted(self.happened.items()))
        rows = {name: value for name, value in vars(self).items() if isinstance(value, int)}
        counts = "\n".join(f"{value:5,}  {name.replace('_', ' ')}" for name, value in rows.items())
        return f"{faults}\n{sum(self.happened.values()):5,}  faults\n\n{counts}"


class Writers(Crowd):
    """A crowd that knows that its Discord is unwell."""

    stopped = False
    next_delivery: dict[str, float]
    """The fault of the next delivery, which happens once."""

    async def write(self) -> None:
        """Write with everybody until stopped, then wait until each request has an end."""
        self.next_delivery = {}
        await asyncio.gather(*(self._write_on(*one) for one in self.people))

    async def _write_on(self, person: Person, channel: Channel) -> None:
        while not self.stopped:
            await self.write_and_wait(person, channel)

    async def write_and_wait(self, person: Person, channel: Channel) -> None:
        """Write once as somebody, and wait for the answer as long as anybody would."""
        how, self.next_delivery = self.next_delivery, {}
        asked = await self.ask(person, channel, **how)
        clock = asyncio.get_running_loop().time
        began = clock()
        while not self.has_end(asked) and clock() < began + TO_END:
            if asked.how is None and clock() > began + TO_ANSWER + LATE + 2:
                break  # "The application did not respond."
            with suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self.discord.until(partial(self.has_end, asked))

    async def ask(self, person: Person, channel: Channel, **how: Any) -> Asked:
        """Ask as a crowd does, and for what is refused or has several lines."""
        match random.choices(("long", "redo", "other"), (OFTEN, OFTEN, 1 - 2 * OFTEN))[0]:
            case "long":
                text = "\n\n".join(f"{random.getrandbits(60):x}." for _ in range(2))
                asked = await person.slash(channel, "write", text=text, **how)
                self.asked[asked.id] = asked, 2
            case "redo":  # there is nothing to redo, except after an undo
                asked = await person.slash(channel, "script redo", **how)
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
            found[f"{name}: silence {done} it was done"] = (
                Kind.SILENCE,
                method,
                path,
                {"heard": heard},
            )
            found[f"{name}: reset {done} it was done"] = Kind.RESET, method, path, {"heard": heard}
        for status in (*STATUSES, TOO_MANY):
            how = {"status": status, "retry_after": 0.5}
            found[f"{name}: {status}"] = Kind.STATUS, method, path, how
    return found


async def play(writers: Writers, times: int) -> Outcome:
    """Make so many faults happen while people write, who have begun."""
    outcome = Outcome()
    writing = asyncio.create_task(writers.write())
    await _fail(writers, outcome, times)
    writers.stopped = True
    await writing
    await writers.discord.mend()
    await writers.write_once_more()
    return outcome


async def _play_at(address: str, channels: int, times: int) -> tuple[Outcome, Writers]:
    async with Discord(address) as discord:
        await discord.bot_is_ready()
        writers = await gathered(Writers, discord, channels)
        await writers.begin()
        return await play(writers, times), writers


def sessions(discord: Discord) -> dict[str, Callable[[], Awaitable[None]]]:
    """Return the faults of a session by name."""

    async def lose(next_one: Kind) -> None:
        # On a reused connection aiohttp retries once by itself.
        most = 2 if next_one is Kind.RESET else 1
        await discord.fail(next_one, *HANDSHAKE, most=most)
        await discord.drop(politely=next_one is Kind.HANG_UP)

    return {
        "session: reconnect": discord.reconnect,
        "session: connection closed": discord.drop,
        "session: connection reset": partial(discord.drop, politely=False),
        "session: reset, and the next one refused": partial(lose, Kind.STATUS),
        "session: reset, and the next one too": partial(lose, Kind.RESET),
        "session: closed, and the next one too": partial(lose, Kind.HANG_UP),
        "session: invalid, can be resumed": partial(discord.invalidate, resumable=True),
        "session: invalid": partial(discord.invalidate, resumable=False),
    }


def _plan(names: Sequence[str], times: int) -> list[str]:
    """Return the names of all faults in order of occurrence: each once in a round."""
    rounds, rest = divmod(times, len(names))
    sizes = [len(names)] * rounds + [rest]
    return [name for size in sizes for name in random.sample(names, size)]


async def _fail(writers: Writers, outcome: Outcome, times: int) -> None:
    """Make faults happen, a few at a time, each kind as often as the others."""
    discord, requests, of_session = writers.discord, faults(), sessions(writers.discord)
    deliveries = {"delivery: doubled": {"times": 2}, "delivery: late": {"late": LATE}}
    asked_for = 0
    for name in _plan([*requests, *of_session, *deliveries], times):
        outcome.happened[name] += 1
        if name in requests:
            kind, method, path, how = requests[name]
            await discord.fail(kind, method, path, **how)
            asked_for += 1
            await discord.until(lambda least=asked_for - AT_ONCE: _happened(discord) >= least)
        elif name in of_session:
            began = time.monotonic()
            await of_session[name]()
            await discord.bot_is_ready()
            outcome.away.setdefault(name, []).append(time.monotonic() - began)
        else:
            writers.next_delivery = deliveries[name]
            await discord.until(lambda: not writers.next_delivery)
    await discord.until(lambda: _happened(discord) >= asked_for)


def _happened(discord: Discord) -> int:
    """Return how many requests have failed; a connection to the gateway does not count."""
    return sum(path not in GATEWAYS for _, _, path in discord.faults)


def judged(outcome: Outcome, writers: Crowd, truth: Truth) -> Outcome:
    """Compare what people saw with the database of a bot that has ended."""
    asked = [one for one, _ in writers.asked.values()]
    outcome.asked = len(asked)
    outcome.answered = sum(map(writers.has_end, asked))
    outcome.refused = sum(one.how is None for one in asked)
    outcome.without_end = outcome.asked - outcome.answered - outcome.refused
    found = truth.look({}, writers.wanted())
    outcome.lines = len(truth.deliveries())
    outcome.lost = truth.count_unknown(writers.seen()) + found.halves
    untold = writers.untold(truth.paths())
    print(*untold, sep="\n")
    outcome.doubled = found.doubled + len(untold)
    outcome.wrong = found.wrong + found.broken
    return outcome


def run(voice: Path, folder: Path, channels: int, times: int) -> Outcome:
    """Run the whole test in a folder."""
    settings = {"models": voice.parent, "model": voice.stem, "threads": 1, "line_length": 200}
    settings |= UNLIMITED
    log = folder / "bot.log"
    with fake_discord(TO_ANSWER) as address, running_bot(address, folder, log, **settings):
        outcome, writers = asyncio.run(_play_at(address, channels, times))
    return judged(outcome, writers, Truth(folder / "onbook.db", Model.load(voice, 1)))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return the exit code: 1 if anything was lost, or somebody waits."""
    options = parser().parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        outcome = run(options.voice.resolve(), Path(folder), options.channels, options.times)
    print(outcome)
    return int(not outcome.fine)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    one = argparse.ArgumentParser(prog="python -m tests.soak.faults", description=__doc__)
    one.add_argument("--times", type=int, default=200, help="(%(default)s)")
    one.add_argument("--channels", type=int, default=20, help="(%(default)s)")
    one.add_argument("--voice", type=Path, default=SHIPPED_MODELS / "stage.onnx")
    return one


if __name__ == "__main__":
    sys.exit(main())
