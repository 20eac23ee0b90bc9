"""Tests that directions, songs and verse are told from what is said in prose."""

from training.data.corpora.drama.works import convert

TALK = f"RUTH. {'No, I have to thank you. ' * 2}\n\nSIMON. {'Thank you very much. ' * 3}\n\n" * 40


def read(scene: str, talk: str = TALK) -> str:
    """Return the scene, printed before a talk of two people, as Fountain."""
    (work,) = convert(1, "The Quay", f"ACT I\n\n{scene}\n\n{talk}")
    return work.script.partition("\n\nRUTH\nNo, I have to")[0].removeprefix("Title: The Quay\n\n")


def test_an_entrance_below_a_speech_stands_outside_it():
    scene = "SIMON. I hear a step, and it may be hers.\n\n_Enter_ Ruth.\n\nRUTH. It is."
    assert read(scene) == (
        ".ACT I\n\nSIMON\nI hear a step, and it may be hers.\n\nEnter Ruth.\n\nRUTH\nIt is."
    )


def test_a_speech_goes_on_after_an_entrance():
    scene = "SIMON. I hear a step.\n\n[Enter RUTH.]\n\nYou are late, and so am I.\n"
    assert read(scene) == (
        ".ACT I\n\nSIMON\nI hear a step.\n(enter RUTH)\nYou are late, and so am I."
    )


def test_a_verse_that_begins_with_within_is_no_direction():
    scene = "SIMON. My letters and my patience lie\n    Within the drawer of the desk."
    assert read(scene).endswith("\nMy letters and my patience lie\nWithin the drawer of the desk.")


def test_words_in_italics_behind_the_name_are_said_if_they_address_somebody():
    scene = "SIMON. _You are my umbrella,_ and nobody else's.\n\nRUTH. _Wearily, at the door._ I know."
    assert read(scene) == (
        ".ACT I\n\nSIMON\nYou are my umbrella, and nobody else's.\n\nRUTH\n(wearily, at the door)\nI know."
    )
