"""Turn a request into options for each line, and write the lines with a model."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator, Sequence
from typing import Any

from ..errors import NotInCast, RequestError, Stopped
from ..generation import reranking
from ..generation.generator import write_candidates
from ..generation.inputs import GenerationContext, GenerationOptions
from ..generation.options import resolve_options
from ..generation.prefill import Progress
from ..inference.sampling import LARGEST_SEED, Sampling
from ..screenplay.drafts import Draft
from ..settings import Quality, Settings
from ..storage.schema import Script
from .preferences import LOCK, SKIP_PLAYED
from .turn import ContinueRequest, Job


class Drafter:
    """Write lines. It stores nothing, and reads no database."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    # Options

    def make_line_options(
        self,
        script: Script,
        request: ContinueRequest,
        banned: tuple[str, ...],
        seed: int,
        takes: int = 1,
    ) -> Iterator[GenerationOptions]:
        """Yield the options for each line of a take, starting at a seed; raise RequestError.

        Takes, which are written side by side, share the candidates of one line. A seed without a
        quality asks for the line of that very seed, so there is nothing to choose from.
        """
        present = _list_model_characters(script, request)
        allowed = present if LOCK.of(script) or (SKIP_PLAYED.of(script) and script.players) else ()
        options = resolve_options(request.options, script.preferences, self.settings)
        quality = options.pop("quality")
        is_chosen = request.options.get("quality") or script.preferences.get("quality")
        if request.seed is not None and not is_chosen:
            quality = Quality.QUICK
        if request.is_unspoken:
            options["company"] = 0.0
        candidates = max(1, reranking.CANDIDATES[quality] // takes)
        for number in range(request.lines):
            # The character of the request speaks first; who answers is up to the model.
            character = request.character if number == 0 else None
            yield GenerationOptions(
                Sampling.of(_offset_seed(seed, number), options),
                self.settings.line_length,
                kind=None if character else request.kind,
                character=character,
                cast=() if character else allowed,
                present=() if character else present,
                banned=banned,
                quality=quality,
                candidates=candidates,
                ignores_load=request.seed is not None,
            )

    # Lines

    async def draft_takes(
        self,
        context: GenerationContext,
        script: Script,
        request: ContinueRequest,
        takes: int,
        banned: tuple[str, ...],
        job: Job,
        other_takes: Sequence[str] = (),
    ) -> list[list[Draft]]:
        """Write takes of a request's lines side by side; return those that have a line.

        The takes differ from each other and from ``other_takes`` if their candidates do. If
        somebody presses Stop, return what is finished. A take that cannot be written is left out,
        unless none can be. Raises RequestError, which says why nothing can be written, and Stopped
        if nothing was finished.
        """
        seed = _choose_seed(request)
        line_options = [
            self.make_line_options(
                script, request, banned, _offset_seed(seed, take * request.lines), takes
            )
            for take in range(takes)
        ]
        written: list[list[Draft]] = [[] for _ in line_options]
        try:
            firsts = await job.run(
                self._draft_distinct_firsts(
                    context, map(next, line_options), job.progress, other_takes
                )
            )
            tasks = [
                self._extend_take(context, first, following, job.progress, drafts)
                for first, following, drafts in zip(firsts, line_options, written, strict=True)
            ]
            await job.run(_run_any(tasks))
        except Stopped:
            if not any(written):
                raise
        return [drafts for drafts in written if drafts]

    async def _draft_distinct_firsts(
        self,
        context: GenerationContext,
        first_options: Iterable[GenerationOptions],
        progress: Progress,
        other_takes: Sequence[str],
    ) -> list[Draft | RequestError]:
        """Write the first line of each take, no two alike if their candidates differ."""
        pools = await asyncio.gather(
            *(write_candidates(context, options, progress=progress) for options in first_options),
            return_exceptions=True,
        )
        firsts: list[Draft | RequestError] = []
        for pool in pools:
            if isinstance(pool, RequestError):
                firsts.append(pool)
            elif isinstance(pool, BaseException):
                raise pool
            else:
                others = [first.element.text for first in firsts if isinstance(first, Draft)]
                others += other_takes
                chosen = reranking.choose_candidate(
                    pool, context.recent_texts, others, context.worn_texts
                )
                firsts.append(chosen.draft)
        return firsts

    async def _extend_take(
        self,
        context: GenerationContext,
        first: Draft | RequestError,
        line_options: Iterator[GenerationOptions],
        progress: Progress,
        drafts: list[Draft],
    ) -> None:
        """Write the lines below the first one of a take, and add all of them to ``drafts``."""
        if isinstance(first, RequestError):
            raise first
        try:
            draft = first
            while True:
                context = context.append(draft.element.text, draft.state)
                drafts.append(draft)
                progress.written += 1
                if (options := next(line_options, None)) is None:
                    return
                draft = await self.draft_line(context, options, progress)
        except RequestError:
            drafts.clear()
            raise

    async def draft_lines(
        self,
        context: GenerationContext,
        script: Script,
        request: ContinueRequest,
        banned: tuple[str, ...],
        job: Job,
        other_takes: Sequence[str] = (),
    ) -> AsyncIterator[Draft]:
        """Write a request's lines one below the other, and yield each when it is finished.

        None of the lines is one of ``other_takes``. Raises RequestError for a line that cannot be
        written, and Stopped.
        """
        for options in self.make_line_options(script, request, banned, _choose_seed(request)):
            draft = await job.run(self.draft_line(context, options, job.progress, other_takes))
            if draft.element.text in other_takes:
                raise RequestError(
                    "The voice wrote a line that is already there. Try again, or change the mood."
                )
            job.progress.written += 1
            yield draft
            context = context.append(draft.element.text, draft.state)

    async def draft_line(
        self,
        context: GenerationContext,
        options: GenerationOptions,
        progress: Progress | None = None,
        other_takes: Sequence[str] = (),
    ) -> Draft:
        """Write one line, the best of its candidates; raise RequestError."""
        candidates = await write_candidates(context, options, progress=progress)
        return reranking.choose_candidate(
            candidates, context.recent_texts, other_takes, context.worn_texts
        ).draft


def _choose_seed(request: ContinueRequest) -> int:
    return secrets.randbelow(LARGEST_SEED) if request.seed is None else request.seed


def _offset_seed(seed: int, number: int) -> int:
    return (seed + number) % (LARGEST_SEED + 1)


def may_speak_for(script: Script, name: str | None) -> bool:
    """Return whether a request may ask the model for a line of a character."""
    is_played = SKIP_PLAYED.of(script) and name in script.players
    return not is_played and not (LOCK.of(script) and script.cast and name not in script.cast)


def _list_model_characters(script: Script, request: ContinueRequest) -> tuple[str, ...]:
    """Return the members of the cast for whom the model speaks; raise RequestError."""
    played = set(script.players) if SKIP_PLAYED.of(script) else set()
    if request.character in played:
        raise RequestError(
            "Somebody plays {name}. Choose another character, or turn off *skip played* in "
            "{/settings}.",
            name=request.character or "",
        )
    if LOCK.of(script) and script.cast and request.character not in (None, *script.cast):
        name = request.character or ""
        raise NotInCast(script=script.id, name=name).suggest(name, script.cast)
    present = tuple(name for name in script.cast if name not in played)
    names_all_speakers = request.character is not None and request.lines == 1
    if script.cast and not present and not request.is_unspoken and not names_all_speakers:
        raise RequestError(
            "People play every character in the cast. Ask for action or a scene heading, or "
            "add somebody with {/cast}."
        )
    return present


async def _run_any(tasks: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run tasks side by side; raise what any of them raises, but RequestError only if all do."""
    results = await asyncio.gather(*tasks, return_exceptions=True)
    failed = [error for error in results if error is not None]
    worst = next((error for error in failed if not isinstance(error, RequestError)), None)
    if worst or len(failed) == len(results):
        raise worst or failed[0]
