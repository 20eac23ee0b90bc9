"""Format the result of a replay, as a message and as a table."""

from __future__ import annotations

from collections.abc import Sequence

from ...i18n.catalogue import many, say, say_plural
from ...session.replay import Finding, ReplayResult, Verdict
from ..lines.looks import format_credit
from ..markdown import inline

MAX_SHOWN, MAX_REASONS = 8, 4
"""The most lines, and the most reasons, that a message lists."""


def format_report(replay: ReplayResult) -> str:
    """Return what a replay found, in a few sentences: at most 1,900 characters."""
    proved = len(replay.filter_by_verdict(Verdict.PROVED))
    missing = replay.filter_by_verdict(Verdict.DIFFERENT, Verdict.UNPROVED)
    parts = [_format_proved(proved, proved + len(missing))]
    if people := len(replay.filter_by_verdict(Verdict.PERSON)):
        parts.append(say("People wrote {lines}.", lines=many(people, "line")))
    if opening := len(replay.filter_by_verdict(Verdict.ON_BOOK)):
        parts.append(say("On Book wrote the opening: {lines}.", lines=many(opening, "line")))
    if replay.edited:
        parts.append(say("Rewritten by hand: {lines}.", lines=_format_numbers(replay.edited)))
    if len(replay.findings) < replay.lines:
        parts.append(
            say(
                "The replay ended before line {number} of {lines:,}.",
                number=len(replay.findings) + 1,
                lines=replay.lines,
            )
        )
    paragraphs = [f"**{inline(replay.title, 100)}**: {' '.join(parts)}"]
    paragraphs += [
        f"-# {inline(reason, 200)}: {_format_numbers(lines)}."
        for reason, lines in _group_by_reason(replay)
    ]
    paragraphs += [_format_finding(finding) for finding in missing[:MAX_SHOWN]]
    if len(missing) > MAX_SHOWN:
        paragraphs.append(say("and {number:,} more.", number=len(missing) - MAX_SHOWN))
    if replay.filter_by_verdict(Verdict.DIFFERENT):
        paragraphs.append(
            say(
                "-# Each line depends on all lines above it, so one difference can cause others "
                "below it."
            )
        )
    return "\n".join(paragraphs)


def format_table(replay: ReplayResult) -> str:
    """Return all findings as a table: one row per line of the script, columns separated by tabs."""
    header = say("line\tresult\twriter\tseed\ttext\treplayed\tnotes")
    return "".join(f"{row}\n" for row in (header, *map(_format_finding_row, replay.findings)))


def _format_proved(proved: int, written: int) -> str:
    if not written:
        return say("The voice wrote none of it.")
    if proved < written:
        return say(
            "{proved:,} of the voice's {lines} came out the same.",
            proved=proved,
            lines=many(written, "line"),
        )
    return say_plural(
        "Replayed the voice's only line: it came out the same.",
        "Replayed all {number:,} of the voice's lines: they all came out the same.",
        written,
    )


def _format_numbers(numbers: Sequence[int]) -> str:
    """Return the numbers of lines, as many as there is room for."""
    more = len(numbers) - MAX_SHOWN
    shown = ", ".join(map(str, numbers if more == 1 else numbers[:MAX_SHOWN]))
    if more <= 1:
        return say_plural("line {numbers}", "lines {numbers}", len(numbers), numbers=shown)
    return say("lines {numbers} and {more:,} more", numbers=shown, more=more)


def _group_by_reason(replay: ReplayResult) -> list[tuple[str, list[int]]]:
    """Return at most `MAX_REASONS` reasons, each with the numbers of its lines."""
    numbers: dict[str, list[int]] = {}
    for finding in replay.findings:
        for reason in finding.reasons:
            numbers.setdefault(reason, []).append(finding.number)
    return list(numbers.items())[:MAX_REASONS]


def _format_finding(finding: Finding) -> str:
    text = inline(finding.line.element.one_line, 60)
    if finding.rewritten is None:
        return say("**{number}** {text}: cannot be verified", number=finding.number, text=text)
    again = say("-# replayed as: {text}", text=inline(finding.rewritten, 60) or say("nothing"))
    return f"**{finding.number}** {text}\n{again}"


def _format_finding_row(finding: Finding) -> str:
    line = finding.line
    remarks = [*finding.reasons]
    remarks += [say("rewritten by hand")] if line.rewrite_of else []
    if line.copy_of and finding.verdict is Verdict.PROVED:
        remarks.append(say("a copy, verified where it was first written"))
    elif line.copy_of:
        remarks.append(say("a copy"))
    seed, text = str(line.origin.get("seed", "")), "\n".join(line.element.shown)
    cells = [str(finding.number), say(finding.verdict), format_credit(line), seed, text]
    cells += [finding.rewritten or "", "; ".join(remarks)]
    return "\t".join(" ".join(cell.split()) for cell in cells)
