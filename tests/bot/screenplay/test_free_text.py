"""Test how text is read as people type it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.cleaning import clean
from bot.errors import RequestError
from bot.screenplay.elements import Element, Kind
from bot.screenplay.fountain import NAME_LIMIT, make_cue, parse_model_text
from bot.screenplay.free_text import (
    CAST_LIMIT,
    make_heading,
    parse_cast,
    parse_name,
    parse_person_text,
)

from .test_fountain import assert_one_element, nasty, steadily


@steadily
@given(nasty, st.sampled_from([None, "Maya", "茂", "est. Claire"]))
def test_whatever_a_person_types_is_elements(text: str, character: str | None) -> None:
    try:
        elements = parse_person_text(text, character)
    except RequestError:
        assert parse_model_text(text) is None
        return
    for element in elements:
        assert_one_element(element)
        assert parse_person_text(element.text) == [element]
    if character is not None:
        assert elements[0].cue == parse_name(character)


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("int. diner - night", ["INT. DINER - NIGHT"]),
        ("INT. DINER - NIGHT\nRain on the window.", ["INT. DINER - NIGHT", "Rain on the window."]),
        (".the heath", [".THE HEATH"]),
        ("CUT TO:", ["CUT TO:"]),
        ("smash cut to:", ["SMASH CUT TO:"]),
        ("Fade in:", ["> FADE IN:"]),
        ("> FADE OUT.", ["> FADE OUT."]),
        ("CUT 2 TO:", ["> CUT 2 TO:"]),
        ("CUT TO: X", ["CUT TO: X"]),
        ("he wants to:", ["he wants to:"]),
        ("MAYA: Hello.", ["MAYA\nHello."]),
        ("MAYA:\nHello.", ["MAYA\nHello."]),
        ("MAYA (quietly): Hello.", ["MAYA\n(quietly)\nHello."]),
        ("MAYA (V.O.): (quietly) Hello.", ["MAYA (V.O.)\n(quietly)\nHello."]),
        ("MAYA: Hello.\nJO: Hey.\nYou.", ["MAYA\nHello.", "JO\nHey.\nYou."]),
        ("Rain.\nMAYA: Hello.", ["Rain.", "MAYA\nHello."]),
        ("Maya: Hello.", ["Maya: Hello."]),
        ("@Maya: Hello.", ["MAYA\nHello."]),
        ("@茂: 来たか", ["@茂\n来たか"]),
        ("10:30", ["10:30"]),
        ("AT 10:30 WE GO", ["AT 10:30 WE GO"]),
        ("HTTP://EXAMPLE.ORG", ["HTTP://EXAMPLE.ORG"]),
        ("SUPER: London, 1601", ["SUPER: London, 1601"]),
        ("STOP! LISTEN: rain.", ["STOP! LISTEN: rain."]),
        ("MAYA\nTo be,\nor not", ["MAYA\nTo be,\nor not"]),
        ("MAYA ^\nHello.", ["MAYA\nHello."]),
        ("STOP! STOP!\nHe runs.", ["!STOP! STOP!\nHe runs."]),
        ("Rain.\n\n\n  \nMAYA: Hello.", ["Rain.", "MAYA\nHello."]),
        ("Rain.  \r\n   Wind.", ["Rain.\nWind."]),
        ("!MAYA: Hello.", ["!MAYA: Hello."]),
        ("# ACT", ["!# ACT"]),
        ("===", ["!==="]),
        ("> THE END <", ["!> THE END <"]),
        ("~la la", ["!~la la"]),
        ("wait [[what]] /* why */", [r"wait [\[what]] /\* why */"]),
        ("MAYA\n#yes\n.5 of it\n...\n!", ["MAYA\n\\#yes\n\\.5 of it\n...\n\\!"]),
    ],
)
def test_what_a_person_types(text: str, stored: list[str]) -> None:
    elements = parse_person_text(text)
    assert [element.text for element in elements] == stored
    for element in elements:
        assert_one_element(element)


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("Hello.", ["MAYA\nHello."]),
        ("(quietly) Hello.", ["MAYA\n(quietly)\nHello."]),
        ("INT. DINER", ["MAYA\nINT. DINER"]),
        ("#tag\nand on", ["MAYA\n\\#tag\nand on"]),
        ("Hello.\n\nAre you there?", ["MAYA\nHello.", "MAYA\nAre you there?"]),
        ("Hello.\n\n!She waits.\n\nCUT TO:", ["MAYA\nHello.", "!She waits.", "CUT TO:"]),
        ("Hello.\n\nJO: Hey.", ["MAYA\nHello.", "JO\nHey."]),
    ],
)
def test_what_a_person_types_for_a_character(text: str, stored: list[str]) -> None:
    assert [element.text for element in parse_person_text(text, "  maya:")] == stored


def test_a_thousand_speeches_in_one_block() -> None:
    assert len(parse_person_text("A:b\n" * 2000)) == 2000


@pytest.mark.parametrize("text", ["", " \n\t\n", "\u200b\u202e\u3164", "\u0301"])
def test_nothing_written(text: str) -> None:
    assert parse_model_text(text) is None
    with pytest.raises(RequestError, match="text is empty"):
        parse_person_text(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" mc  avoy ", "MC AVOY"),
        ("@McAvoy:", "MCAVOY"),
        ("Maya (V.O.)", "MAYA"),
        ("o'brien", "O'BRIEN"),
        ("[maya] 🦊", "MAYA"),
        ("#!. dealer #2", "DEALER #2"),
        ("茂", "茂"),
        ("émile", "ÉMILE"),
        ("jo*\u0338", "JO"),
    ],
)
def test_name(text: str, expected: str) -> None:
    assert parse_name(text) == expected


@pytest.mark.parametrize("text", ["", "23", "()", "🦊", "a\nb", "x" * (NAME_LIMIT + 1), "ß" * 21])
def test_not_a_name(text: str) -> None:
    with pytest.raises(RequestError, match=r"character's name .+\.$"):
        parse_name(text)


@steadily
@given(nasty)
def test_names_are_cues(text: str) -> None:
    try:
        named = parse_name(text)
    except RequestError:
        return
    assert parse_name(named) == named
    assert_one_element(Element(Kind.DIALOGUE, f"{make_cue(named)}\nHello."))
    assert parse_person_text("Hello.", named)[0].cue == named


def test_cast() -> None:
    assert parse_cast("maya, Jo,\nMAYA, ,茂") == ("MAYA", "JO", "茂")
    assert parse_cast(" ") == ()
    letters = ",".join(chr(ord("A") + at) for at in range(CAST_LIMIT))
    assert len(parse_cast(letters)) == CAST_LIMIT
    with pytest.raises(RequestError, match="at most"):
        parse_cast(f"{letters},ZZ")


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("int. diner - night", "INT. DINER - NIGHT"),
        (".int. diner", "INT. DINER"),
        ("...the\n\nheath", ".THE HEATH"),
        ("🌲 forest [[x]]", r".FOREST [\[X]]"),
    ],
)
def test_heading(text: str, stored: str) -> None:
    assert make_heading(text) == Element(Kind.HEADING, stored)


@steadily
@given(nasty)
def test_headings_are_headings(text: str) -> None:
    try:
        element = make_heading(text)
    except RequestError:
        assert not any(map(str.isalnum, clean(text)))
    else:
        assert_one_element(element)
        assert make_heading(element.text) == element
