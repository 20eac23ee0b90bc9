"""Run ``corpus``: write a corpus to train on."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

from training.data.corpora import films, shakespeare
from training.data.corpora.drama.copies import RUN
from training.data.corpora.drama.download import MIRROR, Client, describe, download
from training.data.corpora.drama.facets import FACETS
from training.data.corpora.drama.manifest import read_manifest
from training.data.corpora.drama.writing import write
from training.errors import CorpusError
from training.run import make_folder

from .arguments import Commands, positive

LONGEST_SPEECH = 170
"""The suggested length: crisp dialogue, in which half of the speeches are shorter than 50."""


def add_commands(commands: Commands) -> None:
    """Add ``corpus``, with a command of its own for each corpus."""
    one = commands.add_parser("corpus")
    corpora = one.add_subparsers(required=True, metavar="CORPUS")
    _add_corpus(corpora, "plays", "36 plays of Shakespeare", shakespeare.write_plays)
    _add_corpus(corpora, "films", "279 short films that were written for On Book", films.write)
    drama = _add_corpus(corpora, "drama", "the plays that Project Gutenberg has", None)
    _add_drama_options(drama)


def _add_corpus(
    corpora: Commands, name: str, contents: str, write_to: Callable[[Path], None] | None
) -> argparse.ArgumentParser:
    one: argparse.ArgumentParser = corpora.add_parser(
        name, help=contents, description=f"Write {contents} as Fountain."
    )
    one.add_argument("--out", type=Path, required=True, metavar="DIR", help="where to write")

    def run(options: argparse.Namespace) -> int:
        make_folder(options.out)
        if write_to:
            write_to(options.out)
            print(f"The {name} are in {options.out}: train them with `python -m training train`.")
        else:
            print("\n".join(_write_drama(options)))
        return 0

    one.set_defaults(command=run)
    return one


def _add_drama_options(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "--from",
        dest="source",
        type=Path,
        required=True,
        metavar="PATH",
        help="a folder or a tar archive of files named NUMBER.txt, or one such file, "
        "without Project Gutenberg's header",
    )
    one.add_argument(
        "--download",
        action="store_true",
        help="first fetch the missing texts of the manifest into the folder PATH, "
        "one every few seconds; repeat the command to continue",
    )
    one.add_argument(
        "--mirror",
        metavar="URL",
        help=f"with --download, the mirror of Project Gutenberg [{MIRROR}]",
    )
    one.add_argument(
        "--facet",
        action="append",
        default=[],
        choices=list(FACETS),
        metavar="NAME",
        help="write only works with this facet; can be repeated, for works that have all: "
        + "; ".join(f"{name} ({facet.asks})" for name, facet in FACETS.items()),
    )
    one.add_argument(
        "--longest-speech",
        type=positive(int),
        default=0,
        metavar="N",
        help="cut out speeches of more than N characters, the lines that answer them, and what "
        f"is then too short for a scene; {LONGEST_SPEECH} leaves crisp dialogue",
    )


def _write_drama(options: argparse.Namespace) -> Iterator[str]:
    """Fetch the texts if asked, write the corpus, and yield a summary of each."""
    folder = options.source
    if options.mirror and not options.download:
        raise CorpusError("--mirror needs --download: add --download, or leave out --mirror.")
    if options.download:
        if folder.is_file():
            raise CorpusError(f"{folder} is a file: name a folder for the texts with --from.")
        client = Client(options.mirror or MIRROR)
        yield describe(download(read_manifest().values(), folder, client))
    selected = write(folder, options.out, options.facet, options.longest_speech)
    yield f"{len(selected.works)} works, report.tsv and copies.tsv are in {options.out}."
    if selected.doubtful:
        yield f"{len(selected.doubtful)} works were left out: too many places are doubtful."
    if overlap := selected.overlap:
        work = max(overlap, key=lambda work: overlap[work])
        yield (
            f"Of no held-out work is more than {overlap[work]:.2%} in a learned one "
            f"({work.title}, runs of {RUN} words)."
        )
