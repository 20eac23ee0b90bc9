"""Tests of the judgement, with a reader that every machine has and with the real one."""

import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.quality import __main__ as command
from tests.quality import judging, report
from tests.quality.places import Place, choose, held_out, learned
from tests.quality.reader import Reader
from tests.quality.writing import Setting, Written

SETTING = Setting(0.75, "quick")


class Compressor:
    """A reader that knows nothing but the context: the cost of a text is its compressed size."""

    def all(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        return [_bits(context + text) - _bits(context) for context, text in pairs]


def _bits(text: str) -> float:
    return 8.0 * len(zlib.compress(text.encode(), 9))


@pytest.fixture(scope="module")
def chosen(scenes: Path) -> list[Place]:
    return choose(held_out(scenes), 12, seed=1)


def judged(scenes: Path, chosen: list[Place], said: dict[Setting, list[Place]]):
    lines = {setting: [place.people for place in places] for setting, places in said.items()}
    passages = {at: said[SETTING][at].passage for at in range(0, 12, 2)}
    written = Written(lines, {setting: [0.1] * 12 for setting in lines}, passages)
    return judging.judge(Compressor(), learned(scenes), chosen, written)


def test_peoples_own_lines_are_judged_like_people(scenes: Path, chosen: list[Place]):
    found = judged(scenes, chosen, {SETTING: chosen})
    own = found.voice[SETTING]
    for name in own.pairs:
        assert own.over(found.people, name)[0] in (1, pytest.approx(float("nan"), nan_ok=True))
    assert own.distinct == found.people.distinct
    assert found.passages.over(found.people_passages, "bits") == (1, 0)


def test_lines_of_another_scene_are_less_relevant(scenes: Path, chosen: list[Place]):
    """Shift the same lines to places of other lines, so that only what they answer differs."""
    # Each line takes up the words said before it.
    echoes = [
        replace(place, people=replace(place.people, text=place.cue + place.said[-1].body))
        for place in chosen
    ]
    mixed = echoes[1:] + echoes[:1]
    other = Setting(1.0, "quick")
    found = judged(scenes, chosen, {SETTING: echoes, other: mixed})
    here, elsewhere = found.voice[SETTING], found.voice[other]
    assert here.value("characters") == elsewhere.value("characters")
    assert here.value("relevance") > elsewhere.value("relevance") + 1
    assert here.value("bits") < elsewhere.value("bits") - 1
    assert here.value("taken up") > 4 * elsewhere.value("taken up")
    assert here.value("loops") > 0.5 > elsewhere.value("loops")


def test_learned_passages_count_as_copies(scenes: Path, chosen: list[Place]):
    by_heart = choose(learned(scenes), 12, seed=1)
    found = judged(scenes, chosen, {SETTING: by_heart})
    assert found.passages.value("copies") == 1 > found.people_passages.value("copies")


def test_judge_prints_tables(voices: Path, scenes: Path, capsys, monkeypatch):
    monkeypatch.setattr(Reader, "load", Compressor)
    monkeypatch.setattr(command, "TEMPERATURES", (0.65,))
    asked = ["judge", str(voices / "tiny.onnx"), str(scenes), "--places", "2"]
    assert command.main([*asked, "--sweep", "--set", "soft_length", "40"]) == 0
    table, _, swept = capsys.readouterr().out.partition(report.LEGEND)
    assert "| **2 speeches**, temperature 0.65" in table
    assert "| **1 passages** of 240 characters" in table
    rows = [row.split("|")[1:3] for row in swept.strip().splitlines()[2:]]
    assert rows[-1][0].strip() == "people"
    assert len({tuple(row) for row in rows[:-1]}) == len(rows) - 1 == 3


def test_refusals_are_one_sentence(voices: Path, scenes: Path, tmp_path: Path, capsys):
    for asked, told in (
        (["judge", str(voices / "tiny.onnx"), str(tmp_path)], "onbook-train corpus"),
        (["costs", str(tmp_path / "no.onnx"), str(scenes)], "no.onnx"),
        (["score", str(tmp_path / "gone.md")], "gone.md"),
    ):
        assert command.main(asked) == 1
        error = capsys.readouterr().err
        assert told in error
        assert error.count("\n") == 1
