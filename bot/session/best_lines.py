"""Choose the best lines of a script to which nobody gave a star."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ..generation.reranking import find_content_words
from ..screenplay.elements import Kind
from ..storage.schema import ON_BOOK, Line


def find_best_lines(lines: Sequence[Line], most: int) -> list[Line]:
    """Return the lines that began what the script went on about, in the script's order.

    A line scores one for each later line with a word that the line was the first to say; names of
    speakers and common words do not count. Speech comes before action, and the later of two equal
    lines first. Headings, transitions, a drawn opening and removed text are no candidates.
    """
    said = [find_content_words(line.element.text) for line in lines]
    mentions = Counter(word for words in said for word in words)
    known = {part.casefold() for line in lines for part in (line.element.cue or "").split()}
    ranked: list[tuple[bool, int, int]] = []
    for place, (line, words) in enumerate(zip(lines, said, strict=True)):
        score = sum(mentions[word] - 1 for word in words - known)
        known |= words
        kind = line.element.kind
        if kind in (Kind.DIALOGUE, Kind.ACTION) and line.author != ON_BOOK and not line.removed:
            ranked.append((kind is Kind.DIALOGUE, score, place))
    best = sorted(ranked, reverse=True)[:most]
    return [lines[place] for *_, place in sorted(best, key=lambda entry: entry[-1])]
