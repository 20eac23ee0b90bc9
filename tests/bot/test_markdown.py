"""Test that no text of a person does anything where Discord shows the text."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.screenplay.fountain import parse_model_text
from bot.ui.markdown import fenced, inline, size

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
    lambda texts: [element for text in texts if (element := parse_model_text(text))]
)


MENTION = re.compile(r"@(?:everyone|here|[!&]?\d)")


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
