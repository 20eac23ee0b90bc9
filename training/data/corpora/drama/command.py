"""Make the corpus of plays by a command: fetch the texts if asked, convert, choose, write."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from .download import MIRROR, Client, DownloadError, describe, download
from .facets import FACETS
from .manifest import read_manifest
from .overlap import RUN
from .selection import Selected, Selection
from .writing import write

LONGEST_SPEECH = 170
"""The suggested length: crisp dialogue, in which half of the speeches are shorter than 50."""


def add_options(command: argparse.ArgumentParser) -> None:
    """Add the options of this corpus alone."""
    command.add_argument(
        "--from",
        dest="source",
        type=Path,
        required=True,
        metavar="PATH",
        help="a folder or a tar archive of files named NUMBER.txt, or one such file, "
        "without Project Gutenberg's header",
    )
    command.add_argument(
        "--download",
        action="store_true",
        help="first fetch into the folder PATH the texts of the manifest that it lacks, "
        "one every few seconds; repeat the command to go on",
    )
    command.add_argument(
        "--mirror",
        metavar="URL",
        help=f"the mirror of Project Gutenberg to fetch from, with --download [{MIRROR}]",
    )
    command.add_argument(
        "--facet",
        action="append",
        default=[],
        choices=list(FACETS),
        metavar="NAME",
        help="write only works that have this facet; can be repeated, for works that have all: "
        + "; ".join(f"{name} ({facet.asks})" for name, facet in FACETS.items()),
    )
    command.add_argument(
        "--longest-speech",
        type=_positive,
        default=0,
        metavar="N",
        help="cut out speeches of more than N characters, the lines that answer them, and what "
        f"is then too short for a scene; {LONGEST_SPEECH} leaves crisp talk",
    )


def run(options: argparse.Namespace) -> str:
    """Make the corpus; return a summary of a sentence or two.

    Raises:
        DownloadError: The mirror does not answer, or refuses, or is named without `--download`.
        SourceError: There are no plays at `--from`.
    """
    if options.mirror and not options.download:
        raise DownloadError(
            "--mirror says where to download from: add --download, or leave it out."
        )
    said = [_fetch(options.source, options.mirror or MIRROR)] if options.download else []
    selection = Selection(tuple(options.facet), options.longest_speech)
    selected = write(options.source, options.out, selection)
    said.append(f"{len(selected.works)} works, report.tsv and copies.tsv lie in {options.out}.")
    said += _describe_checks(selected)
    return "\n".join(said)


def _describe_checks(selected: Selected) -> Iterator[str]:
    if selected.doubtful:
        yield f"{len(selected.doubtful)} works were left out: too many places are doubtful."
    if selected.overlap:
        work = max(selected.overlap, key=lambda work: selected.overlap[work])
        yield (
            f"Of no held-out work more than {selected.overlap[work]:.2%} stands in a learned one "
            f"({work.title}, runs of {RUN} words)."
        )


def _fetch(folder: Path, mirror: str) -> str:
    if folder.is_file():
        raise DownloadError(f"{folder} is a file: name a folder for the texts with --from.")
    return describe(download(read_manifest().values(), folder, Client(mirror)))


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return number
