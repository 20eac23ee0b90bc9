"""Run the bot without Discord: sessions, a database and one voice, as channels have them."""

import asyncio
import itertools
import tempfile
import time
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError
from tqdm import tqdm

from bot.errors import ModelError, RequestError
from bot.generation.inputs import GenerationOptions
from bot.generation.options import resolve_options
from bot.generation.reranking import CANDIDATES
from bot.inference.registry import ModelRegistry
from bot.inference.sampling import Sampling
from bot.screenplay.elements import Element
from bot.screenplay.free_text import make_heading
from bot.session.channel_session import ChannelSessions
from bot.session.turn import ContinueRequest, Job, NewScript, Requester, current_position
from bot.session.turn import ScriptPosition as Head
from bot.settings import Quality, Settings
from bot.storage.store import Store
from training.errors import TextError

from .places import PASSAGE, Place, fountain_of

QUALITIES = tuple(CANDIDATES)

AT_ONCE = 32
"""Scripts that are read side by side."""

ATTEMPTS = 5
"""Seeds that are tried when a voice has nothing to say."""

STRIDE = 10_007
"""The distance from a place's seed to the next: more than the lines and attempts of a place."""

BEGUN = 4
"""Elements of a passage that are requested at once."""

SAMPLES, SAMPLE_LENGTH = 10, 4
"""The number of samples, and of the elements in each."""


class Setting(NamedTuple):
    """The options for writing lines; all others are as shipped."""

    temperature: float
    quality: str


@dataclass
class Written:
    """A voice's writing at some places."""

    lines: dict[Setting, list[Element]] = field(default_factory=dict)
    """The voice's line at each place."""
    seconds: dict[Setting, list[float]] = field(default_factory=dict)
    """Seconds from the request to the line in the database, for each line, one at a time."""
    passages: dict[int, str] = field(default_factory=dict)
    """`PASSAGE` characters of Fountain, written freely as drafts, by the index of the place."""


class Bot:
    """One voice, in as many channels as are needed."""

    def __init__(self, settings: Settings, rooms: ChannelSessions) -> None:
        self.settings = settings
        self._rooms = rooms
        self._deliveries = itertools.count()

    @property
    def shipped(self) -> Setting:
        """Return the default setting."""
        return Setting(self.settings.temperature, self.settings.quality)

    async def bring_in(self, channel: int, elements: Sequence[Element]) -> Head:
        """Begin a script in a channel with some elements, which the voice reads."""
        room = self._rooms.get(channel)
        new = NewScript(title="Quality")
        result = await room.library.import_script(self._writer(), new, elements, Job())
        return current_position(result.script)

    async def go_on(self, channel: int, wish: ContinueRequest) -> list[Element]:
        """Return the lines that the voice adds to a channel's script.

        If the voice has nothing to say, try the next seeds; raise RequestError after `ATTEMPTS`.
        """
        room, first = self._rooms.get(channel), wish.seed or 0
        for attempt in range(ATTEMPTS):
            try:
                asked = replace(wish, seed=first + attempt)
                turn = await room.continuation.generate(self._writer(), asked)
                return [line.element for line in turn.lines]
            except RequestError:
                if attempt == ATTEMPTS - 1:
                    raise
        raise AssertionError  # the last attempt returned or raised

    async def go_back(self, channel: int, head: Head) -> None:
        """Undo the channel's lines since a head."""
        await self._rooms.get(channel).history.jump_to(self._writer(), head)

    def _writer(self) -> Requester:
        return Requester(1, "Somebody", f"delivery {next(self._deliveries)}")


@asynccontextmanager
async def opened(voice: Path, changes: Mapping[str, object]) -> AsyncIterator[Bot]:
    """Yield the bot with a voice, with the shipped settings except for some changes.

    Raises:
        TextError: The voice or a setting cannot be used.
    """
    with tempfile.TemporaryDirectory() as folder:
        chosen = {"models": voice.parent, "model": voice.stem, "threads": 1, **changes}
        try:
            settings = Settings(**chosen, database=Path(folder, "quality.db"))
        except ValidationError as error:
            first = error.errors()[0]
            raise TextError(f"{first['loc'][0]} cannot be so: {first['msg']}.") from error
        store = await Store.open(settings.database_location)
        voices = ModelRegistry(settings.models, settings.threads, settings.rows)
        try:
            await voices.engine(settings.model)
            yield Bot(settings, ChannelSessions(store, voices, settings))
        except ModelError as error:
            raise TextError(str(error)) from error
        finally:
            await asyncio.to_thread(voices.close)
            await store.close()


def make_options(seed: int, **more: Any) -> GenerationOptions:
    """Return the options of a line at the shipped defaults, chosen from one candidate."""
    settings = Settings()
    options = resolve_options({}, {}, settings)
    del options["quality"]
    return GenerationOptions(Sampling.of(seed, options), settings.line_length, **more)


async def write(
    bot: Bot,
    places: Sequence[Place],
    settings: Sequence[Setting],
    seed: int,
    passages: Collection[int] = (),
) -> Written:
    """Return a voice's line at each place, by the person who speaks there, for each setting.

    One line is written at a time, as for a channel that has the bot for itself. ``passages`` are
    the indices of the places where the voice also writes freely.
    """
    heads: list[Head] = []
    for begin in range(0, len(places), AT_ONCE):
        some = enumerate(places[begin : begin + AT_ONCE], begin)
        heads += await asyncio.gather(*(bot.bring_in(i, place.before) for i, place in some))
    written = Written({setting: [] for setting in settings}, {setting: [] for setting in settings})
    begun = zip(places, heads, strict=True)
    bar = tqdm(begun, "the voice writes", len(places), leave=False, disable=None)
    for channel, (place, head) in enumerate(bar):
        own = seed + channel * STRIDE
        for setting in settings:
            began = time.perf_counter()
            [line] = await bot.go_on(
                channel,
                ContinueRequest(character=place.character, seed=own, options=setting._asdict()),
            )
            written.seconds[setting].append(time.perf_counter() - began)
            written.lines[setting].append(line)
            await bot.go_back(channel, head)
        if channel in passages:
            written.passages[channel] = await _passage(bot, channel, own)
            await bot.go_back(channel, head)
    return written


async def _passage(bot: Bot, channel: int, seed: int) -> str:
    """Return the text that the voice adds when it writes freely, and nothing is chosen."""
    added: list[Element] = []
    while len(fountain_of(added)) < PASSAGE:
        wish = ContinueRequest(
            lines=BEGUN, seed=seed + len(added) * ATTEMPTS, options={"quality": Quality.QUICK}
        )
        added += await bot.go_on(channel, wish)
    return fountain_of(added)[:PASSAGE]


async def samples(voice: Path, changes: Mapping[str, object], beginning: str) -> list[str]:
    """Return a voice's text after a scene heading for the seeds from 1 on, as Fountain.

    Nobody picks among the texts: each is the first one, as `/continue` gives it for that seed.
    """
    begun = [make_heading(beginning)]
    found = []
    async with opened(voice, changes) as bot:
        quality = {"quality": bot.settings.quality}
        for seed in range(1, SAMPLES + 1):
            await bot.bring_in(seed, begun)
            wish = ContinueRequest(lines=SAMPLE_LENGTH, seed=seed, options=quality)
            found.append(fountain_of([*begun, *await bot.go_on(seed, wish)]))
    return found
