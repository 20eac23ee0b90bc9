"""Test the pages of a script in messages."""

import re

from hypothesis import given
from hypothesis import strategies as st

from bot.screenplay.elements import Element, Kind
from bot.screenplay.free_text import parse_person_text
from bot.ui.markdown import LIMIT, size
from bot.ui.pages.script_messages import split_into_pages
from tests.bot.screenplay.samples import nasty_elements
from tests.fake_discord.people import letters

NUMBER = re.compile(r"^`(\d+)` ", re.MULTILINE)


@given(nasty_elements, st.sampled_from([100, 300, 1800]))
def test_pages_hold_everything_within_the_limit(elements: list[Element], limit: int) -> None:
    pages = split_into_pages(elements, limit)
    assert all(size(page) <= limit <= LIMIT for page in pages)
    # No code block and no indentation keeps a phone from wrapping the rows.
    assert not any("```" in page or page.startswith(" ") or "\n " in page for page in pages)
    numbers = [int(number) for page in pages for number in NUMBER.findall(page)]
    assert numbers == list(range(1, len(elements) + 1))
    words = NUMBER.sub("", "\n".join(pages))
    assert letters(words) == letters("".join("".join(element.shown) for element in elements))


def test_a_page_names_who_speaks() -> None:
    elements = parse_person_text("INT. DINER - NIGHT\n\nMAYA: (quietly) You *came*.\n\nRain.")
    [page] = split_into_pages(elements)
    assert page == (
        "`1` **INT\\. DINER \\- NIGHT**\n\n"
        "`2` **MAYA**\n*\\(quietly\\)*\nYou *came*\\.\n\n"
        "`3` *Rain\\.*"
    )


def test_pages_hold_whole_lines() -> None:
    line = Element(Kind.ACTION, "x" * 50)
    pages = split_into_pages([line] * 5, 4 * (50 + 6) + 3 * 2)
    assert [page.count("x" * 50) for page in pages] == [4, 1]


def test_a_line_longer_than_a_page_is_cut_between_words() -> None:
    (element,) = parse_person_text("It was a dark and stormy night. " * 200)
    first, *others = split_into_pages([element])
    assert len(others) == 3
    rows = [first.removeprefix("`1` "), *others]
    words = " ".join(row.strip("*") for row in rows).replace("\\", "")
    assert words == element.text


def test_a_word_longer_than_a_page_is_cut() -> None:
    pages = split_into_pages([Element(Kind.ACTION, "z" + "." * 500)], 100)
    assert all(size(page) <= 100 for page in pages)
    assert "".join(pages).count(".") == 500
