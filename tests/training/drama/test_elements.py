"""Tests of elements, read back from the corpus's Fountain, and of scenes of short speeches."""

import pytest

from tests.training.drama.plays import speeches, work
from training.data.corpora.drama.elements import (
    FEWEST,
    Kind,
    join_elements,
    keep_short_speeches,
    split_elements,
)

SCRIPT = """Title: The Kettle

.A KITCHEN

Rain. ANNA stands at the stove.

ANNA
(listening)
It sings,
and sings.
(She smiles.)
Well!

!TOM AND A DOG
come in.

SAM'S 2ND WIFE
Is that (as they say) so?

...and out.
"""


def test_elements_are_classified():
    read = [(one.kind, one.cue, list(one.lines)) for one in split_elements(SCRIPT)]
    assert read == [
        (Kind.PAGE, "", []),
        (Kind.HEADING, "", []),
        (Kind.ACTION, "", []),
        (Kind.SPEECH, "ANNA", ["It sings,", "and sings.", "Well!"]),
        (Kind.ACTION, "", []),
        (Kind.SPEECH, "SAM'S 2ND WIFE", ["Is that (as they say) so?"]),
        (Kind.ACTION, "", []),
    ]


def test_split_elements_join_to_the_same_script():
    assert join_elements(split_elements(SCRIPT)) == SCRIPT
    assert split_elements("") == []


LONG = "ANNA\n" + "I remember it well. " * 20
SHORT = speeches(1, 30, words=6)


def kept(*body: str) -> list[str]:
    return keep_short_speeches(work(1, *body).script, 170).strip().split("\n\n")[1:]


def test_a_play_of_short_speeches_is_kept_whole():
    play = work(1, ".A ROOM", "Rain.", *SHORT, "They leave.", ".A STREET", *SHORT)
    assert keep_short_speeches(play.script, 170) == play.script


def test_a_long_speech_is_cut_with_its_answer():
    assert kept(".A ROOM", *SHORT[:10], LONG, "She sits.", *SHORT[10:]) == [
        *[".A ROOM", *SHORT[:10]],
        *[".A ROOM", *SHORT[11:]],
    ]


def test_short_runs_of_speeches_are_cut():
    few = SHORT[: FEWEST - 1]
    assert kept(".A ROOM", *few, LONG, *SHORT, LONG, *few) == [".A ROOM", *SHORT[1:]]
    assert kept(".A ROOM", *few, ".A STREET", *SHORT) == [".A STREET", *SHORT]


def test_a_monologue_is_cut():
    alone = [one.replace("TOM", "ANNA") for one in SHORT]
    assert kept(".A ROOM", *alone, ".A STREET", *SHORT) == [".A STREET", *SHORT]


def test_two_long_speeches_are_cut_together():
    assert kept(".A ROOM", *SHORT[:8], LONG, LONG, *SHORT[8:]) == [
        *[".A ROOM", *SHORT[:8]],
        *[".A ROOM", *SHORT[9:]],
    ]


def test_a_new_scene_is_no_answer():
    assert kept(*SHORT[:8], LONG, ".A STREET", *SHORT) == [*SHORT[:8], ".A STREET", *SHORT]


def test_parentheticals_do_not_make_a_speech_long():
    acted = "TOM\n(" + "slowly, " * 40 + "aside)\nYes."
    play = work(1, *SHORT, acted, *SHORT)
    assert keep_short_speeches(play.script, 170) == play.script


@pytest.mark.parametrize("body", [[], ["Rain."], [LONG] * 20])
def test_a_play_without_scenes_becomes_empty(body):
    assert keep_short_speeches(work(1, *body).script, 170) == ""
