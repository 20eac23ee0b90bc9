"""Run ``corpus``: write a corpus to train on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import UseAppendAction, arg

from training.data.corpora import films, shakespeare
from training.data.corpora.drama.copies import RUN
from training.data.corpora.drama.download import MIRROR, Client, describe, download
from training.data.corpora.drama.facets import FACETS
from training.data.corpora.drama.manifest import read_manifest
from training.data.corpora.drama.writing import write
from training.errors import CorpusError
from training.ranges import NonNegativeInt
from training.run import make_folder

from .command import Command

FACETS_HELP = "Write only works with this facet; can be repeated, for works that have all: " + (
    "; ".join(f"{name} ({facet.asks})" for name, facet in FACETS.items())
)


@dataclass(frozen=True, kw_only=True)
class Films(Command):
    """Write 279 short films that were written for On Book as Fountain."""

    out: Annotated[Path, arg(metavar="DIR")]
    """The folder to write to."""

    def __call__(self) -> int:
        """Write the corpus, and print how to go on."""
        make_folder(self.out)
        print(*self.write(), sep="\n")
        return 0

    def write(self) -> Iterator[str]:
        """Write the corpus, and yield summaries of it."""
        films.write(self.out)
        yield f"The films are in {self.out}: train them with `python -m training train`."


@dataclass(frozen=True, kw_only=True)
class Plays(Films):
    """Write 36 plays of Shakespeare as Fountain."""

    def write(self) -> Iterator[str]:
        """Write the corpus, and yield summaries of it."""
        shakespeare.write_plays(self.out)
        yield f"The plays are in {self.out}: train them with `python -m training train`."


@dataclass(frozen=True, kw_only=True)
class Drama(Films):
    """Write the plays that Project Gutenberg has as Fountain."""

    source: Annotated[Path, arg(name="from")]
    """A folder or tar archive of NUMBER.txt files, or one of these, without Gutenberg's header."""
    download: bool = False
    """First fetch the missing texts into the folder, slowly; repeat the command to continue."""
    mirror: str | None = None
    """With --download, another mirror of Project Gutenberg."""
    facet: Annotated[UseAppendAction[tuple[str, ...]], arg(help=FACETS_HELP)] = ()
    longest_speech: NonNegativeInt = 0
    """Cut out speeches of more characters, and their answers; 170 leaves crisp dialogue."""

    def write(self) -> Iterator[str]:
        """Fetch the texts if asked, write the corpus, and yield a summary of each."""
        if unknown := set(self.facet) - FACETS.keys():
            raise CorpusError(
                f"There is no facet {unknown.pop()}: choose from {', '.join(FACETS)}."
            )
        if self.mirror and not self.download:
            raise CorpusError("--mirror needs --download: add --download, or leave out --mirror.")
        if self.download:
            if self.source.is_file():
                raise CorpusError(
                    f"{self.source} is a file: name a folder for the texts with --from."
                )
            client = Client(self.mirror or MIRROR)
            yield describe(download(read_manifest().values(), self.source, client))
        selected = write(self.source, self.out, self.facet, self.longest_speech)
        yield f"{len(selected.works)} works, report.tsv and copies.tsv are in {self.out}."
        if selected.doubtful:
            yield f"{len(selected.doubtful)} works were left out: too many places are doubtful."
        if overlap := selected.overlap:
            work = max(overlap, key=lambda work: overlap[work])
            yield (
                f"Of no held-out work is more than {overlap[work]:.2%} in a learned one "
                f"({work.title}, runs of {RUN} words)."
            )


Corpus = Plays | Films | Drama
