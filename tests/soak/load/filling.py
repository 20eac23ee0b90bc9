"""Fill a database with many channels, as the bot would have written them.

Sessions, a voice and the store write a few plays; all other channels are copies of these rows with
other ids, which are those that the store would have chosen. The tests compare such copies with rows
that the store wrote.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

from bot.inference.registry import ModelRegistry
from bot.screenplay.free_text import make_heading
from bot.session.channel_session import ChannelSession, ChannelSessions
from bot.session.turn import ContinueRequest, NewScript, Requester
from bot.settings import Look, Settings
from bot.storage.schema import Line, PostedLine, Script
from bot.storage.store import Store
from bot.ui.lines.line_messages import make_name

STATES = Settings.model_fields["states_mb"].default * 2**20
"""Bytes for states, unless the operator says otherwise."""

PLAYS = 16
"""The number of different plays."""

FIRST_DELIVERY, FIRST_MESSAGE = 1_400_000_000_000_000_000, 1_500_000_000_000_000_000
"""The first ids of deliveries and of messages, in Discord's form."""

EACH = 10_000
"""The difference between the first ids of one channel and those of the next."""

AUTHOR = 1_300_000_000_000_000_000
"""The author of everything."""

WRITTEN = "It rains on the roof of the diner, and nobody has said a word for a long while."
"""The beginning of a person's line; its number follows."""

SHIFTED = {
    "scripts": {"id": "script", "head": "line", "delivery": "delivery", "channel": "channel"}
    | {"guild": "guild"},
    "lines": {"id": "line", "script": "script", "parent": "line", "delivery": "delivery"},
    "redo_pointers": {"script": "script", "line": "line", "child": "line"},
    "states": {"line": "line"},
    "posted_lines": {"message": "message", "channel": "channel", "line": "line"},
    "channels": {"id": "channel", "guild": "guild", "panel": "message"},
}
"""The columns in which a copy differs, and the kind of id in each of them."""

OWNED_BY = {
    "scripts": "kept.id",
    "states": "(SELECT script FROM lines WHERE lines.id = kept.line)",
    "posted_lines": "(SELECT script FROM lines WHERE lines.id = kept.line)",
    "channels": "(SELECT id FROM scripts WHERE scripts.channel = kept.id AND running)",
}
"""The script of a row in the tables that do not name it."""

Place = tuple[int, int]
"""A channel and its server."""


async def fill(
    path: Path,
    voice: Path,
    places: Sequence[Place],
    lines: int,
    room: int = STATES,
    plays: int = PLAYS,
) -> None:
    """Write a database with a play of ``lines`` lines in each place.

    Args:
        path: The database.
        voice: The voice that writes.
        places: The channels.
        lines: The number of lines in each play.
        room: Bytes for states. All heads have a state; of the other lines, as many of the newest
            as fit.
        plays: The number of different plays.
    """
    plays = min(plays, len(places))
    await write(path, voice, places[:plays], lines, plays)
    await asyncio.to_thread(_copy, path, places, plays, lines, room)


async def write(
    path: Path, voice: Path, places: Sequence[Place], lines: int, plays: int = PLAYS
) -> None:
    """Write a play in each place with a session and a voice, without copying."""
    settings = Settings(models=voice.parent, model=voice.stem, database=path)
    voices = ModelRegistry(settings.models, settings.threads, settings.rows)
    store = await Store.open(path)
    sessions = ChannelSessions(store, voices, settings)
    try:
        for number, (channel, guild) in enumerate(places):
            await _write(sessions.get(channel), guild, number, number % plays, lines)
    finally:
        voices.close()
        await store.close()


async def _write(room: ChannelSession, guild: int, number: int, play: int, lines: int) -> None:
    """Write one play: a heading, then the voice and a person in turn."""
    for line in range(lines):
        writer = Requester(AUTHOR, "Ann", str(FIRST_DELIVERY + EACH * number + line))
        if not line:
            opening = make_heading(f"INT. HOUSE {play} - NIGHT")
            turn = await room.library.begin(
                writer, NewScript(title=f"Play {play}", guild=guild), opening
            )
            # The seed makes every channel's copy of the play continue with the same line.
            await room.library.change_preferences(writer, {"seed": play})
        elif line % 2:
            turn = await room.continuation.generate(
                writer, ContinueRequest(seed=EACH * play + line)
            )
        else:
            turn = await room.continuation.write(writer, f"{WRITTEN} {line}")
        await _post(room.store, turn.script, turn.lines, FIRST_MESSAGE + EACH * number + 2 * line)


async def _post(store: Store, script: Script, lines: Sequence[Line], first: int) -> None:
    """Record the messages of new lines and the panel below them, with ids from ``first`` on."""
    for message, line in enumerate(lines, first):
        name = make_name(script, line.element)
        post = PostedLine(
            message=message,
            channel=script.channel,
            line=line.id,
            look=Look.CHARACTERS,
            name=name,
        )
        await store.messages.record_post(post, line)
    await store.messages.record_panel(script.channel, script.guild, first + len(lines))


def _copy(path: Path, places: Sequence[Place], plays: int, lines: int, room: int) -> None:
    """Copy the first plays to all other places."""
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "temp_store = MEMORY"):
            database.execute(f"PRAGMA {pragma}")
        database.execute("BEGIN")
        database.execute(
            "CREATE TEMP TABLE copies (number INTEGER PRIMARY KEY, play, channel, guild)"
        )
        database.executemany(
            "INSERT INTO copies VALUES (?, ?, ?, ?)",
            ((n, n % plays, *places[n]) for n in range(plays, len(places))),
        )
        whole = len(places) - _with_all_states(database, len(places), lines, room)
        for table, columns in SHIFTED.items():
            _copy_table(database, table, columns, lines, whole)
        database.execute(
            "DELETE FROM states WHERE line NOT IN (SELECT head FROM scripts) AND line <= ?",
            (whole * lines,),
        )
        database.execute("COMMIT")


def _with_all_states(database: sqlite3.Connection, count: int, lines: int, room: int) -> int:
    """Return how many of the last places keep the states of all their lines."""
    (size,) = database.execute("SELECT max(length(state)) FROM states").fetchone()
    room_left = room // size - count
    return max(0, min(count, room_left // max(1, lines - 1)))


def _copy_table(
    database: sqlite3.Connection, table: str, columns: Mapping[str, str], lines: int, whole: int
) -> None:
    shifts = {
        "script": "{} + copies.number - copies.play",
        # The id 0 stands for no line, so it must stay 0.
        "line": f"{{}} + ({{}} > 0) * {lines} * (copies.number - copies.play)",
        "message": f"{{}} + {EACH} * (copies.number - copies.play)",
        "delivery": f"CAST({{}} + {EACH} * (copies.number - copies.play) AS TEXT)",
        "channel": "copies.channel",
        "guild": "copies.guild",
    }
    names = [f'"{row[1]}"' for row in database.execute(f"PRAGMA table_info({table})")]
    values = [
        shifts[columns[name.strip('"')]].replace("{}", f"kept.{name}")
        if name.strip('"') in columns
        else f"kept.{name}"
        for name in names
    ]
    only = f"WHERE number >= {whole} OR kept.line % {lines} = 0" if table == "states" else ""
    owner = OWNED_BY.get(table, "kept.script")
    database.execute(
        f"CREATE TEMP TABLE kept AS SELECT {owner} - 1 AS of_play, kept.*"  # noqa: S608 - our names
        f" FROM main.{table} AS kept"
    )
    database.execute("CREATE INDEX temp.kept_by_play ON kept (of_play)")
    database.execute(
        f"INSERT INTO main.{table} ({', '.join(names)}) SELECT {', '.join(values)}"  # noqa: S608
        f" FROM copies CROSS JOIN kept ON kept.of_play = copies.play {only}"
        " ORDER BY copies.number, kept.rowid"
    )
    database.execute("DROP TABLE temp.kept")
