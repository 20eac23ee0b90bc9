"""Let voices go on with scenes as friends type them, beside the people who wrote the scenes."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tqdm import tqdm

from bot.errors import RequestError
from bot.screenplay.elements import Element
from bot.session.turn import ContinueRequest
from training.errors import TextError

from . import writing
from .places import elements_of

SCENES = Path(__file__).parent / "friends.fountain.txt"
"""Scenes after lines ``=== title``: given elements, a line ``---``, and `LINES` elements."""

LINES = 3
"""Lines that voices and people each add to a scene."""

PEOPLE = "people"

STAGE = "stage"
"""The kind of the scenes whose title begins with it and a colon, and of voices named for it."""

SEEDS_APART = writing.ATTEMPTS + LINES
"""The distance from a seed to the next one that shares no line's seed with it."""

SceneKind = Literal["stage", "film"]


@dataclass(frozen=True)
class FriendScene:
    """The beginning of a scene, and what people wrote next."""

    number: int
    title: str
    given: tuple[Element, ...]
    people: tuple[Element, ...]

    @property
    def kind(self) -> SceneKind:
        """Return which voices go on with the scene."""
        return "stage" if self.title.startswith(f"{STAGE}: ") else "film"


@dataclass(frozen=True)
class Continuation:
    """The lines that a voice or people added to a scene."""

    scene: FriendScene
    writer: str
    lines: tuple[Element, ...]


def read_scenes(path: Path = SCENES) -> list[FriendScene]:
    """Read the scenes of a file; raise TextError for a scene without an end by people."""
    _, *blocks = f"\n{path.read_text(encoding='utf-8')}".split("\n=== ")
    scenes = []
    for number, block in enumerate(blocks):
        title, _, text = block.partition("\n")
        given, people = (tuple(elements_of(part)) for part in f"{text}\n---\n".split("\n---\n")[:2])
        if not given or len(people) != LINES:
            raise TextError(
                f"The scene “{title}” needs elements, a line ---, and {LINES} elements by people."
            )
        scenes.append(FriendScene(number, title, given, people))
    return scenes


def choose_scenes(
    scenes: Sequence[FriendScene], voice: Path, only: SceneKind | None = None
) -> list[FriendScene]:
    """Return the scenes of the kind that a voice's name tells, or of the kind ``only``."""
    kind = only or ("stage" if STAGE in voice.stem else "film")
    return [scene for scene in scenes if scene.kind == kind]


def draw_scenes(scenes: Sequence[FriendScene], number: int | None, seed: int) -> list[FriendScene]:
    """Return this number of scenes at random, or all, in their order."""
    drawn = random.Random(seed).sample(scenes, min(number or len(scenes), len(scenes)))
    return sorted(drawn, key=lambda scene: scene.number)


def by_people(scenes: Sequence[FriendScene]) -> list[Continuation]:
    """Return what people wrote."""
    return [Continuation(scene, PEOPLE, scene.people) for scene in scenes]


async def by_voice(
    voice: Path, scenes: Sequence[FriendScene], seed: int, changes: Mapping[str, str]
) -> list[Continuation]:
    """Return what a voice writes as ``/continue`` with `LINES` lines does, at the shipped defaults.

    What a voice writes below a scene does not depend on the other scenes. Raises TextError if the
    voice or a setting cannot be used, or if the voice has nothing to say.
    """
    found = []
    async with writing.opened(voice, changes) as bot:
        for scene in tqdm(scenes, f"{voice.stem} writes", leave=False, disable=None):
            await bot.bring_in(scene.number, scene.given)
            wish = ContinueRequest(
                lines=LINES,
                seed=seed + scene.number * writing.STRIDE,
                # A seed alone would ask for the first candidate.
                options={"quality": bot.settings.quality},
            )
            try:
                lines = await bot.go_on(scene.number, wish)
            except RequestError as error:
                raise TextError(f"{voice} cannot go on with “{scene.title}”: {error}") from error
            found.append(Continuation(scene, str(voice), tuple(lines)))
    return found
