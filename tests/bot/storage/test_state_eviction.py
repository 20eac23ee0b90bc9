"""Test the budget of states: which are evicted, and that no line depends on them."""

import numpy as np
import pytest

from bot.arrays import States
from bot.session.channel_session import ChannelSessions
from bot.session.surprisal import load_last_surprisal
from bot.storage.repositories import state_repository
from tests.bot.conftest import run_sql
from tests.bot.session_harness import SessionHarness

BUDGET = 6
"""The states for which there is room."""


def find_kept(harness: SessionHarness) -> set[int]:
    """Return the ids of the lines whose states are stored."""
    query = "SELECT line FROM states WHERE state IS NOT NULL"
    return {int(line) for [line] in run_sql(harness.settings.database_location, query)}


async def evict(harness: SessionHarness, budget: int = BUDGET) -> None:
    """Evict all states but those for which there is room."""
    size = (await harness.models.engine("tiny")).model.state_size * 4
    await harness.store.states.evict_states(budget * size)


async def start_others(harness: SessionHarness, number: int) -> list[int]:
    """Start scripts in other channels, and return their heads."""
    return [(await harness.start(harness.sessions.get(100 + n))).script.head for n in range(number)]


async def make_state(harness: SessionHarness) -> tuple[str, States]:
    """Return the fingerprint of the voice, and a state of its size."""
    model = (await harness.models.engine("tiny")).model
    return model.fingerprint, np.zeros(model.state_size, np.float32)


async def test_heads_and_the_latest_lines_keep_their_states(harness: SessionHarness):
    head = (await harness.start()).script.head
    other = harness.sessions.get(8)
    await harness.start(other)
    turns = [await other.continuation.write(harness.writer(), f"Rain {n}.") for n in range(16)]
    await evict(harness)
    lines = [turn.lines[0].id for turn in turns]
    assert find_kept(harness) == {head, *lines[1 - BUDGET :]}


@pytest.mark.parametrize("batch", [3, 500])
async def test_the_oldest_heads_lose_their_states_too(
    harness: SessionHarness, monkeypatch: pytest.MonkeyPatch, batch: int
):
    monkeypatch.setattr(state_repository, "BATCH", batch)
    heads = await start_others(harness, 10)
    await evict(harness)
    assert find_kept(harness) == set(heads[-BUDGET:])
    await evict(harness, 0)
    assert find_kept(harness) == set()


async def test_surprisals_are_evicted_except_those_of_heads(harness: SessionHarness):
    fingerprint, _ = await make_state(harness)
    oldest = (await harness.start(harness.sessions.get(50))).script.head
    await harness.start()
    lines = [(await harness.write(f"Rain {n}.")).lines[0].id for n in range(3)]
    first, _, head = lines
    before = await load_last_surprisal(harness.session, 3, 600)
    await start_others(harness, 9)
    await evict(harness)  # the heads alone exceed the budget
    assert not {oldest, first, head} & find_kept(harness)
    assert await harness.store.states.find_surprisal(first, fingerprint) is None
    for line in oldest, head:
        assert await harness.store.states.find_surprisal(line, fingerprint) is not None
        assert await harness.store.states.find_last_reader(line) == fingerprint
    after = await load_last_surprisal(harness.session, 3, 600)
    for bits, again in zip(before[2], after[2], strict=True):
        np.testing.assert_allclose(bits, again, atol=0.01)


async def test_housekeeping_keeps_to_the_room_that_the_operator_gives(harness: SessionHarness):
    await harness.start()
    await harness.sessions.housekeeping.evict_states()
    assert find_kept(harness)
    settings = harness.settings.model_copy(update={"states_mb": 0})
    await ChannelSessions(harness.store, harness.models, settings).housekeeping.evict_states()
    assert not find_kept(harness)


async def test_a_deleted_line_gets_no_state(harness: SessionHarness):
    deleted = (await harness.start()).script
    await harness.start()
    await harness.store.scripts.delete_script(deleted.id)
    await harness.store.states.save_state(deleted.head, *await make_state(harness), 0)
    assert deleted.head not in find_kept(harness)
