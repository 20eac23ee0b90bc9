"""Test elements against two Fountain parsers that know nothing of this project."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Sequence

import pytest
from fountain import ElementType, FountainParser
from hypothesis import given, settings
from hypothesis import strategies as st
from screenplain.parsers import fountain as screenplain
from screenplain.types import Action, Dialog, Slug, Transition

from bot.cleaning import clean
from bot.screenplay.elements import Element, Kind
from bot.screenplay.fountain import (
    classify,
    format_for_model,
    format_fountain,
    make_cue,
    parse_model_text,
)
from bot.screenplay.free_text import parse_person_text

steadily = settings(max_examples=100, deadline=None, derandomize=True)

FRAGMENTS = [
    *"!#=~>@.^<()*_[]/\\:-'&,;?",
    *["/*", "*/", "[[", "]]", "===", "..", "...", "> ", " <", "@ ", "!!", "\\*", "\n", "\n\n", " "],
    *["\t", "INT. ", "ext ", "I/E.", "İnt. ", "e\u017ft. ", "EST", "CUT TO:", "TO:", "FADE IN:"],
    *["FADE OUT.", "cut to:", "MAYA", "Maya", "JO (V.O.)", "MAYA:", "(quietly)", "You came.", "O"],
    *["10:30", "http://x", "23", "茂", "É", "ß", "ǆ", "ª", "ŉ", "e\u0301\u0302\u0303", "\u0338"],
    *["\u200b", "\u200d", "\u202e", "\u3000", "👩\u200d🚀", "\u3164", "\ue700", "\ue701", "\r\n"],
    *["\x85", "\u2028", "\x00", "\uff1a", "क्\u200dष"],
]
nasty = st.one_of(
    st.lists(st.sampled_from(FRAGMENTS), max_size=8).map("".join),
    st.text(max_size=20),
    st.text(alphabet="AB. a!#=~>@\n()[/*]^:", max_size=16),
)

BEFORE = ["INT. BEFORE - DAY", "BEFORE\nHello.", "Before.", "CUT TO:"]


def read_by_fountain_py(before: str, element: Element) -> list[ElementType]:
    """Return the types that fountain-py finds between two other elements."""
    text = element.text
    if element.kind is Kind.DIALOGUE:
        # fountain-py departs from the specification here: only ASCII capitals are a cue, and not
        # even those where the first words of the speech look like a heading ("Int. is short for
        # interior.") or like another cue ("NO" above "I won't."). A forced cue has neither rule.
        text = f"@{text.removeprefix('@')}"
    document = FountainParser().parse(f"{before}\n\n{text}\n\nAfter.\n")
    types = [one.type for one in document.elements]
    lead = len(before.split("\n"))
    assert types[-1] is ElementType.ACTION
    assert document.elements[-1].text == "After."
    return types[lead:-1]


def read_by_screenplain(before: str, element: Element) -> object:
    """Return the element that screenplain finds between two others."""
    script = screenplain.parse(io.StringIO(f"{before}\n\n{element.text}\n\nAfter.\n"))
    first, middle, last = script.paragraphs
    assert getattr(first, "synopsis", None) is None
    assert isinstance(last, Action)
    return middle


def assert_one_element(element: Element, all_before: Sequence[str] = BEFORE) -> None:
    """Check that both parsers read an element as one of its kind, whatever stands before it."""
    lines = element.text.split("\n")
    assert all(line and line == line.strip() for line in lines)
    assert classify(element.text) is element.kind
    for before in all_before:
        middle = read_by_screenplain(before, element)
        types = read_by_fountain_py(before, element)
        match element.kind:
            case Kind.HEADING:
                assert isinstance(middle, Slug)
                # The specification asks for an alphanumeric after the dot; fountain-py takes only
                # an ASCII one.
                if not element.text.startswith(".") or element.text[1].isascii():
                    assert types == [ElementType.SCENE_HEADING]
            case Kind.ACTION:
                assert isinstance(middle, Action)
                assert not middle.centered
                assert len(middle.lines) == len(lines)
                assert types == [ElementType.ACTION]
            case Kind.TRANSITION:
                assert isinstance(middle, Transition)
                assert types == [ElementType.TRANSITION]
            case Kind.DIALOGUE:
                assert isinstance(middle, Dialog)
                assert len(middle.blocks) == len(lines) - 1
                assert types[0] is ElementType.CHARACTER
                assert set(types[1:]) <= {ElementType.DIALOGUE, ElementType.PARENTHETICAL}
                assert len(types) == len(lines)


@steadily
@given(nasty)
def test_whatever_a_voice_writes_is_one_element(text: str) -> None:
    element = parse_model_text(text)
    if element is None:
        assert not any(unicodedata.category(one)[0] in "LNPS" for one in clean(text))
    else:
        assert_one_element(element)
        assert parse_model_text(element.text) == element


@steadily
@given(nasty)
def test_elements_show_what_was_written(text: str) -> None:
    element = parse_model_text(text)
    if element is not None:
        shown = "".join("".join(element.shown).split())
        written = "".join(clean(text).split())
        letters = [one for one in written if one.isalnum()]
        assert [one for one in shown if one.isalnum()] == letters


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("INT. DINER - NIGHT", Kind.HEADING),
        ("ext diner", Kind.HEADING),
        ("INT./EXT. CAR", Kind.HEADING),
        ("I/E CAR", Kind.HEADING),
        ("INTERNAL AFFAIRS", Kind.ACTION),
        ("INT. DINER\nRain.", Kind.ACTION),
        (".THE HEATH", Kind.HEADING),
        ("..and then", Kind.ACTION),
        (". x", Kind.ACTION),
        ("CUT TO:", Kind.TRANSITION),
        ("Cut TO:", Kind.ACTION),
        ("> Burn to White.", Kind.TRANSITION),
        ("> THE END <", Kind.ACTION),
        (">", Kind.ACTION),
        ("MAYA\nHello.", Kind.DIALOGUE),
        ("MAYA (on the phone)\nHello.", Kind.DIALOGUE),
        ("ÉMILE\nBonjour.", Kind.DIALOGUE),
        ("R2D2\nBeep.", Kind.DIALOGUE),
        ("23\nSkidoo.", Kind.ACTION),
        ("Maya\nHello.", Kind.ACTION),
        ("@McAvoy\nHello.", Kind.DIALOGUE),
        ("@McAvoy", Kind.ACTION),
        ("MAYA", Kind.ACTION),
        ("!MAYA\nHello.", Kind.ACTION),
        ("# ACT ONE", Kind.ACTION),
        ("", Kind.ACTION),
    ],
)
def test_classify(text: str, kind: Kind) -> None:
    assert classify(text) is kind


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("Int. is short.", "Int. is short."),
        ("FADE OUT.", "> FADE OUT."),
        ("!", "!!"),
        ("@", "!@"),
        ("!\u0301 x", "!!\u0301 x"),
        (">\u0301 x", "!>\u0301 x"),
        ("/*", r"/\*"),
        ("[[[", r"[\[\["),
        (".", "!."),
        ("...", "..."),
        ("MAYA: Hello.", "MAYA: Hello."),
        ("MAYA (CONT'D)\n(quietly)\nYou came.", "MAYA (CONT'D)\n(quietly)\nYou came."),
        ("INT. A\nB", "!INT. A\nB"),
    ],
)
def test_what_a_voice_writes(text: str, stored: str) -> None:
    element = parse_model_text(text)
    assert element is not None
    assert element.text == stored
    assert_one_element(element)


def test_both_parsers_know_an_ordinary_cue() -> None:
    element = Element(Kind.DIALOGUE, "MAYA (O.S.)\n(quietly)\nYou came.")
    types = [one.type for one in FountainParser().parse(element.text).elements]
    assert types == [ElementType.CHARACTER, ElementType.PARENTHETICAL, ElementType.DIALOGUE]
    middle = read_by_screenplain("Before.", element)
    assert isinstance(middle, Dialog)
    assert [block[0] for block in middle.blocks] == [True, False]


@pytest.mark.parametrize(
    ("text", "cue", "body"),
    [
        ("MAYA (CONT'D)\n(quietly)\n\\#You \\*came\\*.", "MAYA", "(quietly)\n#You *came*."),
        ("@McAvoy\nHello.", "McAvoy", "Hello."),
        ("!# x\ny [\\[z]]", None, "# x\ny [[z]]"),
        ("> FADE OUT.", None, "FADE OUT."),
        (".THE HEATH", None, "THE HEATH"),
        ("...and /\\* so", None, "...and /* so"),
    ],
)
def test_shown(text: str, cue: str | None, body: str) -> None:
    element = Element(classify(text), text)
    assert (element.cue, element.body) == (cue, body)


def test_cue_line() -> None:
    assert [make_cue(one) for one in ("MAYA", "茂", "EST. CLAIRE")] == [
        "MAYA",
        "@茂",
        "@EST. CLAIRE",
    ]


def test_a_whole_script() -> None:
    elements = parse_person_text("int. diner - night\n\nRain.\n\nMAYA: Hello.\n\ncut to:")
    text = format_fountain("The\nDiner /* [[", elements)
    assert text.startswith("Title: The Diner /\\* [\\[\n\nINT. DINER - NIGHT\n\nRain.\n\nMAYA\n")
    document = FountainParser().parse(text)
    assert document.metadata == {"title": "The Diner /\\* [\\["}
    assert len(document.elements) == 5
    script = screenplain.parse(io.StringIO(text))
    assert [type(one) for one in script] == [Slug, Action, Dialog, Transition]
    assert format_fountain("\n", []) == "Title: Untitled\n"


def test_reading_the_elements_is_reading_the_script() -> None:
    elements = parse_person_text("Rain.\n\nMAYA: Hello.")
    assert (
        "".join(format_for_model(element.text) for element in elements)
        == "\nRain.\n\nMAYA\nHello.\n"
    )
