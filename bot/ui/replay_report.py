"""Replay report: tell people what a replay found, in a message and as a table."""

from __future__ import annotations

from collections.abc import Sequence

from ..i18n.catalogue import many, say, say_plural
from ..i18n.markdown import inline
from ..session.replay import Finding, Replay, Verdict

SHOWN, REASONS = 8, 4
"""Lines, and reasons, that a message lists."""


def in_words(found: Replay) -> str:
    """Return what a replay found, in a few sentences: at most 1,900 characters."""
    proved = found.all_of(Verdict.PROVED)
    missing = found.all_of(Verdict.DIFFERENT, Verdict.UNPROVED)
    written = len(proved) + len(missing)
    parts = [_result(len(proved), written)]
    people = len(found.all_of(Verdict.PERSON))
    if people:
        parts.append(say("People wrote {lines}.", lines=many(people, "line")))
    if found.edited:
        parts.append(say("Rewritten by hand: {lines}.", lines=_numbers(found.edited)))
    if len(found.findings) < found.lines:
        parts.append(
            say(
                "The replay ended before line {number} of {lines:,}.",
                number=len(found.findings) + 1,
                lines=found.lines,
            )
        )
    told = [f"**{inline(found.title, 100)}**: {' '.join(parts)}"]
    told += [f"-# {inline(reason, 200)}: {_numbers(at)}." for reason, at in _by_reason(found)]
    told += [_entry(one) for one in missing[:SHOWN]]
    if len(missing) > SHOWN:
        told.append(say("and {number:,} more.", number=len(missing) - SHOWN))
    if found.all_of(Verdict.DIFFERENT):
        told.append(
            say(
                "-# Each line depends on all lines above it, so one difference can cause others "
                "below it."
            )
        )
    return "\n".join(told)


def rows(found: Replay) -> str:
    """Return all findings as a table: one line of the script a row, tabs between the columns."""
    heads = say("line\tresult\twriter\tseed\ttext\treplayed\tnotes")
    lines = ["\t".join(map(_flat, _row(one))) for one in found.findings]
    return "".join(f"{line}\n" for line in (heads, *lines))


def _result(proved: int, written: int) -> str:
    if not written:
        return say("The voice wrote none of it.")
    if proved < written:
        return say(
            "{proved:,} of the {lines} by the voice came out the same.",
            proved=proved,
            lines=many(written, "line"),
        )
    return say_plural(
        "Replayed the voice's only line: it came out the same.",
        "Replayed all {number:,} of the voice's lines: they all came out the same.",
        written,
    )


def _numbers(numbers: Sequence[int]) -> str:
    """Return the numbers of lines, as many as there is room for."""
    shown = ", ".join(map(str, numbers[:SHOWN]))
    if len(numbers) <= SHOWN:
        return say_plural("line {numbers}", "lines {numbers}", len(numbers), numbers=shown)
    more = len(numbers) - SHOWN
    return say("lines {numbers} and {more:,} more", numbers=shown, more=more)


def _by_reason(found: Replay) -> list[tuple[str, list[int]]]:
    """Return at most `REASONS` reasons, each with the numbers of its lines."""
    numbers: dict[str, list[int]] = {}
    for one in found.findings:
        for reason in one.reasons:
            numbers.setdefault(reason, []).append(one.number)
    return list(numbers.items())[:REASONS]


def _entry(one: Finding) -> str:
    text = inline(one.line.element.one_line, 60)
    if one.again is None:
        return say("**{number}** {text}: cannot be verified", number=one.number, text=text)
    again = say("-# replayed as: {text}", text=inline(one.again, 60) or say("nothing"))
    return f"**{one.number}** {text}\n{again}"


def _row(one: Finding) -> tuple[str, ...]:
    line = one.line
    remarks = [*one.reasons]
    remarks += [say("rewritten by hand")] if line.rewrite_of else []
    remarks += [say("a copy, verified where it was first written")] if line.copy_of else []
    seed = str(line.origin.get("seed", ""))
    return (
        *(str(one.number), say(one.verdict), line.credit, seed, line.text),
        *(one.again or "", "; ".join(remarks)),
    )


def _flat(text: str) -> str:
    return " ".join(text.split())
