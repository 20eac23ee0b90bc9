"""Test how often a turn goes to the database."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

from bot.session.turn import ContinueRequest
from bot.storage.schema import Script
from tests.bot.conftest import Stage, start_script
from tests.bot.session_harness import SessionHarness


@contextmanager
def recorded_statements() -> Iterator[list[str]]:
    """Record the statements that go to the database, without BEGIN and COMMIT.

    A line that shares its provenance with an earlier one adds none.
    """
    statements: list[str] = []

    def record(_: Any, __: Any, statement: str, *___: Any) -> None:
        if not statement.startswith(("BEGIN", "COMMIT")) and "INTO provenances" not in statement:
            statements.append(statement)

    event.listen(Engine, "before_cursor_execute", record)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", record)


def is_read_of_script(statement: str) -> bool:
    """Return whether a statement reads whole rows of scripts."""
    columns = statement.partition("FROM")[0]
    return columns.startswith("SELECT") and "scripts.title" in columns


async def test_a_turn_reads_its_script_once(harness: SessionHarness):
    await harness.start()
    await harness.continue_script(1, lines=2)
    columns = [column.key for column in Script.__table__.columns]
    session, writer = harness.session, harness.writer()
    for act in (
        session.continuation.generate(writer, ContinueRequest(seed=3)),
        harness.retry(),
        harness.write("Rain."),
        harness.undo(),
        harness.redo(),
        harness.undo(),
    ):
        with recorded_statements() as statements:
            turn = await act
        assert sum(map(is_read_of_script, statements)) == 1
        # The row in the turn, which was not read again, equals the stored one.
        stored = await session.library.load_script()
        for column in columns:
            assert getattr(turn.script, column) == getattr(stored, column), column


async def test_a_continue_command_executes_at_most_14_statements(stage: Stage):
    await start_script(stage)
    await stage.ann.slash(stage.channel, "continue")
    with recorded_statements() as statements:
        await stage.ann.slash(stage.channel, "continue")
    # The turn: the script and the banned words; the state and the lines above; then one statement
    # each to prepare the ids, to add the line and the state after it, and to move the head. Then
    # the lines of the channel; the script and the newest messages, the messages and the path, and
    # the new message; what the panel shows, and its message; the takes that the script has passed.
    assert len(statements) <= 6 + 1 + 4 + 2 + 1
    # The turn and what shows its result, which must show what is stored then.
    assert sum(map(is_read_of_script, statements)) == 2
