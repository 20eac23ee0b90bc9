"""Tests that directions, songs and verse are told from what is said in prose."""

import re
from textwrap import indent

import pytest

from training.data.corpora.drama.cues import find_cues
from training.data.corpora.drama.paragraphs import Paragraph
from training.data.corpora.drama.works import convert

TALK = f"RUTH. {'No, I have to thank you. ' * 2}\n\nSIMON. {'Thank you very much. ' * 3}\n\n" * 40


def read(scene: str, talk: str = TALK) -> str:
    """Return the scene, printed before a talk of two people, as Fountain."""
    (work,) = convert(1, "The Quay", f"ACT I\n\n{scene}\n\n{talk}")
    return work.script.partition("\n\nRUTH\nNo, I have to")[0].removeprefix("Title: The Quay\n\n")


STANZA = "  _The kettle is singing for tea,_\n  _Tra la,_\n  _And nobody sings it to me,_\n"
SUNG = "The kettle is singing for tea,\nTra la,\nAnd nobody sings it to me,"

READ_VERSE = "The kettle is singing for tea,\nThe boat is away on the sea,\nAnd nobody sings to me."
VERSE = indent(READ_VERSE, "    ")

SCENES = {
    "an entrance after a speech is action": (
        "SIMON. I hear a step.\n\n_Enter_ Ruth.\n\nRUTH. It is I.",
        "SIMON\nI hear a step.\n\nEnter Ruth.\n\nRUTH\nIt is I.",
    ),
    "a speech continues after an entrance": (
        "SIMON. I hear a step.\n\n[Enter RUTH.]\n\nYou are late, and so am I.\n",
        "SIMON\nI hear a step.\n(enter RUTH)\nYou are late, and so am I.",
    ),
    "a verse that begins with within is not a direction": (
        "SIMON. My letters and my patience lie\n    Within the drawer of the desk.",
        "SIMON\nMy letters and my patience lie\nWithin the drawer of the desk.",
    ),
    "italics after a name are speech if they address somebody": (
        "SIMON. _You are my umbrella,_ and not hers.\n\nRUTH. _Wearily, to Tom._ I know.",
        "SIMON\nYou are my umbrella, and not hers.\n\nRUTH\n(wearily, to Tom)\nI know.",
    ),
    "punctuation after a direction belongs to the words before": (
        "SIMON. Put the letter there (_pointing to the box_), and this one (_gives it_).",
        "SIMON\nPut the letter there,\n(pointing to the box)\nand this one.\n\nGives it.",
    ),
    "dashes have no spaces": (
        "SIMON. I had my hat --the new one. It was\n--we have it (_looks_)-- on the boat.",
        "SIMON\nI had my hat--the new one. It was--we have it\n(looks)\n--on the boat.",
    ),
    "an apostrophe is not a quotation mark": (
        "SIMON. I tell you, Ruth, 'tis late.\n",
        "SIMON\nI tell you, Ruth, 'tis late.",
    ),
    "a cue needs no space after its point": ("SIMON.So are you.", "SIMON\nSo are you."),
    "a bracketed line is not a heading": (
        "SIMON. Look.\n\n[The picture falls.]\n\nRUTH. I see.\n",
        "SIMON\nLook.\n\nThe picture falls.\n\nRUTH\nI see.",
    ),
    "a short aside in italics stays in its speech": (
        "RUTH. _Wearily._ I know.",
        "RUTH\n(wearily)\nI know.",
    ),
    "a stanza in italics is sung": (
        f"SIMON. Sing.\n\nSONG--RUTH.\n\n1.\n\n{STANZA}\n2.\n\n{STANZA}\n",
        f"SIMON\nSing.\n\nSong: RUTH.\n\nRUTH\n{SUNG}\n{SUNG}",
    ),
    "a stanza in italics below prose keeps its lines": (
        f"SIMON. I heard the kettle at six, and again at seven.\n\n{STANZA}\n",
        f"SIMON\nI heard the kettle at six, and again at seven.\n{SUNG}",
    ),
    "prose before a verse is unwrapped": (
        f"RUTH. I have the tickets for a concert in my pocket. Listen, and\nhear it.\n\n{VERSE}\n",
        f"RUTH\nI have the tickets for a concert in my pocket. Listen, and hear it.\n{READ_VERSE}",
    ),
    "a song without a singer is action": (
        f"SIMON. Listen.\n\n[_Exeunt._]\n\nSONG.\n\n{STANZA}\n",
        f"SIMON\nListen.\n\nExeunt.\n\nSong.\n\n{SUNG}",
    ),
}


@pytest.mark.parametrize(("printed", "found"), SCENES.values(), ids=SCENES)
def test_a_printed_scene_is_read_as_it_was_meant(printed: str, found: str):
    assert read(printed) == f".ACT I\n\n{found}"


def test_headings_name_the_singers_of_songs():
    scene = """SCENE. A quay.

RUTH. The boat is late again, and I have the tickets for a
concert in my pocket. Simon has none.

                    SONG--RUTH and CHORUS.

                The kettle is singing for tea,
                     Tra la,
                And nobody sings it to me,
                     Tra la.

                The boat is away on the sea.

SIMON. I have one.

                    DUET--RUTH and SIMON.

SIMON.          A ticket is paper and ink.
RUTH.           A ticket is more than you think.

                    CHORUS OF SAILORS.

                We carry the trunks to the pier,
                And carry them home in a year,
                With nobody glad that we're here.

                         SIMON.

                There's one who is glad when you're gone,
                She stands on the quay until dawn,
                And waves till her arm is all worn.

                          SONG.

                She waves, and the water is wide,
                She waves with the turn of the tide,
                And nobody stands at her side.

RUTH. What a voice!"""
    assert (
        read(scene)
        == """.ACT I

.SCENE. A QUAY

RUTH
The boat is late again, and I have the tickets for a concert in my pocket. Simon has none.

Song: RUTH and CHORUS.

RUTH AND CHORUS
The kettle is singing for tea,
Tra la,
And nobody sings it to me,
Tra la.
The boat is away on the sea.

SIMON
I have one.

Duet: RUTH and SIMON.

SIMON
A ticket is paper and ink.

RUTH
A ticket is more than you think.

CHORUS OF SAILORS
We carry the trunks to the pier,
And carry them home in a year,
With nobody glad that we're here.

SIMON
There's one who is glad when you're gone,
She stands on the quay until dawn,
And waves till her arm is all worn.

Song.

SIMON
She waves, and the water is wide,
She waves with the turn of the tide,
And nobody stands at her side.

RUTH
What a voice!"""
    )


def test_a_dash_after_a_quoted_speech_belongs_to_it():
    talk = "".join(f'{name}: "I went there, and came back."\n\n' for name in ("RUTH", "SIMON") * 40)
    (work,) = convert(1, "The Quay", f'ACT I\n\nSIMON: "If it was you"--\n\n{talk}')
    assert "SIMON\nIf it was you--\n" in work.script


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


def test_a_name_may_stand_above_verse():
    talk = re.sub(r"^(\w)(\w+)", lambda m: f"  {m[1]}{m[2].lower()}", TALK, flags=8)
    scene = "  Ruth.\n     The kettle is a poet, and the tea\n     Is what it means.\n"
    assert read(scene, talk).endswith("RUTH\nThe kettle is a poet, and the tea\nIs what it means.")


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
