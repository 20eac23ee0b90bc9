"""Tests of the names that abbreviated cues are completed to."""

import re

from training.data.corpora.drama.works import convert


def read_cues(before: str, *names: str) -> set[str]:
    """Return the cues of a play of two people, printed below the text before it."""
    talk = "".join(f"{name}. I have your hat, and you have mine.\n\n" for name in names * 40)
    (work,) = convert(1, "The Quay", f"{before}\n\nACT I\n\n{talk}")
    return set(re.findall(r"^[A-Z]+$", work.script, re.MULTILINE))


def test_names_come_from_the_list_of_persons_and_not_a_preface():
    preface = "Tobler saw the play at Rutland.\n\nDRAMATIS PERSONAE\n\nTOBIAS, a boy.\n\nRUTH."
    assert read_cues(preface, "TOB", "RUTH") == {"TOBIAS", "RUTH"}


def test_an_abbreviated_title_is_completed():
    persons = "DRAMATIS PERSONAE\n\nANDREAS, a boy.\n\nCAPTAIN, his aunt."
    assert read_cues(persons, "AND", "CAPT") == {"ANDREAS", "CAPTAIN"}
