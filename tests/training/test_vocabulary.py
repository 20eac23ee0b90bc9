"""Tests of the vocabulary and its fold."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.data.vocabulary import RARE, Vocabulary

PLAIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'\".,;:!?-() \n"


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return Vocabulary.of([PLAIN * RARE])


def read(vocabulary: Vocabulary, text: str) -> str:
    return vocabulary.decode(vocabulary.encode(text))


@pytest.mark.parametrize(
    ("written", "as_known"),
    [
        ("“Où est l’été?”", '"Ou est l\'ete?"'),
        ("wait—no – yes…", "wait--no - yes..."),
        ("ﬁne ﬂag Æsop œuvre straße", "fine flag AEsop oeuvre strasse"),
        ("e\u0301te\u0301", "ete"),
        ("a\tb\u00a0c", "a b c"),
        ("ＦＵＬＬ", "FULL"),
        ("[aside]", "(aside)"),
        ("\u65e5\u672c", ""),
    ],
)
def test_unknown_characters_are_folded(vocabulary: Vocabulary, written: str, as_known: str):
    assert read(vocabulary, written) == as_known


def test_without_double_quotes_single_ones_are_read():
    assert read(Vocabulary.of(["It's 'so'.\n" * RARE]), "“so”") == "'so'"


def test_rare_characters_are_not_learned():
    vocabulary = Vocabulary.of(["abc" * RARE + "Q" * (RARE - 1)])
    assert "Q" not in vocabulary.characters
    assert "\n" in vocabulary.characters


def test_known_characters_are_never_folded(vocabulary: Vocabulary):
    assert not set(vocabulary.fold) & set(vocabulary.characters)


def test_skipped_counts_characters_without_a_fold(vocabulary: Vocabulary):
    assert vocabulary.count_skipped("été \u65e5\u672c") == 2


def test_a_vocabulary_survives_json(vocabulary: Vocabulary):
    assert Vocabulary.from_json(vocabulary.to_json()) == vocabulary


@settings(max_examples=30)
@given(st.text(), st.text(alphabet=st.characters(max_codepoint=0x2100), min_size=1))
def test_any_text_is_encoded(text: str, training_text: str):
    vocabulary = Vocabulary.of([training_text * RARE])
    assert set(read(vocabulary, text)) <= set(vocabulary.characters)
