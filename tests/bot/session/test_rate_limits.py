"""Test the limits: nobody exceeds a share of a minute, and a refusal says until when."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import RateLimited
from bot.session.rate_limits import MINUTE, Cost, LeakyBuckets, RateLimits
from bot.settings import RunnerSettings
from tests.bot.conftest import Stage, answer

steadily = settings(max_examples=80, deadline=None, derandomize=True)


class Clock:
    """A clock that the test sets forward."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@steadily
@given(
    st.integers(1, 50),
    st.lists(st.tuples(st.floats(0, 30), st.integers(1, 60)), min_size=1, max_size=60),
)
def test_never_more_than_a_bucket_and_what_flowed_in(
    a_minute: int, asked: list[tuple[float, int]]
) -> None:
    clock = Clock()
    buckets = LeakyBuckets(a_minute, clock)
    taken: list[tuple[float, int]] = []
    for later, cost in asked:
        clock.now += later
        if not buckets.compute_wait("ann", cost):
            buckets.take("ann", cost)
            taken.append((clock.now, cost))
    # The bucket held only the beginning of the last request, so the rest was owed afterwards.
    for at, (first, _) in enumerate(taken):
        for last, cost in taken[at + 1 :]:
            before = sum(one for when, one in taken[at:] if when < last)
            flowed = a_minute * (1 + (last - first) / MINUTE)
            assert before + min(cost, a_minute) <= flowed + 1e-6


@steadily
@given(st.integers(1, 100), st.lists(st.integers(1, 300), min_size=1, max_size=20))
def test_whoever_waits_as_long_as_they_were_told_is_let_in(a_minute: int, costs: list[int]) -> None:
    clock = Clock()
    buckets = LeakyBuckets(a_minute, clock)
    for cost in costs:
        if wait := buckets.compute_wait("ann", cost):
            clock.now += wait - 1e-3
            assert buckets.compute_wait("ann", cost) > 0
            clock.now += 1e-3 + 1e-6
        assert buckets.compute_wait("ann", cost) == 0
        buckets.take("ann", cost)


def test_what_is_larger_than_a_bucket_is_owed() -> None:
    clock = Clock()
    buckets = LeakyBuckets(100, clock)
    assert buckets.compute_wait("ann", 1000) == 0
    buckets.take("ann", 1000)
    assert buckets.compute_wait("ann", 1) == pytest.approx(9 * MINUTE + 0.6)


def test_memory_is_bounded_and_whoever_asked_last_is_remembered() -> None:
    clock = Clock()
    buckets = LeakyBuckets(1, clock, max_buckets=10)
    for one in range(1000):
        buckets.take(one, 1)
        buckets.take("ann", 1)
    assert len(buckets) == 10
    assert buckets.compute_wait("ann", 1) > 0
    assert buckets.compute_wait(0, 1) == 0


def test_no_rate_is_no_limit() -> None:
    buckets = LeakyBuckets(0)
    for _ in range(10):
        assert buckets.compute_wait("ann", 1e9) == 0
        buckets.take("ann", 1e9)
    assert len(buckets) == 0


def test_a_refusal_takes_nothing_and_names_whose_limit_it_is() -> None:
    clock = Clock()
    limits = RateLimits({"person": (10, 5, 100), "channel": (10, 10, 100)}, clock)
    ann, ben = ({"person": who, "channel": "stage"} for who in ("ann", "ben"))
    limits.spend(ann, Cost(lines=5))
    for _ in range(3):
        with pytest.raises(
            RateLimited, match=r"You have reached your limit .* again in 12 seconds"
        ):
            limits.spend(ann, Cost(lines=1))
    limits.spend(ben, Cost(lines=5))
    with pytest.raises(RateLimited, match="This channel is very busy"):
        limits.spend({"person": "cid", "channel": "stage"}, Cost(lines=5))
    clock.now += 12
    limits.spend(ann, Cost(lines=1))


@pytest.fixture
def chosen(chosen: RunnerSettings) -> RunnerSettings:
    """Return settings that allow little."""
    return chosen.model_copy(
        update={"person_limits": "6 4 400", "channel_limits": "9 0 0", "guild_limits": "0 0 0"}
    )


TOO_MUCH = re.compile(r"Try again in \d+ seconds?\.")


async def test_a_person_who_asks_too_often_is_told_until_when(stage: Stage) -> None:
    await stage.ann.slash(stage.channel, "start", title="T", heading="Roof")
    for _ in range(5):
        await stage.ann.slash(stage.channel, "write", text="Rain.")
    refused = answer(await stage.ann.slash(stage.channel, "write", text="My own words."))
    assert refused.ephemeral
    assert refused.content.startswith("You have reached your limit")
    assert TOO_MUCH.search(refused.content)
    assert "My own words." in refused.content
    assert len(await stage.lines()) == 6
    # Others go on until the channel has its limit.
    for _ in range(3):
        await stage.ben.slash(stage.channel, "undo")
    refused = answer(await stage.ben.slash(stage.channel, "script redo"))
    assert refused.content.startswith("This channel is very busy")


@pytest.mark.parametrize("command", ["voice info", "settings banned", "privacy export"])
async def test_what_needs_no_script_is_a_turn_too(stage: Stage, command: str) -> None:
    for _ in range(6):
        shown = answer(await stage.ann.slash(stage.channel, command))
        assert not TOO_MUCH.search(shown.content)
    refused = answer(await stage.ann.slash(stage.channel, command))
    assert TOO_MUCH.search(refused.content)
    assert not refused.attachments


async def test_lines_count_by_their_number_and_takes(stage: Stage) -> None:
    await stage.ann.slash(stage.channel, "start", title="T", heading="Roof")
    await stage.ann.slash(stage.channel, "continue", lines=3)
    refused = answer(await stage.ann.slash(stage.channel, "continue", lines=1, takes=2))
    assert "You have reached your limit" in refused.content
    await stage.ann.slash(stage.channel, "continue")
    refused = answer(await stage.ann.slash(stage.channel, "script retry"))
    assert "You have reached your limit" in refused.content
    assert len(await stage.lines()) == 5


async def test_candidates_of_a_line_cost_nothing_more(stage: Stage) -> None:
    await stage.ann.slash(stage.channel, "start", title="T", heading="Roof")
    await stage.ann.slash(stage.channel, "settings writing", quality="good")
    for _ in range(3):
        await stage.ann.slash(stage.channel, "continue")
    assert len(await stage.lines()) == 4


async def test_a_file_counts_by_its_size(stage: Stage) -> None:
    script = ("Rain on the window.\n\n" * 30).encode()
    await stage.ann.slash(stage.channel, "script import", file=("a.txt", script))
    assert "Imported" in stage.panel().content
    refused = answer(await stage.ann.slash(stage.channel, "script replay"))
    assert TOO_MUCH.search(refused.content)
    before = await stage.lines()
    await stage.ben.slash(stage.channel, "write", text="Rain.")
    assert await stage.lines() == [*before, "Rain."]
