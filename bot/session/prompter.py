"""Prompter: the voice of a channel. It reads where a script stands, and drafts its next lines."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from ..arrays import Floats, States
from ..generation import generator, reranking
from ..generation.candidates import write_candidates
from ..generation.generator import Manner, Progress, Standing
from ..generation.openings import Reading
from ..generation.reranking import Candidate
from ..i18n.catalogue import say
from ..i18n.markdown import inline
from ..inference.engine import Engine, NothingLeft
from ..inference.processors.repetition import REACH
from ..inference.sampling import LARGEST_SEED, Sampling
from ..screenplay.drafts import Draft
from ..screenplay.elements import Element, Kind
from ..settings import Settings
from ..storage.schema import Line, Script, guilds_voice
from ..storage.store import Store
from .turn import RoomError, Wish, Writer

N = TypeVar("N", int, float)

REMEMBERED = 30_000
"""Characters of a script whose lines the voice does not say again: some 600 lines."""


class Prompter:
    """Reads and drafts for one channel; it stores nothing but the states that it reads again."""

    def __init__(self, channel: int, store: Store, settings: Settings) -> None:
        self.channel = channel
        self.store = store
        self.settings = settings

    async def voice(self, guild: int | None) -> str:
        """The voice of a new script: the one that its guild has chosen, or the one that is set."""
        chosen = await self.store.facts.find(guilds_voice(guild)) if guild is not None else None
        return chosen or self.settings.model

    def takes(self, wish: Wish, takes: int) -> list[Wish]:
        """The same wish for each take, with seeds that follow from the first."""
        seed = _seed(wish)
        return [replace(wish, seed=_after(seed, take * wish.lines)) for take in range(takes)]

    def manners(
        self, script: Script, wish: Wish, banned: tuple[str, ...], takes: int = 1
    ) -> Iterator[Manner]:
        """How each line is to be written that was wished for; raises RoomError.

        All lines and takes of one wish share the candidates of one line. A seed without a quality
        asks for the line of that very seed, whatever else could be said.
        """
        seed = _seed(wish)
        usual = script.quality or self.settings.quality
        quality = wish.quality or (usual if wish.seed is None else reranking.QUICK)
        candidates = max(1, reranking.CANDIDATES[quality] // (wish.lines * takes))
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
                quality=quality,
                candidates=candidates,
                whatever_load=wish.seed is not None,
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
            self.settings.recall,
        )

    async def draft(self, engine: Engine, at: Standing, manner: Manner) -> Draft:
        """One line by the voice, the best of its candidates; raises RoomError."""
        return reranking.choose(await self._candidates(engine, at, manner), at.said).draft

    async def draft_each(
        self, engine: Engine, at: Standing, manners: Sequence[Manner]
    ) -> list[Draft | RoomError]:
        """A line for each take, no two alike where candidates differ, or why there is none."""
        pools = await asyncio.gather(
            *(self._candidates(engine, at, manner) for manner in manners), return_exceptions=True
        )
        found: list[Draft | RoomError] = []
        beside: list[str] = []
        for pool in pools:
            if isinstance(pool, RoomError):
                found.append(pool)
            elif isinstance(pool, BaseException):
                raise pool
            else:
                found.append(draft := reranking.choose(pool, at.said, beside).draft)
                beside.append(draft.element.text)
        return found

    async def _candidates(self, engine: Engine, at: Standing, manner: Manner) -> list[Candidate]:
        """At least one candidate for a line; raises RoomError."""
        try:
            found = await write_candidates(engine, at, manner, self.channel)
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
        if not found:
            raise RoomError(say("The voice had nothing to say: try again, or another temperature."))
        return found

    async def banned(self, guild: int | None) -> tuple[str, ...]:
        """What must not be said here: the operator's list, the guild's and the channel's."""
        own = await self.store.banned_words.list_effective(self.channel, guild)
        return tuple(sorted({*generator.words_of(self.settings.banned), *own}))

    async def drafts(
        self, reading: Reading, state: States, elements: Sequence[Element], writer: Writer
    ) -> list[Draft]:
        """A person's elements, each with the state that reading it leaves."""
        drafts: list[Draft] = []
        for element in elements:
            draft = await generator.read(
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
            recent = generator.recent(model, [])
            return Standing(reading.start, recent, opening=reading.opening)
        state, last = await self.store.states.load_checkpoint(head, reading.fingerprint, REACH)
        if state is None:
            state = await self.state(reading, head, progress)
        said = tuple(await self.store.lines.load_last_texts(head, REMEMBERED))
        heard = generator.heard(last)
        return Standing(state, generator.recent(model, last), reading.opening, said, heard)

    async def state(
        self, reading: Reading, head: int | None, progress: Progress | None = None
    ) -> States:
        """What the voice remembers at a line: kept, or read again from the text."""
        if head is None:
            return reading.start
        kept = await self.store.states.find(head, reading.fingerprint)
        if kept is not None:
            return kept
        path = await self.store.lines.load_path(head)
        state, unread = await self._last_kept(reading, path)
        state = await generator.read_again(
            reading.engine, state, unread, self.channel, progress or Progress()
        )
        removed = sum(line.removed for line in path)
        await self.store.states.keep(head, reading.fingerprint, state, removed)
        return state

    async def cost(self, reading: Reading, line: Line) -> Floats:
        """What each character of a line but the first cost the voice, in bits: float [n]."""
        known = await self.store.states.find_surprisal(line.id, reading.fingerprint)
        if known is not None:
            return known
        state = await self.state(reading, line.parent)
        return await generator.costs(reading.engine, state, line.element, self.channel)

    async def _last_kept(
        self, reading: Reading, path: Sequence[Line]
    ) -> tuple[States, Sequence[Line]]:
        """The last state that was kept on a path, and the lines after it."""
        kept = await self.store.states.list_kept((line.id for line in path), reading.fingerprint)
        for i in reversed(range(len(path))):
            if path[i].id in kept:
                state = await self.store.states.find(path[i].id, reading.fingerprint)
                if state is not None:
                    return state, path[i + 1 :]
        return reading.start, path


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
