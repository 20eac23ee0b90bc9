"""Tests of what words cost a tiny voice and a reader that every machine has."""

import re
from pathlib import Path

import numpy as np
import pytest

from bot.inference.model import Model
from tests.quality import __main__ as command
from tests.quality import word_costs
from tests.quality.heard import heard
from tests.quality.reader import Reader
from tests.quality.word_costs import Reading, read_with_reader, read_with_voice, table
from training.data.texts import Text

SCENE = "INT. BARN - DAY\n\nIDA\nA wombat.\n\nTOM\nOne wombat?"


class Syllables:
    """A reader whose tokens have three characters, and cost their position in characters."""

    def read(self, text: str) -> list[tuple[int, int, float]]:
        return [(at, min(at + 3, len(text)), float(at)) for at in range(0, len(text), 3)]


def cells(shown: str) -> dict[tuple[str, str], list[str]]:
    rows = [re.split(r" *\| *", row)[1:-1] for row in shown.splitlines() if row.startswith("|")]
    return {(row[0], row[1]): row[2:] for row in rows}


def test_rows_of_a_batch_cost_what_each_costs_alone(tiny: Model, monkeypatch):
    texts = ["IDA\nYes.", SCENE, "The rain is here, \u2602 and nobody has come."]
    monkeypatch.setattr(word_costs, "ROWS", 2)
    readings = read_with_voice(tiny, texts)
    for text, reading in zip(texts, readings, strict=True):
        assert reading.text == text.replace("\u2602", "") + "\n"
        assert reading.bits.mean() == pytest.approx(heard(tiny, text).alone, rel=1e-6)
        [alone] = read_with_voice(tiny, [text])
        assert np.array_equal(alone.bits, reading.bits)


def test_a_word_costs_its_own_characters_or_all_tokens_that_overlap_it(tiny: Model):
    [reading] = read_with_voice(tiny, [SCENE])
    begin = SCENE.index("wombat")
    assert reading.cost(begin, begin + 6) == pytest.approx(reading.bits[begin : begin + 6].sum())
    [tokens] = read_with_reader(Syllables(), ["abcdefghijkl"])
    assert tokens.cost(3, 6) == 3
    assert tokens.cost(2, 7) == 0 + 3 + 6
    assert tokens.cost(9, 12) == 9


def test_the_table_has_a_row_for_each_group_and_reader(tiny: Model, monkeypatch):
    def read(_: Model, texts: list[str]) -> list[Reading]:
        places = ((text, np.arange(len(text))) for text in texts)
        return [Reading(text, at, at + 1, np.full(len(text), 0.5)) for text, at in places]

    monkeypatch.setattr(word_costs, "read_with_voice", read)
    volume = f"{SCENE}\n\nEXT. HILL - DAY\n\nRain, wombat and rain."
    texts = [Text("unmet-words", volume), Text("film", SCENE)]
    found = cells(table(tiny, texts, Syllables(), {"wombat"}))
    assert len(found) == 2 + 3 * 2
    # "barn", twice "wombat", then "hill", "rain", "wombat", "rain"; each letter costs half a bit.
    assert found["unmet words: 2", "tiny"] == [
        *("0.500", "2.40 (5)", "2.50 (2)", "(0)", "2.50 (2)", "2.50 (2)")
    ]
    only = "of these, listed words that nothing learned has"
    assert found[only, "tiny"] == ["", "3.00 (2)", "3.00 (1)", "(0)", "3.00 (1)", "3.00 (1)"]
    assert found["others: 1", "tiny"][1:3] == ["2.50 (2)", "3.00 (1)"]
    assert found["others: 1", "the reader"][1] == f"{np.mean([3 + 6, 21 + 24 + 27]):.2f} (2)"


def test_words_reads_the_corpus_and_its_lists(voices: Path, tmp_path: Path, capsys, monkeypatch):
    for path, text in {
        "train/film.fountain": "IDA\nA lemur.",
        "validation/frames-film.fountain": SCENE,
        "validation/unmet-words.fountain": SCENE.replace("wombat", "lemur") + "\n\n" + SCENE,
        "lists.txt": "animal: cat\nanimal (held out): wombat | lemur\n",
    }.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text + "\n", encoding="utf-8")
    monkeypatch.setattr(command, "LISTS", tmp_path / "lists.txt")
    monkeypatch.setattr(Reader, "load", Syllables)
    asked = ["words", str(voices / "tiny.onnx"), str(tmp_path)]
    assert command.main([*asked, "--reader"]) == 0
    found = cells(capsys.readouterr().out)
    only = found["of these, listed words that nothing learned has", "tiny"]
    assert [cell.partition(" ")[2] for cell in only[1:3]] == ["(1)", "(1)"]
    assert ("frames: 1", "the reader") in found
    assert command.main([*asked, "--only", "frames"]) == 0
    assert "unmet" not in capsys.readouterr().out
    assert command.main([*asked, "--only", "harbour"]) == 1
