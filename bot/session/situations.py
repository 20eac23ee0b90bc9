"""Situations: small beginnings of a scene, for people who would rather be surprised."""

from __future__ import annotations

import tomllib
from collections.abc import Container
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random

from ..screenplay.elements import Element
from ..screenplay.fountain import has_scene_prefix
from ..screenplay.free_text import PLACE, make_heading, parse_person_text


@dataclass(frozen=True)
class Situation:
    """The beginning of a scene: a place, who is there, and a line that calls for an answer."""

    model: str
    """The name of the shipped voice that the situation is written for: screen or stage."""
    title: str
    heading: str
    """The scene heading, as a person types it."""
    action: str
    """One line that shows what there is to play."""
    cast: tuple[str, ...]
    """The names of two or three characters, in capitals, with different initials."""
    speaker: str
    """The character in the cast who speaks first."""
    speech: str
    """The first line of dialogue."""
    style: str | None = None
    """The style of the voice that suits the situation, or None for the voice's own tone."""

    @property
    def elements(self) -> tuple[Element, ...]:
        """Return the heading, the action and the first dialogue."""
        return (
            make_heading(self.heading),
            *parse_person_text(self.action),
            *parse_person_text(self.speech, self.speaker),
        )


@cache
def load_situations() -> tuple[Situation, ...]:
    """Return all situations, in the order of their file."""
    file = Path(__file__).with_name("situations.toml")
    models = tomllib.loads(file.read_text(encoding="utf-8"))
    return tuple(
        Situation(model=model, **situation | {"cast": tuple(situation["cast"])})
        for model, situations in models.items()
        for situation in situations
    )


def draw_situation(
    models: Container[str], random: Random, used_titles: Container[str] = ()
) -> Situation:
    """Draw a situation that is written for one of these voices, or any situation if none is.

    Situations with one of ``used_titles`` are drawn only if no other is left.
    """
    situations = load_situations()
    written = [situation for situation in situations if situation.model in models] or situations
    unused = [situation for situation in written if situation.title not in used_titles]
    return random.choice(unused or written)


def find_fitting_model(heading: str) -> str | None:
    """Return the shipped voice that a heading suggests, if any: INT. belongs to a film."""
    line = heading.strip()
    return "screen" if has_scene_prefix(line) or PLACE.fullmatch(line) else None
