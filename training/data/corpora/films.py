"""Write the corpus of films: 279 short screenplays that were written for On Book."""

from __future__ import annotations

import shutil
from pathlib import Path

FILMS = Path(__file__).parents[2] / "screenplays"

HELD_OUT = frozenset(
    {
        "brother-on-approval", "fifty-years-and-no-paper", "five-men-in-a-row",
        "lane-eight", "last-bus-to-high-street", "low-gravity-league",
        "mutiny-before-lunch", "nine-words", "nobody-move", "noon-more-or-less",
        "one-brown-glove", "plumb", "practice-run", "red-balloons", "same-face",
        "soup-for-the-judge", "the-back-half-of-the-horse", "the-cat-in-block-c",
        "the-catcher", "the-elephant-in-the-yard", "the-fence-between",
        "the-fence-on-the-moon", "the-gravediggers-chair", "the-ham",
        "the-lady-in-the-tower", "the-long-way-to-say-it", "the-man-in-the-lobby",
        "the-night-ledger", "the-only-witness", "ticket-closed",
    }
)  # fmt: skip
"""The held-out films, a tenth, unlike each other."""


def write(out: Path) -> None:
    """Write the films below `out`, in place of what lies there.

    The films lie in the folders that `training.data.texts.collect` knows. Learned films lie in
    ``train/films``, a folder of their own, so that an epoch can read the films more often.
    """
    for part in ("train", "validation"):
        shutil.rmtree(out / part, ignore_errors=True)
        (out / part).mkdir(parents=True)
    (out / "train" / "films").mkdir()
    for film in sorted(FILMS.glob("*.fountain")):
        part = "validation" if film.stem in HELD_OUT else "train/films"
        shutil.copy(film, out / part / film.name)
