"""Candidates for a line, and which of them is kept."""

from __future__ import annotations

import numpy as np

from bot.quality import CANDIDATES, SETTLING, best, seeds
from bot.script import from_voice
from bot.tables import Draft
from bot.turn import LARGEST_SEED

from .conftest import Stage, answer
from .test_cog import begin
from .test_room import House, house

__all__ = ["house"]


def draft(text: str, per_character: float, cue: float = 0.0) -> Draft:
    """A line of which each character of the words costs so many bits, and each of the cue."""
    element = from_voice(text)
    assert element is not None
    size = len(element.body) + 1
    costs = np.full(len(text) + 1, cue, np.float32)
    costs[-size:] = per_character
    return Draft(element, None, "tiny", None, "0", surprise=costs)


def test_the_likeliest_words_are_kept_whoever_says_them():
    likely, other = (
        draft("MAYA\nRain on the window.", 1.0, cue=9.0),
        draft("JO\nRain on it, no?", 2.0),
    )
    assert best([other, likely]) is likely
    assert best([draft("Rain.", 1.0), draft("Snow.", 1.0)]).element.text == "Rain."


def test_a_short_line_is_not_likely_for_being_short():
    """One that has cost what is usual for so short a line is not better than a long one."""
    rate = 1.5
    short = draft("MAYA\nNo.", rate - SETTLING / 4)
    long = draft("MAYA\n" + "No " * 40 + "no.", rate - SETTLING / 124 - 0.1)
    assert best([short, long]) is long


def test_the_first_candidate_has_the_seed_that_was_asked_for():
    assert seeds(7, 1) == [7]
    own = [set(seeds(seed, 8)) for seed in range(LARGEST_SEED - 9, LARGEST_SEED)]
    assert len(set.union(*own)) == 8 * len(own)
    assert all(0 <= seed <= LARGEST_SEED for some in own for seed in some)


# In a room -------------------------------------------------------------------------------------


async def test_of_the_candidates_the_best_is_written_which_is_a_line_of_its_own_seed(house: House):
    await house.start()
    firsts = set()
    for seed in range(3, 9):
        (line,) = await house.carry_on(seed, quality="good")
        assert line.origin["quality"] == "good"
        assert line.origin["seed"] in seeds(seed, CANDIDATES["good"])
        firsts.add(line.origin["seed"] == seed)
        await house.room.undo(house.writer())
        (alone,) = await house.carry_on(line.origin["seed"])
        assert alone.text == line.text
        await house.room.undo(house.writer())
    assert False in firsts  # else nothing was chosen


async def test_another_take_is_as_good(house: House):
    await house.start()
    await house.carry_on(1, quality="best")
    again = await house.room.take_again(house.writer())
    assert again.lines[0].origin["quality"] == "best"


async def test_a_better_line_is_asked_for_in_discord_and_proved(stage: Stage):
    await begin(stage)
    said = await stage.ben.slash(stage.channel, "continue", seed=4, quality="best")
    assert "```" in said.response.content
    proved = answer(await stage.ann.slash(stage.channel, "script replay"))
    assert "was written again, and came out to the letter" in proved.content
