"""Run ``corpus``: write a corpus to train on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import UseAppendAction, arg

from ..data.corpora import screenplays, shakespeare
from ..data.corpora.drama.download import MIRROR, Client, download
from ..data.corpora.drama.facets import FACETS
from ..data.corpora.drama.manifest import read_manifest
from ..data.corpora.drama.writing import write
from ..data.corpora.folder import require_empty
from ..data.corpora.scenes import volumes
from ..data.corpora.scenes.frames import FRAMES, Source, read_source
from ..errors import CorpusError
from ..ranges import NonNegativeInt, OptionalPositiveInt, PositiveInt
from .command import PACKAGE, UNSET, Command, format_command

FACETS_HELP = "Write only works with this facet; can be repeated, for works that have all: " + (
    "; ".join(f"{name} ({facet.asks})" for name, facet in FACETS.items())
)

Kind = Literal["film", "stage", "all"]


def _list_kinds(kind: Kind) -> tuple[str, ...]:
    return ("film", "stage") if kind == "all" else (kind,)


def _end(name: str, folder: Path) -> int:
    """Print how to continue with a corpus of this name."""
    train = format_command(PACKAGE, "train", folder, "--out", Path("runs", folder.name))
    print(f"{name} are in {folder}. Next: {train}")
    return 0


@dataclass(frozen=True, kw_only=True)
class _Folder(Command):
    """Write a corpus to a folder."""

    out: Annotated[Path, arg(metavar="DIR")]
    """The folder to write to."""


@dataclass(frozen=True, kw_only=True)
class Films(_Folder):
    """Write the 279 short films of On Book as Fountain."""

    def __call__(self) -> int:
        """Write the films."""
        screenplays.write_films(self.out)
        return _end("The films", self.out)


@dataclass(frozen=True, kw_only=True)
class Sketches(_Folder):
    """Write thousands of sketches, scenes of a few lines that were written for On Book."""

    kind: Kind = "all"
    """Which sketches to write: those with INT. or EXT. are for films."""

    def __call__(self) -> int:
        """Write the sketches."""
        screenplays.write_sketches(self.out, _list_kinds(self.kind))
        return _end("The sketches", self.out)


@dataclass(frozen=True, kw_only=True)
class Plays(_Folder):
    """Write 38 plays of Shakespeare as Fountain."""

    def __call__(self) -> int:
        """Write the plays."""
        shakespeare.write_plays(self.out)
        return _end("The plays", self.out)


@dataclass(frozen=True, kw_only=True)
class Drama(_Folder):
    """Convert plays of Project Gutenberg to Fountain."""

    source: Annotated[Path, arg(name="from")]
    """A file such as 1234.txt, or a folder of such files, without Gutenberg's header."""
    download: bool = False
    """First fetch the missing texts into the folder, slowly; repeat the command to continue."""
    mirror: str = MIRROR
    """The mirror of Project Gutenberg to fetch from."""
    facet: Annotated[UseAppendAction[tuple[str, ...]], arg(help=FACETS_HELP)] = ()

    def __call__(self) -> int:
        """Fetch the texts if asked, write the corpus, and print a summary."""
        self._check_options()
        require_empty(self.out)
        if self.download:
            client = Client(self.mirror)
            if missing := download(read_manifest().values(), self.source, client):
                numbers = ", ".join(map(str, missing))
                print(f"The mirror lacks {numbers}: try another --mirror.")
        selected = write(self.source, self.out, self.facet)
        print(f"{len(selected.works)} works and report.tsv are in {self.out}.")
        if selected.doubtful:
            print(f"{len(selected.doubtful)} works were left out: too many places are doubtful.")
        return 0

    def _check_options(self) -> None:
        """Raise CorpusError for options that do not fit together."""
        if unknown := set(self.facet) - FACETS.keys():
            raise CorpusError(
                f"There is no facet {unknown.pop()}: choose from {', '.join(FACETS)}."
            )
        if self.download and self.source.is_file():
            raise CorpusError(f"{self.source} is a file: name a folder for the texts with --from.")
        if self.download and self.source.resolve().is_relative_to(self.out.resolve()):
            raise CorpusError(f"{self.source} lies in {self.out}: choose another --out.")


@dataclass(frozen=True, kw_only=True)
class Scenes(Command):
    """Draw scenes from frames, and write them as Fountain."""

    out: Annotated[Path | None, arg(metavar="DIR", help_behavior_hint="")] = None
    """The folder to write to."""
    source: Annotated[Path, arg(name="from", metavar="DIR", help_behavior_hint="")] = FRAMES
    """A folder of frames, instead of those of On Book; training/scenes/README.md describes them."""
    drawings: PositiveInt = 8
    """How many scenes each frame gives."""
    seed: NonNegativeInt = 1
    """Another seed draws other scenes."""
    kind: Kind = "all"
    """Which frames to draw from: those with INT. or EXT. are for films."""
    sample: OptionalPositiveInt = None
    """Print this many scenes instead of writing the corpus."""
    only: Annotated[str, UNSET] = ""
    """Use only frames whose title or file name contains these words."""

    def __call__(self) -> int:
        """Write the corpus, or print samples."""
        source = self._select_frames()
        if self.sample:
            print(*volumes.draw_scenes(source, self.sample, self.seed), sep="\n")
            return 0
        if not self.out:
            raise CorpusError("Name a folder with --out, or add --sample 5.")
        count = volumes.write(source, self.out, self.drawings, self.seed)
        return _end(f"{count:,} scenes", self.out)

    def _select_frames(self) -> Source:
        source = read_source(self.source)
        frames = tuple(
            frame
            for frame in source.frames
            if frame.kind in _list_kinds(self.kind)
            and self.only.lower() in f"{frame.title.lower()} {frame.file.name}"
        )
        if not frames:
            raise CorpusError(f"No frame fits --kind and --only “{self.only}”: change one of them.")
        return replace(source, frames=frames)


Corpus = Plays | Films | Sketches | Drama | Scenes
