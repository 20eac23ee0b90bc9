"""Change voices while many people write, and measure failures and delays of the event loop.

    python -m tests.soak.swaps

The program starts the fake Discord and the bot, each in a process of its own, and has a person in
every channel use /continue again and again. Every second change replaces the voice's file; the
others give another voice to the script of one channel. It prints how many commands failed, and how
late the bot's event loop was without changes and with them. Its exit code is 1 if a command failed
or the event loop was too late.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import tyro

from bot.app.runner import freeze_imports
from bot.inference.model import Model
from bot.settings import read_runner_settings
from tests.fake_discord.bot import bot_here, enter
from tests.fake_discord.people import WRITERS_MAY, Asked, Channel, Discord, Message, Person, names
from tests.fake_discord.processes import UNLIMITED, bot_environment, fake_discord, running
from tests.voice_option import STAGE, VoiceFile

from .kills.crowd import has_end

VOICE, OTHER = "voice", "other"
"""The voice whose file changes, and one whose file does not."""

EVERY = 0.005
"""The interval at which the event loop is checked [s]."""

AT_MOST = 0.1
"""The largest acceptable delay of the event loop [s]."""

WRITING_BEFORE = 5.0
"""Seconds of writing without changes, for comparison."""


@dataclass
class Outcome:
    """The outcome of a run."""

    changes: int = 0
    commands: int = 0
    failed: list[str] = field(default_factory=list)
    """Answers without lines."""
    late_before: list[float] = field(default_factory=list)
    """Delays of the event loop while people wrote and nothing changed [s]."""
    late: list[float] = field(default_factory=list)
    """Delays of the event loop while voices changed [s]."""
    voices: set[str] = field(default_factory=set)
    """The voices whose lines were shown."""

    @property
    def fine(self) -> bool:
        """Return whether every command was answered and the event loop was in time."""
        return self.changes > 0 and not self.failed and self.in_time

    @property
    def in_time(self) -> bool:
        """Return whether the event loop was in time while voices changed."""
        return bool(self.late) and max(self.late) < AT_MOST

    def report(self) -> str:
        """Return the figures as text."""
        failed = f"{len(self.failed)} failed"
        return "\n".join(
            [
                f"{self.changes} changes of voice, {self.commands:,} commands, {failed}",
                f"event loop late, without changes: {_figures(self.late_before)}",
                f"event loop late, with changes:    {_figures(self.late)}",
                f"load average: {os.getloadavg()[0]:.1f}, on {os.cpu_count()} cores",
                f"at most {AT_MOST * 1000:.0f} ms: {'yes' if self.in_time else 'NO'}",
                *self.failed[:10],
            ]
        )


def _figures(seconds: Sequence[float]) -> str:
    median, late, most = (float(np.percentile(seconds, share)) * 1000 for share in (50, 99, 100))
    return f"median {median:.1f} ms, 99 % {late:.1f} ms, most {most:.1f} ms"


async def write_and_change(
    address: str, folder: Path, files: Sequence[Path], channels: int, changes: int, before: float
) -> tuple[Outcome, float, float]:
    """Write while voices change; return the outcome, and when the changes began and ended [s]."""
    outcome = Outcome()
    async with Discord(address) as discord:
        await discord.bot_is_ready()
        guild = await discord.guild("The Playhouse")
        people = [await guild.person(name) for name in names(channels)]
        ada = await guild.person("Ada", may=WRITERS_MAY | 1 << 5)
        places = [await guild.channel(person.name) for person in people]
        for person, place in zip(people, places, strict=True):
            await (await person.slash(place, "start", heading="A hall")).is_done()
        done = asyncio.Event()
        crowd = zip(people, places, strict=True)
        writing = [asyncio.create_task(_write(*writer, done, outcome)) for writer in crowd]
        await asyncio.sleep(before)
        began = time.time()
        prints = [Model.load(file, threads=1).fingerprint for file in files]
        for number in range(changes):
            if number % 2:
                at = number // 2 % channels
                voice = (OTHER, VOICE)[number // 2 // channels % 2]
                asked = await people[at].slash(places[at], "voice", voice=voice, use="script")
                await _expect(asked, outcome, f"“{voice}” writes this script")
            else:
                which = (number // 2 + 1) % len(files)
                _put(files[which], folder / f"{VOICE}.onnx")
                asked = await ada.slash(places[0], "voice", voice=VOICE)
                await _expect(asked, outcome, f"fingerprint {prints[which][:12]}")
            outcome.changes += 1
        ended = time.time()
        done.set()
        await asyncio.gather(*writing)
    with closing(sqlite3.connect(folder / "onbook.db")) as database:
        rows = database.execute("SELECT DISTINCT credit FROM lines WHERE author IS NULL")
        outcome.voices = {credit for (credit,) in rows}
    return outcome, began, ended


def _put(file: Path, place: Path) -> None:
    """Replace a file atomically by a copy of another one."""
    part = place.with_suffix(".part")
    shutil.copy(file, part)
    part.replace(place)


async def _write(person: Person, place: Channel, done: asyncio.Event, outcome: Outcome) -> None:
    """Ask for one line after another until the changes are done."""
    while not done.is_set():
        asked = await person.slash(place, "continue")
        await asked.discord.until(
            lambda asked=asked: has_end(asked), lambda asked=asked: str(asked)
        )
        outcome.commands += 1
        outcome.failed += [answer.content for answer in asked.answers()]


async def _expect(asked: Asked, outcome: Outcome, text: str) -> None:
    """Wait for an answer, and count it as failed unless it contains this text."""

    def find() -> Message | None:
        for message in asked.answers():
            if text in message.content or (message.only_for and not message.thinking):
                return message
        return None

    found = await asked.discord.until(find, lambda: f"{text} in {asked}")
    outcome.commands += 1
    if text not in found.content:
        outcome.failed.append(found.content)


# The bot ---------------------------------------------------------------------------------------


async def _bot(caller: Connection, address: str) -> None:
    """Run the real bot until the caller sends something; then send the delays of its loop."""
    late: list[tuple[float, float]] = []

    async def watch() -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(EVERY)
            late.append((time.time(), time.perf_counter() - began - EVERY))

    freeze_imports()
    async with bot_here(address, read_runner_settings()):
        watching = asyncio.create_task(watch())
        await asyncio.to_thread(caller.recv)
        watching.cancel()
    caller.send(late)


def _run(caller: Connection, address: str, folder: Path, environment: dict[str, str]) -> None:
    enter(folder, environment)
    asyncio.run(_bot(caller, address))


def measure(
    files: Sequence[Path], channels: int, changes: int, threads: int, before: float = WRITING_BEFORE
) -> Outcome:
    """Start everything, and write while the voice changes between the files."""
    with tempfile.TemporaryDirectory() as name, fake_discord(60.0) as address:
        folder = Path(name)
        for voice in (VOICE, OTHER):
            _put(files[0], folder / f"{voice}.onnx")
        chosen = {"models": folder, "model": VOICE, "threads": threads}
        environment = bot_environment(**chosen, **UNLIMITED)
        with running(_run, address, folder, environment) as (_, bot):
            try:
                found = write_and_change(address, folder, files, channels, changes, before)
                outcome, began, ended = asyncio.run(found)
            finally:
                bot.send("end")
                said = bot.recv()
    for at, late in said:
        if at < began:
            outcome.late_before.append(late)
        elif at <= ended:
            outcome.late.append(late)
    return outcome


def main(
    channels: int = 20,
    changes: int = 50,
    threads: int = 2,
    voice: VoiceFile = STAGE,
) -> int:
    """Run the command; return the exit code: 1 if a command failed, or the event loop was late.

    Args:
        channels: The number of channels.
        changes: The number of changes.
        threads: The threads of each voice.
        voice: The voice file.
    """
    from export.__main__ import main as export  # imports torch, which the bot's process must not

    with tempfile.TemporaryDirectory() as folder:
        wide = Path(folder) / "wide.onnx"
        if export([str(voice), "--bits", "32", "-o", str(wide)]):
            return 1
        found = measure([voice, wide], channels, changes, threads)
    print(found.report())
    return int(not found.fine)


if __name__ == "__main__":
    sys.exit(tyro.cli(main, prog="python -m tests.soak.swaps", description=__doc__))
