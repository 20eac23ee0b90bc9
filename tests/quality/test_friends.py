"""Tests of scenes by friends, of voices that go on with them, and of the blind sheets."""

import asyncio
import json
import re
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.quality.__main__ import main
from tests.quality.friends import (
    LINES,
    SCENES,
    Continuation,
    FriendScene,
    by_voice,
    choose_scenes,
    draw_scenes,
    read_scenes,
)
from tests.quality.sheets import of_preferences, read_rows, score
from training.errors import TextError

QUICK = {"quality": "quick", "line_length": "40"}
SHORT = [word for name, value in QUICK.items() for word in ("--set", name, value)]


@pytest.fixture(scope="module")
def every() -> list[FriendScene]:
    return read_scenes()


@pytest.fixture(scope="module")
def both(voices: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return the paths of a voice for films and of one for the stage."""
    folder = tmp_path_factory.mktemp("both")
    for name in ("tiny", "my-stage"):
        shutil.copy(voices / "tiny.onnx", folder / f"{name}.onnx")
    return [str(folder / "tiny.onnx"), str(folder / "my-stage.onnx")]


def written(voice: Path, scenes: Sequence[FriendScene], seed: int = 1, **changes: str):
    found = asyncio.run(by_voice(voice, scenes, seed, QUICK | changes))
    return [[line.text for line in continuation.lines] for continuation in found]


def as_cell(elements) -> str:
    return "<br><br>".join(element.text.replace("\n", "<br>") for element in elements)


def fill(sheet: Path, entries: Sequence[str]) -> None:
    """Write entries into the empty columns of the rows."""
    text, left = sheet.read_text(encoding="utf-8"), iter(entries)
    empty = re.compile(r"^(\| \d+ \|.*?)((?:\|   )+\|)$", re.MULTILINE)
    sheet.write_text(empty.sub(lambda m: f"{m[1]}| {next(left)} |", text), encoding="utf-8")
    assert next(left, None) is None


def test_every_element_of_the_scenes_is_read(every: list[FriendScene]):
    text = "".join(
        f"=== {scene.title}\n"
        + "\n\n".join(element.text for element in scene.given)
        + "\n\n---\n"
        + "\n\n".join(element.text for element in scene.people)
        + "\n\n"
        for scene in every
    )
    assert text.strip() == SCENES.read_text(encoding="utf-8").strip()
    assert Counter(scene.kind for scene in every) == {"film": 32, "stage": 40}


def test_a_scene_without_an_end_by_people_is_refused(tmp_path: Path):
    file = tmp_path / "scenes.txt"
    begun, end = "IDA\nYes.\n\n---\n", "\n\n".join(["IDA\nNo."] * LINES)
    few, many = begun + "IDA\nNo.\n\nIDA\nNo.", f"{begun}{end}\n\n{end}"
    for text in ("IDA\nYes.", begun, few, many, f"\n\n---\n{end}"):
        file.write_text(f"=== one\n{text}\n", encoding="utf-8")
        with pytest.raises(TextError, match="one"):
            read_scenes(file)


def test_a_voice_goes_on_with_scenes_of_its_kind(every: list[FriendScene]):
    film = choose_scenes(every, Path("stage/big.onnx"))
    stage = choose_scenes(every, Path("big-stage-2.onnx"))
    assert {scene.number for scene in film} == set(range(72)) - {scene.number for scene in stage}
    assert {scene.title.startswith("stage: ") for scene in stage} == {True}
    assert choose_scenes(every, Path("big.onnx"), "stage") == stage
    some = draw_scenes(every, 5, seed=1)
    assert len({scene.title for scene in some}) == 5
    assert some != draw_scenes(every, 5, seed=2)
    assert draw_scenes(every, None, seed=1) == draw_scenes(every, 99, seed=1) == every


def test_what_a_voice_adds_depends_on_scene_and_seed_alone(voices: Path, every: list[FriendScene]):
    voice = voices / "tiny.onnx"
    first = written(voice, every[:3])
    assert [len(lines) for lines in first] == [LINES] * 3
    assert written(voice, every[2:3]) == first[2:] != written(voice, every[2:3], seed=2)
    # The shipped quality chooses each line among candidates.
    assert first[2:] != written(voice, every[2:3], quality="good")


def test_continuations_are_blind_and_scored_by_writer(
    both: list[str], tmp_path: Path, every: list[FriendScene], capsys
):
    sheet = tmp_path / "friends.md"
    assert main(["friends", *both, "-o", str(sheet), *SHORT, "--scenes", "12"]) == 0
    key = json.loads((tmp_path / "friends.key.json").read_text(encoding="utf-8"))
    rows = read_rows(sheet)
    titles = list(dict.fromkeys(row["scene"] for row in key))
    by_title = {scene.title: scene for scene in every}
    assert len(rows) == len(key) == 24
    assert len(titles) == 12
    assert titles != sorted(titles, key=[*by_title].index)
    assert {row["writer"] for row in key[::2]} > {"people"}
    for row, (_, scene, lines, *empty) in zip(key, rows, strict=True):
        told = by_title[row["scene"]]
        assert scene == as_cell(told.given)
        assert (lines == as_cell(told.people)) == (row["writer"] == "people")
        assert lines.count("<br><br>") == LINES - 1
        assert empty == [""] * 4
        assert row["writer"] in ("people", both[told.kind == "stage"])
    text = sheet.read_text(encoding="utf-8")
    assert not any(name in text for name in ("tiny", "my-stage"))

    with pytest.raises(TextError, match="in mark in row 1"):
        score(sheet)
    marks = iter("45" * 6)
    entries = [
        f"{next(marks)} | 3 | 0 | 0" if row["writer"] == "people" else "2 | 1 | 2 | 3"
        for row in key
    ]
    fill(sheet, entries)
    capsys.readouterr()
    assert main(["score", str(sheet)]) == 0
    table = [re.split(r" *\| *", row)[1:-1] for row in capsys.readouterr().out.splitlines()]
    counts = Counter(row["writer"] for row in key)
    # 6 marks of 4 and 6 of 5 have a standard deviation of 0.522.
    assert table[2] == ["people", "12", "4.50 ± 0.15", "100%", "0%", "0%"]
    assert {row[0]: row[1:] for row in table[3:]} == {
        voice: [str(counts[voice]), "2.00 ± 0.00", "33%", "67%", "100%"] for voice in both
    }
    text = sheet.read_text(encoding="utf-8")
    sheet.write_text(text.replace("2 | 1 | 2 | 3", "2 | 1 | 4 | 3", 1), encoding="utf-8")
    with pytest.raises(TextError, match="in echo in row"):
        score(sheet)


def test_a_single_mark_has_no_error(tmp_path: Path):
    sheet = tmp_path / "one.md"
    sheet.write_text("| 1 | scene | lines | 3 | 1 | 0 | 0 |\n", encoding="utf-8")
    (tmp_path / "one.key.json").write_text('[{"scene": "one", "writer": "new"}]', encoding="utf-8")
    assert "| new | 1 | 3.00 | 33% | 0% | 0% |" in score(sheet)


def test_pairs_are_of_first_lines(both: list[str], tmp_path: Path, every: list[FriendScene]):
    sheet = tmp_path / "pairs.md"
    assert main(["friends", *both, "-o", str(sheet), *SHORT, "--pairs", "--scenes", "6"]) == 0
    answers = json.loads((tmp_path / "pairs.key.json").read_text(encoding="utf-8"))
    people = {as_cell(scene.given): as_cell(scene.people[:1]) for scene in every}
    rows = read_rows(sheet)
    assert len(rows) == len(answers) == 6
    for (_, scene, *both_lines, empty), answer in zip(rows, answers, strict=True):
        assert [line == people[scene] for line in both_lines] == [answer == "A", answer == "B"]
        assert not empty
    fill(sheet, answers)
    assert "in 6 of 6 pairs (100%)" in score(sheet)


def test_pairs_of_two_voices_are_of_continuations(every: list[FriendScene], tmp_path: Path):
    old = [Continuation(scene, "old", scene.people) for scene in every]
    new = [Continuation(scene, "new", scene.people[::-1]) for scene in every]
    new[0] = Continuation(every[0], "new", every[0].people)  # equal continuations are no pair
    text, key = of_preferences([*old, *new], seed=1)
    assert {tuple(pair) for pair in key} == {("old", "new"), ("new", "old")}
    sheet = tmp_path / "better.md"
    sheet.write_text(text, encoding="utf-8")
    people = {as_cell(scene.given): as_cell(scene.people) for scene in every[1:]}
    rows = read_rows(sheet)
    assert [scene for _, scene, *_ in rows] != list(people)
    assert {
        scene: (a, b)[pair[0] != "old"] for (_, scene, a, b, _), pair in zip(rows, key, strict=True)
    } == people
    (tmp_path / "better.key.json").write_text(json.dumps(key), encoding="utf-8")
    fill(sheet, ["AB"[pair.index("new")] for pair in key])
    assert f"new {len(every) - 1} (100%), old 0 (0%)" in score(sheet)


def test_a_pair_in_which_neither_is_better_does_not_count(tmp_path: Path):
    sheet = tmp_path / "better.md"
    sheet.write_text("| 1 | scene | a | b | A |\n| 2 | scene | c | d | = |\n", encoding="utf-8")
    key = [["old", "new"], ["new", "old"]]
    (tmp_path / "better.key.json").write_text(json.dumps(key), encoding="utf-8")
    assert "one was better in 1 of 2 pairs: new 0 (0%), old 1 (100%)." in score(sheet)
    sheet.write_text(sheet.read_text("utf-8").replace("| A |", "| = |"), encoding="utf-8")
    assert score(sheet) == "better.md: neither was better in any of 2 pairs."
    sheet.write_text(sheet.read_text("utf-8").replace("| = |", "| AB |", 1), encoding="utf-8")
    with pytest.raises(TextError, match="row 1: write one of A, B, ="):
        score(sheet)


def test_requests_that_make_no_sheet_are_refused(both: list[str], tmp_path: Path, capsys):
    out = ["-o", str(tmp_path / "sheet.md"), *SHORT, "--scenes", "1"]
    third = Path(both[0]).with_name("third.onnx")
    shutil.copy(both[0], third)
    for asked, told in (
        ([*both, str(third), "--pairs", "--only", "film"], "or two"),
        ([*both, "--pairs", "--only", "film"], "the same lines"),  # they are copies
        ([*both[:1], str(tmp_path / "gone.onnx")], "gone.onnx"),
        ([], "No voice"),
    ):
        assert main(["friends", *asked, *out]) == 1
        assert told in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
