"""Tests of a voice's gain from the script so far."""

from pathlib import Path

import pytest

from bot.inference.model import Model
from tests.quality.__main__ import main
from tests.quality.heard import Ppmd, heard, table
from training.data.texts import Text


def test_knowing_the_speakers_makes_a_dialogue_cheaper(tiny: Model):
    talk = "\n\n".join(f"{name}\nNo, my lord." for name in ["LEONATO", "BEATRICE"] * 10)
    found = heard(tiny, talk)
    assert found.company < 0.9 * found.alone
    nothing = heard(tiny, talk, strength=0.0)
    assert nothing.company == nothing.alone
    with pytest.raises(ValueError, match="nothing"):
        heard(tiny, "")


def test_costs_are_printed_with_the_number_of_unreadable_characters(tiny: Model):
    texts = [Text("one", "MAYA\nThe rain is here."), Text("two", "MAYA\nAnd I, \u2602.")]
    lines = table(tiny, texts, 1.0).splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:5]] == ["one", "two", "mean of 2 texts"]
    first, other, mean = ([float(cell) for cell in row.split("|")[2:-1]] for row in lines[2:5])
    assert mean == pytest.approx([(a + b) / 2 for a, b in zip(first, other, strict=True)], abs=1e-4)
    assert lines[-1].endswith(" 1 characters that the voice cannot read are left out.")


def test_costs_by_ppmd_are_printed_beside_the_voice(
    tiny: Model, voices: Path, tmp_path: Path, capsys
):
    talk = "MAYA\nThe rain is here, and nobody has come to the harbour.\n"
    ppmd = Ppmd([talk * 8], 12)
    assert ppmd.cost(talk) < 0.5 * Ppmd(["JONAS\n" * 60], 12).cost(talk)
    head, _, row, *_ = table(tiny, [Text("one", talk)], 1.0, ppmd).splitlines()
    assert head.split("|")[-2].strip() == "PPMd of order 12"
    assert float(row.split("|")[-2]) == pytest.approx(ppmd.cost(talk), abs=1e-4)

    for part, text in (("train", talk * 8), ("validation", talk), ("test", "IDA\nNo.\n")):
        (tmp_path / part).mkdir()
        (tmp_path / part / f"{part}-talk.fountain").write_text(text * 9, encoding="utf-8")
    asked = ["costs", str(voices / "tiny.onnx"), str(tmp_path)]
    assert main([*asked, "--only", "dation-ta", "--ppmd", "8"]) == 0
    printed = capsys.readouterr().out
    assert "validation-talk" in printed
    assert "PPMd of order 8" in printed
    assert "test-talk" not in printed
    assert main([*asked, "--only", "harbour"]) == 1
    assert "give --only a part of one" in capsys.readouterr().err
