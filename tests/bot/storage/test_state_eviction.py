"""Test the budget of states: which states go, and that a script goes on as if none had gone."""

from __future__ import annotations

import numpy as np
import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from bot.screenplay.drafts import Draft
from bot.screenplay.elements import Element, Kind
from bot.session.surprisal import load_last_surprisal
from bot.session.turn import ContinueRequest
from bot.storage.store import Store
from tests.bot.conftest import run_sql
from tests.bot.session_harness import SessionHarness


async def kept(harness: SessionHarness) -> set[int]:
    """Return the ids of the lines whose states are stored."""
    query = "SELECT line FROM states WHERE state IS NOT NULL"
    states = run_sql(harness.settings.database_location, query)
    return {int(line) for [line] in states}


@pytest.fixture
async def small(harness: SessionHarness) -> SessionHarness:
    """Return a harness that has room for six states."""
    size = (await harness.voices.engine("tiny")).model.state_size * 4
    await harness.store.close()
    harness.store = harness.sessions.store = await Store.open(
        harness.settings.database_location, 6 * size
    )
    harness.session = harness.sessions.get(7)
    return harness


async def test_heads_stay_first_and_then_the_latest(small: SessionHarness):
    head = (await small.start()).script.head
    for _ in range(2):  # some lines of the script lose their states meanwhile
        other = small.sessions.get(8)
        await small.start(other)
        lines = [await other.continuation.write(small.writer(), f"Rain {n}.") for n in range(8)]
    there = await kept(small)
    assert head in there
    last = [turn.lines[0].id for turn in lines]
    assert there >= set(last[-3:])
    assert not there & set(last[:3])
    assert len(there) <= 6


async def test_heads_go_too_where_there_are_more_of_them_than_room(small: SessionHarness):
    heads = [(await small.start(small.sessions.get(n))).script.head for n in range(10)]
    assert await kept(small) == set(heads[-5:]) or await kept(small) == set(heads[-6:])


async def test_what_lines_cost_goes_with_their_states_but_not_a_heads(small: SessionHarness):
    fingerprint = (await small.voices.engine("tiny")).model.fingerprint
    oldest = (await small.start(small.sessions.get(50))).script.head
    await small.start()
    lines = [(await small.write(f"Rain {n}.")).lines[0] for n in range(3)]
    first, _, head = [line.id for line in lines]
    costs = await load_last_surprisal(small.session, 3, 600)
    for n in range(9):  # the heads alone need more than the room
        await small.start(small.sessions.get(100 + n))
    assert not {oldest, first, head} & await kept(small)
    assert await small.store.states.find_surprisal(first, fingerprint) is None
    for one in oldest, head:
        assert await small.store.states.find_surprisal(one, fingerprint) is not None
        assert await small.store.states.find_last_reader(one) == fingerprint
    # A person who looks at the script again sees the same costs.
    for one, other in zip(
        costs[2], (await load_last_surprisal(small.session, 3, 600))[2], strict=True
    ):
        np.testing.assert_allclose(one, other, atol=0.01)


async def test_a_script_goes_on_where_its_states_are_gone(small: SessionHarness):
    await small.start()
    lines = [(await small.write(f"Rain {n}.")).lines[0] for n in range(4)]
    expected = await small.read_from_start(await small.lines())
    for n in range(20):
        await small.start(small.sessions.get(100 + n))
    assert lines[-1].id not in await kept(small)
    turn = await small.session.continuation.generate(small.writer(), ContinueRequest(seed=5))
    assert await small.state(lines[-1]) in (expected, None)
    everything = await small.lines()
    assert await small.state(turn.lines[-1]) == await small.read_from_start(everything)


async def test_what_is_there_when_it_opens_counts(small: SessionHarness):
    await small.start()
    for n in range(5):
        await small.write(f"Rain {n}.")
    await small.store.close()
    small.store = await Store.open(small.settings.database_location, 1)
    model = (await small.voices.engine("tiny")).model
    await small.store.states.save_state(
        1, model.fingerprint, np.zeros(model.state_size, np.float32)
    )
    assert await kept(small) == set()


async def test_what_was_taken_back_is_not_counted(small: SessionHarness):
    await small.start()
    for n in range(9):
        await small.write(f"Rain {n}.")
    script, before = await small.session.library.load_script(), await kept(small)
    model = (await small.voices.engine("tiny")).model
    state = np.zeros(model.state_size, np.float32)
    drafts = [Draft(Element(Kind.ACTION, "Hail."), 1, "Ann", state, model.fingerprint)] * 4

    def fail(_: object) -> None:
        raise RuntimeError

    # The store makes room for the states, and then fails to store them.
    event.listen(Session, "before_commit", fail)
    with pytest.raises(RuntimeError):
        await small.store.lines.append_lines(script, script.head, drafts, "late")
    event.remove(Session, "before_commit", fail)
    assert await kept(small) == before
    for n in range(9):
        await small.write(f"Snow {n}.")
        assert len(await kept(small)) <= 6


async def test_nothing_is_kept_of_a_line_that_is_deleted(small: SessionHarness):
    begun = await small.start()
    await small.start()
    await small.store.scripts.delete_script(begun.script.id)
    model = (await small.voices.engine("tiny")).model
    state = np.zeros(model.state_size, np.float32)
    await small.store.states.save_state(begun.script.head, model.fingerprint, state)
    assert begun.script.head not in await kept(small)
