"""Test elements against two Fountain parsers that know nothing of this project."""

import io
import unicodedata

import pytest
from fountain import FountainParser
from hypothesis import given
from screenplain.parsers import fountain as screenplain
from screenplain.types import Action, Dialog, Slug, Transition

from bot.cleaning import clean
from bot.screenplay.elements import Element, Kind
from bot.screenplay.fountain import classify, format_for_model, format_fountain, parse_model_text
from bot.screenplay.free_text import parse_person_text

from .parsers import assert_one_element
from .samples import nasty, nasty_elements


@given(nasty_elements)
def test_an_element_without_its_marks_is_what_is_shown(elements: list[Element]):
    for element in elements:
        marks = element.find_marks()
        bare = "".join(character for at, character in enumerate(element.text) if at not in marks)
        assert bare == "\n".join(element.shown)


@given(nasty)
def test_any_text_of_a_voice_is_one_element_with_every_letter(text: str):
    element, written = parse_model_text(text), clean(text)
    if element is None:
        assert not any(unicodedata.category(character)[0] in "LNPS" for character in written)
    else:
        assert_one_element(element)
        assert parse_model_text(element.text) == element
        shown = filter(str.isalnum, "".join(element.shown))
        assert list(shown) == list(filter(str.isalnum, written))


@pytest.mark.parametrize(
    ("kind", "texts"),
    [
        (
            Kind.HEADING,
            ["INT. DINER - NIGHT", "ext diner", "INT./EXT. CAR", "I/E CAR", ".THE HEATH"],
        ),
        (Kind.TRANSITION, ["CUT TO:", "> Burn to White."]),
        (
            Kind.DIALOGUE,
            [
                *("MAYA\nHello.", "MAYA (on the phone)\nHello.", "ÉMILE\nBonjour."),
                *("R2D2\nBeep.", "@McAvoy\nHello."),
            ],
        ),
        (
            Kind.ACTION,
            [
                *("INTERNAL AFFAIRS", "INT. DINER\nRain.", "..and then", ". x", "Cut TO:"),
                *("> THE END <", ">", "23\nSkidoo.", "Maya\nHello.", "@McAvoy", "MAYA"),
                *("!MAYA\nHello.", "# ACT ONE", ""),
            ],
        ),
    ],
)
def test_classify(kind: Kind, texts: list[str]):
    for text in texts:
        assert classify(text) is kind, text


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
def test_text_of_a_voice_is_forced_and_escaped_where_needed(text: str, stored: str):
    element = parse_model_text(text)
    assert element is not None
    assert element.text == stored
    assert_one_element(element)


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
def test_cue_and_body_are_without_marks(text: str, cue: str | None, body: str):
    element = Element(classify(text), text)
    assert (element.cue, element.body) == (cue, body)


def test_both_parsers_read_a_whole_script():
    elements = parse_person_text("int. diner - night\n\nRain.\n\nMAYA: Hello.\n\ncut to:")
    text = format_fountain("The\nDiner /* [[", elements)
    assert text.startswith("Title: The Diner /\\* [\\[\n\nINT. DINER - NIGHT\n\nRain.\n\nMAYA\n")
    document = FountainParser().parse(text)
    assert document.metadata == {"title": "The Diner /\\* [\\["}
    assert len(document.elements) == 5
    script = screenplain.parse(io.StringIO(text))
    assert [type(element) for element in script] == [Slug, Action, Dialog, Transition]
    assert format_fountain("\n", []) == "Title: Untitled\n"


def test_two_elements_share_a_blank_line():
    texts = ("Rain.", "MAYA\nHello.", "@Jo (o.s.)\nHi.")
    expected = "\nRain.\n\nMAYA\nHello.\n\n@JO (O.S.)\nHi.\n"
    assert "".join(map(format_for_model, texts)) == expected
