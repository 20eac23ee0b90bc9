"""Tests of elements, read back from the Fountain of the corpus."""

from training.data.corpora.drama.elements import join_elements, split_elements

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


def test_speeches_are_told_from_other_elements():
    read = [(element.cue, list(element.lines)) for element in split_elements(SCRIPT)]
    assert read == [
        *[("", [])] * 3,
        ("ANNA", ["It sings,", "and sings.", "Well!"]),
        ("", []),
        ("SAM'S 2ND WIFE", ["Is that (as they say) so?"]),
        ("", []),
    ]


def test_split_elements_join_to_the_same_script():
    assert join_elements(split_elements(SCRIPT)) == SCRIPT
    assert split_elements("") == []
