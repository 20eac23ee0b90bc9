"""Test how the elements of a script are split into messages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.screenplay.elements import Element, Kind
from bot.screenplay.free_text import parse_person_text
from bot.screenplay.page_layout import SCREEN_WIDTH, lay_out_page, text_width
from bot.ui.markdown import LIMIT, fenced, inert, size
from bot.ui.script_messages import split_into_messages
from tests.bot.screenplay.samples import nasty_elements, steadily


@steadily
@given(nasty_elements, st.sampled_from([100, 300, 1900]))
def test_messages_hold_everything_within_the_limit(elements: list[Element], limit: int) -> None:
    blocks = split_into_messages(elements, limit)
    assert bool(blocks) == bool(elements)
    words = "".join(blocks).replace("```", "").split()
    assert not elements or "".join(words) == "".join(inert(lay_out_page(elements)).split())
    for block in blocks:
        assert size(block) <= limit <= LIMIT
        assert fenced(block[4:-4]) == block


def test_messages_hold_whole_elements() -> None:
    line = Element(Kind.ACTION, "x" * 50)
    blocks = split_into_messages([line] * 5, 8 + 4 * 50 + 3 * 2)
    assert [block.count("x" * 50) for block in blocks] == [4, 1]


def test_long_element_is_cut_at_the_end_of_a_line() -> None:
    (element,) = parse_person_text("It was a dark and stormy night. " * 200)
    blocks = split_into_messages([element])
    assert len(blocks) == 4
    assert all(text_width(row) <= SCREEN_WIDTH for block in blocks for row in block.split("\n"))
    assert " ".join(" ".join(block[4:-4].split()) for block in blocks) == element.text


def test_combining_marks_count_towards_the_limit() -> None:
    element = Element(Kind.ACTION, "z" + "\u0335" * 500)
    assert all(size(block) <= 100 for block in split_into_messages([element], 100))


def test_limit_below_a_line_is_refused() -> None:
    with pytest.raises(ValueError, match="no room"):
        split_into_messages([], 60)
