"""Make the corpus of plays by a command: fetch the texts if asked, convert, choose, write."""

from __future__ import annotations

import argparse
from pathlib import Path

from .download import MIRROR, Client, DownloadError, describe, download
from .facets import FACETS
from .manifest import read_manifest
from .selection import Selection
from .sources import SourceError
from .writing import write

LONGEST_SPEECH = 170
"""Suggest this length: crisp talk, of which half of the speeches are shorter than 50."""


def add_options(command: argparse.ArgumentParser) -> None:
    """Add what only this corpus asks for."""
    group = command.add_argument_group("for drama, the plays of Project Gutenberg")
    group.add_argument(
        "--from",
        dest="source",
        type=Path,
        metavar="PATH",
        help="a folder or a tar archive of NUMBER.txt, without Project Gutenberg's header",
    )
    group.add_argument(
        "--download",
        action="store_true",
        help="first fetch into the folder PATH the texts of the manifest that it lacks, "
        "one every few seconds; repeat the command to go on",
    )
    group.add_argument(
        "--mirror",
        default=MIRROR,
        metavar="URL",
        help="the mirror of Project Gutenberg to fetch from [%(default)s]",
    )
    group.add_argument(
        "--facet",
        action="append",
        default=[],
        choices=list(FACETS),
        metavar="NAME",
        help="write only works that have this facet; can be repeated, for works that have all: "
        + "; ".join(f"{name} ({facet.asks})" for name, facet in FACETS.items()),
    )
    group.add_argument(
        "--longest-speech",
        type=_positive,
        default=0,
        metavar="N",
        help="cut out speeches of more than N characters, the lines that answer them, and what "
        f"is then too short for a scene; {LONGEST_SPEECH} leaves crisp talk",
    )


def run(options: argparse.Namespace) -> str:
    """Make the corpus, and return in a sentence or two what was made.

    Raises:
        DownloadError: The mirror does not answer, or refuses.
        SourceError: There are no plays at `--from`.
    """
    if options.source is None:
        raise SourceError("Where are the plays? Name their folder or archive with --from.")
    said = [_fetch(options.source, options.mirror)] if options.download else []
    selection = Selection(tuple(options.facet), options.longest_speech)
    number = write(options.source, options.out, selection)
    said.append(f"{number} works, report.tsv and copies.tsv lie in {options.out}.")
    return "\n".join(said)


def _fetch(folder: Path, mirror: str) -> str:
    if folder.is_file():
        raise DownloadError(f"{folder} is a file: name a folder for the texts with --from.")
    return describe(download(read_manifest().values(), folder, Client(mirror)))


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return number
