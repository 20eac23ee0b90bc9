"""The look of a page, and that nothing on it can do anything."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.i18n.markdown import LIMIT, fenced, inline, size
from bot.screenplay.elements import Element, Kind
from bot.screenplay.fountain import from_voice
from bot.screenplay.free_text import from_person, heading
from bot.screenplay.page_layout import WIDTH, page, text_width
from bot.ui.script_messages import dimmed, messages

steadily = settings(max_examples=200, deadline=None, derandomize=True)

FRAGMENTS = [
    *["`", "```", "\\", "*", "**", "_", "~~", "||", "@everyone", "@here", "<@123>", "<@!123>"],
    *["<@&9>", "<#1>", "<:x:1>", "<t:1>", "</a:1>", "https://x.org", "[a](b)", "> ", "# ", "-# "],
    *[
        "- ",
        "1. ",
        "\n",
        "\n\n",
        " ",
        "MAYA: ",
        "INT. ",
        "(quietly) ",
        "CUT TO:",
        "word",
        "茂" * 40,
    ],
    *["x" * 70, "👩\u200d🚀", "z\u0335\u0336", "👍" * 60, "ŉ" * 60, "It was night. " * 30],
]
nasty = st.one_of(
    st.lists(st.sampled_from(FRAGMENTS), min_size=1, max_size=8).map("".join),
    st.text(min_size=1, max_size=40),
)
nasty_elements = st.lists(nasty, max_size=12).map(
    lambda texts: [element for text in texts if (element := from_voice(text))]
)

MENTION = re.compile(r"@(?:everyone|here|[!&]?\d)")


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
    assert [text_width(text) for text in ("ab", "茂", "é", "z\u0335")] == [2, 2, 1, 1]


def test_size_is_in_utf_16() -> None:
    assert size("a茂👍") == len("a茂👍".encode("utf-16-le")) // 2
    assert size("\ud800") == 1


@steadily
@given(nasty)
def test_nothing_breaks_out_of_a_block(text: str) -> None:
    block = fenced(text)
    assert block.startswith("```\n")
    assert block.endswith("\n```")
    assert "`" not in block[3:-3]
    assert not MENTION.search(block)


def test_an_empty_block_is_a_block() -> None:
    assert fenced("") == "```\n\u200b\n```"


@steadily
@given(nasty_elements, st.sampled_from([100, 300, 1900]))
def test_messages_fit(elements: list[Element], limit: int) -> None:
    blocks = messages(elements, limit)
    assert bool(blocks) == bool(elements)
    assert (
        "".join("".join(blocks).replace("```", "").split())
        == "".join(fenced(page(elements))[3:-3].split())
        or not elements
    )
    for block in blocks:
        assert size(block) <= limit <= LIMIT
        assert fenced(block[4:-4]) == block


def test_messages_are_few_and_whole() -> None:
    line = Element(Kind.ACTION, "x" * 50)
    assert messages([]) == []
    assert [block.count("x" * 50) for block in messages([line] * 5, 8 + 4 * 50 + 3 * 2)] == [4, 1]


def test_a_long_element_is_cut_at_the_end_of_a_line() -> None:
    (element,) = from_person("It was a dark and stormy night. " * 200)
    blocks = messages([element])
    assert len(blocks) == 4
    assert all(text_width(row) <= WIDTH for block in blocks for row in block.split("\n"))
    assert " ".join(" ".join(block[4:-4].split()) for block in blocks) == element.text


def test_marks_without_a_column_take_up_room() -> None:
    element = Element(Kind.ACTION, "z" + "\u0335" * 500)
    assert all(size(block) <= 100 for block in messages([element], 100))


def test_a_block_too_small_for_a_line() -> None:
    with pytest.raises(ValueError, match="no room"):
        messages([], 60)


@steadily
@given(nasty, st.integers(1, 80))
def test_inline_is_inert(text: str, limit: int) -> None:
    result = inline(text, limit)
    assert size(result) <= limit
    assert "\n" not in result
    assert not MENTION.search(result)
    assert not re.search(r"[*_|<>#\[\]()`~:/+-]", re.sub(r"\\[!-/:-@[-`{-~]", "", result))


def test_inline_shows_the_words() -> None:
    assert inline("The  *Diner*\nat Night", 40) == r"The \*Diner\* at Night"
    assert inline("@everyone <@123>", 40) == "@\u200beveryone \\<@\u200b123\\>"
    assert inline("abcdef", 5) == "abcd…"
    assert inline("abc*", 4) == "abc…"
    assert inline("one two", 5) == "one…"


def test_dimmed() -> None:
    (speech,) = from_person("MAYA (V.O.): (quietly) You came.")
    assert dimmed(speech) == r"-# ~~MAYA\: \(quietly\) You came\.~~"
    (action,) = from_person("!~~ `x` @here\nRain")
    assert dimmed(action) == "-# ~~\u223c\u223c \u02cbx\u02cb @\u200bhere Rain~~"


@steadily
@given(nasty_elements)
def test_dimmed_is_one_short_line(elements: list[Element]) -> None:
    for element in elements:
        line = dimmed(element)
        assert size(line) <= 160
        assert "\n" not in line
        assert line.count("~") == 4
        assert not MENTION.search(line)
