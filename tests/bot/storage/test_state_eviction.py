"""Test the budget of states: which are evicted, and that no line depends on them."""

from __future__ import annotations

import numpy as np
import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from bot.arrays import States
from bot.screenplay.drafts import Draft
from bot.screenplay.elements import Element, Kind
from bot.session.surprisal import load_last_surprisal
from bot.session.turn import ContinueRequest
from bot.storage.store import Store
from tests.bot.conftest import run_sql
from tests.bot.session_harness import SessionHarness

BUDGET = 6
"""The states for which there is room."""


def find_kept(harness: SessionHarness) -> set[int]:
    """Return the ids of the lines whose states are stored."""
    query = "SELECT line FROM states WHERE state IS NOT NULL"
    return {int(line) for [line] in run_sql(harness.settings.database_location, query)}


@pytest.fixture
async def small(harness: SessionHarness) -> SessionHarness:
    """Return a harness that has room for few states."""
    size = (await harness.voices.engine("tiny")).model.state_size * 4
    await harness.store.close()
    harness.store = harness.sessions.store = await Store.open(
        harness.settings.database_location, BUDGET * size
    )
    harness.session = harness.sessions.get(7)
    return harness


async def start_others(harness: SessionHarness, number: int) -> list[int]:
    """Start scripts in other channels, and return their heads."""
    return [(await harness.start(harness.sessions.get(100 + n))).script.head for n in range(number)]


async def make_state(harness: SessionHarness) -> tuple[str, States]:
    """Return the fingerprint of the voice, and a state of its size."""
    model = (await harness.voices.engine("tiny")).model
    return model.fingerprint, np.zeros(model.state_size, np.float32)


async def test_heads_and_the_latest_lines_keep_their_states(small: SessionHarness):
    head = (await small.start()).script.head
    for _ in range(2):  # some lines of the script lose their states meanwhile
        other = small.sessions.get(8)
        await small.start(other)
        turns = [await other.continuation.write(small.writer(), f"Rain {n}.") for n in range(8)]
    kept = find_kept(small)
    lines = [turn.lines[0].id for turn in turns]
    assert kept >= {head, *lines[-3:]}
    assert not kept & set(lines[:3])
    assert len(kept) <= BUDGET


async def test_the_oldest_heads_lose_their_states_too(small: SessionHarness):
    heads = await start_others(small, 10)
    assert find_kept(small) in (set(heads[-BUDGET + 1 :]), set(heads[-BUDGET:]))


async def test_surprisals_are_evicted_except_those_of_heads(small: SessionHarness):
    fingerprint, _ = await make_state(small)
    oldest = (await small.start(small.sessions.get(50))).script.head
    await small.start()
    lines = [(await small.write(f"Rain {n}.")).lines[0].id for n in range(3)]
    first, _, head = lines
    before = await load_last_surprisal(small.session, 3, 600)
    await start_others(small, 9)  # the heads alone exceed the budget
    assert not {oldest, first, head} & find_kept(small)
    assert await small.store.states.find_surprisal(first, fingerprint) is None
    for line in oldest, head:
        assert await small.store.states.find_surprisal(line, fingerprint) is not None
        assert await small.store.states.find_last_reader(line) == fingerprint
    after = await load_last_surprisal(small.session, 3, 600)
    for bits, again in zip(before[2], after[2], strict=True):
        np.testing.assert_allclose(bits, again, atol=0.01)


async def test_a_script_continues_after_its_states_were_evicted(small: SessionHarness):
    await small.start()
    lines = [(await small.write(f"Rain {n}.")).lines[0] for n in range(4)]
    expected = await small.read_from_start(await small.lines())
    await start_others(small, BUDGET + 1)
    assert lines[-1].id not in find_kept(small)
    turn = await small.session.continuation.generate(small.writer(), ContinueRequest(seed=5))
    assert await small.state(lines[-1]) in (expected, None)
    assert await small.state(turn.lines[-1]) == await small.read_from_start(await small.lines())


async def test_the_budget_counts_the_states_of_earlier_runs(small: SessionHarness):
    await small.start()
    await small.write("Rain.\n\nWind.")
    await small.store.close()
    small.store = await Store.open(small.settings.database_location, 1)
    await small.store.states.save_state(1, *await make_state(small))
    assert find_kept(small) == set()


async def test_states_that_were_rolled_back_are_not_counted(small: SessionHarness):
    await small.start()
    for n in range(9):
        await small.write(f"Rain {n}.")
    script, before = await small.session.library.load_script(), find_kept(small)
    fingerprint, state = await make_state(small)
    drafts = [Draft(Element(Kind.ACTION, "Hail."), 1, "Ann", state, fingerprint)] * 4

    def fail(_: object) -> None:
        raise RuntimeError

    # The store makes room for the states, and then fails to store them.
    event.listen(Session, "before_commit", fail)
    with pytest.raises(RuntimeError):
        await small.store.lines.append_lines(script, script.head, drafts, "late")
    event.remove(Session, "before_commit", fail)
    assert find_kept(small) == before
    for n in range(9):
        await small.write(f"Snow {n}.")
        assert len(find_kept(small)) <= BUDGET


async def test_a_deleted_line_gets_no_state(small: SessionHarness):
    deleted = (await small.start()).script
    await small.start()
    await small.store.scripts.delete_script(deleted.id)
    await small.store.states.save_state(deleted.head, *await make_state(small))
    assert deleted.head not in find_kept(small)
