"""A text to learn how films are written: whole screenplays, and people who talk.

Short films, 279 of them, lie in `training/screenplays/` and were written for this. They are few to
learn a language from, so beside them stand the conversations of `training.talk`, set as
scenes: a heading, two names, and what they say. All their headings name `CAMPUS`, so that a voice
can tell them from films, which do not begin with somebody who speaks. `write` lays both out in the
folders that `training.texts.collect` knows: `train/films`, `train/talk`, and `validation`, which
has films alone, as a film is what the voice is for.

The folder `films` has its own name so that it can be read more often than the talk: see `--repeat`
of `training train`.
"""

from __future__ import annotations

import random
import shutil
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from .talk import Message, Speech, passages

FILMS = Path(__file__).parent / "screenplays"

HELD_OUT = frozenset(
    {
        "brother-on-approval",
        "fifty-years-and-no-paper",
        "five-men-in-a-row",
        "lane-eight",
        "last-bus-to-high-street",
        "low-gravity-league",
        "mutiny-before-lunch",
        "nine-words",
        "nobody-move",
        "noon-more-or-less",
        "one-brown-glove",
        "plumb",
        "practice-run",
        "red-balloons",
        "same-face",
        "soup-for-the-judge",
        "the-back-half-of-the-horse",
        "the-cat-in-block-c",
        "the-catcher",
        "the-elephant-in-the-yard",
        "the-fence-between",
        "the-fence-on-the-moon",
        "the-gravediggers-chair",
        "the-ham",
        "the-lady-in-the-tower",
        "the-long-way-to-say-it",
        "the-man-in-the-lobby",
        "the-night-ledger",
        "the-only-witness",
        "ticket-closed",
    }
)
"""Films that are not learned, a tenth, unlike each other."""

REPEAT = 3
"""How often an epoch should read the films: they are then four fifths of what is read."""

SEED = 1
SCENES = 60
"""Scenes in a file of talk, about."""

CAMPUS = "CAMPUS"
"""Where students talk. No film has such a place."""

TIMES = ("DAY",) * 5 + ("NIGHT",) * 5 + ("MORNING", "MORNING", "EVENING", "EVENING") + (
    "AFTERNOON", "DAWN", "DUSK", "LATE AFTERNOON", "EARLY MORNING", "LATER", "MIDNIGHT"
)  # fmt: skip

LISTS = tomllib.loads((Path(__file__).parent / "lists.toml").read_text(encoding="utf-8"))
INSIDE: list[str] = LISTS["inside"].splitlines()
OUTSIDE: list[str] = LISTS["outside"].splitlines()
CAST: list[str] = LISTS["cast"].split()


def write(out: Path, conversations: Sequence[Sequence[Message]]) -> None:
    """Writes the films and the conversations below ``out``, in place of what lies there.

    The same conversations give the same files.
    """
    for part in ("train", "validation"):
        shutil.rmtree(out / part, ignore_errors=True)
        (out / part).mkdir(parents=True)
    for folder in ("films", "talk"):
        (out / "train" / folder).mkdir()
    for film in sorted(FILMS.glob("*.fountain")):
        folder = "validation" if film.stem in HELD_OUT else "train/films"
        shutil.copy(film, out / folder / film.name)
    for number, script in enumerate(_scripts(passages(conversations)), start=1):
        path = out / "train" / "talk" / f"talk-{number:02}.fountain"
        path.write_text(script, encoding="utf-8", newline="\n")


def _scripts(talk: Iterable[Sequence[Sequence[Speech]]]) -> Iterator[str]:
    """Scripts of some scenes each. Those of one conversation have one cast, and lie together."""
    chance = random.Random(SEED)
    scenes: list[str] = []
    for conversation in talk:
        cast = chance.sample(CAST, 2)
        while cast[0][0] == cast[1][0]:
            cast = chance.sample(CAST, 2)
        scenes += [_scene(_heading(chance), cast, passage) for passage in conversation]
        if len(scenes) >= SCENES:
            yield "\n\n".join(scenes) + "\n"
            scenes = []
    if scenes:
        yield "\n\n".join(scenes) + "\n"


def _heading(chance: random.Random) -> str:
    inside = chance.random() < 0.7
    place = chance.choice(INSIDE if inside else OUTSIDE)
    return f"{'INT' if inside else 'EXT'}. {CAMPUS}, {place} - {chance.choice(TIMES)}"


def _scene(heading: str, cast: Sequence[str], passage: Sequence[Speech]) -> str:
    return "\n\n".join([heading, *(f"{cast[one.speaker]}\n{one.words}" for one in passage)])
