"""How a voice reads: what is counted, and the command on a real voice."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from bot.model import Model
from bot.script import from_voice, heading
from bot.settings import Settings
from training.__main__ import main
from training.judge import written
from training.judge.heard import heard
from training.judge.measures import COPIED, NEAR, Original, in_company, measure, repeated, words
from training.judge.passages import LENGTH, Passage, of_people
from training.judge.recalled import DISCOUNT, WORTH, Recalled
from training.texts import Text


def passage(*texts: str, valid: int | None = None) -> Passage:
    elements = tuple(element for text in texts if (element := from_voice(text)))
    return Passage(heading("A ROOM"), elements, len(elements) if valid is None else valid)


# What is counted -------------------------------------------------------------------------------


def test_words_are_compared_without_case_and_typography():
    assert words("Who\u2019s THERE, at 5?") == ["who's", "there", "at"]


def test_what_comes_again_soon_is_a_loop():
    assert not any(repeated("The rain in Spain."))
    assert sum(repeated("To be so. To be so.")) == 2
    far = "To be so." + "".join(map(chr, range(1000, 1000 + NEAR))) + "To be so."
    assert not any(repeated(far))


def test_who_has_spoken_in_a_scene_is_known_until_the_next():
    scene = passage(
        "MAYA\nOne.", "JONAS\nTwo.", "MAYA\nThree.", "INT. BAR", "MAYA\nFour.", "JO\nSix."
    )
    assert in_company(scene) == [False, True, False]


def test_copies_are_found_to_the_character():
    chance = random.Random(1)
    text = "".join(chance.choices("abcdefgh ", k=20_000))
    original = Original([text[:9_000], text[9_000:]])
    for length in (1, 7, 60, 61, 333, 1_000):
        inside = "#" + text[5_000 : 5_000 + length] + "#"
        assert original.has([inside, "#" * length], length) == [True, False]
        assert original.longest([inside]) == length
    across = text[9_000 - 100 : 9_000 + 100]
    assert original.longest([across]) == 100  # no text goes on in the next one


def test_a_reading_counts_shares_of_all_passages():
    text = (
        "It was the best of times, it was the worst of times, and nobody had known it would be so."
    )
    original = Original([text])
    copied = text[: COPIED + 3]
    found = measure(
        [passage("MAYA\nIt was xyzzy.", copied, valid=1), passage("JO\nWe go.", "JO\nIt was.")],
        original,
        {"we", "go"},
    )
    assert (found.passages, found.valid, found.copies, found.longest_copy) == (
        2,
        0.75,
        0.25,
        COPIED + 3,
    )
    assert (found.cues, found.company) == (1.0, 1.0)
    assert found.words == pytest.approx(1 - 1 / len(words("it was xyzzy we go it was " + copied)))
    with pytest.raises(ValueError, match="nothing"):
        measure([], original, ())


def test_passages_of_people_begin_with_a_scene_and_do_not_overlap():
    scene = ["INT. BAR - NIGHT", *(f"MAYA\nLine {i}." for i in range(LENGTH + 7))]
    text = Text("film", "\n\n".join(scene * 5))
    found = of_people([text], 99)
    assert len(found) == 5
    assert {one.beginning.text for one in found} == {"INT. BAR - NIGHT"}
    assert {len(one.elements) for one in found} == {LENGTH}
    assert [one.elements[0].text for one in of_people([text], 2)] == ["MAYA\nLine 0."] * 2
    assert all(one.valid == LENGTH for one in found)


def test_text_without_scenes_is_cut_anywhere():
    text = Text("talk", "\n\n".join(f"MAYA\nLine {i}." for i in range(3 * LENGTH)))
    assert [one.beginning.text for one in of_people([text], 9)] == [
        "MAYA\nLine 0.",
        "MAYA\nLine 21.",
    ]


# A real voice ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model(voices: Path) -> Model:
    return Model.load(voices / "tiny.onnx")


def test_it_writes_as_the_bot_does(model: Model):
    manner = written.shipped()
    assert manner.sampling.temperature == Settings.model_fields["temperature"].default
    beginnings = [heading("A ROOM")]
    found, again = (written.passages(model, beginnings, manner, 3, seed=1) for _ in range(2))
    assert [len(one.elements) for one in found] == [LENGTH] * 3
    assert found == again != written.passages(model, beginnings, manner, 3, seed=2)
    assert found[0] != found[1]


def test_who_has_spoken_lowers_the_cost_of_a_talk(model: Model):
    talk = "\n\n".join(f"{name}\nNo, my lord." for name in ["LEONATO", "BEATRICE"] * 10)
    found = heard(model, talk)
    assert found.company < 0.9 * found.alone
    nothing = heard(model, talk, company=0.0)
    assert nothing.company == nothing.alone
    assert nothing.both == nothing.recalled
    with pytest.raises(ValueError, match="nothing"):
        heard(model, "")


def test_what_a_script_has_said_lowers_the_cost_of_saying_it_again(model: Model):
    chance = random.Random(1)
    said = "".join(chance.choices("abcdefgh ", k=400))
    once, twice = (heard(model, f"MAYA\n{text}") for text in (said, said + said))
    assert once.recalled == pytest.approx(once.alone, rel=0.01)
    # The second time it is known after the first few characters.
    assert twice.recalled < 0.7 * twice.alone
    assert twice.both == pytest.approx(twice.recalled, rel=0.01)


def test_counts_of_a_script_are_blended_with_what_is_expected():
    script = Recalled()
    assert script.probability(0.3, "e") == 0.3
    for character in "abcdeabcd":
        script.read(character)
    # Of the four contexts the one of four characters alone was met, once, before "e".
    worth = WORTH[0] + DISCOUNT
    assert script.probability(0.3, "e") == pytest.approx(
        (1 - DISCOUNT + worth * 0.3) / (WORTH[0] + 1)
    )
    assert script.probability(0.3, "a") == pytest.approx(worth * 0.3 / (WORTH[0] + 1))
    # They share out one, whatever is expected of the nine letters.
    for character in "eabcdfabcdeabcd":
        script.read(character)
    total = sum(script.probability(1 / 9, letter) for letter in "abcdefghi")
    assert total == pytest.approx(1)


def test_the_command_prints_a_table(
    voices: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    chance = np.random.default_rng(1)
    names = ["MAYA", "JONAS", "LEONATO"]

    def play(elements: int) -> str:
        said = (
            f"{names[i]}\nThe rain is here, my lord {i}." for i in chance.integers(3, size=elements)
        )
        return "\n\n".join(["INT. BAR - NIGHT", *said])

    for part, elements in (("train", 800), ("validation", 50)):
        (tmp_path / part).mkdir()
        text = play(elements) + "\n\nThe rain \u2602\u2602 is here."
        (tmp_path / part / "play.fountain").write_text(text, encoding="utf-8")
    voice = str(voices / "tiny.onnx")
    asked = ["judge", voice, str(tmp_path), "--elements", "40", "--temperature", "1.0"]
    assert main(asked) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:5]] == [
        "people, held out",
        "tiny, temperature 0.75 (shipped)",
        "tiny, temperature 1",
    ]
    assert [line.split("|")[2].strip() for line in lines[2:5]] == ["1", "2", "2"]
    assert "People have only 1 of 2," in lines[6]
    assert "| 100.0% | 100.0% |" in lines[2]
    assert lines[-3].startswith("| play |")
    assert lines[-3].count("|") == 6
    # It has no digits, of which each speech has one.
    assert lines[-1].endswith(" 52 characters that the voice cannot read are left out.")
    assert main([*asked, "--elements", "20"]) == 0
    assert "People have only" not in capsys.readouterr().out  # no more was asked for


def test_samples_are_what_each_seed_gives(voices: Path, capsys: pytest.CaptureFixture[str]):
    asked = ["samples", str(voices / "tiny.onnx"), "--heading", "a room", "--length", "2"]
    assert main([*asked, "--number", "3"]) == 0
    three = capsys.readouterr().out
    assert three.count("```\n.A ROOM\n\n") == 3
    assert [line for line in three.splitlines() if line.startswith("Seed")] == [
        f"Seed {seed}:" for seed in (1, 2, 3)
    ]
    assert main([*asked, "--number", "3"]) == 0
    assert capsys.readouterr().out == three
    assert main([*asked, "--number", "1"]) == 0
    assert three.startswith(capsys.readouterr().out.strip())  # however many are asked for


def test_what_is_no_voice_is_refused_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "text.txt").write_text("MAYA\nYes.\n\n" * 4_000, encoding="utf-8")
    assert main(["judge", str(tmp_path / "no.onnx"), str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "no.onnx" in error


@pytest.mark.parametrize(
    "option", ["--top-p=0", "--top-p=1.1", "--min-p=-0.1", "--repetition=2.1", "--company=-1"]
)
def test_what_the_bot_would_not_take_is_refused(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(SystemExit):
        main(["judge", "voice.onnx", str(tmp_path), option])
    assert f"{option.partition('=')[2]} is not " in capsys.readouterr().err


def test_what_the_bot_takes_is_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    most = ["--top-p=1", "--min-p=1", "--repetition=2", "--company=0"]
    assert main(["judge", str(tmp_path / "no.onnx"), str(tmp_path / "gone"), *most]) == 1
    assert "gone" in capsys.readouterr().err


def test_what_choosing_is_worth_is_printed_with_pairs(
    voices: Path, scenes: Path, capsys: pytest.CaptureFixture[str]
):
    voice = str(voices / "tiny.onnx")
    command = ["candidates", voice, str(scenes), "--places", "6", "--pairs", "2"]
    assert main([*command, "--reader", str(voices / "other.onnx")]) == 0
    table, *pairs = capsys.readouterr().out.split("\nAfter:\n")
    rows = {cells[1].strip(): cells[2:-1] for cells in (r.split("|") for r in table.splitlines())}
    assert set(rows) == {"", "---", "people", "draft", "good", "best"}
    bits = {name: float(rows[name][-1]) for name in ("people", "draft", "good", "best")}
    assert bits["best"] < bits["good"] < bits["draft"] < bits["people"]
    assert len(pairs) == 2
    assert all(pair.count("```") == 6 for pair in pairs)
