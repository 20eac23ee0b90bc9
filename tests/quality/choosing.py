"""Compare rules that choose one of many candidates for a line, by readers' marks.

`write` has a voice go on in scenes of Fountain files, and writes a few of its candidates at each
place, in which readers replace each ``_`` by a mark from 1 to 5. `compare` tells, for each rule,
the share of pairs with different marks that it orders as the readers do, and the mean mark of the
lines that it prefers; and at last the weights that agree best with the marks.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from bot.errors import ModelError, RequestError
from bot.generation.generator import write_candidates
from bot.generation.inputs import GenerationContext, PrimedModel
from bot.generation.prefill import read_text
from bot.generation.reranking import (
    DEFAULT_WEIGHTS,
    STOCK_BITS,
    Candidate,
    Said,
    Weights,
    choose_candidate,
    score,
    split_words,
)
from bot.inference.engine import Engine
from bot.inference.model import Model
from bot.screenplay.drafts import Draft
from bot.screenplay.elements import Element, Kind
from bot.screenplay.fountain import format_for_model, parse_model_text
from tests.tools.tables import format_head, format_row
from training.data.texts import read
from training.errors import TextError

from .places import elements_of, fountain_of
from .writing import make_options

Input = TypeVar("Input")
Output = TypeVar("Output")

Doubles = NDArray[np.float64]

CANDIDATES = 24
"""The candidates at a place, of which `SHOWN_BEST` and `SHOWN_OTHERS` are shown."""

SHOWN_BEST, SHOWN_OTHERS = 3, 2

SCENE_LENGTHS = (3, 4, 5)
"""The numbers of elements in a scene before a place, including its heading."""

STRIDE = 1_000
"""The distance from a place's seed to the next place's seed."""

AT_ONCE = 8
"""Places that are read or written side by side."""

MARKS = tuple("12345")

LARGEST_GAP = 3.0
"""The difference of two marks from which a pair has its full weight."""

FOLDS = 5
"""Parts of the marks, each of which is judged by weights that were fitted to the other parts."""

RIDGE = 20.0
"""How strongly fitted weights are drawn to zero, in pairs of weight 1, where a criterion varies by
its standard deviation."""

CRITERIA = [field.name for field in fields(Weights)]
"""The names of the criteria beside the bits."""


@dataclass(frozen=True)
class MarkedPlace:
    """Candidates at a place of a scene, and readers' marks."""

    scene: tuple[Element, ...]
    lines: tuple[Element, ...]
    marks: tuple[int, ...]


def format_place(name: str, scene: Sequence[Element], lines: Sequence[Element]) -> str:
    """Return a place to be marked. Its lines have the same cue, or none."""
    cue, newline, _ = lines[0].text.partition("\n") if lines[0].kind is Kind.DIALOGUE else [""] * 3
    bodies = [line.text.removeprefix(f"{cue}{newline}").replace("\n", " / ") for line in lines]
    shown = "\n".join(f"_ {body}" for body in bodies)
    return f"=== {name}\n{fountain_of(scene)}\n\n{f'--- {cue}'.rstrip()}\n{shown}\n\n"


def read_places(path: Path) -> list[MarkedPlace]:
    """Read the marked places of a file; raise TextError if a mark is missing."""
    try:
        _, *blocks = f"\n{path.read_text(encoding='utf-8')}".split("\n=== ")
    except (OSError, UnicodeDecodeError) as error:
        raise TextError(f"{path} cannot be read: check its name, and that it is UTF-8.") from error
    return [_read_place(path, block) for block in blocks]


def _read_place(path: Path, block: str) -> MarkedPlace:
    name, _, text = block.partition("\n")
    before, _, below = text.partition("\n---")
    cue, _, rows = below.partition("\n")
    scene, lines, marks = tuple(elements_of(before.strip())), [], []
    for row in rows.strip("\n").split("\n"):
        mark, _, body = row.partition(" ")
        body = body.strip()
        line = parse_model_text("\n".join(filter(None, [cue.strip(), *body.split(" / ")])))
        if mark not in MARKS or not body or not line:
            raise TextError(
                f"{path} has no mark at “{row}” in “{name}”: begin the line with one of 1 to 5."
            )
        lines.append(line)
        marks.append(int(mark))
    if not scene:
        raise TextError(f"{path} has no scene in “{name}”: write the file again.")
    return MarkedPlace(scene, tuple(lines), tuple(marks))


def cut_scenes(elements: Sequence[Element]) -> Iterator[list[Element]]:
    """Yield the scenes of a script, each with its heading."""
    scene: list[Element] = []
    for element in elements:
        if element.kind is Kind.HEADING and scene:
            yield scene
            scene = []
        scene.append(element)
    yield scene


async def read_context(primed: PrimedModel, scene: Sequence[Element]) -> GenerationContext:
    """Return the context of the line after a scene."""
    texts = tuple(element.text for element in scene)
    read = primed.model.encode("".join(map(format_for_model, texts)))
    state = (await primed.read(primed.start, read)).state
    return GenerationContext(primed, state, texts)


async def write_lines(
    primed: PrimedModel, scene_and_seed: tuple[Sequence[Element], int]
) -> list[Element]:
    """Return a few of a voice's candidates after a scene: the best, and others, in any order."""
    scene, seed = scene_and_seed
    try:
        context = await read_context(primed, scene)
        options = make_options(seed, candidates=CANDIDATES, ignores_load=True)
        written = await write_candidates(context, options)
    except RequestError:  # the voice has nothing to say there
        return []
    # No two lines have the same words.
    distinct = {split_words(line.draft.element.text): line for line in reversed(written)}
    pool, chance = list(distinct.values()), random.Random(seed)
    best: list[Candidate] = []
    while pool and len(best) < SHOWN_BEST:
        best.append(choose_candidate(pool, context.recent_texts))
        pool.remove(best[-1])
    shown = best + chance.sample(pool, min(SHOWN_OTHERS, len(pool)))
    chance.shuffle(shown)
    return [candidate.draft.element for candidate in shown]


async def measure(primed: PrimedModel, place: MarkedPlace) -> list[Candidate]:
    """Return the lines of a place as candidates, with what they cost there."""
    state = (await read_context(primed, place.scene)).state
    costs = await asyncio.gather(*(read_text(primed, state, line.text) for line in place.lines))
    return [
        Candidate(Draft(line, None, "", None, "", {}, surprisal=cost.surprisal))
        for line, cost in zip(place.lines, costs, strict=True)
    ]


Rule = Callable[[Candidate, Said], float]
"""Returns the cost of a candidate; the one that costs least is kept."""


def name_rules() -> dict[str, Rule]:
    """Return the rules that need no fitting, by their names."""
    rules: dict[str, Rule] = {
        "fewest bits a character": lambda line, _: line.bits / line.size,
        "fewest bits": lambda line, _: line.bits,
        "shipped": score,
        "with stock phrases at their bits": lambda line, said: (
            score(line, said) - max(line.bits, STOCK_BITS) + line.bits
        ),
    }
    for name in CRITERIA:
        weights = replace(DEFAULT_WEIGHTS, **{name: 0.0})
        rules[f"without {name.replace('_', ' ')}"] = partial(score, weights=weights)
    return rules


@dataclass(frozen=True)
class Marked:
    """The candidates of many places, with what the rules and readers think of them."""

    costs: Mapping[str, Doubles]
    """The cost of each line by each rule: [lines]."""
    criteria: Doubles
    """The amounts that weights of 1 add to the cost of a line, and last its bits, at least
    `STOCK_BITS`: [lines, criteria + 1]."""
    marks: Doubles
    """[lines]"""
    places: Sequence[range]
    """The indices of the lines of each place."""

    @classmethod
    def of(cls, places: Sequence[MarkedPlace], candidates: Sequence[Sequence[Candidate]]) -> Marked:
        """Compute what the rules think."""
        said = [Said.of([element.text for element in place.scene]) for place in places]
        lines = [(line, s) for some, s in zip(candidates, said, strict=True) for line in some]
        nothing = Weights(**dict.fromkeys(CRITERIA, 0.0))
        units = [replace(nothing, **{name: 1.0}) for name in CRITERIA]
        bits = np.array([score(line, s, nothing) for line, s in lines])
        columns = [[score(line, s, unit) for line, s in lines] - bits for unit in units]
        ends = list(itertools.accumulate(map(len, candidates), initial=0))
        return cls(
            {
                name: np.array([rule(line, s) for line, s in lines])
                for name, rule in name_rules().items()
            },
            np.stack([*columns, bits], axis=1),
            np.array([float(mark) for place in places for mark in place.marks]),
            [range(*pair) for pair in itertools.pairwise(ends)],
        )

    def judge(self, costs: Doubles) -> tuple[float, float]:
        """Return the share of pairs that costs order as readers do, and the mark of the best."""
        better, worse = self.pair(self.places)
        right = (costs[better] < costs[worse]).mean()
        best = [place[int(costs[place].argmin())] for place in map(list, self.places)]
        return float(right), float(self.marks[best].mean())

    def pair(self, places: Sequence[range]) -> tuple[list[int], list[int]]:
        """Return the better and the worse line of each pair with different marks."""
        pairs = [
            (better, worse)
            for place in places
            for better, worse in itertools.permutations(place, 2)
            if self.marks[better] > self.marks[worse]
        ]
        return [better for better, _ in pairs], [worse for _, worse in pairs]

    def fit(self, places: Sequence[range]) -> Doubles:
        """Return the weights of the criteria and of the bits that agree best with the marks.

        The odds that a line has a higher mark than another rise with the difference of their costs
        (Bradley and Terry 1952, "Rank Analysis of Incomplete Block Designs"). The weights are found
        by Newton's method: float64 [criteria + 1].
        """
        better, worse = self.pair(places)
        scale = self.criteria.std(axis=0) + 1e-9
        gained = (self.criteria[worse] - self.criteria[better]) / scale
        gaps = np.minimum(LARGEST_GAP, self.marks[better] - self.marks[worse])
        weights, ridge = np.zeros(gained.shape[1]), RIDGE * np.eye(gained.shape[1])
        for _ in range(20):
            wrong = 1 / (1 + np.exp(gained @ weights))
            slope = gained.T @ (gaps * wrong) - RIDGE * weights
            bend = gained.T @ (gained * (gaps * wrong * (1 - wrong))[:, None]) + ridge
            weights = weights + np.linalg.solve(bend, slope)
        return weights / scale

    def fit_others(self, seed: int) -> Doubles:
        """Return the cost of each line by weights that were fitted to other places."""
        places = random.Random(seed).sample(self.places, len(self.places))
        costs = np.zeros(len(self.marks))
        for part in range(FOLDS):
            weights = self.fit([place for i, place in enumerate(places) if i % FOLDS != part])
            for place in places[part::FOLDS]:
                costs[place] = self.criteria[place] @ weights
        return costs


def make_table(marked: Marked, seed: int) -> str:
    """Return the table of rules, and the weights that agree best with the marks."""
    of_places = [marked.marks[place] for place in marked.places]
    rows = [
        f"{len(marked.places):,} places, {len(marked.marks):,} lines\n",
        *format_head(["rule", "pairs in order", "mark"]),
        format_row(["any line", "", f"{np.mean([marks.mean() for marks in of_places]):.3f}"]),
        format_row(["the best line", "", f"{np.mean([marks.max() for marks in of_places]):.3f}"]),
    ]
    for name, costs in {**marked.costs, "fitted to other places": marked.fit_others(seed)}.items():
        right, mark = marked.judge(costs)
        rows.append(format_row([name, f"{right:.2%}", f"{mark:.3f}"]))
    *weights, of_bits = marked.fit(marked.places)
    fitted = ", ".join(
        f"{name} {weight / of_bits:.1f}" for name, weight in zip(CRITERIA, weights, strict=True)
    )
    return "\n".join([*rows, f"\nFitted to all, in bits: {fitted}."])


def write(voice: Path, texts: Sequence[Path], places: int, seed: int) -> str:
    """Return places in scenes of the texts, with lines by a voice to be marked; raise TextError."""
    scenes = [
        (f"{file.stem} {number}", scene)
        for file in texts
        for number, scene in enumerate(cut_scenes(elements_of(read(file).content)), 1)
        if len(scene) > max(SCENE_LENGTHS)
    ]
    chance = random.Random(seed)
    drawn = chance.sample(scenes, min(places, len(scenes)))
    begun = [(name, scene[: chance.choice(SCENE_LENGTHS)]) for name, scene in drawn]
    if not begun:
        raise TextError("The texts have no scene that is long enough: name other files.")
    seeded = [(scene, seed + at * STRIDE) for at, (_, scene) in enumerate(begun)]
    written = asyncio.run(each(voice, write_lines, seeded))
    text = "".join(
        format_place(name, scene, lines)
        for (name, scene), lines in zip(begun, written, strict=True)
        if len(lines) > 1
    )
    if not text:
        raise TextError("The voice had nothing to say in any scene: name other files.")
    return text


def compare(voice: Path, marks: Sequence[Path], seed: int) -> str:
    """Return the table of the rules' agreement with the marks in files; raise TextError."""
    places = [place for path in marks for place in read_places(path)]
    if not places:
        raise TextError("The files have no places: give files that `candidates` wrote.")
    candidates = asyncio.run(each(voice, measure, places))
    return make_table(Marked.of(places, candidates), seed)


async def each(
    voice: Path,
    work: Callable[[PrimedModel, Input], Coroutine[Any, Any, Output]],
    inputs: Sequence[Input],
) -> list[Output]:
    """Return what a voice does with each input, `AT_ONCE` side by side; raise TextError."""
    try:
        engine = Engine(Model.load(voice))
    except ModelError as error:
        raise TextError(str(error)) from error
    primed, gate = PrimedModel(engine, "", engine.model.start()), asyncio.Semaphore(AT_ONCE)

    async def run(given: Input) -> Output:
        async with gate:
            return await work(primed, given)

    try:
        return await asyncio.gather(*map(run, inputs))
    finally:
        await asyncio.to_thread(engine.close)
