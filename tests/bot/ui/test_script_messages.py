"""Test that messages show elements and do nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.screenplay.elements import Element, Kind
from bot.screenplay.free_text import parse_person_text
from bot.screenplay.page_layout import SCREEN_WIDTH, lay_out_page, text_width
from bot.ui.markdown import LIMIT, fenced, size
from bot.ui.script_messages import split_into_messages
from tests.bot.screenplay.test_importers import nasty_elements, steadily


@steadily
@given(nasty_elements, st.sampled_from([100, 300, 1900]))
def test_messages_fit(elements: list[Element], limit: int) -> None:
    blocks = split_into_messages(elements, limit)
    assert bool(blocks) == bool(elements)
    assert (
        "".join("".join(blocks).replace("```", "").split())
        == "".join(fenced(lay_out_page(elements))[3:-3].split())
        or not elements
    )
    for block in blocks:
        assert size(block) <= limit <= LIMIT
        assert fenced(block[4:-4]) == block


def test_messages_are_few_and_whole() -> None:
    line = Element(Kind.ACTION, "x" * 50)
    assert split_into_messages([]) == []
    assert [
        block.count("x" * 50) for block in split_into_messages([line] * 5, 8 + 4 * 50 + 3 * 2)
    ] == [4, 1]


def test_a_long_element_is_cut_at_the_end_of_a_line() -> None:
    (element,) = parse_person_text("It was a dark and stormy night. " * 200)
    blocks = split_into_messages([element])
    assert len(blocks) == 4
    assert all(text_width(row) <= SCREEN_WIDTH for block in blocks for row in block.split("\n"))
    assert " ".join(" ".join(block[4:-4].split()) for block in blocks) == element.text


def test_marks_without_a_column_take_up_room() -> None:
    element = Element(Kind.ACTION, "z" + "\u0335" * 500)
    assert all(size(block) <= 100 for block in split_into_messages([element], 100))


def test_a_block_too_small_for_a_line() -> None:
    with pytest.raises(ValueError, match="no room"):
        split_into_messages([], 60)
