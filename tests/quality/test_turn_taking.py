"""Tests of the judge of turn-taking, on known runs and on those of a tiny voice."""

from __future__ import annotations

import math

from bot.inference.model import Model
from bot.screenplay.fountain import parse_model_text
from bot.settings import Settings

from .turn_taking import ELEMENTS, Run, free_runs, measure


def run(*texts: str) -> Run:
    return Run(("MAYA", "JONAS"), tuple(map(parse_model_text, texts)))


def test_transitions_are_counted_across_actions():
    found = measure([run("MAYA\nYes.", "They sit.", "MAYA\nNo.", "JONAS\nYes."), run("They sit.")])
    assert (found.twice, found.heard, found.speeches) == (0.5, 0.5, 0.6)
    assert math.isnan(measure([]).twice)


async def test_runs_keep_to_their_cast_and_depend_on_the_lines_before(tiny: Model):
    said = [parse_model_text("MAYA\nWhat have you got?")]
    short = Settings(quality="quick", line_length=60)
    runs = await free_runs(tiny, 2, 3, short)
    assert [len(run.elements) for run in runs] == [ELEMENTS] * 3
    assert all(set(run.speakers) <= set(run.cast) for run in runs)
    assert runs == await free_runs(tiny, 2, 3, short) != await free_runs(tiny, 2, 3, short, said)
    off = short.model_copy(update={"company": 0.0})
    assert measure(runs).twice < measure(await free_runs(tiny, 2, 3, off)).twice
