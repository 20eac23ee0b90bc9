"""Library: begin, switch, rename and put away a channel's scripts, and change how they are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from ..generation import openings, prefill
from ..generation.openings import Reading
from ..generation.options import PREFERENCES
from ..i18n.catalogue import say
from ..i18n.markdown import inline
from ..inference.registry import ModelRegistry
from ..inference.word_filter import find_banned_word
from ..screenplay.drafts import Draft
from ..screenplay.elements import Element, Kind, ScriptError
from ..screenplay.free_text import CAST_LIMIT
from ..settings import Settings
from ..storage.schema import Line, Script, guild_voice_key
from ..storage.store import Store
from .banned_words import read_words
from .context import TurnContext
from .permissions import check_may_rule, check_may_write
from .reader import Reader
from .turn import (
    NO_SCRIPT,
    LineIsOld,
    NewScript,
    NoScript,
    Patience,
    Place,
    RoomError,
    Stopped,
    Turn,
    Writer,
    place_of,
)

LONGEST_READING = 600.0
"""Seconds for which a model reads a file before its lines are there. Discord waits for 900."""

ENOUGH_TO_JUDGE = 500
"""Lines of a file that are searched for characters which a model cannot read."""


class Library:
    """The scripts of one channel, of which one may run.

    A method that raises has changed nothing: RoomError or ScriptError for what cannot be done or
    may not, and ModelError for a model that is gone.
    """

    def __init__(
        self, channel: int, store: Store, voices: ModelRegistry, settings: Settings, reader: Reader
    ) -> None:
        self.channel = channel
        self.store = store
        self.voices = voices
        self.settings = settings
        self.reader = reader
        self.lock = asyncio.Lock()
        """Held for a whole turn, so that the second of two sees what the first has done."""

    # The script that runs

    async def script(self) -> Script:
        """Return the script that the channel writes on; raises NoScript."""
        script = await self.store.scripts.find_running_script(self.channel)
        if script is not None:
            return script
        if await self.scripts():
            raise NoScript(
                say(
                    "No script is running in this channel. Start one with {/start}, or continue "
                    "one with {/scripts}."
                )
            )
        raise NoScript(say("No script is running in this channel. Start one with {/start}."))

    async def script_at(self, under: Place | None) -> Script:
        """Return the script if it still stands at a place; raises NoScript and LineIsOld."""
        script = await self.script()
        if under is None or under == place_of(script):
            return script
        await self.check_runs(script, under.script)
        raise LineIsOld(under)

    @asynccontextmanager
    async def turn(self, writer: Writer, under: Place | None = None) -> AsyncIterator[TurnContext]:
        """Hold the channel for one turn; raises NoScript and LineIsOld as `script_at` does."""
        async with self.lock:
            yield TurnContext(self.store, await self.script_at(under), writer)

    async def begun(self) -> Script:
        """Return the script if it has a line; raises NoScript, and RoomError where it has none."""
        script = await self.script()
        if script.head is None:
            raise RoomError(say("The script is empty. Write a line, or use {/continue}."))
        return script

    async def lines(self) -> list[Line]:
        """Return the script's lines, from the first to the last."""
        return await self.store.lines.load_path((await self.script()).head)

    async def characters(self) -> list[str]:
        """Return the cast, and after it the other characters, the latest speaker first."""
        script = await self.script()
        cues = await self.store.lines.list_speech_cues(script.head)
        spoken = [Element(Kind.DIALOGUE, cue).cue for cue in cues]
        return list(dict.fromkeys([*script.cast, *(cue for cue in spoken if cue)]))

    async def check_runs(self, running: Script, script: int) -> None:
        """Raise RoomError where another script was meant than the one that runs."""
        if running.id == script:
            return
        title = inline(running.title, 100)
        if await self.store.scripts.find_script(script) is None:
            raise RoomError(
                say("That script was deleted. “{title}” is running here now.", title=title)
            )
        raise RoomError(say("That script is paused. “{title}” is running here now.", title=title))

    # New scripts

    async def begin(self, writer: Writer, new: NewScript, heading: Element | None = None) -> Turn:
        """Begin a script, with a scene heading if there is one, and shelve the one that ran."""
        async with self.lock:
            shelved = await self._script_to_shelve(writer, new.over)
            script = await self._unstored(writer, new)
            reading = await self._open_first(script, new.style)
            first = [heading] if heading else []
            drafts = await self.reader.read_elements(reading, reading.start, first, writer)
            return await self._store(script, reading, drafts, writer, shelved)

    async def import_script(
        self,
        writer: Writer,
        new: NewScript,
        elements: Sequence[Element],
        patience: Patience | None = None,
    ) -> Turn:
        """Begin a script with the elements of a file, and shelve the one that ran.

        The model reads them before, and keeps nobody who writes here waiting meanwhile.
        """
        patience = patience or Patience()
        await self._script_to_shelve(writer, new.over)
        script = await self._unstored(writer, new)
        reading = await self._open_first(script, new.style)
        reads = prefill.read_all(
            reading,
            elements,
            writer.id,
            writer.name,
            self.channel,
            patience.progress,
            LONGEST_READING,
        )
        try:
            drafts = await patience.wait(reads)
        except Stopped:
            raise RoomError(say("Stopped while reading the script. Nothing was started.")) from None
        async with self.lock:
            shelved = await self._script_to_shelve(writer, new.over)
            return await self._store(script, reading, drafts, writer, shelved)

    async def _script_to_shelve(self, writer: Writer, over: int | None) -> Script | None:
        """Return the script that runs; raises RoomError unless the writer may shelve it."""
        running = await self.store.scripts.find_running_script(self.channel)
        if over is not None and over != (running.id if running else NO_SCRIPT):
            raise RoomError(say("Another script was started here. Use {/start} again."))
        if running is not None:
            check_may_write(running, writer)
        return running

    async def _unstored(self, writer: Writer, new: NewScript) -> Script:
        """Return a new script before it is stored; raises ScriptError for a banned name."""
        await self._check_names(new.cast, new.guild)
        initial = {name: one.initial(self.settings) for name, one in PREFERENCES.items()}
        if new.temperature:
            initial["temperature"] = new.temperature
        return Script(
            channel=self.channel,
            guild=new.guild,
            owner=writer.id,
            title=new.title,
            cast=list(new.cast),
            voice=new.voice or await self._default_voice(new.guild),
            lock=bool(new.cast),
            running=True,
            head=None,
            options={name: value for name, value in initial.items() if value is not None},
        )

    async def chosen_voice(self, guild: int | None) -> str:
        """Return the name of the model that a guild has chosen, or the operator."""
        chosen = (
            await self.store.key_values.find_value(guild_voice_key(guild))
            if guild is not None
            else None
        )
        return chosen or self.settings.model

    async def _default_voice(self, guild: int | None) -> str:
        """Return the chosen model's name, or the operator's where the chosen one is gone."""
        chosen = await self.chosen_voice(guild)
        return chosen if chosen in self.voices.names() else self.settings.model

    async def _open_first(self, script: Script, style: str | None) -> Reading:
        """Return a new script's model, and note the style in the script; raises ScriptError."""
        if style:
            model = (await self.voices.engine(script.voice)).model
            script.style = openings.find_style(model, style)
        return await self.reader.open(script.voice, script.style)

    async def _store(
        self,
        new: Script,
        reading: Reading,
        drafts: Sequence[Draft],
        writer: Writer,
        shelved: Script | None,
    ) -> Turn:
        """Store a new script with its first lines."""
        script = await self.store.scripts.create_script(new, drafts, writer.delivery)
        last = await self.store.lines.load_last_lines(script.head, 1)
        notices = self.reader.notices
        notices.note_reader(script.id, reading)
        first = [draft.element for draft in drafts[:ENOUGH_TO_JUDGE]]
        unreadable = notices.is_unreadable(script.id, writer.id, reading.model, first)
        return Turn(script, last, shelved=shelved, unreadable=unreadable)

    # All scripts

    async def scripts(self) -> list[Script]:
        """Return all scripts of the channel: the one that runs, then the others, latest first."""
        return await self.store.scripts.list_scripts(self.channel)

    async def find(self, script: int) -> Script:
        """Return a script of the channel by its id; raises RoomError where it is gone."""
        found = await self.store.scripts.find_script(script)
        if found is None or found.channel != self.channel:
            raise RoomError(say("That script is no longer here. See {/scripts}."))
        return found

    async def switch(self, writer: Writer, script: int) -> Turn:
        """Go on with another script, and shelve the one that ran."""
        async with self.lock:
            wanted = await self.find(script)
            running = await self.store.scripts.find_running_script(self.channel)
            if running is not None and running.id == script:
                raise RoomError(say("That script is already running here. Use {/continue}."))
            for one in filter(None, (wanted, running)):
                check_may_write(one, writer)
            left, returned = await self._parted(running, wanted)
            found = await self.store.scripts.run_script(script)
            return Turn(found, moved_from=found.head, left=left, returned=returned, shelved=running)

    async def rename(self, writer: Writer, script: int, title: str) -> Script:
        """Give a script another title."""
        async with self.lock:
            check_may_rule(await self.find(script), writer)
            return await self.store.scripts.update_script(script, title=title)

    async def archive(self, writer: Writer, script: int, archived: bool) -> Script:
        """Put a script away, so that it no longer runs, or put it back on the shelf."""
        async with self.lock:
            found = await self.find(script)
            check_may_rule(found, writer)
            running = found.running and not archived
            return await self.store.scripts.update_script(
                script, archived=archived, running=running
            )

    async def delete(self, writer: Writer, script: int) -> list[Turn]:
        """Delete a script for good, but for the lines that a fork of it reaches.

        Returns what is seen now of each script that the messages of the deleted one show instead.
        """
        async with self.lock:
            found = await self.find(script)
            check_may_rule(found, writer)
            seen = [
                Turn(one, moved_from=one.head, left=left, returned=returned)
                for one in await self._behind(found)
                for left, returned in [await self._parted(found, one)]
            ]
            await self.store.scripts.delete_script(script)
            return seen

    async def _parted(
        self, was: Script | None, now: Script
    ) -> tuple[frozenset[int], frozenset[int]]:
        """Return the lines that leave the channel's sight and those that come back with a switch.

        They come of the script that ran, where both share lines. Where both share none, messages
        may show any script that shares lines with the new one, as that script last stood.
        """
        before = (
            [was]
            if was and await self.store.scripts.have_common_lines(was, now)
            else await self.scripts()
        )
        stands = frozenset(await self.store.lines.load_path_ids(now.head))
        left, returned = set[int](), set[int]()
        for one in before:
            if one.id != now.id and await self.store.scripts.have_common_lines(one, now):
                stood = await self.store.lines.load_path_ids(one.head)
                left |= set(stood) - stands
                returned |= stands.difference(stood)
        return frozenset(left), frozenset(returned)

    async def _behind(self, script: Script) -> list[Script]:
        """Return the scripts that share lines with one, and so may be seen in its messages.

        Where one of them runs, that one is seen already, and none is returned.
        """
        sharing = [
            one
            for one in await self.scripts()
            if one.id != script.id and await self.store.scripts.have_common_lines(one, script)
        ]
        return [] if any(one.running for one in sharing) else sharing

    # Preferences and cast of the script that runs

    async def change(self, writer: Writer, values: Mapping[str, Any]) -> Script:
        """Change preferences of the script, by the names of options and columns of `Script`.

        The owner and moderators change all of them, but moderators alone the role.
        """
        async with self.lock:
            script = await self.script()
            check_may_rule(script, writer)
            if "role" in values and not writer.moderator:
                raise RoomError(
                    say("Only a moderator (Manage Messages) can limit a script to a role. Ask one.")
                )
            if "voice" in values:
                await self.voices.engine(values["voice"])
            options = {name: values[name] for name in values if name in PREFERENCES}
            columns = {name: values[name] for name in values if name not in PREFERENCES}
            return await self.store.scripts.update_script(script.id, options, **columns)

    async def add_to_cast(
        self, writer: Writer, names: Sequence[str], player: int | None = None
    ) -> Script:
        """Add characters, played by a person with this id, or by nobody."""
        async with self.lock:
            script = await self.script()
            check_may_write(script, writer)
            if not names:
                raise RoomError(say("Name a character to add, such as MAYA."))
            await self._check_names(names, script.guild)
            cast = list(dict.fromkeys([*script.cast, *names]))
            if len(cast) > CAST_LIMIT:
                raise RoomError(
                    say(
                        "A cast can have at most {most} characters. Remove one first.",
                        most=CAST_LIMIT,
                    )
                )
            return await self.store.scripts.replace_cast(
                script.id, cast, dict.fromkeys(names, player)
            )

    async def remove_from_cast(self, writer: Writer, name: str) -> Script:
        """Take a character out of the cast."""
        async with self.lock:
            script = await self.script()
            check_may_rule(script, writer)
            if name not in script.cast:
                raise RoomError(
                    say("“{name}” is not in the cast. See {/cast list}.", name=inline(name, 60))
                )
            cast = [one for one in script.cast if one != name]
            return await self.store.scripts.replace_cast(script.id, cast, {})

    async def banned(self, guild: int | None) -> tuple[str, ...]:
        """Return the banned words here: the operator's list, the guild's and the channel's."""
        own = await self.store.banned_words.list_banned_words(self.channel, guild)
        return tuple(sorted({*read_words(self.settings.banned), *own}))

    async def _check_names(self, names: Sequence[str], guild: int | None) -> None:
        """Raise ScriptError for a name that has a banned word."""
        banned = await self.banned(guild)
        for name in names:
            if word := find_banned_word(name, banned):
                raise ScriptError(
                    say(
                        "“{name}” cannot join the cast, because “{word}” is banned here. See "
                        "{/settings banned}.",
                        name=inline(name, 60),
                        word=inline(word, 40),
                    )
                )
