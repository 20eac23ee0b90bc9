"""Fill a database with many channels, as the bot would have written them.

A session, a voice and the store write a play in one channel; all other channels have copies of its
rows with other ids, which are those that the store would have chosen. The tests compare such copies
with rows that the store wrote.
"""

import asyncio
import sqlite3
from collections.abc import Sequence
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
"""Bytes for states, unless the bot's owner says otherwise."""

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

Place = tuple[int, int]
"""A channel and its server."""


async def fill(
    path: Path, voice: Path, places: Sequence[Place], lines: int, room: int = STATES
) -> None:
    """Write a database with the same play of ``lines`` lines in each place.

    All heads have a state, and so have as many of the newest other lines as fit into ``room``
    bytes.
    """
    await write(path, voice, places[:1], lines)
    await asyncio.to_thread(_copy, path, places, lines, room)


async def write(path: Path, voice: Path, places: Sequence[Place], lines: int) -> None:
    """Write the play in each place with a session and a voice, without copying."""
    settings = Settings(models=voice.parent, model=voice.stem, database=path)
    voices = ModelRegistry(settings.models, settings.threads, settings.rows)
    store = await Store.open(path)
    sessions = ChannelSessions(store, voices, settings)
    try:
        for number, (channel, guild) in enumerate(places):
            await _write(sessions.get(channel), guild, number, lines)
    finally:
        voices.close()
        await store.close()


async def _write(room: ChannelSession, guild: int, number: int, lines: int) -> None:
    """Write the play: a heading, then the voice and a person in turn."""
    for line in range(lines):
        writer = Requester(AUTHOR, "Ann", str(FIRST_DELIVERY + EACH * number + line))
        if not line:
            new = NewScript(title="The Night", guild=guild)
            turn = await room.library.begin(writer, new, make_heading("INT. HOUSE - NIGHT"))
            # The seed makes every channel's copy of the play continue with the same line.
            await room.library.change_preferences(writer, {"seed": 1})
        elif line % 2:
            turn = await room.continuation.generate(writer, ContinueRequest(seed=line))
        else:
            turn = await room.continuation.write(writer, f"{WRITTEN} {line}")
        await _post(room.store, turn.script, turn.lines, FIRST_MESSAGE + EACH * number + 2 * line)


async def _post(store: Store, script: Script, lines: Sequence[Line], first: int) -> None:
    """Record the messages of new lines and the panel below them, with ids from ``first`` on."""
    for message, line in enumerate(lines, first):
        post = PostedLine(
            message=message,
            channel=script.channel,
            line=line.id,
            look=Look.CHARACTERS,
            name=make_name(script, line.element),
        )
        await store.messages.record_post(post, line)
    await store.messages.record_panel(script.channel, script.guild, first + len(lines))


def _copy(path: Path, places: Sequence[Place], lines: int, room: int) -> None:
    """Copy the play of the first place to all other places."""
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "temp_store = MEMORY"):
            database.execute(f"PRAGMA {pragma}")
        database.execute("BEGIN")
        database.execute("CREATE TEMP TABLE copies (number INTEGER PRIMARY KEY, channel, guild)")
        database.executemany(
            "INSERT INTO copies VALUES (?, ?, ?)",
            ((number, *place) for number, place in enumerate(places) if number),
        )
        whole = len(places) - _with_all_states(database, len(places), lines, room)
        for table in SHIFTED:
            _copy_table(database, table, lines, whole)
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


def _copy_table(database: sqlite3.Connection, table: str, lines: int, whole: int) -> None:
    shifts = {
        "script": "{} + copies.number",
        # The id 0 stands for no line, so it must stay 0.
        "line": f"{{}} + ({{}} > 0) * {lines} * copies.number",
        "message": f"{{}} + {EACH} * copies.number",
        "delivery": f"CAST({{}} + {EACH} * copies.number AS TEXT)",
        "channel": "copies.channel",
        "guild": "copies.guild",
    }
    names = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
    kinds = SHIFTED[table]
    values = [
        shifts[kinds[name]].replace("{}", f'kept."{name}"') if name in kinds else f'kept."{name}"'
        for name in names
    ]
    only = f"WHERE number >= {whole} OR kept.line % {lines} = 0" if table == "states" else ""
    database.execute(f"CREATE TEMP TABLE kept AS SELECT * FROM main.{table}")  # noqa: S608
    columns = ", ".join(f'"{name}"' for name in names)
    database.execute(
        f"INSERT INTO main.{table} ({columns}) SELECT {', '.join(values)}"  # noqa: S608 - our names
        f" FROM copies CROSS JOIN kept {only} ORDER BY copies.number, kept.rowid"
    )
    database.execute("DROP TABLE temp.kept")
