"""Test that stored text is clean, and that Discord shows it without pings or markup."""

import re
from types import SimpleNamespace
from typing import cast
from unicodedata import category, combining, is_normalized

import discord
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.cleaning import clean
from bot.cogs.reading import make_file_name
from bot.cogs.scripts import make_script_option, make_title_input
from bot.errors import RequestError
from bot.interactions.attachments import choose_title
from bot.interactions.requester import find_name
from bot.screenplay.fountain import format_fountain, parse_model_text
from bot.screenplay.free_text import (
    TITLE_LIMIT,
    clean_title,
    make_heading,
    parse_name,
    parse_person_text,
)
from bot.screenplay.free_text import parse_cast as cast_of
from bot.screenplay.importers.manuscript import Manuscript
from bot.screenplay.statistics import count_script
from bot.session.banned_words import MAX_WORDS, edit_words
from bot.settings import read_settings
from bot.storage.schema import Line, Poll, Script
from bot.ui.cards.settings_messages import format_banned_words
from bot.ui.images.pictures import describe_statistics
from bot.ui.lines.looks import format_block
from bot.ui.markdown import LIMIT, NAME_SIZE, emphasized, fenced, inline, plain, size
from bot.ui.pages.history_page import (
    LABEL_SIZE,
    format_label,
    format_lines,
    make_option,
    make_rewrite_input,
)
from bot.ui.pages.script_messages import split_into_pages
from bot.ui.panels.poll_messages import format_poll

JOINERS = "\u200c\u200d"

FRAGMENTS = [
    *["`", "```", "\u1fef" * 3, "\\", "*", "_", "~~", "||", "@everyone", "@here", "<@1>", "<@!1>"],
    *["<@&9>", "<#1>", "<:x:1>", "<t:1>", "</a:1>", "https://x.org", "[a](b)", "> ", "# ", "-# "],
    *["\u202e", "\u2066", "\u200f", "\u061c", "\u200b", "\ufeff", "\u00ad", "\x00", "\x1b[31m"],
    *["\x85", "\u2028", "\r\n", "\r", "\n", "\n\n", "\t", " ", "\u3000", "\ue000", "\ud800"],
    *["\ufffe", "\uffff", "\U0010ffff", "\ufdd0", "\u2800", "\u3164", "\U000e0041", "\ufe0f"],
    *["\u200d", "\u200c", "👩\u200d🚀", "\u0915\u094d\u200d\u0937", "\u0645\u06cc\u200c\u062e"],
    *["z\u0335\u0336\u0337", "\u0301" * 9, "\u0903\u0301\u0302\u0303", "\u302e" * 3, "\U0001d160"],
    *["\u0958", "\ufb2c" * 40, "\u1e9b\u0323", "\u0390", "MAYA: ", "INT. ", "CUT TO:", "(softly) "],
    *["word", "x" * 70, "茂" * 40, "👍" * 60, "It was night. " * 30, "a, b; c"],
]
wild = st.one_of(
    st.lists(st.sampled_from(FRAGMENTS), max_size=9).map("".join),
    st.text(max_size=40),
    st.text(alphabet=st.characters(categories=["Cf", "Mn", "Me", "Mc", "Lo", "So", "Sk", "Cc"])),
)

PING = re.compile(r"@(?:everyone|here)|<@[!&]?\d+>")


def assert_clean(text: str) -> None:
    """Check what `clean` promises, without `clean`."""
    assert is_normalized("NFC", text)
    last, marks = "", 2
    for at, character in enumerate(text):
        kind = category(character)
        if character in JOINERS:
            follows = category(text[at + 1]) if at + 1 < len(text) else "nothing"
            assert last[:1] in ("L", "S", "M"), ascii(text)
            assert follows in ("Lo", "So", "Sm"), ascii(text)
            continue
        assert character == "\n" or kind not in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp"), ascii(text)
        assert character == " " or kind != "Zs", ascii(text)
        if kind in ("Mn", "Me") or combining(character):
            marks += 1
            assert marks <= 2, ascii(text)
        elif kind != "Mc":
            marks = 2 if character.isspace() else 0
        last = kind


def assert_inert(sentence: str) -> None:
    """Check that a sentence pings nobody, opens or ends no block, and has no link or picture."""
    assert not PING.search(sentence)
    assert "`" not in sentence
    bare = re.sub(r"\\[\\*_|<>#\[\]()+\-.:/]", "", sentence)
    assert not re.search(r"[\\*_|<>#\[\]~`]|\]\(|https?:", bare), sentence


def make_lines(texts: list[str], credit: str, author: int | None = 7) -> list[Line]:
    """Return the stored lines of the texts that hold anything to store."""
    return [
        Line(id=number, kind=element.kind.value, text=element.text, author=author, credit=credit)
        for number, element in enumerate(filter(None, map(parse_model_text, texts)), 1)
    ]


@given(wild)
def test_clean_is_idempotent(text: str) -> None:
    once = clean(text)
    assert_clean(once)
    assert clean(once) == once


@given(wild, wild)
def test_stored_text_is_clean(text: str, who: str) -> None:
    stored: list[str] = [clean_title(text)]
    for make in (
        lambda: [element.text for element in parse_person_text(text)],
        lambda: [element.text for element in parse_person_text(text, who)],
        lambda: [make_heading(text).text],
        lambda: [parse_name(text)],
        lambda: list(cast_of(text)),
        lambda: edit_words([], text, ""),
    ):
        try:
            stored += make()
        except RequestError:
            continue
    if element := parse_model_text(text):
        stored.append(element.text)
    for line in stored:
        assert_clean(line)
        assert line == clean(line)


@given(wild, st.integers(1, 120))
def test_shortened_text_is_clean_and_inert(text: str, limit: int) -> None:
    assert_inert(inline(text, limit))
    for shown in (inline(text, limit), plain(text, limit)):
        assert size(shown) <= limit
        assert "\n" not in shown
        assert_clean(shown.replace("@\u200b", "@"))


@given(wild)
def test_title_is_one_line_that_discord_accepts(text: str) -> None:
    title = clean_title(text)
    assert len(title) <= TITLE_LIMIT
    assert title == title.strip()
    assert "\n" not in title
    assert_clean(title)
    assert re.fullmatch(r"[\w-]{1,60}", make_file_name(Script(title=title)))
    attached = cast("discord.Attachment", SimpleNamespace(filename=f"{text}.txt"))
    for found in (None, text):
        chosen = choose_title(attached, Manuscript(found, ()))
        assert chosen == clean_title(chosen)


@given(wild)
def test_display_name_is_clean_and_never_empty(text: str) -> None:
    user = cast("discord.Member", SimpleNamespace(display_name=text, name="ann_1", id=7))
    credit = find_name(user)
    assert 0 < size(credit) <= NAME_SIZE
    assert_clean(credit)


@given(st.lists(wild, min_size=1, max_size=6), wild)
def test_message_with_lines_pings_nobody_and_keeps_to_its_block(
    texts: list[str], credit: str
) -> None:
    lines = make_lines(texts, credit)
    for page in split_into_pages(line.element for line in lines):
        assert not PING.search(page)
        assert size(page) <= LIMIT
        assert "```" not in page
    for line in lines:
        block = format_block(line.element)
        assert not PING.search(block)
        assert size(block) <= LIMIT
        assert block.startswith("```")
        assert block.count("`") == 6
    assert not PING.search(format_lines(lines, {}, {}, read_settings()))


@given(st.lists(wild, min_size=1, max_size=5), wild, st.booleans())
def test_takes_ping_nobody(texts: list[str], credit: str, closed: bool) -> None:
    takes = {line.id: [line] for line in make_lines(texts, credit, None)}
    if not takes:
        return
    poll = Poll(id=1, script=1, asker=7, closed=closed, chosen=min(takes) if closed else None)
    content = format_poll(poll, takes, {})
    # The message mentions the asker, but may ping nobody.
    assert not PING.search(content.replace("<@7>", ""))
    assert size(content) <= LIMIT
    assert content.count("```") % 2 == 0


@given(wild, wild, wild)
def test_menus_and_windows_have_texts_that_discord_accepts(text: str, title: str, who: str) -> None:
    script = Script(id=1, title=clean_title(title) or "Untitled", running=True, archived=False)
    shown = [
        (make_script_option(script, 1000).label, 100),
        (make_title_input(script).default or "", 100),
    ]
    for line in make_lines([text], who):
        made = make_option(line, 3)
        shown += [
            (made.label, 100),
            (made.description or "", 100),
            (format_label(line.element, None), LABEL_SIZE),
        ]
        assert make_rewrite_input(line).default == line.text
    for label, limit in shown:
        assert 0 < size(label) <= limit
        assert_clean(label)


@given(wild)
def test_banned_words_are_shown_in_a_block(text: str) -> None:
    try:
        words = edit_words([], text, "")
    except RequestError:
        return
    shown = format_banned_words({"in this channel": words})
    assert not PING.search(shown)
    assert shown.count("`") in (2, 6)  # the option add, or a block


@pytest.mark.parametrize("number", [25, MAX_WORDS])
def test_many_banned_words_fit_into_a_message(number: int) -> None:
    words = [f"{'𝔞' * 50}{index}" for index in range(number)]
    assert size(format_banned_words({"in this channel": words, "in this server": words})) <= LIMIT


@given(wild, wild)
def test_description_of_a_picture_is_clean(text: str, who: str) -> None:
    words = describe_statistics(clean_title(text), count_script(make_lines([text], who)))
    assert size(words) <= 1000
    assert_clean(words)


@given(wild, wild, wild)
def test_downloaded_file_is_clean(text: str, title: str, who: str) -> None:
    element = parse_model_text(text)
    written = format_fountain(title, [element] if element else [], {"Author": [who]})
    assert_clean(written)


def test_examples_of_clean() -> None:
    assert clean("e\u0301\r\nx\ty\u2028z\xa0!\x07\u202e") == "é\nx y\nz !"
    assert clean("z\u0335\u0336\u0337\u0338") == "z\u0335\u0336"
    assert clean("👩\u200d🚀 a\u200db क्\u200dष \u200d") == "👩\u200d🚀 ab क्\u200dष "
    assert clean("\u1f67") == "\u1f67"
    assert clean("🙂\u200d↔\ufe0f ↔\u200d🙂") == "🙂\u200d↔\ufe0f ↔🙂"


@pytest.mark.parametrize(
    ("line", "around", "shown"),
    [
        ("Now. *He rings.* __*Go!", "", "Now\\. *He rings\\.* \\_\\_\\*Go!"),
        ("**Get** _on_ ***now***", "", "**Get** __on__ ***now***"),
        ("He *rings* ***the*** _bell_", "*", "*He rings **the** __bell__*"),
        ("INT. *DINER* **NOW**", "**", "**INT\\. *DINER* NOW**"),
        (r"\*a\* *b\* c* 2 * 3 * 4 _ x_", "", r"\*a\* *b\* c* 2 \* 3 \* 4 \_ x\_"),
        ("*my snake_case* 5*3*2", "", r"*my snake\_case* 5\*3\*2"),
        ("*||@here|| <@1>* `x`*~~", "", "*\\|\\|@\u200bhere\\|\\| \\<@\u200b1\\>* ˋxˋ\\*∼∼"),
    ],
)
def test_examples_of_emphasized(line: str, around: str, shown: str) -> None:
    assert emphasized(line, around) == shown


def test_examples_of_inline() -> None:
    assert inline("The  *Diner*\nat Night", 40) == r"The \*Diner\* at Night"
    assert inline("@everyone <@123>", 40) == "@\u200beveryone \\<@\u200b123\\>"
    assert [inline("abcdef", 5), inline("abc*", 4), inline("one two", 5)] == [
        "abcd…",
        "abc…",
        "one…",
    ]
    assert fenced("") == "```\n\u200b\n```"
    assert (size("a茂👍"), size("\ud800")) == (4, 1)  # in UTF-16
