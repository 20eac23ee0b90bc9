"""Escape text by people and models, so that Discord shows the text and does nothing with it.

Escaped text pings nobody, ends no code block and does not format the text around it.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping

from ..cleaning import clean
from ..i18n.catalogue import say
from ..screenplay.drafts import ERASED_NAME, ERASED_PERSON
from ..screenplay.emphasis import escape_literal_marks

LIMIT = 2000
"""The longest message that Discord takes, as `size` counts it."""

NAME_SIZE = 60
"""The size of a person's name."""

_MENTION = re.compile(r"@(?=everyone|here|[!&]?\d)")
# No backslash escapes the ends of code blocks and strikethrough, so look-alikes replace the marks.
_BACKTICK, _TILDE = "\u02cb", "\u223c"
_NOTHING = "\u200b"
_SAFE: Mapping[int, str] = {
    **{ord(mark): f"\\{mark}" for mark in "\\*_|<>#[]()+-.:/"},
    ord("`"): _BACKTICK,
    ord("~"): _TILDE,
    ord("@"): f"@{_NOTHING}",
}
_ESCAPED_MARK = re.compile(r"\\([*_])")
_EMPHASIS = re.compile(
    r"\\[*_]|(?<![*_])(?P<mark>\*{1,3}|_)(?=[^\s*_])(?P<words>(?:\\[*_]?+|[^*_\\])+?)"
    r"(?<=\S)(?P=mark)(?![*_])"
)
"""Matches words between two of Fountain's marks, and what is literal."""


def size(text: str) -> int:
    """Return the length of text in UTF-16 code units, which is at least what Discord counts."""
    # Encoding is fast, but counting the characters of a long script one by one takes seconds.
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def fenced(text: str) -> str:
    """Return text in a code block that nothing in the text ends, and that mentions nobody."""
    # Discord shows the fences themselves when nothing is between them.
    return f"```\n{inert(text) or _NOTHING}\n```"


def inert(text: str) -> str:
    """Return text that neither ends a code block nor mentions anybody from inside one."""
    return _MENTION.sub(f"@{_NOTHING}", text.replace("`", _BACKTICK))


def inline(text: str, limit: int) -> str:
    """Return text as plain words on one line, for a sentence of the bot.

    Markdown, links and mentions are escaped, and an ellipsis stands where the text is cut. The
    `size` of the result, including escapes and the ellipsis, is at most ``limit``, which is at
    least 1.
    """
    return _cut(text, limit, _SAFE)


def emphasized(line: str, around: str = "") -> str:
    """Return a line with Fountain's emphasis (see `Element.marked`) as Discord writes it.

    The stars ``around`` it emphasize all of it. Other text, and marks without a partner, are
    escaped as `inline` does.
    """
    line = escape_literal_marks(" ".join(clean(line).split()))
    text, end = around, 0
    for found in _EMPHASIS.finditer(line):
        if found["mark"]:
            text += _escape(line[end : found.start()])
            # Stars within stars would end them, so add only those that the line does not have yet.
            stars = len(found["mark"]) & ~len(around)
            mark = "__" if found["mark"] == "_" else "*" * stars
            text += f"{mark}{_escape(found['words'])}{mark}"
            end = found.end()
    return f"{text}{_escape(line[end:])}{around}"


def _escape(marked: str) -> str:
    return _ESCAPED_MARK.sub(r"\1", marked).translate(_SAFE)


def plain(text: str, limit: int) -> str:
    """Return text as `inline` does, for places without formatting: a menu, a modal, a picture."""
    return _cut(text, limit, {})


def join_within(texts: Iterable[str], separator: str, limit: int) -> list[str]:
    """Join texts, in order, into as few as possible of at most ``limit`` each; none is cut."""
    joined = [""]
    for text in texts:
        longer = f"{joined[-1]}{separator}{text}" if joined[-1] else text
        if size(longer) <= limit:
            joined[-1] = longer
        else:
            joined.append(text)
    return joined


def chop(text: str, limit: int) -> list[str]:
    """Return a text in pieces that are at most ``limit`` long, each character escaped or not."""
    step = limit // 2
    return [text[start : start + step] for start in range(0, len(text), step)]


def mention(person: int) -> str:
    """Mention a person, in a message that pings nobody; a forgotten person is “somebody”."""
    return say(ERASED_NAME) if person == ERASED_PERSON else f"<@{person}>"


def to_plain_text(markdown: str) -> str:
    """Return Discord's Markdown as plain text, for a terminal."""

    def replace(found: re.Match[str]) -> str:
        if found["day"]:
            return f"{dt.datetime.fromtimestamp(int(found['day']), dt.UTC):%d %B %Y}"
        return found["escaped"] or ""

    marks = r"\\(?P<escaped>[^\w\s])|<t:(?P<day>\d+):D>|\*\*|`|\u200b|^-# "
    return re.sub(marks, replace, markdown, flags=re.MULTILINE)


def _cut(text: str, limit: int, safe: Mapping[int, str]) -> str:
    line = " ".join(clean(text).split())
    whole = line.translate(safe)
    if size(whole) <= limit:
        return whole
    room, end = limit - 1, 0
    while end < len(line) and (room := room - size(line[end].translate(safe))) >= 0:
        end += 1
    # The cut may leave a joiner at the end, which joins nothing there.
    return f"{clean(line[:end]).rstrip().translate(safe)}…"
