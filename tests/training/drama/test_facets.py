"""Tests of facets: each on a text that has it and on one that narrowly has not."""

import pytest

from tests.training.drama.plays import work
from training.data.corpora.drama import facets
from training.data.corpora.drama.elements import split_elements
from training.data.corpora.drama.facets import (
    FEW_SPEECHES,
    count_commonest,
    find_facets,
    is_verse,
    measure,
)

TALK = [
    "ANNA\nIs the kettle on?",
    "TOM\n(aside)\nIt was. Did you want some tea?",
    "ANNA\nI wanted to be asked.",
    "TOM\nWell, I have asked you now.",
]
LONG_SPEECH = "TOM\n" + "Well, I have asked you now. Did you want some tea? " * 9
VERSE = (
    "ANNA\nThe kettle sings, the window fills with rain,\nAnd no one asked if I would come again."
)
SCENE = TALK * 6


def script(*elements: str) -> str:
    return work(1, *elements).script


COMMONEST = count_commonest([script(*SCENE, VERSE)])


def found(*elements: str) -> set[str]:
    return set(find_facets(script(*elements), COMMONEST))


def test_short_speeches_in_plain_words_are_modern():
    assert found(*SCENE) == {"modern", "talk"}


def test_a_short_play_has_no_facets():
    assert len(SCENE) > FEW_SPEECHES
    assert found(*SCENE[: FEW_SPEECHES - 1]) == set()
    assert found(*SCENE[:FEW_SPEECHES])


@pytest.mark.parametrize(
    "element",
    [
        "ANNA\nI asked thee now.",
        LONG_SPEECH,
        "ANNA THE ELDER OF TWO SISTERS\nDid I?",
        "TOM\nPhlogiston besmirched.",
        VERSE,
    ],
    ids=["old words", "long speeches", "long cues", "rare words", "verse"],
)
def test_what_is_not_modern(element):
    few, many = [*SCENE, *SCENE, element], [*SCENE, *[element] * 2 * len(SCENE)]
    assert "modern" not in found(*many)
    if "thee" not in element:
        assert "modern" in found(*few)


def test_names_are_not_rare_words():
    assert "modern" in found(*SCENE, *["ZEBEDEE\nDid Zebedee want some tea, Zebedee?"] * 9)


def test_frequent_old_words_make_a_play_old():
    assert "old" in found(*SCENE, *["ANNA\nThou hast asked thy sister."] * 9)
    assert "old" not in found(*SCENE * 20, "ANNA\nThou art late.")


def test_a_speech_broken_by_a_direction_is_not_verse():
    [speech] = split_elements("ANNA\n(smiling)\nIs it on?")
    assert not is_verse(speech)
    [speech] = split_elements(VERSE)
    assert is_verse(speech)
    [speech] = split_elements("ANNA\n" + "It was on when I came. " * 4 + "\nIt is not on now.")
    assert not is_verse(speech)


def test_long_speeches_are_not_talk():
    assert "talk" not in found(*SCENE, LONG_SPEECH)
    assert "talk" in found(*SCENE * 3, LONG_SPEECH)


def test_the_commonest_words_do_not_depend_on_order(monkeypatch):
    monkeypatch.setattr(facets, "COMMONEST", 2)
    plays = [script("ANNA\nRain, rain and snow."), script("ANNA\nSnow, rain, tea.")]
    assert count_commonest(plays) == count_commonest(plays[::-1]) == {"rain", "snow"}
    assert count_commonest([script("ANNA\nTea and snow.")]) == {"and", "snow"}


def test_parentheticals_are_not_counted():
    its = measure(script("Thou.", "ANNA\n(thou)\nTea.", "Verily thou."), frozenset({"tea"}))
    assert (its.old, its.known, its.speech) == (0, 1, 4)
