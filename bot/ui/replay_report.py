"""Replay report: tell people what a replay found, in a message and as a table."""

from __future__ import annotations

from collections.abc import Sequence

from ..i18n.catalogue import many, say
from ..i18n.markdown import inline
from ..session.replay import Finding, ReplayResult, Verdict

SHOWN, REASONS = 8, 4
"""Lines, and reasons, that a message lists."""


def in_words(found: ReplayResult) -> str:
    """Return what a replay found, in a few sentences: at most 1,900 characters."""
    proved = found.filter_by_verdict(Verdict.PROVED)
    missing = found.filter_by_verdict(Verdict.DIFFERENT, Verdict.UNPROVED)
    written = len(proved) + len(missing)
    parts = [_result(len(proved), written)]
    people = len(found.filter_by_verdict(Verdict.PERSON))
    if people:
        parts.append(say("People wrote {lines}.", lines=many(people, "line")))
    if found.edited:
        parts.append(say("Rewritten by hand: {lines}.", lines=_numbers(found.edited)))
    if len(found.findings) < found.lines:
        parts.append(
            say(
                "It ended before line {number} of {lines:,}.",
                number=len(found.findings) + 1,
                lines=found.lines,
            )
        )
    told = [f"**{inline(found.title, 100)}**: {' '.join(parts)}"]
    told += [f"-# {inline(reason, 200)}: {_numbers(at)}." for reason, at in _by_reason(found)]
    told += [_entry(one) for one in missing[:SHOWN]]
    if len(missing) > SHOWN:
        told.append(say("and {number:,} more.", number=len(missing) - SHOWN))
    if found.filter_by_verdict(Verdict.DIFFERENT):
        told.append(
            say(
                "-# The voice writes each line from all that stands above it: below the first that "
                "differs, others may differ for that reason alone."
            )
        )
    return "\n".join(told)


def rows(found: ReplayResult) -> str:
    """Return all findings as a table: one line of the script a row, tabs between the columns."""
    heads = say("line\tis\twrote it\tseed\tits text\tcame out\tremarks")
    lines = ["\t".join(map(_flat, _row(one))) for one in found.findings]
    return "".join(f"{line}\n" for line in (heads, *lines))


def _result(proved: int, written: int) -> str:
    if not written:
        return say("The voice has written none of it.")
    if proved < written:
        return say(
            "{proved:,} of the {lines} by the voice came out to the letter.",
            proved=proved,
            lines=many(written, "line"),
        )
    if written == 1:
        return say("The only line by the voice was written again, and came out to the letter.")
    return say(
        "All {lines:,} lines by the voice were written again, and came out to the letter.",
        lines=written,
    )


def _numbers(numbers: Sequence[int]) -> str:
    """Return the numbers of lines, as many as there is room for."""
    shown = ", ".join(map(str, numbers[:SHOWN]))
    if len(numbers) == 1:
        return say("line {numbers}", numbers=shown)
    if len(numbers) <= SHOWN:
        return say("lines {numbers}", numbers=shown)
    more = len(numbers) - SHOWN
    return say("lines {numbers} and {more:,} more", numbers=shown, more=more)


def _by_reason(found: ReplayResult) -> list[tuple[str, list[int]]]:
    """Return at most `REASONS` reasons, each with the numbers of its lines."""
    numbers: dict[str, list[int]] = {}
    for one in found.findings:
        for reason in one.reasons:
            numbers.setdefault(reason, []).append(one.number)
    return list(numbers.items())[:REASONS]


def _entry(one: Finding) -> str:
    text = inline(one.line.element.one_line, 60)
    if one.rewritten is None:
        return say("**{number}** {text}: cannot be proved", number=one.number, text=text)
    again = say("-# came out as: {text}", text=inline(one.rewritten, 60) or say("nothing"))
    return f"**{one.number}** {text}\n{again}"


def _row(one: Finding) -> tuple[str, ...]:
    line = one.line
    remarks = [*one.reasons]
    remarks += [say("rewritten by hand")] if line.rewrite_of else []
    remarks += [say("a copy, proved where it was first written")] if line.copy_of else []
    seed = str(line.origin.get("seed", ""))
    return (
        *(str(one.number), say(one.verdict), line.credit, seed, line.text),
        *(one.rewritten or "", "; ".join(remarks)),
    )


def _flat(text: str) -> str:
    return " ".join(text.split())
