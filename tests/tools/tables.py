"""Format tables of figures, for a terminal and as Markdown."""

from collections.abc import Callable, Iterable, Sequence


def format_table(rows: Iterable[Sequence[str]]) -> str:
    """Return rows as aligned text, the first column to the left and the others to the right."""
    rows = [tuple(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    sides: list[Callable[[str, int], str]] = [str.ljust, *[str.rjust] * (len(widths) - 1)]
    lines: list[str] = []
    for row in rows:
        cells = (side(cell, width) for side, cell, width in zip(sides, row, widths, strict=True))
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def format_head(heads: Sequence[str], labels: int = 1) -> list[str]:
    """Return the head of a Markdown table; all columns but the first ``labels`` hold figures."""
    sides = ["---"] * labels + ["---:"] * (len(heads) - labels)
    return [format_row(heads), format_row(sides)]


def format_row(cells: Iterable[str]) -> str:
    """Return a row of a Markdown table."""
    return f"| {' | '.join(cells)} |"
