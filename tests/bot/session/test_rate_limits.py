"""Test the rate limits: nobody exceeds a share of a minute, and a refusal says how long to wait."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import RateLimited
from bot.screenplay.drafts import Draft
from bot.screenplay.elements import Element, Kind
from bot.session import rate_limits
from bot.session.rate_limits import MINUTE, Cost, LeakyBuckets, RateLimits
from bot.settings import RunnerSettings
from bot.storage.schema import Script
from tests.bot.conftest import Stage, answer, assert_private
from tests.bot.playing import click, open_menu
from tests.bot.session_harness import CHANNEL, SessionHarness

ANN = 0
repeatably = settings(max_examples=40, deadline=None, derandomize=True)


class Clock:
    """A clock that the test sets forward."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@repeatably
@given(
    st.integers(1, 50),
    st.lists(st.tuples(st.floats(0, 30), st.integers(1, 60)), min_size=1, max_size=60),
)
def test_a_bucket_gives_at_most_its_size_and_what_flowed_in(
    per_minute: int, requests: list[tuple[float, int]]
) -> None:
    clock = Clock()
    buckets = LeakyBuckets(per_minute, clock)
    taken: list[tuple[float, int]] = []
    for pause, cost in requests:
        clock.now += pause
        if not buckets.compute_wait(ANN, cost):
            buckets.take(ANN, cost)
            taken.append((clock.now, cost))
    # The bucket held only the beginning of the last request, so the rest was owed afterwards.
    for at, (first, _) in enumerate(taken):
        for last, cost in taken[at + 1 :]:
            before = sum(amount for when, amount in taken[at:] if when < last)
            flowed = per_minute * (1 + (last - first) / MINUTE)
            assert before + min(cost, per_minute) <= flowed + 1e-6


@repeatably
@given(st.integers(1, 100), st.lists(st.integers(1, 300), min_size=1, max_size=20))
def test_the_computed_wait_is_exactly_long_enough(per_minute: int, costs: list[int]) -> None:
    clock = Clock()
    buckets = LeakyBuckets(per_minute, clock)
    for cost in costs:
        if wait := buckets.compute_wait(ANN, cost):
            clock.now += wait - 1e-3
            assert buckets.compute_wait(ANN, cost) > 0
            clock.now += 1e-3 + 1e-6
        assert buckets.compute_wait(ANN, cost) == 0
        buckets.take(ANN, cost)


def test_the_least_recently_used_bucket_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limits, "MAX_BUCKETS", 10)
    buckets = LeakyBuckets(1, Clock())
    for number in range(1, 100):
        buckets.take(number, 1)
        buckets.take(ANN, 1)
    assert len(buckets._full_at) == 10
    assert buckets.compute_wait(ANN, 1) > 0
    assert buckets.compute_wait(1, 1) == 0


def test_a_rate_of_0_is_no_limit() -> None:
    limits = RateLimits({"person": (0, 0, 0)})
    for _ in range(2):
        limits.charge(ANN, 1, 1, Cost(1e9, 1e9, 1e9))


def test_a_refusal_takes_nothing_and_names_the_scope() -> None:
    clock = Clock()
    limits = RateLimits({"person": (10, 5, 100), "channel": (10, 10, 100)}, clock)
    ann, ben, cid, stage = range(4)
    limits.charge(ann, stage, None, Cost(lines=5))
    for _ in range(3):
        with pytest.raises(RateLimited, match=r"You have reached your .* again in 12 seconds"):
            limits.charge(ann, stage, None, Cost(lines=1))
    limits.charge(ben, stage, None, Cost(lines=5))
    with pytest.raises(RateLimited, match="This channel is very busy"):
        limits.charge(cid, stage, None, Cost(lines=5))
    clock.now += 12
    limits.charge(ann, stage, None, Cost(lines=1))


@pytest.fixture
def chosen(chosen: RunnerSettings, monkeypatch: pytest.MonkeyPatch) -> RunnerSettings:
    """Return settings that allow little in a long minute, because the machine may be slow."""
    monkeypatch.setattr(rate_limits, "MINUTE", 10 * MINUTE)
    limits = {"person_limits": "6 4 400", "channel_limits": "9 0 0", "guild_limits": "0 0 0"}
    return chosen.model_copy(update=limits)


REFUSED = re.compile(r"Try again in \d+ (second|minute)s?\.")


async def test_a_refused_person_keeps_the_text_and_others_continue(stage: Stage) -> None:
    await stage.ann.slash(stage.channel, "start", title="T", heading="Roof")
    for _ in range(5):
        await stage.ann.slash(stage.channel, "write", text="Rain.")
    refused = answer(await stage.ann.slash(stage.channel, "write", text="My own words."))
    assert_private(refused, "You have reached your limit")
    assert REFUSED.search(refused.content)
    assert "My own words." in refused.content
    assert len(await stage.lines()) == 6
    # Others continue until the channel has reached its limit.
    for _ in range(3):
        await stage.ben.slash(stage.channel, "undo")
    refused = answer(await stage.ben.slash(stage.channel, "undo"))
    assert refused.content.startswith("This channel is very busy")


async def test_commands_without_a_script_take_a_turn(stage: Stage) -> None:
    commands = ["voice", "banned", "privacy", "help"]
    for command in (*commands, *commands[:2]):
        shown = answer(await stage.ann.slash(stage.channel, command))
        assert not REFUSED.search(shown.content)
    for command in commands:
        refused = answer(await stage.ann.slash(stage.channel, command))
        assert REFUSED.search(refused.content)
        assert not refused.attachments


@pytest.mark.parametrize("label", ["Ask to undo it", "Export"])
async def test_buttons_below_an_answer_take_a_turn(stage: Stage, label: str) -> None:
    await stage.ann.slash(stage.channel, "start", title="T", heading="Roof")
    if label == "Export":
        menu = await click(stage.ben, stage.panel(), "More…")
        shown = await click(stage.ben, menu, "Read…")
    else:
        shown = answer(await stage.ben.slash(stage.channel, "undo"))
    for _ in range(5):
        await stage.ben.slash(stage.channel, "help")
    assert_private(await click(stage.ben, shown, label), "You have reached your limit")


async def test_lines_and_takes_cost_but_candidates_do_not(stage: Stage) -> None:
    await stage.ann.slash(stage.channel, "start", title="T", heading="Roof")
    await stage.ann.slash(stage.channel, "settings", setting="quality", value="good")
    await stage.ann.slash(stage.channel, "continue", lines=3)
    refused = answer(await stage.ann.slash(stage.channel, "continue", lines=1, takes=2))
    assert "You have reached your limit" in refused.content
    await stage.ann.slash(stage.channel, "continue")
    refused = answer(await stage.ann.click(stage.panel(), label="Another take"))
    assert "You have reached your limit" in refused.content
    assert len(await stage.lines()) == 5


async def test_an_imported_file_costs_its_characters(stage: Stage) -> None:
    script = ("JO: On the window.\n\n" * 30).encode()
    await stage.ann.slash(stage.channel, "script import", file=("a.txt", script))
    assert "Imported" in stage.panel().content
    asked: list[tuple[str, dict[str, Any]]] = [
        ("script stats", {}),
        ("script stats", {"what": "replay"}),
        ("script export", {"format": "txt"}),
    ]
    for command, options in asked:
        refused = answer(await stage.ann.slash(stage.channel, command, **options))
        assert REFUSED.search(refused.content)
    before = await stage.lines()
    await stage.ben.slash(stage.channel, "write", text="Rain.")
    assert await stage.lines() == [*before, "Rain."]


async def test_the_end_of_a_script_costs_its_characters(stage: Stage) -> None:
    script = ("JO: On the window.\n\n" * 30).encode()
    await stage.ann.slash(stage.channel, "script import", file=("a.txt", script))
    refused = await click(stage.ann, await open_menu(stage, stage.ann, "The end"), "End it")
    assert REFUSED.search(refused.content)
    assert (await stage.script()).running


async def test_edits_above_thousands_of_lines_cost(harness: SessionHarness) -> None:
    drafts = [Draft(Element(Kind.ACTION, "Rain."), None, "tiny", None, "")] * 2001
    script = Script(channel=CHANNEL, owner=1, title="T", cast=[], preferences={"voice": "tiny"})
    script.running = True
    await harness.store.scripts.create_script(script, drafts, "d")
    harness.session.library.limits = RateLimits({"person": (0, 4, 0)}, Clock())
    first, *_ = await harness.lines()
    await harness.rewrite(first, "")
    before = await harness.lines()
    for text in ("", "Snow."):
        with pytest.raises(RateLimited):
            await harness.rewrite(before[0], text)
    assert (await harness.lines())[-1].id == before[-1].id
    await harness.rewrite(before[-1], "Snow.")
