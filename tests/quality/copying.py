"""Count what a voice copies: lines of the texts that it learned, and what was just said."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from bot.screenplay.elements import Element
from tests.tools.tables import format_head, format_row
from training.data.texts import Text

from .friends import PEOPLE, Continuation
from .measures import GRAM, NEAR, loops, words

LEAST = 5
"""The fewest words of a line that counts as copied: shorter lines are everybody's."""


def table(
    voice: str,
    found: Sequence[Continuation],
    people: Sequence[Continuation],
    learned: Iterable[Text],
) -> str:
    """Return what a voice copies, beside people, as Markdown, with the lines that it copied."""
    both = [[split_words(line) for each in some for line in each.lines] for some in (found, people)]
    long = [[said for said in some if len(said) >= LEAST] for some in both]
    known = find_copied([*long[0], *long[1]], learned)
    copied = [[said for said in some if said in known] for some in long]
    shares = [
        f"{len(some) / len(every):.1%}" if every else "-"
        for some, every in zip(copied, long, strict=True)
    ]
    rows = [
        [f"lines of {LEAST} words and more", *(str(len(some)) for some in long)],
        ["of these, word for word in a learned text", *shares],
        [
            f"sequences of {GRAM} characters that stood in the {NEAR} before",
            *(f"{share_repeated(some):.1%}" for some in (found, people)),
        ],
    ]
    heart = sorted({" ".join(said) for said in copied[0]})
    table = [*format_head(["", voice, PEOPLE]), *map(format_row, rows)]
    return "\n".join([*table, *(["", "By heart:", *heart] if heart else [])])


def split_words(element: Element) -> tuple[str, ...]:
    """Return the words of an element without its parentheticals."""
    said = [row for row in element.body.split("\n") if not row.startswith("(")]
    return tuple(words("\n".join(said)))


def find_copied(lines: Iterable[tuple[str, ...]], learned: Iterable[Text]) -> set[tuple[str, ...]]:
    """Return the lines of at least `LEAST` words whose words stand in a row in a learned text."""
    begun: dict[tuple[str, ...], set[tuple[str, ...]]] = defaultdict(set)
    for said in lines:
        begun[said[:LEAST]].add(said)
    found: set[tuple[str, ...]] = set()
    for text in learned:
        read = words(text.content)
        for at, first in enumerate(zip(*(read[n:] for n in range(LEAST)), strict=False)):
            if first in begun:
                found |= {said for said in begun[first] if said == tuple(read[at : at + len(said)])}
    return found


def share_repeated(found: Sequence[Continuation]) -> float:
    """Return the share of the sequences in written lines that stood shortly before."""
    repeated = total = 0
    for continuation in found:
        before = "\n".join(element.body for element in continuation.scene.given)
        for element in continuation.lines:
            again, count = loops(before, element.body)
            repeated, total = repeated + again, total + count
            before += "\n" + element.body
    return repeated / total if total else 0.0
