"""Test that a turn reads the row of its script once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

from bot.session.turn import ContinueRequest
from bot.storage.schema import Script
from tests.bot.conftest import Stage, start_script
from tests.bot.session_harness import SessionHarness


def is_read_of_script(statement: str) -> bool:
    """Return whether a statement reads whole rows of scripts."""
    columns = statement.partition("FROM")[0]
    return columns.startswith("SELECT") and "scripts.title" in columns


async def test_a_turn_reads_the_script_once(harness: SessionHarness):
    await harness.start()
    await harness.continue_script(1, lines=2)
    room, writer = harness.session, harness.writer
    for act in (
        lambda: room.continuation.generate(writer(), ContinueRequest(seed=3)),
        lambda: room.continuation.retry(writer()),
        lambda: room.continuation.write(writer(), "Rain."),
        lambda: room.history.undo(writer()),
        lambda: room.history.redo(writer()),
        lambda: room.history.undo(writer()),
    ):
        with trips() as statements:
            turn = await act()
        assert sum(map(is_read_of_script, statements)) == 1
        # The row in the turn, which was not read again, equals the stored one.
        stored = await room.library.load_script()
        columns = [one.key for one in Script.__table__.columns]
        assert [getattr(turn.script, one) for one in columns] == [
            getattr(stored, one) for one in columns
        ]


@contextmanager
def trips() -> Iterator[list[str]]:
    """Collect the statements that go to the database, without BEGIN and COMMIT."""
    statements: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        if not statement.startswith(("BEGIN", "COMMIT")):
            statements.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def count_trips(statements: list[str]) -> int:
    """Count the statements of a turn whose line shares its provenance with an earlier one."""
    return sum("INTO provenances" not in one for one in statements)


async def test_a_turn_goes_to_the_database_six_times(harness: SessionHarness):
    await harness.start()
    await harness.continue_script(2)
    with trips() as statements:
        await harness.session.continuation.generate(harness.writer(), ContinueRequest(seed=3))
    # The script and the banned words; the state and the lines above; then one statement each to
    # prepare the ids, to add the line and the state after it, and to move the head.
    assert count_trips(statements) <= 6


async def test_a_warm_continue_goes_to_the_database_13_times(stage: Stage):
    await start_script(stage)
    await stage.ann.slash(stage.channel, "continue")
    with trips() as statements:
        await stage.ann.slash(stage.channel, "continue")
    # The early refusal and the turn; the script and the newest messages, the messages and the path,
    # and the new message; what the panel shows, and its message.
    assert count_trips(statements) <= 1 + 6 + 4 + 2
