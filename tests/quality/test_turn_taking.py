"""Tests of the judge of turn-taking, on known runs and on those of a tiny voice."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from bot.inference.model import Model
from bot.screenplay.fountain import parse_model_text

from . import turn_taking
from .__main__ import main
from .turn_taking import ELEMENTS, Run, defaults, free_runs, measure


def run(*texts: str) -> Run:
    return Run(("MAYA", "JONAS"), tuple(map(parse_model_text, texts)))


def test_transitions_are_counted_across_actions():
    found = measure([run("MAYA\nYes.", "They sit.", "MAYA\nNo.", "JONAS\nYes."), run("They sit.")])
    assert (found.twice, found.heard, found.speeches) == (0.5, 0.5, 0.6)
    assert math.isnan(measure([]).twice)


def test_runs_keep_to_their_cast_and_depend_on_the_lines_before(tiny: Model):
    said = [parse_model_text("MAYA\nWhat have you got?")]
    short = defaults().model_copy(update={"quality": "quick", "line_length": 60})
    runs = free_runs(tiny, 2, 3, short)
    assert [len(run.elements) for run in runs] == [ELEMENTS] * 3
    assert all(set(run.speakers) <= set(run.cast) for run in runs)
    assert runs == free_runs(tiny, 2, 3, short) != free_runs(tiny, 2, 3, short, lines=said)
    off = short.model_copy(update={"company": 0.0})
    assert measure(runs).twice < measure(free_runs(tiny, 2, 3, off)).twice


def test_turns_prints_a_row_for_each_size_of_cast(
    voices: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(turn_taking, "ELEMENTS", 3)
    assert main(["turns", str(voices / "tiny.onnx"), "--runs", "1"]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert [row.split("|")[1].strip() for row in rows[2:5]] == ["2", "3", "5"]
    assert all("%" in row for row in rows[2:5])
