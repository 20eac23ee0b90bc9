"""Test the look of a page."""

from __future__ import annotations

from hypothesis import given

from bot.screenplay.elements import Element
from bot.screenplay.free_text import from_person, heading
from bot.screenplay.page_layout import WIDTH, page, text_width

from .test_markdown import nasty_elements, steadily


def test_a_page() -> None:
    script = """int. diner - night

Rain on the window. The neon sign outside says OPEN, though it is not, and has not been.

MAYA (V.O.): (quietly) You came.

@McAvoy
\\#always

cut to:"""
    assert page(from_person(script)).split("\n") == [
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
    elements = [heading("the heath"), *from_person("!# x\n\n> Burn [[to]] White.")]
    rows = page(elements).split("\n")
    assert rows[::2] == ["THE HEATH", "# x", f"{'Burn [[to]] White.':>{WIDTH}}"]


def test_verse_is_not_broken() -> None:
    verse = "To be, or not to be, that is the question: ab"
    assert len(verse) == 45
    assert (
        page(from_person(f"{verse}\n{verse}", "Hamlet")).split("\n")[1:] == [f"{'':8}{verse}"] * 2
    )


@steadily
@given(nasty_elements)
def test_a_page_is_as_wide_as_it_says(elements: list[Element]) -> None:
    for row in page(elements).split("\n"):
        assert text_width(row) <= WIDTH


def test_text_width() -> None:
    family = "\N{MAN}\u200d\N{WOMAN}\u200d\N{GIRL}"
    texts = ("ab", "茂", "é", "e\u0301", "z\u0335", family)
    assert [text_width(text) for text in texts] == [2, 2, 1, 1, 1, 2]


def test_a_grapheme_is_never_cut() -> None:
    family = "\N{MAN}\u200d\N{WOMAN}\u200d\N{GIRL}"
    assert page([from_person(f"{family * WIDTH}")[0]]).split("\n") == [family * (WIDTH // 2)] * 2
