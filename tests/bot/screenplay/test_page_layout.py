"""Test the layout of a page."""

import sys
from types import FrameType

from hypothesis import given

from bot.screenplay.elements import Element
from bot.screenplay.free_text import make_heading, parse_person_text
from bot.screenplay.page_layout import SCREEN_WIDTH, lay_out_page, text_width, unwrap

from .samples import nasty_elements


def test_each_kind_of_element_has_its_columns():
    script = """int. diner - night

Rain on the window. The neon sign outside says OPEN, though it is not, and has not been.

MAYA (V.O.): (quietly) You came.

@McAvoy
\\#always

cut to:"""
    assert lay_out_page(parse_person_text(script)).split("\n") == [
        "INT. DINER - NIGHT",
        "",
        "Rain on the window. The neon sign outside says OPEN,",
        "though it is not, and has not been.",
        "",
        "                    MAYA (V.O.)",
        "              (quietly)",
        "        You came.",
        "",
        "                    McAvoy",
        "        #always",
        "",
        "                                                 CUT TO:",
    ]


def test_forcing_characters_are_not_shown():
    elements = [make_heading("the heath"), *parse_person_text("!# x\n\n> Burn [[to]] White.")]
    rows = lay_out_page(elements).split("\n")
    assert rows[::2] == ["THE HEATH", "# x", f"{'Burn [[to]] White.':>{SCREEN_WIDTH}}"]


def test_a_line_of_verse_fits_on_one_row():
    verse = "To be, or not to be, that is the question: ab"
    assert len(verse) == 45
    page = lay_out_page(parse_person_text(f"{verse}\n{verse}", "Hamlet"))
    assert page.split("\n")[1:] == [f"{'':8}{verse}"] * 2


@given(nasty_elements)
def test_no_row_is_wider_than_the_page(elements: list[Element]):
    for row in lay_out_page(elements).split("\n"):
        assert text_width(row) <= SCREEN_WIDTH


FAMILY = "\N{MAN}\u200d\N{WOMAN}\u200d\N{GIRL}"


def test_text_width():
    texts = ("ab", "茂", "é", "e\u0301", "z\u0335", FAMILY)
    assert [text_width(text) for text in texts] == [2, 2, 1, 1, 1, 2]


def test_a_grapheme_is_never_cut():
    page = lay_out_page(parse_person_text(FAMILY * SCREEN_WIDTH))
    assert page.split("\n") == [FAMILY * (SCREEN_WIDTH // 2)] * 2


FLAG = "\N{REGIONAL INDICATOR SYMBOL LETTER D}\N{REGIONAL INDICATOR SYMBOL LETTER E}"


def count_calls(flags: int) -> int:
    """Return how many functions are called to lay out a word of many flags."""
    elements, calls = parse_person_text(FLAG * flags), 0

    def note(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        lay_out_page(elements)
    finally:
        sys.setprofile(before)
    return calls


def test_a_word_twice_as_long_is_cut_with_twice_the_work():
    lay_out_page(parse_person_text(FLAG * SCREEN_WIDTH))  # fills the caches of wcwidth
    assert count_calls(400) < 2.5 * count_calls(200)


def test_very_many_rows_become_one():
    # A join of each row with all above it would not come back.
    assert unwrap(["a"] * 2_000_000, 1) == [" ".join("a" * 2_000_000)]
