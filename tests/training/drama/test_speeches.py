"""Tests that directions, songs and verse are told from what is said in prose."""

import re

from training.data.corpora.drama.cues import find_cues
from training.data.corpora.drama.paragraphs import Paragraph
from training.data.corpora.drama.works import convert

TALK = f"RUTH. {'No, I have to thank you. ' * 2}\n\nSIMON. {'Thank you very much. ' * 3}\n\n" * 40


def read(scene: str, talk: str = TALK) -> str:
    """Return the scene, printed before a talk of two people, as Fountain."""
    (work,) = convert(1, "The Quay", f"ACT I\n\n{scene}\n\n{talk}")
    return work.script.partition("\n\nRUTH\nNo, I have to")[0].removeprefix("Title: The Quay\n\n")


def test_an_entrance_after_a_speech_is_action():
    scene = "SIMON. I hear a step, and it may be hers.\n\n_Enter_ Ruth.\n\nRUTH. It is."
    assert read(scene) == (
        ".ACT I\n\nSIMON\nI hear a step, and it may be hers.\n\nEnter Ruth.\n\nRUTH\nIt is."
    )


def test_a_speech_continues_after_an_entrance():
    scene = "SIMON. I hear a step.\n\n[Enter RUTH.]\n\nYou are late, and so am I.\n"
    assert read(scene) == (
        ".ACT I\n\nSIMON\nI hear a step.\n(enter RUTH)\nYou are late, and so am I."
    )


def test_a_verse_that_begins_with_within_is_not_a_direction():
    scene = "SIMON. My letters and my patience lie\n    Within the drawer of the desk."
    assert read(scene).endswith("\nMy letters and my patience lie\nWithin the drawer of the desk.")


def test_italics_after_a_name_are_speech_if_they_address_somebody():
    scene = "SIMON. _You are my umbrella,_ and not hers.\n\nRUTH. _Wearily, to Tom._ I know."
    assert read(scene) == (
        ".ACT I\n\nSIMON\nYou are my umbrella, and not hers.\n\nRUTH\n(wearily, to Tom)\nI know."
    )


def test_punctuation_after_a_direction_belongs_to_the_words_before():
    scene = "SIMON. Put the letter there (_pointing to the box_), and this one (_gives it_)."
    assert read(scene) == (
        ".ACT I\n\nSIMON\nPut the letter there,\n(pointing to the box)\nand this one.\n\nGives it."
    )


def test_dashes_have_no_spaces():
    scene = "SIMON. I had my hat --the new one. It was\n--we have it (_looks_)-- on the boat."
    assert read(scene).partition("SIMON\n")[2] == (
        "I had my hat--the new one. It was--we have it\n(looks)\n--on the boat."
    )


def test_a_dash_after_a_quoted_speech_belongs_to_it():
    talk = "".join(f'{name}: "I went there, and came back."\n\n' for name in ("RUTH", "SIMON") * 40)
    (work,) = convert(1, "The Quay", f'ACT I\n\nSIMON: "If it was you"--\n\n{talk}')
    assert "SIMON\nIf it was you--\n" in work.script


STANZA = "  _The kettle is singing for tea,_\n  _Tra la,_\n  _And nobody sings it to me,_\n"
SUNG = "The kettle is singing for tea,\nTra la,\nAnd nobody sings it to me,"


def test_a_stanza_in_italics_is_sung():
    scene = f"SIMON. Sing.\n\nSONG--RUTH.\n\n1.\n\n{STANZA}\n2.\n\n{STANZA}\n"
    assert read(scene).endswith(f"Song: RUTH.\n\nRUTH\n{SUNG}\n{SUNG}")


def test_a_stanza_in_italics_below_prose_keeps_its_lines():
    scene = f"SIMON. I heard the kettle at six, and again at seven.\n\n{STANZA}\n"
    assert read(scene).endswith(f"at seven.\n{SUNG}")


def test_a_song_without_a_singer_is_action():
    scene = f"SIMON. Listen.\n\n[_Exeunt._]\n\nSONG.\n\n{STANZA}\n"
    assert read(scene).endswith(f"Song.\n\n{SUNG}")


def test_the_next_heading_ends_a_song():
    place = "The kitchen, in the morning.\nTwo chairs, of which one\nStands on the table.\n"
    scene = f"[_Exeunt._]\n\nSONG.\n\n{STANZA}\n\nSCENE II\n\n{place}"
    (work,) = convert(1, "The Quay", f"ACT I\n\n{TALK}\n\n{scene}\n\n{TALK}")
    assert "\n\nThe kitchen, in the morning. Two chairs, of which one Stands" in work.script


def test_a_direction_may_share_the_italics_of_a_name():
    talk = re.sub(r"^(\w+)\.", r"_\1_:", TALK, flags=re.MULTILINE)
    scene = (
        "_Ruth: (Rising.)_ I have to go.\n\n_Simon (giving_ RUTH _a hat_): Here is your hat.\n\n"
        "_Ruth (who is late) goes out._"
    )
    assert read(scene, talk) == (
        ".ACT I\n\nRUTH\n(rising)\nI have to go.\n\nSIMON\n(giving RUTH a hat)\nHere is your hat."
        "\n\nRuth (who is late) goes out."
    )


def test_a_narrated_direction_may_precede_a_quoted_speech():
    talk = re.sub(r"^(\w)(\w+)\. (.*)$", lambda m: f'{m[1]}{m[2].lower()}: "{m[3]}"', TALK, flags=8)
    scene = (
        'Ruth, laughing: "You are late."\n\nSimon, who takes a hat from the wall, and then\n'
        'another one: "I have two."\n\nMiller: "None for me."'
    )
    assert read(scene, talk) == (
        ".ACT I\n\nRUTH\n(laughing)\nYou are late.\n\n"
        "SIMON\n(who takes a hat from the wall, and then another one)\nI have two.\n\n"
        "MILLER\nNone for me."
    )


def test_an_apostrophe_is_not_a_quotation_mark():
    scene = "SIMON. I tell you, Ruth, 'tis late.\n"
    assert read(scene).endswith("SIMON\nI tell you, Ruth, 'tis late.")


def test_a_name_may_stand_above_verse():
    talk = re.sub(r"^(\w)(\w+)", lambda m: f"  {m[1]}{m[2].lower()}", TALK, flags=8)
    scene = "  Ruth.\n     The kettle is a poet, and the tea\n     Is what it means.\n"
    assert read(scene, talk).endswith("RUTH\nThe kettle is a poet, and the tea\nIs what it means.")


def test_a_cue_needs_no_space_after_its_point():
    assert read("SIMON.So are you.").endswith("SIMON\nSo are you.")


def test_a_bracketed_line_is_not_a_heading():
    scene = "SIMON. Look.\n\n[The picture falls.]\n\nRUTH. I see.\n"
    assert read(scene).endswith("SIMON\nLook.\n\nThe picture falls.\n\nRUTH\nI see.")


def test_a_short_aside_in_italics_stays_in_its_speech():
    assert read("RUTH. _Wearily._ I know.").endswith("RUTH\n(wearily)\nI know.")


def test_the_wrapped_end_of_a_verse_is_joined():
    talk = "RUTH. No, I have to thank you,\nAnd sing.\n\nSIMON. I thank you,\nThen go.\n\n" * 40
    scene = "  SIMON. It sings as kettles will, and I\n  Have heard it from the\n    same wall.\n"
    assert read(scene, talk).partition("SIMON\n")[2].split("\n\n")[0] == (
        "It sings as kettles will, and I\nHave heard it from the same wall."
    )


def test_a_capital_inside_a_sentence_marks_verse():
    line = "Thank you for the kettle, and for the long letter that came by post"
    talk = f"RUTH. {line}\nto me.\n\nSIMON. {line}\nto me.\n\n" * 40
    scene = f"SIMON. {line}\nAnd telegraph.\n\nRUTH. {line}\nand rail.\n"
    assert (
        read(scene, talk)
        .partition("SIMON\n")[2]
        .startswith(f"{line}\nAnd telegraph.\n\nRUTH\n{line} and rail.")
    )


def test_a_quotation_may_open_with_italics():
    (cue,) = find_cues(Paragraph(1, ("RUTH, laughing, '_I_ was late.'",)))
    assert cue.rest == "(laughing) '_I_ was late.'"
