"""Tests of the sheets that people fill in, and of their results."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.quality.__main__ import main
from tests.quality.filling import fill, rows_of
from tests.quality.sheets import score
from training.errors import TextError


@pytest.fixture(scope="module")
def sheets(voices: Path, scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sheets")
    asked = [str(voices / "tiny.onnx"), str(scenes), "--set", "quality", "quick"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.quality.sheets.APART", 1)  # because the scenes are short
        assert main(["sheet", *asked, "--lines", "5", "-o", str(folder / "lines.md")]) == 0
        assert main(["pairs", *asked, "--pairs", "8", "-o", str(folder / "pairs.md")]) == 0
    return folder


def filled(sheet: Path, folder: Path, entries: list[str]) -> Path:
    """Copy a sheet with an entry in the last column of each row."""
    copy = Path(shutil.copy(sheet, folder))
    fill(copy, entries)
    return copy


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def test_marks_are_read_back(sheets: Path, tmp_path: Path, capsys):
    sheet = filled(sheets / "lines.md", tmp_path, ["1", "5", "4", "4", "2"])
    assert main(["score", str(sheet)]) == 0
    said = capsys.readouterr().out
    assert said == "lines.md: mean 3.20 of 5 lines (1 of 1, 1 of 2, 0 of 3, 2 of 4, 1 of 5).\n"


def test_pairs_are_shuffled_and_their_key_is_a_file(sheets: Path, tmp_path: Path):
    answers = json.loads(_text(sheets / "pairs.key.json"))
    assert sorted(set(answers)) == ["A", "B"]
    assert len(answers) == len(rows_of(sheets / "pairs.md")) == 8
    (tmp_path / "pairs.key.json").write_text(json.dumps(answers), encoding="utf-8")
    right = filled(sheets / "pairs.md", tmp_path, answers)
    assert "in 8 of 8 pairs (100%)" in score(right)
    wrong = filled(sheets / "pairs.md", tmp_path, ["BA"["AB".index(answer)] for answer in answers])
    assert "in 0 of 8 pairs (0%)" in score(wrong)


def test_the_key_names_the_lines_of_the_play(sheets: Path, scenes: Path):
    texts = [_text(f) for part in ("validation", "test") for f in (scenes / part).iterdir()]
    play = " ".join("".join(texts).split())
    answers = json.loads(_text(sheets / "pairs.key.json"))
    for (_, *lines, _), answer in zip(rows_of(sheets / "pairs.md"), answers, strict=True):
        of_play = [line.replace("<br>", " ") in play for line in lines]
        assert of_play == [answer == "A", answer == "B"]


def test_both_lines_of_a_pair_have_the_same_speaker(sheets: Path):
    for _, *lines, _ in rows_of(sheets / "pairs.md"):
        first, second = (line.partition("<br>")[0] for line in lines)
        assert first == second


def test_an_incomplete_sheet_is_refused(sheets: Path, tmp_path: Path):
    with pytest.raises(TextError, match="row 1"):
        score(sheets / "lines.md")
    with pytest.raises(TextError, match="row 3"):
        score(filled(sheets / "lines.md", tmp_path, ["1", "2", "6", "1", "2"]))
    with pytest.raises(TextError, match="A, B"):
        score(sheets / "pairs.md")
