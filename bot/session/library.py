"""Begin, switch, rename, archive and delete a channel's scripts, and change their preferences."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from ..errors import NoScript, NotRunning, RequestError, StaleLine, Stopped
from ..generation import prefill
from ..generation.inputs import PrimedModel
from ..generation.openings import find_style
from ..i18n.catalogue import phrase
from ..inference.word_filter import find_banned_word
from ..screenplay.drafts import Draft
from ..screenplay.elements import Element, Kind
from ..screenplay.free_text import CAST_LIMIT
from ..settings import Settings
from ..storage.repositories.key_value_repository import guild_model_key
from ..storage.schema import Line, Script
from .banned_words import read_words
from .permissions import (
    TurnContext,
    check_may_change,
    check_may_manage,
    check_may_recast,
    check_may_write,
)
from .preferences import MODEL, STYLE, initial_values, select_kept
from .rate_limits import RateLimits
from .reader import ScriptReader
from .situations import find_fitting_model
from .turn import (
    NO_SCRIPT,
    Clock,
    Job,
    NewScript,
    Requester,
    ScriptPosition,
    TurnResult,
    current_position,
)

READING_TIME_LIMIT = 600.0
"""Seconds after which a file's lines are added even if the model has not read them all. Discord
waits for 900 seconds."""

CHECKED_LINES = 500
"""The number of lines of a file that are searched for characters that a model cannot read."""


class Library:
    """The scripts of one channel, of which one may run.

    A method that raises has changed nothing. It raises RequestError for what cannot or may not be
    done, and ModelError for a model that is gone.
    """

    def __init__(
        self, reader: ScriptReader, settings: Settings, clock: Clock, limits: RateLimits
    ) -> None:
        self.channel = reader.channel
        self.store = reader.store
        self.models = reader.models
        self.reader = reader
        self.settings = settings
        self.clock = clock
        self.limits = limits
        self.lock = asyncio.Lock()
        """Held for a whole turn, so that the second of two sees what the first has done."""

    # The script that runs

    async def load_script(self) -> Script:
        """Load the running script; raise NoScript."""
        script = await self.find_running()
        if script is None:
            raise await self._make_no_script()
        return script

    async def find_running(self) -> Script | None:
        return await self.store.scripts.find_running_script(self.channel)

    async def find_latest(self) -> Script | None:
        """Return the running script or, if none runs, the one in which somebody wrote last."""
        return await self.find_running() or await self.store.scripts.find_last_script(self.channel)

    async def load_latest(self) -> Script:
        """Load the script that `find_latest` returns; raise NoScript."""
        script = await self.find_latest()
        if script is None:
            raise NoScript
        return script

    async def load_script_to_read(self, script: int | None = None) -> Script:
        """Load a script by its id, or the latest one; raise RequestError if it has no line."""
        found = await (self.load_latest() if script is None else self.find(script))
        return _check_has_lines(found)

    async def _make_no_script(self) -> NoScript:
        last = await self.store.scripts.find_last_script(self.channel)
        if last is None:
            return NoScript()
        return NotRunning(script=last.id, title=last.title, is_archived=last.archived)

    async def _check_position(self, script: Script, expected: ScriptPosition | None) -> None:
        if expected is not None and expected != current_position(script):
            await self.check_is_running(script, expected.script)
            raise StaleLine(script=expected.script, line=expected.line)

    @asynccontextmanager
    async def open_turn(
        self, requester: Requester, expected: ScriptPosition | None = None
    ) -> AsyncIterator[TurnContext]:
        """Lock the channel for one turn; raise NoScript, or StaleLine if the script has gone on."""
        if self.lock.locked():
            # If possible, refuse a turn here, before it waits and everybody sees its progress.
            await self._check_position(await self.load_script(), expected)
        async with self.lock:
            found = await self.store.scripts.find_running_for_turn(self.channel)
            if found is None:
                raise await self._make_no_script()
            script = found.script
            await self._check_position(script, expected)
            banned = self._add_own_words(found.words)
            yield TurnContext(
                self.store, script, requester, banned, found.rotation, found.vote_ends, self.limits
            )

    @asynccontextmanager
    async def lock_running_script(self, script: int) -> AsyncIterator[Script]:
        """Lock the channel, and yield the script; raise RequestError if it is not running."""
        async with self.lock:
            yield await self.load_running(script)

    async def load_running(self, script: int) -> Script:
        """Load the running script; raise RequestError if another one was meant."""
        running = await self.load_script()
        await self.check_is_running(running, script)
        return running

    async def load_nonempty_script(self) -> Script:
        """Load the running script; raise NoScript, or RequestError if it has no line."""
        return _check_has_lines(await self.load_script())

    async def load_lines(self, script: Script | None = None) -> list[Line]:
        """Return a script's lines, from the first to the last; by default the running one's."""
        script = script or await self.load_script()
        return await self.store.lines.load_path(script.head)

    async def load_elements(self, script: Script | None) -> list[Element]:
        """Return what a script's lines say, from the first to the last; nothing without a script.

        This is faster than `load_lines`.
        """
        return await self.store.lines.load_elements(script.head if script else None)

    async def count_lines(self, head: int | None) -> int:
        """Count the lines up to and including a line; the count is its number, from 1."""
        return await self.store.lines.count_lines(head)

    async def count_text(self, script: Script) -> int:
        """Count the characters of all lines of a script."""
        return await self.store.lines.count_characters(script.head)

    async def list_characters(self, script: Script | None = None) -> list[str]:
        """Return a script's cast, followed by the other characters, the latest speaker first.

        By default, the script is the running one.
        """
        script = script or await self.load_script()
        cues = await self.store.lines.list_speech_cues(script.head)
        spoken = [Element(Kind.DIALOGUE, cue).cue for cue in cues]
        return list(dict.fromkeys([*script.cast, *(cue for cue in spoken if cue)]))

    async def check_is_running(self, running: Script, script: int) -> None:
        """Raise RequestError if a script other than the running one was meant."""
        if running.id == script:
            return
        if await self.store.scripts.find_script(script) is None:
            raise RequestError(
                "That script was deleted. “{title}” is running here now.", title=running.title
            )
        raise RequestError(
            "That script is paused. “{title}” is running here now.", title=running.title
        )

    # New scripts

    async def begin(
        self,
        requester: Requester,
        new: NewScript,
        *opening: Element,
        author: Requester | None = None,
    ) -> TurnResult:
        """Begin a script with its first elements, if any, and shelve the one that ran.

        The elements belong to the ``author`` if that is not the requester.
        """
        async with self.lock:
            script, primed = await self._prepare_script(requester, new)
            drafts = await self.reader.read_elements(
                primed, primed.start, opening, author or requester
            )
            return await self._store_script(script, primed, drafts, requester)

    async def import_script(
        self,
        requester: Requester,
        new: NewScript,
        elements: Sequence[Element],
        job: Job,
        opening: Sequence[Element] = (),
        authors: str = "",
    ) -> TurnResult:
        """Begin a script with an opening and the elements of a file, and shelve the one that ran.

        The ``authors`` of the file are credited with its elements, which remain the requester's to
        change. The model reads everything before the channel is locked, so nobody who writes here
        has to wait.
        """
        _, primed = await self._prepare_script(requester, new)
        reads = prefill.read_script(
            primed,
            [*opening, *elements],
            requester.id,
            requester.name,
            job.progress,
            READING_TIME_LIMIT,
        )
        try:
            drafts = await job.run(reads)
        except Stopped:
            raise RequestError("Stopped while reading the script. Nothing was started.") from None
        if authors not in ("", requester.name):
            own, others = drafts[: len(opening)], drafts[len(opening) :]
            drafts = [*own, *(replace(draft, credit=authors, imported=True) for draft in others)]
        async with self.lock:
            # Somebody may have changed the channel's settings meanwhile.
            script, primed = await self._prepare_script(requester, new)
            result = await self._store_script(script, primed, drafts, requester)
        return replace(result, unread=sum(draft.surprisal is None for draft in drafts))

    async def _check_may_shelve(self, requester: Requester, new: NewScript) -> None:
        running = await self.find_running()
        if new.replaced not in (None, running.id if running else NO_SCRIPT):
            raise RequestError(
                "Now another script is running here, or none. See {/script list}, or use "
                "{/start} again."
            )
        if running is not None:
            if new.only_empty and running.head is not None:
                raise RequestError(
                    "“{title}” has lines now. Use {/start} again to pause it.", title=running.title
                )
            check_may_write(running, requester)

    async def _prepare_script(
        self, requester: Requester, new: NewScript
    ) -> tuple[Script, PrimedModel]:
        """Make a new script without storing it, and open its model; raise RequestError."""
        await self._check_may_shelve(requester, new)
        await self._check_names(new.cast, new.guild)
        last = await self.find_latest()
        kept = select_kept(last.preferences) if last else {}
        preferences = initial_values(new.cast, self.settings) | kept | dict(new.options)
        preferences[MODEL.name] = name = new.model or await self.find_chosen_model(new.guild)
        if new.style:
            model = (await self.models.engine(name)).model
            preferences[STYLE.name] = find_style(model, new.style)
        script = Script(
            channel=self.channel,
            guild=new.guild,
            owner=requester.id,
            title=new.title,
            cast=list(new.cast),
            preferences={name: value for name, value in preferences.items() if value is not None},
            running=True,
            head=None,
            begun=self.clock(),
        )
        return script, await self.reader.open_model(script.model, STYLE.of(script))

    async def find_chosen_model(self, guild: int | None, heading: str = "") -> str:
        """Return the preset model or, if there is none, the one that a heading suggests."""
        if preset := await self.find_preset_model(guild):
            return preset
        suggested = find_fitting_model(heading)
        return suggested if suggested in self.models.names() else self.settings.model

    async def find_preset_model(self, guild: int | None) -> str | None:
        """Return the model that a guild or, failing that, the bot's owner chose, or None."""
        if guild is None:
            return self._prefer_model(None)
        return self._prefer_model(await self.store.key_values.find_value(guild_model_key(guild)))

    async def choose_guild_model(self, guild: int, name: str) -> None:
        """Choose a model for a guild's new scripts."""
        await self.store.key_values.save_value(guild_model_key(guild), name)

    def recall_preset_model(self, guild: int | None) -> str | None:
        """Return what `find_preset_model` returns, without waiting, if it is remembered."""
        if guild is None:
            return self._prefer_model(None)
        return self._prefer_model(self.store.key_values.recall_value(guild_model_key(guild)))

    def _prefer_model(self, name: str | None) -> str | None:
        """Return a guild's model unless it is gone, else the one of the bot's owner, if any."""
        if name in self.models.names():
            return name
        return self.settings.model if "model" in self.settings.model_fields_set else None

    async def _store_script(
        self, new: Script, primed: PrimedModel, drafts: Sequence[Draft], requester: Requester
    ) -> TurnResult:
        script = await self.store.scripts.create_script(new, drafts, requester.delivery)
        notifications = self.reader.notifications
        notifications.record_model(script.id, primed)
        elements = [draft.element for draft in drafts[:CHECKED_LINES]]
        return notifications.attach(TurnResult(script), requester.id, primed.model, elements)

    # All scripts

    async def list_scripts(self) -> list[Script]:
        """Return all scripts of the channel: the running one, then the others, latest first."""
        return await self.store.scripts.list_scripts(self.channel)

    async def find(self, script: int) -> Script:
        """Return a script of the channel by its id; raise RequestError if it is gone."""
        row = await self.store.scripts.find_script(script)
        if row is None or row.channel != self.channel:
            raise RequestError("That script is no longer here. See {/script list}.")
        return row

    async def switch(self, requester: Requester, script: int) -> TurnResult:
        """Go on with another script, and shelve the one that ran."""
        async with self.lock:
            target = await self.find(script)
            running = await self.find_running()
            if running is not None and running.id == script:
                raise RequestError(
                    "That script is already running here. Write a line, or use {/continue}."
                )
            for script_row in filter(None, (target, running)):
                check_may_write(script_row, requester)
            # Nobody could write while it was paused.
            await self.store.rotations.extend_turn(script, self.clock())
            return TurnResult(await self.store.scripts.run_script(script), before=running)

    async def rename(self, requester: Requester, script: int, title: str) -> Script:
        async with self.lock:
            check_may_manage(await self.find(script), requester, phrase("rename it"))
            return await self.store.scripts.update_script(script, title=title)

    async def archive(self, requester: Requester, script: int) -> Script:
        """Archive a script, so that it no longer runs."""
        async with self.lock:
            check_may_manage(await self.find(script), requester, phrase("archive it"))
            return await self.store.scripts.update_script(
                script, archived=True, running=False, ending=None
            )

    async def end(self, requester: Requester, script: int) -> Script:
        """End the running script: archive it, so that its closing card is due."""
        async with self.lock:
            await self.load_script_to_end(requester, script)
            return await self.store.scripts.update_script(
                script, archived=True, running=False, ending=requester.delivery
            )

    async def is_ending_due(self, script: Script) -> bool:
        """Return whether a script's end has yet to be shown, and the script has not resumed."""
        now = await self.store.scripts.find_script(script.id)
        return now is not None and now.ending == script.ending

    async def mark_ending_shown(self, script: Script) -> None:
        """Record that the closing card of a script was posted."""
        await self.store.scripts.mark_ending_shown(script)

    async def load_script_to_end(self, requester: Requester, script: int) -> Script:
        """Load the running script; raise RequestError if it is another one or cannot be ended."""
        row = await self.load_nonempty_script()
        await self.check_is_running(row, script)
        check_may_manage(row, requester, phrase("end it"))
        return row

    async def count_forked_lines(self, script: Script) -> int:
        """Count the lines that forks would keep after a deletion."""
        return await self.store.scripts.count_forked_lines(script)

    async def delete(self, requester: Requester, script: int) -> list[int]:
        """Delete a script for good, except for lines that a fork shares.

        Return the messages of its open polls.
        """
        async with self.lock:
            check_may_manage(await self.find(script), requester, phrase("delete it"))
            polls = await self.store.polls.list_open_poll_messages(script)
            await self.store.scripts.delete_script(script)
            return polls

    # Preferences and cast of the script that runs

    async def change_preferences(self, requester: Requester, values: Mapping[str, Any]) -> Script:
        """Change preferences of the script, by their names; None removes one.

        The owner and moderators may change all of them, except those that only moderators may
        change. A voice that lacks the style of the script removes the style.
        """
        async with self.lock:
            script = await self.load_script_to_change(requester, values)
            if model := values.get(MODEL.name):
                await self.models.look(model)  # because the engine of a removed file still works
            if model or values.get(STYLE.name):
                engine = await self.models.engine(model or script.model)
                if style := values.get(STYLE.name):
                    values = {**values, STYLE.name: find_style(engine.model, style)}
                elif STYLE.of(script) not in engine.model.openings:
                    values = {**values, STYLE.name: None}
            return await self.store.scripts.update_script(script.id, values)

    async def load_script_to_change(self, requester: Requester, names: Iterable[str]) -> Script:
        """Load the running script; raise RequestError if these preferences may not be changed."""
        script = await self.load_script()
        check_may_change(script, names, requester)
        return script

    async def add_to_cast(
        self, requester: Requester, names: Sequence[str], player: int | None = None
    ) -> Script:
        """Add characters, played by the person with this id or by nobody."""
        async with self.lock:
            script = await self.load_script()
            check_may_write(script, requester)
            if not names:
                raise RequestError("Name a character to add, such as MAYA.")
            for name in names:
                check_may_recast(script, name, player, requester)
            return await self._extend_cast(script, names, dict.fromkeys(names, player))

    async def add_speaker_to_cast(self, requester: Requester, script: int, name: str) -> Script:
        """Add a character who has spoken to the cast of the running script; the player stays."""
        async with self.lock_running_script(script) as running:
            check_may_write(running, requester)
            return await self._extend_cast(running, [name], {})

    async def _extend_cast(
        self, script: Script, names: Sequence[str], players: Mapping[str, int | None]
    ) -> Script:
        await self._check_names(names, script.guild)
        cast = list(dict.fromkeys([*script.cast, *names]))
        if len(cast) > CAST_LIMIT:
            raise RequestError(
                "A cast can have at most {most} characters. Remove one first.", most=CAST_LIMIT
            )
        return await self.store.scripts.replace_cast(script.id, cast, players)

    async def remove_from_cast(self, requester: Requester, names: Sequence[str]) -> Script:
        async with self.lock:
            script = await self.load_script()
            check_may_manage(script, requester, phrase("take somebody out of its cast"))
            if not names:
                raise RequestError("Name a character to remove, such as MAYA.")
            for name in names:
                if name in script.cast:
                    continue
                if name in await self.list_characters(script):
                    raise RequestError(
                        "{name} has lines, but is not in the cast. To remove {name} from the "
                        "menu, undo or rewrite those lines.",
                        name=name,
                    )
                error = RequestError("“{name}” is not in the cast. See {/cast}.", name=name)
                raise error.suggest(name, script.cast)
            cast = [member for member in script.cast if member not in names]
            return await self.store.scripts.replace_cast(script.id, cast, {})

    async def load_banned_words(self, guild: int | None) -> tuple[str, ...]:
        """Return the words banned here: the bot owner's list, the guild's and the channel's."""
        return self._add_own_words(
            await self.store.banned_words.list_banned_words(self.channel, guild)
        )

    def _add_own_words(self, local_words: Iterable[str]) -> tuple[str, ...]:
        return tuple(sorted({*read_words(self.settings.banned), *local_words}))

    async def _check_names(self, names: Sequence[str], guild: int | None) -> None:
        banned = await self.load_banned_words(guild)
        for name in names:
            if word := find_banned_word(name, banned):
                raise RequestError(
                    "“{name}” cannot join the cast, because “{word}” is banned here. See "
                    "{/banned}.",
                    name=name,
                    word=word,
                )


def _check_has_lines(script: Script) -> Script:
    """Return a script; raise RequestError if it has no line."""
    if script.head is None:
        raise RequestError("The script is empty. Write a line, or use {/continue}.")
    return script
