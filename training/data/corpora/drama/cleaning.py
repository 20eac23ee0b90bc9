"""Clean Project Gutenberg's texts: remove notes, pictures and page numbers.

Everything stays on its line: the line breaks of removed text are kept, so that a report can name
the line of the source.
"""

from __future__ import annotations

import re
import unicodedata

from ...vocabulary import PLAIN_FORMS

ANY_CASE, LINES = re.IGNORECASE, re.MULTILINE

PLAIN = str.maketrans(
    {
        **{mark: forms[0] for mark, forms in PLAIN_FORMS.items() if not mark.isascii()},
        # Plays have dashes of any length, and no lists.
        "\u2013": "--", "\u2022": "", "`": "'", "\t": "    ", "\u017f": "s", "\u00b7": ".",
        "\ufeff": "", "\u00ad": "", "\u2044": "/",
    }
)  # fmt: skip

# Removed in this order; line breaks stay.
LEFTOVERS = tuple(
    re.compile(pattern, flags)
    for pattern, flags in (
        (r"\[(?:Illustration|Frontispiece|Music|Sidenote|Image)\b[^\]]{0,600}\]", ANY_CASE),
        (r"\[_?(?:Transcriber|Footnote|Note)\b[^\]]{0,3000}\]", ANY_CASE),
        (r"^ *\*?(?:Transcriber's Notes?|Produced by|E-text prepared)(?:.+\n)+", ANY_CASE | LINES),
        (r"^ *Footnotes?:? ?\[?\w{0,3}\]?:?(?:.*\n)(?:.+\n)*", ANY_CASE | LINES),
        # A paragraph that explains a mark.
        (r"(?<=\n)\n *(?:\[(?:\d{1,4}|[A-Z]|\*+)\]|\(\*+\)|\*+ ?(?=\w)) *\S.*\n(?:.+\n)*", 0),
        # The mark itself.
        (r" ?\[(?:\d{1,4}|[A-Za-z]|\*+|\d{1,2}\.\d{1,3}|\d{1,3}[a-z])\]|\{\d{1,4}\}", 0),
        (r"\[(?:Pg|p\.|page) ?\d+\]|\{(?:Pg|p\.|page)? ?\d+\}", ANY_CASE),
        # The number of a page or of a line.
        (r"^ *(?:- *)?\[?\(?(?:p\. ?)?\d{1,4}\)?\]?(?: *-)? *$", LINES),
        (r"(?<=\S) {3,}\d{1,4} *$", LINES),
        # A rule of stars or dashes.
        (r"^ *(?:[*.#~=_-] *){3,}$", LINES),
        (r"</?[a-z]{1,3}>", 0),
    )
)

PUT_IN = (
    "the|an?|of|to|and|in|is|are|be|it|that|for|with|as|by|on|not|you|he|she|we|I|they|me|him|her"
    "|my|his|your|their|our|was|were|have|has|had|do|will|shall|so|or|but"
)

MARKS = tuple(
    (re.compile(pattern, LINES), replacement)
    for pattern, replacement in (
        # Bold and small capitals become italics.
        (r"(?<![\w=+~#])[=+~#](?=[A-Z\d(\[])([^=+~#\n]{1,60})[=+~#](?![\w=+~#])", r"_\1_"),
        (r"(?<![\w*])\*(?=[A-Z\d(\[])([^*\n]{1,60})\*(?![\w*])", r"_\1_"),
        (r"_{2,}(?=[\w.])|(?<=[\w.])_{2,}", "_"),
        # The underscores of a direction go inside its brackets.
        (r"_([\[(])", r"\1_"),
        (r"([\])])_", r"_\1"),
        # `Sir _Cred._ ...`: italics cover the whole name.
        (r"^( *)((?:Sir|Mrs?\.?|Lady|Lord|La\.|L\.|Don|Capt\.|Dr\.) )_([A-Z][\w.]*)_", r"\1_\2\3_"),
        # A word inserted by an editor: `[the]`.
        (rf"(?<=\w )\[({PUT_IN})\]", r"\1"),
        # `_Damer: (Rising.)_` has the name and its direction in the same italics.
        (
            r"^( *_[A-Z][A-Za-z. ]{0,30}?[.:]?) ?(\[|\((?=[^()]{1,300}(?:_\)|\)[.:,]?_)))",
            r"\1_ \2_",
        ),
        (r"__", ""),
        (r"\u00a3 ?(\d[\d,.]*\d|\d)", r"\1 pounds"),
        (r"(?<=\w)---+(?=\w)", "--"),
        (r"-{3,}", "--"),
        (r"(?<=\S) *\. \. \.(?: \.)*", "..."),
        (r"\.{4,}", "..."),
    )
)


def clean(text: str) -> str:
    """Return a text in ASCII, without the publisher's and the editor's additions to the play."""
    text = text.translate(PLAIN)
    for pattern in LEFTOVERS:
        text = pattern.sub(lambda match: "\n" * match[0].count("\n"), text)
    for mark, replacement in MARKS:
        text = mark.sub(replacement, text)
    text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r" +$", "", text, flags=LINES)
