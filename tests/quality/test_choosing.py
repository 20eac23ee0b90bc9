"""Test the comparison of rules for choosing lines by readers' marks."""

import asyncio
import re
from pathlib import Path

import numpy as np
import pytest

from bot.generation.reranking import DEFAULT_WEIGHTS
from bot.screenplay.elements import Kind
from bot.screenplay.fountain import parse_model_text
from tests.quality.__main__ import main
from tests.quality.choosing import CRITERIA, Marked, each, format_place, measure, read_places
from training.errors import TextError

MARKS = Path(__file__).parent / "marks"

SCENE = "INT. KITCHEN - DAY\n\nMAYA\nThe geese are in the sink.\n\nJO\nWhose geese are they?\n\n"


def test_a_place_is_read_as_it_was_written(tmp_path: Path):
    scene = [parse_model_text(text) for text in SCENE.strip().split("\n\n")]
    said = ["MAYA\nOurs.", "MAYA\n(softly)\nI never saw them."]
    text = format_place("kitchen 1", scene, list(map(parse_model_text, said)))
    assert text.endswith("--- MAYA\n_ Ours.\n_ (softly) / I never saw them.\n\n")
    file = tmp_path / "marks.txt"
    file.write_text(text.replace("_ Ours", "3 Ours").replace("_ (", "1 ("))
    [place] = read_places(file)
    assert [element.kind for element in place.scene] == [Kind.HEADING, Kind.DIALOGUE, Kind.DIALOGUE]
    assert [line.text for line in place.lines] == said
    assert place.marks == (3, 1)
    file.write_text(f"=== one\n{SCENE}---\n5 A goose gets out.\n4 Nobody moves.\n")
    [place] = read_places(file)
    assert {line.kind for line in place.lines} == {Kind.ACTION}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"=== one\n{SCENE}--- MAYA\n_ Ours.\n1 Mine.\n", "no mark at “_ Ours.” in “one”"),
        (f"=== one\n{SCENE}--- MAYA\n7 Ours.\n", "no mark at “7 Ours.”"),
        (f"=== one\n{SCENE}--- MAYA\n12 Ours.\n", "no mark at “12 Ours.”"),
        (f"=== one\n{SCENE}--- MAYA\n Ours.\n", "no mark at “ Ours.”"),
        (f"=== one\n{SCENE}--- MAYA\n3\n", "no mark at “3”"),
        (f"=== one\n{SCENE}---\n3 \n", "no mark at “3 ”"),
        ("=== one\n\n--- MAYA\n3 Ours.\n", "no scene in “one”"),
    ],
)
def test_what_is_missing_is_said(tmp_path: Path, text: str, said: str):
    file = tmp_path / "marks.txt"
    file.write_text(text)
    with pytest.raises(TextError, match=said):
        read_places(file)


def test_all_marks_of_the_project_can_be_read():
    files = sorted(MARKS.glob("*.txt"))
    assert files
    for file in files:
        places = read_places(file)
        assert len({place.scene for place in places}) > 0.9 * len(places)
        assert all(len({line.cue for line in place.lines}) == 1 for place in places)
        assert {mark for place in places for mark in place.marks} == {1, 2, 3, 4, 5}


def make_marked(weights: np.ndarray, places: int = 300) -> Marked:
    """Return places whose marks follow from costs by some weights."""
    generator = np.random.default_rng(1)
    criteria = generator.normal(size=(4 * places, len(weights)))
    costs = criteria @ weights
    marks = np.digitize(-costs + generator.normal(size=len(costs)), [-2, -1, 1, 2]) + 1.0
    ranges = [range(at, at + 4) for at in range(0, len(costs), 4)]
    return Marked({"shipped": costs, "none": criteria[:, 0]}, criteria, marks, ranges)


def test_the_weights_of_the_readers_are_found():
    weights = np.array([2.0, -1.0, 0.0, 1.0])
    marked = make_marked(weights)
    found = marked.fit(marked.places)
    assert found / found[-1] == pytest.approx(weights, abs=0.3)
    right, mark = marked.judge(marked.costs["shipped"])
    worse, lower = marked.judge(marked.costs["none"])
    assert right > worse > 0.5
    assert mark > lower
    # What was fitted to other places is nearly as good as what made the marks.
    assert marked.judge(marked.fit_others(1))[0] == pytest.approx(right, abs=0.02)


def test_the_criteria_add_up_to_the_shipped_rule(voices: Path):
    places = read_places(MARKS / "second.txt")[:20]
    marked = Marked.of(places, asyncio.run(each(voices / "tiny.onnx", measure, places)))
    weights = [getattr(DEFAULT_WEIGHTS, name) for name in CRITERIA]
    assert marked.criteria @ [*weights, 1.0] == pytest.approx(marked.costs["shipped"], abs=1e-3)
    assert (marked.criteria[:, :-1] != 0).any(axis=0).sum() >= 5
    assert marked.fit(marked.places[:1]).shape == (len(weights) + 1,)


def test_a_rule_is_right_about_all_pairs_or_none():
    marked = make_marked(np.array([1.0, 1.0]), 20)
    best = np.mean([marked.marks[place].max() for place in marked.places])
    assert marked.judge(-marked.marks) == (1.0, best)
    assert marked.judge(marked.marks)[0] == 0.0


def test_a_voice_writes_candidates_and_marks_are_compared(voices: Path, tmp_path: Path, capsys):
    voice, out = str(voices / "tiny.onnx"), tmp_path / "lines.txt"
    scenes = tmp_path / "scenes.fountain"
    scenes.write_text(f"{SCENE}MAYA\nOurs.\n\nJO\nSince when?\n\nMAYA\nSince noon.\n\n" * 3)
    assert main(["candidates", voice, str(scenes), "-o", str(out), "--places", "3"]) == 0
    text = out.read_text()
    assert text.count("\n---") == text.count("=== scenes ") >= 2
    assert text.count("\n_ ") > text.count("\n---")
    assert main(["compare", voice, str(out)]) == 1
    assert "no mark at" in capsys.readouterr().err
    marks = iter("12345" * 10)
    out.write_text(re.sub(r"^_ ", lambda _: f"{next(marks)} ", text, flags=re.MULTILINE))
    assert main(["compare", voice, str(out), str(MARKS / "none.txt")]) == 1
    assert "none.txt cannot be read" in capsys.readouterr().err
    assert main(["compare", voice, str(out)]) == 0
    table = capsys.readouterr().out
    assert "| shipped |" in table
    assert all(f"| without {name.replace('_', ' ')} |" in table for name in CRITERIA)
    assert "Fitted to all, in bits: unevenness " in table


def test_candidates_need_scenes_that_are_long_enough(voices: Path, tmp_path: Path, capsys):
    scenes = tmp_path / "scenes.fountain"
    scenes.write_text(SCENE)
    out = tmp_path / "lines.txt"
    assert main(["candidates", str(voices / "tiny.onnx"), str(scenes), "-o", str(out)]) == 1
    assert "no scene that is long enough" in capsys.readouterr().err
    assert not out.exists()
