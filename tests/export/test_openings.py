"""Tests of openings: from a file into a voice's metadata, and unreadable files."""

import json
import tomllib
from pathlib import Path

import pytest

from bot.inference.model import LONGEST_OPENING, LONGEST_STYLE, MOST_STYLES, parse_openings
from bot.screenplay.elements import Kind
from bot.screenplay.fountain import classify, split_fountain
from export import openings
from export.__main__ import main
from training.data.vocabulary import Vocabulary
from training.voice_file import Voice

SHIPPED = {path.stem: tomllib.loads(path.read_text("utf-8")) for path in openings.SHIPPED.iterdir()}

MODELS = Path(__file__).parents[2] / "bot" / "models"

VOCABULARY = Vocabulary(("\n", *"abcdefghijklmnopqrstuvwxyz"), {"é": "e"})


def of(path: Path, text: str) -> dict[str, str]:
    """Read the openings of a file with this text."""
    (path / "styles.toml").write_text(text, encoding="utf-8")
    return openings.read_openings(path / "styles.toml", VOCABULARY)


def test_passages_become_metadata(tmp_path: Path):
    told = of(tmp_path, 'b = """\nfirst\n\nsecond\n"""\n"a style" = "é"')
    assert json.loads(told["onbook.openings"]) == {"b": "first\n\nsecond", "a style": "é"}
    assert of(tmp_path, "") == {}
    assert openings.read_openings(None, VOCABULARY) == {}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a = 7", "must contain only passages"),
        ("[a]\nb = 'c'", "must contain only passages"),
        ("a", "is not valid TOML"),
        ('a = "\\n"', "'a' has 0 characters"),
        (f'a = "{"x" * 2001}"', "'a' has 2,001 characters. Write 1 to 2,000"),
        (f'{"x" * 41} = "x"', "is not valid. Use 1 to 40 characters"),
        ("".join(f'a{n} = "x"\n' for n in range(26)), "has more than 25 styles"),
        ('a = "X"', "'a' has 'X', which the voice cannot read"),
    ],
)
def test_unusable_openings_are_refused(tmp_path: Path, text: str, told: str):
    with pytest.raises(openings.VoiceError, match=told):
        of(tmp_path, text)


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(openings.VoiceError, match=r"none\.toml cannot be read"):
        openings.read_openings(tmp_path / "none.toml", VOCABULARY)


def test_export_and_bot_have_the_same_limits():
    limits = (openings.MOST_STYLES, openings.LONGEST_STYLE, openings.LONGEST_OPENING)
    assert limits == (MOST_STYLES, LONGEST_STYLE, LONGEST_OPENING)


@pytest.mark.parametrize("voice", SHIPPED)
def test_shipped_openings_fit_their_voice_and_the_bot(voice: str):
    told = openings.read_openings(
        openings.find_shipped(voice), Voice.read(MODELS / f"{voice}.onnx").vocabulary()
    )
    found = parse_openings(told)
    assert len(found) == 10
    for style, text in found.items():
        assert 300 <= len(text) <= 700, style
        assert Kind.DIALOGUE in map(classify, split_fountain(text))


def test_new_openings_keep_the_voice(voices: Path, tmp_path: Path, capsys):
    old, new = voices / "tiny.onnx", tmp_path / "new.onnx"
    (tmp_path / "styles.toml").write_text('noir = "Rain."', encoding="utf-8")
    chosen = ["--openings", str(tmp_path / "styles.toml"), "-o", str(new)]
    assert main([str(old), *chosen]) == 0
    before, after = Voice.read(old), Voice.read(new)
    assert (after.graph, after.fingerprint()) == (before.graph, before.fingerprint())
    assert after.metadata == dict(before.metadata) | {"onbook.openings": '{"noir":"Rain."}'}
    assert before.fingerprint()[:12] in capsys.readouterr().out
    assert main([str(old), *chosen, "--bits", "32"]) == 1
    assert "Leave out --bits and --heldout" in capsys.readouterr().err
