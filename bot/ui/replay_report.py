"""Format the result of a replay, as a message and as a table."""

from __future__ import annotations

from collections.abc import Sequence

from ..i18n.catalogue import many, say
from ..i18n.markdown import inline
from ..session.replay import Finding, ReplayResult, Verdict

MAX_SHOWN, MAX_REASONS = 8, 4
"""Lines, and reasons, that a message lists."""


def format_report(replay: ReplayResult) -> str:
    """Return what a replay found, in a few sentences: at most 1,900 characters."""
    proved = replay.filter_by_verdict(Verdict.PROVED)
    missing = replay.filter_by_verdict(Verdict.DIFFERENT, Verdict.UNPROVED)
    written = len(proved) + len(missing)
    parts = [_format_proved(len(proved), written)]
    people = len(replay.filter_by_verdict(Verdict.PERSON))
    if people:
        parts.append(say("People wrote {lines}.", lines=many(people, "line")))
    if replay.edited:
        parts.append(say("Rewritten by hand: {lines}.", lines=_format_numbers(replay.edited)))
    if len(replay.findings) < replay.lines:
        parts.append(
            say(
                "It ended before line {number} of {lines:,}.",
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
                "-# The voice writes each line from all that stands above it: below the first that "
                "differs, others may differ for that reason alone."
            )
        )
    return "\n".join(paragraphs)


def format_table(replay: ReplayResult) -> str:
    """Return all findings as a table: one line of the script a row, tabs between the columns."""
    header = say("line\tis\twrote it\tseed\tits text\tcame out\tremarks")
    lines = ["\t".join(map(_flatten, _format_finding_row(finding))) for finding in replay.findings]
    return "".join(f"{line}\n" for line in (header, *lines))


def _format_proved(proved: int, written: int) -> str:
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


def _format_numbers(numbers: Sequence[int]) -> str:
    """Return the numbers of lines, as many as there is room for."""
    shown = ", ".join(map(str, numbers[:MAX_SHOWN]))
    if len(numbers) == 1:
        return say("line {numbers}", numbers=shown)
    if len(numbers) <= MAX_SHOWN:
        return say("lines {numbers}", numbers=shown)
    more = len(numbers) - MAX_SHOWN
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
        return say("**{number}** {text}: cannot be proved", number=finding.number, text=text)
    again = say("-# came out as: {text}", text=inline(finding.rewritten, 60) or say("nothing"))
    return f"**{finding.number}** {text}\n{again}"


def _format_finding_row(finding: Finding) -> tuple[str, ...]:
    line = finding.line
    remarks = [*finding.reasons]
    remarks += [say("rewritten by hand")] if line.rewrite_of else []
    remarks += [say("a copy, proved where it was first written")] if line.copy_of else []
    seed = str(line.origin.get("seed", ""))
    return (
        *(str(finding.number), say(finding.verdict), line.credit, seed, line.text),
        *(finding.rewritten or "", "; ".join(remarks)),
    )


def _flatten(text: str) -> str:
    return " ".join(text.split())
