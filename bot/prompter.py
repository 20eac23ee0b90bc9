"""Prompter: the voice of a channel. It reads where a script stands, and drafts its next lines."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from . import compose, quality
from .compose import Manner, Progress, Standing
from .engine import Engine, NothingLeft
from .language import say
from .model import States
from .openings import Reading
from .render import inline
from .repetition import REACH
from .sampling import Sampling
from .script import Element, Kind
from .settings import Settings
from .store import Draft, Floats, Line, Script, Store
from .tables import guilds_voice
from .turn import LARGEST_SEED, RoomError, Wish, Writer

N = TypeVar("N", int, float)


class Prompter:
    """Reads and drafts for one channel; it stores nothing but the states that it reads again."""

    def __init__(self, channel: int, store: Store, settings: Settings) -> None:
        self.channel = channel
        self.store = store
        self.settings = settings

    async def voice(self, guild: int | None) -> str:
        """The voice of a new script: the one that its guild has chosen, or the one that is set."""
        chosen = await self.store.fact(guilds_voice(guild)) if guild is not None else None
        return chosen or self.settings.model

    def takes(self, wish: Wish, takes: int) -> list[Wish]:
        """The same wish for each take, with seeds that follow from the first."""
        seed = _seed(wish)
        return [replace(wish, seed=_after(seed, take * wish.lines)) for take in range(takes)]

    def manners(self, script: Script, wish: Wish, banned: tuple[str, ...]) -> Iterator[Manner]:
        """How each line is to be written that was wished for; raises RoomError."""
        seed = _seed(wish)
        present = _present(script, wish)
        only = present if script.lock or (script.skip_played and script.players) else ()
        limit = self.settings.line_length
        for number in range(wish.lines):
            # One who was asked to speak speaks first; who answers is up to the voice.
            character = wish.character if number == 0 else None
            yield Manner(
                self._sampling(_after(seed, number), script, wish),
                limit,
                kind=None if character else wish.kind,
                character=character,
                cast=() if character else only,
                present=() if character else present,
                banned=banned,
                quality=wish.quality or script.quality or self.settings.quality,
            )

    def _sampling(self, seed: int, script: Script, wish: Wish) -> Sampling:
        """What was wished for, or what the script has, or what is set."""
        return Sampling(
            seed,
            wish.temperature or script.temperature,
            wish.top_p or script.top_p,
            _first(wish.min_p, script.min_p, self.settings.min_p),
            _first(wish.repetition, script.repetition, self.settings.repetition),
            _first(script.length, self.settings.soft_length),
            0.0 if _silent(wish) else _first(wish.company, script.company, self.settings.company),
        )

    async def draft(self, engine: Engine, at: Standing, manner: Manner) -> Draft:
        """One line by the voice, the best of its candidates."""
        sampling = manner.sampling
        own = quality.seeds(sampling.seed, quality.CANDIDATES[manner.quality])
        manners = [replace(manner, sampling=replace(sampling, seed=seed)) for seed in own]
        try:
            drafts = await _all(
                compose.write(engine, at, candidate, self.channel) for candidate in manners
            )
        except NothingLeft:
            raise RoomError(
                say(
                    "Without the words that must not be said here nothing is left to say: try "
                    "again, or take some off the list with {/settings banned}."
                )
            ) from None
        except ValueError as error:
            raise RoomError(
                say("{reason} Choose another kind, or another voice.", reason=error)
            ) from error
        if not drafts:
            raise RoomError(say("The voice had nothing to say: try again, or another temperature."))
        return quality.best(drafts)

    async def banned(self, guild: int | None) -> tuple[str, ...]:
        """What must not be said here: the operator's list, the guild's and the channel's."""
        own = await self.store.banned(self.channel, guild)
        return tuple(sorted({*compose.words_of(self.settings.banned), *own}))

    async def drafts(
        self, reading: Reading, state: States, elements: Sequence[Element], writer: Writer
    ) -> list[Draft]:
        """A person's elements, each with the state that reading it leaves."""
        drafts: list[Draft] = []
        for element in elements:
            draft = await compose.read(
                reading.engine,
                state,
                element,
                writer.id,
                writer.name,
                self.channel,
                reading.opening,
            )
            assert draft.state is not None  # it was read by itself
            state = draft.state
            drafts.append(draft)
        return drafts

    async def standing(self, reading: Reading, head: int | None, progress: Progress) -> Standing:
        """Where the script stands at a line, for its voice."""
        model = reading.model
        if head is None:
            return Standing(reading.start, compose.recent(model, []), reading.opening)
        state, last = await self.store.standing(head, reading.fingerprint, REACH)
        if state is None:
            state = await self.state(reading, head, progress)
        return Standing(state, compose.recent(model, last), reading.opening)

    async def state(
        self, reading: Reading, head: int | None, progress: Progress | None = None
    ) -> States:
        """What the voice remembers at a line: kept, or read again from the text."""
        if head is None:
            return reading.start
        kept = await self.store.state(head, reading.fingerprint)
        if kept is not None:
            return kept
        path = await self.store.path(head)
        state, unread = await self._last_kept(reading, path)
        state = await compose.read_again(
            reading.engine, state, unread, self.channel, progress or Progress()
        )
        removed = sum(line.removed for line in path)
        await self.store.keep_state(head, reading.fingerprint, state, removed)
        return state

    async def cost(self, reading: Reading, line: Line) -> Floats:
        """What each character of a line but the first cost the voice, in bits: float [n]."""
        known = await self.store.surprise(line.id, reading.fingerprint)
        if known is not None:
            return known
        state = await self.state(reading, line.parent)
        return await compose.costs(reading.engine, state, line.element, self.channel)

    async def _last_kept(
        self, reading: Reading, path: Sequence[Line]
    ) -> tuple[States, Sequence[Line]]:
        """The last state that was kept on a path, and the lines after it."""
        kept = await self.store.states_kept((line.id for line in path), reading.fingerprint)
        for i in reversed(range(len(path))):
            if path[i].id in kept:
                state = await self.store.state(path[i].id, reading.fingerprint)
                if state is not None:
                    return state, path[i + 1 :]
        return reading.start, path


async def _all(candidates: Iterable[Awaitable[Draft | None]]) -> list[Draft]:
    """The candidates that have something to say.

    Raises what one of them raises; that it has nothing left to say only where none has.
    """
    found = await asyncio.gather(*candidates, return_exceptions=True)
    drafts = [one for one in found if isinstance(one, Draft)]
    for one in found:
        if isinstance(one, BaseException) and not (drafts and isinstance(one, NothingLeft)):
            raise one
    return drafts


def _first(*values: N | None) -> N:
    """The first that is given; the last one is."""
    return next(value for value in values if value is not None)


def _seed(wish: Wish) -> int:
    return secrets.randbelow(LARGEST_SEED) if wish.seed is None else wish.seed


def _after(seed: int, number: int) -> int:
    return (seed + number) % (LARGEST_SEED + 1)


def _silent(wish: Wish) -> bool:
    """Whether nobody speaks what is wished for, so that it must not begin with a name."""
    return wish.kind in (Kind.ACTION, Kind.HEADING)


def _present(script: Script, wish: Wish) -> tuple[str, ...]:
    """Return those of the cast for whom the voice speaks; raises RoomError."""
    played = set(script.players) if script.skip_played else set()
    if wish.character in played:
        raise RoomError(
            say(
                "{name} is played by somebody, who writes it: name another character, or see "
                "{/settings voice}.",
                name=inline(wish.character or "", 60),
            )
        )
    present = tuple(one for one in script.cast if one not in played)
    if script.cast and not present and not _silent(wish):
        raise RoomError(
            say(
                "Everybody in the cast is played by somebody: ask for a kind that nobody speaks, "
                "or add a character with {/cast add}."
            )
        )
    return present
