"""How long people wait for the bot while many write at once.

    python -m tests.fake_discord.crowd

starts the fake Discord and the bot with the shipped voice, each in a process of its own, and lets
somebody in every channel use /continue again and again, all from the same moment on and each as
soon as the last line is there. It prints how long the first visible answer took ("thinking" is
one), and how long the text.
"""

from __future__ import annotations

import argparse
import asyncio
import string
import sys
import tempfile
from collections.abc import Sequence
from itertools import islice, product
from pathlib import Path

import numpy as np

from bot.settings import SHIPPED_MODELS

from .people import Asked, Channel, Discord, Message, Person
from .processes import fake_discord, running_bot

FIRST, TEXT = 1.0, 3.0
"""Seconds within which everybody should see an answer, and the text."""

Answered = tuple[Asked, Message]


def names(count: int) -> list[str]:
    """Return so many character names, of letters alone, none of which is part of another."""
    return ["".join(one) for one in islice(product(string.ascii_uppercase, repeat=3), count)]


def report(answered: Sequence[Answered]) -> str:
    """Return a table of how long people waited."""
    first = [asked.seen - asked.began for asked, _ in answered if asked.seen]
    text = [shown.versions[0].at - asked.began for asked, shown in answered]
    rows = [("seconds from the command to", "median", "99 %", "most", "asked", "met")]
    rows += [_row("the first visible answer", first, FIRST), _row("the text", text, TEXT)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def _row(what: str, seconds: Sequence[float], limit: float) -> tuple[str, ...]:
    median, late, most = (float(np.percentile(seconds, share)) for share in (50, 99, 100))
    met = "yes" if late < limit else "NO"
    return what, f"{median:.3f}", f"{late:.3f}", f"{most:.3f}", f"under {limit:.0f}", met


async def measured(address: str, channels: int, rounds: int) -> list[Answered]:
    """Have one person in each channel ask for so many lines, one after the other."""
    async with Discord(address) as discord:
        await discord.bot_is_ready()
        guild = await discord.guild("The Playhouse")
        people = [await guild.person(name) for name in names(channels)]
        places = [await guild.channel(person.name) for person in people]
        for person, place in zip(people, places, strict=True):
            await (await person.slash(place, "start", heading="A hall")).is_done()
        crowd = zip(people, places, strict=True)
        found = await asyncio.gather(*(_write(one, place, rounds) for one, place in crowd))
        return [one for of_person in found for one in of_person]


async def _write(person: Person, channel: Channel, rounds: int) -> list[Answered]:
    found: list[Answered] = []
    for _ in range(rounds):
        asked = await person.slash(channel, "continue")
        await asked.is_done()
        found.append((asked, [one for one in channel.messages() if one.is_line][-1]))
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return the exit code, which is 0: the table shows what falls short."""
    options = parser().parse_args(arguments)
    voice: Path = options.voice.resolve()
    settings = {"models": voice.parent, "model": voice.stem, "threads": options.threads}
    with (
        tempfile.TemporaryDirectory() as folder,
        fake_discord() as address,
        running_bot(address, Path(folder), **settings),
    ):
        found = asyncio.run(measured(address, options.channels, options.rounds))
    print(f"{options.channels} channels at once, {len(found)} lines by the voice {voice.stem}\n")
    print(report(found))
    return 0


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    one = argparse.ArgumentParser(
        prog="python -m tests.fake_discord.crowd",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    one.add_argument("--channels", type=int, default=64, help="(%(default)s)")
    one.add_argument("--rounds", type=int, default=5, help="lines in each channel (%(default)s)")
    one.add_argument("--threads", type=int, default=2, help="of the voice (%(default)s)")
    one.add_argument("--voice", type=Path, default=SHIPPED_MODELS / "stage.onnx")
    return one


if __name__ == "__main__":
    sys.exit(main())
