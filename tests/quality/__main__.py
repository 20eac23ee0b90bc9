"""Measure how a voice reads, beside people in the same places.

    python -m tests.quality judge VOICE CORPUS

CORPUS is a folder that `onbook-train corpus` made. The voice continues its held-out scripts
at the shipped defaults, and an independent reader judges the lines of the voice and of people. The
other commands:

    python -m tests.quality score FILE.md ...               the means of marks or answers
    python -m tests.quality samples VOICE                   unedited samples
    python -m tests.quality costs VOICE CORPUS ...          bits per character of held-out texts
    python -m tests.quality words VOICE CORPUS              bits per word, said first and again

Voices and people also go on with 72 scenes as friends type them:

    python -m tests.quality friends VOICE ... -o FILE.md    blind continuations to mark and count
    python -m tests.quality friends OLD NEW --only KIND --pairs -o FILE.md   which is better
    python -m tests.quality copied VOICE --corpus DIR       lines by heart, and repetitions

The last commands are about the rule that chooses a line, and about styles:

    python -m tests.quality candidates VOICE TEXT ... -o FILE.txt   candidates for lines, to mark
    python -m tests.quality compare VOICE FILE.txt ...      which rule chooses as the marks do
    python -m tests.quality styles VOICE                    what the openings of styles change
"""

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import torch
import tyro
from tyro.conf import (
    DisallowNone,
    FlagCreatePairsOff,
    Positional,
    PositionalMetavarFromFieldName,
    UseAppendAction,
    arg,
)

from bot.errors import ModelError
from bot.inference.model import Model
from training.data.texts import Text
from training.errors import TextError
from training.ranges import OptionalPositiveInt, PositiveInt

from . import (
    choosing,
    copying,
    friends,
    heard,
    judging,
    mentions,
    places,
    report,
    sheets,
    styles,
    word_costs,
    writing,
)
from .friends import Continuation, FriendScene, SceneKind
from .places import Place
from .reader import Reader, ReaderMissing
from .writing import Setting, Written

TEMPERATURES = (0.5, 0.75, 1.0, 1.3)
"""The temperatures of a sweep, in addition to the shipped one."""

LISTS = Path(__file__).parents[2] / "training/scenes/lists.txt"
"""The words that the frames of scenes draw, some of them only into held-out scenes."""


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command that needs a voice."""

    voice: Positional[Path]
    """A voice file (.onnx)."""

    def model(self) -> Model:
        """Return the voice, for a computation without the bot; raises TextError."""
        try:
            return Model.load(self.voice)
        except ModelError as error:
            raise TextError(str(error)) from error


@dataclass(frozen=True, kw_only=True)
class WithSettings:
    """A command that depends on the settings."""

    set: UseAppendAction[Mapping[str, str]] = field(default_factory=dict)
    """A setting in place of the shipped one, such as ``top_p 0.9``."""


@dataclass(frozen=True, kw_only=True)
class Judge(WithSettings, Command):
    """Have the reader judge the lines of the voice and of people."""

    corpus: Positional[Path]
    """A folder with ``train``, ``validation`` and ``test``."""
    places: int = 300
    """The number of places."""
    seed: int = 1
    """The seed of the places and lines."""
    sweep: bool = False
    """Also write at other temperatures and qualities."""

    def __call__(self) -> None:
        torch.set_num_threads(1)
        learned = places.learned(self.corpus)
        chosen = places.choose(places.held_out(self.corpus), self.places, self.seed)
        reader = Reader.load()
        shipped, written = asyncio.run(self.write(chosen))
        found = judging.judge(reader, learned, chosen, written)
        print(f"*{self.voice.stem}* in {self.corpus.name}, seed {self.seed}:\n")
        print(report.table(found, shipped))
        if self.sweep:
            print("\n" + report.sweep(found))

    async def write(self, chosen: Sequence[Place]) -> tuple[Setting, Written]:
        """Return the shipped setting, and what the voice wrote at it and, in a sweep, at others.

        The voice also writes a passage at every second place.
        """
        async with writing.opened(self.voice, self.set) as bot:
            settings = [bot.shipped]
            if self.sweep:
                settings += [Setting(t, q) for t in TEMPERATURES for q in writing.QUALITIES]
            settings = list(dict.fromkeys(settings))
            passages = range(0, len(chosen), 2)
            return bot.shipped, await writing.write(bot, chosen, settings, self.seed, passages)


@dataclass(frozen=True)
class Score:
    """Print the means of marks or answers."""

    sheets: Positional[tuple[Path, ...]]
    """The sheets, filled in."""

    def __call__(self) -> None:
        if not self.sheets:
            raise TextError("No sheet is named: give the files that were filled in.")
        for sheet in self.sheets:
            print(sheets.score(sheet))


@dataclass(frozen=True, kw_only=True)
class Samples(WithSettings, Command):
    """Print unedited samples."""

    heading: str = "INT. DINER - NIGHT"
    """What the voice goes on from."""

    def __call__(self) -> None:
        shown = asyncio.run(writing.samples(self.voice, self.set, self.heading))
        print("\n\n".join(f"Seed {n}:\n\n```\n{text}\n```" for n, text in enumerate(shown, 1)))


@dataclass(frozen=True, kw_only=True)
class Costs(WithSettings, Command):
    """Print the bits per character of held-out texts by the voice itself."""

    corpora: Positional[tuple[Path, ...]]
    """The folders of corpora with held-out texts."""
    only: UseAppendAction[tuple[str, ...]] = ()
    """Only texts with this in their name."""
    ppmd: int | None = None
    """Also what they cost PPMd of this order after the learned texts of all the corpora; 80 MB of
    these take 3 GB and a minute for each text."""

    def __call__(self) -> None:
        model = self.model()
        company = float(self.set.get("company", 1.0))
        texts = find_texts(self.corpora, self.only)
        ppmd = None
        if self.ppmd:
            learned = [text.content for corpus in self.corpora for text in places.learned(corpus)]
            ppmd = heard.Ppmd(learned, self.ppmd)
        print(heard.table(model, texts, company, ppmd))


@dataclass(frozen=True, kw_only=True)
class Words(Command):
    """Print the bits of words in held-out texts: said first, again soon, and later."""

    corpus: Positional[Path]
    """A folder with held-out texts."""
    reader: bool = False
    """Also what the words cost the independent reader."""
    only: UseAppendAction[tuple[str, ...]] = ()
    """Only texts with this in their name."""

    def __call__(self) -> None:
        torch.set_num_threads(1)
        model = self.model()
        texts = find_texts([self.corpus], self.only)
        unmet: set[str] = set()
        if any(mentions.find_group(text.name) == mentions.UNMET for text in texts):
            learned = places.learned(self.corpus)
            lists = LISTS.read_text(encoding="utf-8") if LISTS.exists() else ""
            unmet = mentions.find_unmet_words(lists, learned)
        reader = Reader.load() if self.reader else None
        print(word_costs.table(model, texts, reader, unmet))


@dataclass(frozen=True, kw_only=True)
class Friends(WithSettings):
    """Write a sheet on which voices and people go on with scenes as friends type them."""

    voices: Positional[tuple[Path, ...]]
    """Voice files (.onnx): those with "stage" in their name go on with scenes for the stage."""
    out: Annotated[Path, arg(aliases=["-o"])]
    """The sheet."""
    seed: int = 1
    """The seed of the lines and of the order."""
    seeds: PositiveInt = 1
    """How often each voice goes on with each scene."""
    only: SceneKind | None = None
    """The kind of scenes that all voices go on with."""
    scenes: OptionalPositiveInt = None
    """Use this many scenes, drawn at random; by default, all."""
    pairs: bool = False
    """Write pairs: of first lines, people's and a voice's, to tell apart; or, where two voices go
    on with the same scenes, of their continuations, to say which is better."""

    def __call__(self) -> None:
        if not self.voices:
            raise TextError("No voice is named: give voice files.")
        for voice in self.voices:  # check all, before the first one writes for minutes
            if not voice.is_file():
                raise TextError(f"There is no voice {voice}. Name a voice file.")
        every = friends.read_scenes()
        chosen = {voice: friends.choose_scenes(every, voice, self.only) for voice in self.voices}
        some = [scene for scene in every if any(scene in scenes for scenes in chosen.values())]
        drawn = friends.draw_scenes(some, self.scenes, self.seed)
        compares = self.pairs and sum(map(len, chosen.values())) > len(some)
        if compares and len(chosen) > 2:
            raise TextError("With --pairs, name one voice, or two that go on with the same scenes.")
        found = [
            continuation
            for voice, scenes in chosen.items()
            for continuation in write_continuations(
                voice, [scene for scene in drawn if scene in scenes], self
            )
        ]
        if compares:
            write_sheet(self.out, *sheets.of_preferences(found, self.seed))
        elif self.pairs:
            write_sheet(self.out, *sheets.of_first_lines(found, self.seed))
        else:
            found += friends.by_people(drawn)
            write_sheet(self.out, *sheets.of_continuations(found, self.seed))


@dataclass(frozen=True, kw_only=True)
class Copied(WithSettings, Command):
    """Count the lines that a voice knows by heart, and repetitions, in scenes by friends."""

    corpus: UseAppendAction[tuple[Path, ...]] = ()
    """A corpus from which the voice learned."""
    seed: int = 1
    """The seed of the lines."""
    seeds: PositiveInt = 1
    """How often the voice goes on with each scene."""

    def __call__(self) -> None:
        if not self.corpus:
            raise TextError("No corpus is named: add those that the voice learned, with --corpus.")
        learned = [text for corpus in self.corpus for text in places.learned(corpus)]
        scenes = friends.read_scenes()
        found = write_continuations(self.voice, scenes, self)
        print(copying.table(self.voice.stem, found, friends.by_people(scenes), learned))


@dataclass(frozen=True, kw_only=True)
class Candidates(Command):
    """Write candidates for lines, to be marked."""

    texts: Positional[tuple[Path, ...]]
    """Fountain files of short scenes that the voice has not read."""
    out: Annotated[Path, arg(aliases=["-o"])]
    """The file to write."""
    places: PositiveInt = 80
    """The number of places."""
    seed: int = 1
    """The seed of the places and lines."""

    def __call__(self) -> None:
        text = choosing.write(self.voice, self.texts, self.places, self.seed)
        self.out.write_text(text, encoding="utf-8")
        print(
            f"Replace each _ in {self.out} by a mark from 1 to 5, then: "
            f"python -m tests.quality compare {self.voice} {self.out}"
        )


@dataclass(frozen=True, kw_only=True)
class Compare(Command):
    """Print how rules that choose a line agree with marks."""

    marks: Positional[tuple[Path, ...]]
    """Files that `candidates` wrote, with marks."""
    seed: int = 1
    """The seed by which the places are divided for the fit."""

    def __call__(self) -> None:
        print(choosing.compare(self.voice, self.marks, self.seed))


@dataclass(frozen=True, kw_only=True)
class Styles(Command):
    """Print what the opening of each style changes.

    For each style the table has:

        changed  bits by which the opening changes what the voice expects of the next character,
                 in four stretches of a plain scene (Kullback-Leibler divergence)
        own      the same against the mean of all openings: what is left is the style, and not
                 only that something was read before; near 0, the voice has forgotten the style
        saved    bits a character that the opening saves the reader on lines written with it
        without  the same on lines of the same seeds that were written without it
        leaks    speeches by somebody of the opening
        copied   the longest passage that stands in the opening and in a line, in characters
    """

    seeds: PositiveInt = 8
    """The passages below each of three places."""
    lines: PositiveInt = 3
    """The lines of a passage."""
    reader: bool = True
    """Ask the independent reader what a style saves."""

    def __call__(self) -> None:
        reader = Reader.load() if self.reader else None
        print(*asyncio.run(styles.report(self.model(), reader, self.seeds, self.lines)), sep="\n")


def write_continuations(
    voice: Path, scenes: Sequence[FriendScene], asked: Friends | Copied
) -> list[Continuation]:
    """Return how a voice goes on with scenes, as often as there are seeds; raise TextError."""
    return [
        continuation
        for number in range(asked.seeds)
        for continuation in asyncio.run(
            friends.by_voice(voice, scenes, asked.seed + number * friends.SEEDS_APART, asked.set)
        )
    ]


def write_sheet(out: Path, text: str, key: object) -> None:
    """Write a sheet and, beside it, what nobody who fills it in may know."""
    out.write_text(text, encoding="utf-8")
    file = sheets.key_of(out)
    file.write_text(json.dumps(key) + "\n", encoding="utf-8")
    print(f"Fill in {out} without a look at {file.name}, then: python -m tests.quality score {out}")


def find_texts(corpora: Sequence[Path], only: Sequence[str]) -> list[Text]:
    """Return the held-out texts with one of the parts in their names; raise TextError."""
    texts = [text for corpus in corpora for text in places.held_out(corpus)]
    if only:
        texts = [text for text in texts if any(part in text.name for part in only)]
    if not texts:
        raise TextError("No held-out text has such a name: give --only a part of one.")
    return texts


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return the exit code."""
    command = tyro.cli(
        Judge | Score | Samples | Costs | Words | Friends | Copied | Candidates | Compare | Styles,
        args=arguments,
        prog="python -m tests.quality",
        description=__doc__,
        config=(DisallowNone, FlagCreatePairsOff, PositionalMetavarFromFieldName),
    )
    try:
        command()
    except (TextError, ReaderMissing) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
