"""Print a judgement as Markdown."""

import statistics
from collections.abc import Sequence
from typing import NamedTuple

from tests.tools.tables import format_head, format_row

from .judging import Judgement
from .measures import COMMON, COPIED, GRAM, NEAR, Counts
from .places import PASSAGE
from .writing import Setting


class Measure(NamedTuple):
    """A measure, and the form in which it is shown."""

    name: str
    """Name of the measure in `Counts`."""
    head: str
    form: str
    """Format of the measure's figures."""
    asked: str = ""
    """Bound on the share of people's figure."""


SPEECHES = (
    Measure("bits", "reader, bits a character", ".3f", "at most 1.05"),
    Measure("relevance", "relevance, bits a character", ".3f", "at least 0.95"),
    Measure("distinct", "distinct lines", ".1%", "at least 0.90"),
    Measure("taken up", "words taken up", ".1%", "at least 0.67"),
    Measure("real words", "real words", ".1%"),
    Measure("loops", "loops", ".2%"),
    Measure("copies", f"copies over {COPIED}", ".1%"),
    Measure("characters", "characters a line", ".0f"),
)

OF_PASSAGES = {"bits", "real words", "loops", "copies"}
PASSAGES = [measure for measure in SPEECHES if measure.name in OF_PASSAGES]

LEGEND = (
    "Reader: what the speech and its newline cost SmolLM2-135M after the script so far. Relevance: "
    "how much more they cost after the cue alone. Taken up: of the content words (none of the "
    f"{COMMON} commonest) of the two lines before, those that the line has. Real words: in a "
    f"dictionary or the training text. Loops: sequences of {GRAM} characters that stood in the "
    f"{NEAR} before. Copies: texts with more than {COPIED} characters of the training text in one "
    "piece. Share: the voice's over people's, with its standard error."
)


def table(judgement: Judgement, setting: Setting) -> str:
    """Return the voice at one setting beside people."""
    took = 1000 * statistics.median(judgement.seconds[setting])
    passages = len(judgement.passages.pairs["bits"])
    speeches = len(judgement.people.pairs["bits"])
    rows = format_head(["", "people", "voice", "share", "asked"])
    name = f"**{speeches} speeches**, temperature {setting.temperature:g}, `{setting.quality}`"
    rows.append(format_row([name, "", "", "", ""]))
    rows += _rows(SPEECHES, judgement.people, judgement.voice[setting])
    rows.append(format_row(["milliseconds a line", "", f"{took:.0f}", "", ""]))
    name = f"**{passages} passages** of {PASSAGE} characters, nothing chosen"
    rows.append(format_row([name, "", "", "", ""]))
    rows += _rows(PASSAGES, judgement.people_passages, judgement.passages)
    return "\n".join([*rows, "", LEGEND])


def sweep(judgement: Judgement) -> str:
    """Return the voice at every setting; reader, relevance and so on as shares of people's."""
    shares, figures = SPEECHES[:4], SPEECHES[4:]
    heads = ["temperature", "quality", *(speech.head.partition(",")[0] for speech in SPEECHES)]
    rows = format_head([*heads, "milliseconds"])
    for setting, counts in judgement.voice.items():
        cells = [f"{setting.temperature:g}", setting.quality]
        cells += [f"{counts.over(judgement.people, share.name)[0]:.2f}" for share in shares]
        cells += [format(counts.value(figure.name), figure.form) for figure in figures]
        cells.append(f"{1000 * statistics.median(judgement.seconds[setting]):.0f}")
        rows.append(format_row(cells))
    people = [format(judgement.people.value(figure.name), figure.form) for figure in figures]
    rows.append(format_row(["people", "", *("1" for _ in shares), *people, ""]))
    return "\n".join(rows)


def _rows(measures: Sequence[Measure], people: Counts, voice: Counts) -> list[str]:
    rows = []
    for measure in measures:
        share, error = voice.over(people, measure.name)
        shown = f"{share:.2f}" + ("" if error != error else f" ± {error:.2f}")
        figures = [format(counts.value(measure.name), measure.form) for counts in (people, voice)]
        rows.append(format_row([measure.head, *figures, shown, measure.asked]))
    return rows
