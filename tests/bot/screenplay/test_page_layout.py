"""Test the look of a page."""

from __future__ import annotations

from hypothesis import given

from bot.screenplay.elements import Element
from bot.screenplay.free_text import make_heading, parse_person_text
from bot.screenplay.page_layout import SCREEN_WIDTH, lay_out_page, text_width

from .test_importers import nasty_elements, steadily


def test_a_page() -> None:
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


def test_forcing_characters_are_not_shown() -> None:
    elements = [make_heading("the heath"), *parse_person_text("!# x\n\n> Burn [[to]] White.")]
    rows = lay_out_page(elements).split("\n")
    assert rows[::2] == ["THE HEATH", "# x", f"{'Burn [[to]] White.':>{SCREEN_WIDTH}}"]


def test_verse_is_not_broken() -> None:
    verse = "To be, or not to be, that is the question: ab"
    assert len(verse) == 45
    assert (
        lay_out_page(parse_person_text(f"{verse}\n{verse}", "Hamlet")).split("\n")[1:]
        == [f"{'':8}{verse}"] * 2
    )


@steadily
@given(nasty_elements)
def test_a_page_is_as_wide_as_it_says(elements: list[Element]) -> None:
    for row in lay_out_page(elements).split("\n"):
        assert text_width(row) <= SCREEN_WIDTH


def test_text_width() -> None:
    family = "\N{MAN}\u200d\N{WOMAN}\u200d\N{GIRL}"
    texts = ("ab", "茂", "é", "e\u0301", "z\u0335", family)
    assert [text_width(text) for text in texts] == [2, 2, 1, 1, 1, 2]


def test_a_grapheme_is_never_cut() -> None:
    family = "\N{MAN}\u200d\N{WOMAN}\u200d\N{GIRL}"
    assert (
        lay_out_page([parse_person_text(f"{family * SCREEN_WIDTH}")[0]]).split("\n")
        == [family * (SCREEN_WIDTH // 2)] * 2
    )
