"""Shelf: the scripts of one channel, and what is kept with each: its title, cast and manners."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Concatenate, ParamSpec, TypeVar

from ..i18n.catalogue import say
from ..i18n.markdown import inline
from ..inference.registry import Voices
from ..inference.word_filter import said
from ..screenplay.elements import Element, Kind, ScriptError
from ..screenplay.free_text import CAST_LIMIT
from ..settings import Settings
from ..storage.schema import Line, Script
from ..storage.store import Store
from .permissions import check_may_rule, check_may_write
from .prompter import Prompter
from .turn import LineIsOld, NoScript, Place, RoomError, Turn, Writer, place_of

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound="Shelf")


def locked(
    action: Callable[Concatenate[S, P], Coroutine[Any, Any, R]],
) -> Callable[Concatenate[S, P], Coroutine[Any, Any, R]]:
    """One turn after the other: who comes second sees what the first has done."""

    async def wait_and_act(shelf: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        async with shelf.lock:
            return await action(shelf, *args, **kwargs)

    wait_and_act.__doc__ = action.__doc__
    return wait_and_act


class Shelf:
    """One channel and its scripts, of which one may run.

    A method that raises has changed nothing: RoomError or ScriptError for what cannot be done or
    may not, and ModelError for a voice that is gone.
    """

    def __init__(self, channel: int, store: Store, voices: Voices, settings: Settings) -> None:
        self.channel = channel
        self.store = store
        self.voices = voices
        self.settings = settings
        self.prompter = Prompter(channel, store, settings)
        self.lock = asyncio.Lock()

    # Looking

    async def script(self) -> Script:
        """The script that the channel writes on; raises NoScript."""
        script = await self.store.scripts.find_running(self.channel)
        if script is not None:
            return script
        if await self.scripts():
            raise NoScript(
                say(
                    "No script runs in this channel now: begin one with {/start}, or go on with "
                    "one of {/scripts}."
                )
            )
        raise NoScript(say("No script runs in this channel yet: begin one with {/start}."))

    async def begun(self) -> Script:
        """The script, if it has a line; raises NoScript, and RoomError where it has none."""
        script = await self.script()
        if script.head is None:
            raise RoomError(say("The script has no line yet: write one, or use {/continue}."))
        return script

    async def script_at(self, under: Place | None) -> Script:
        """The script, if it stands at this place still; raises NoScript and LineIsOld."""
        script = await self.script()
        if under is None or under == place_of(script):
            return script
        await self._check_runs(script, under.script)
        raise LineIsOld(under)

    async def scripts(self) -> list[Script]:
        """All scripts of the channel: the one that runs, then the others, the latest first."""
        return await self.store.scripts.list_channel(self.channel)

    async def of_channel(self, script: int) -> Script:
        """One of them, by its id; raises RoomError when it is gone."""
        found = await self.store.scripts.find(script)
        if found is None or found.channel != self.channel:
            raise RoomError(say("That script is not here any more: see {/scripts}."))
        return found

    async def lines(self) -> list[Line]:
        """The script's lines, from the first to the last."""
        return await self.store.lines.load_path((await self.script()).head)

    async def characters(self) -> list[str]:
        """The cast, and after it those who have spoken, the latest first."""
        script = await self.script()
        cues = await self.store.lines.list_cues(script.head)
        spoken = [Element(Kind.DIALOGUE, cue).cue for cue in cues]
        return list(dict.fromkeys([*script.cast, *(cue for cue in spoken if cue)]))

    # Scripts

    @locked
    async def switch(self, writer: Writer, script: int) -> Turn:
        """Goes on with another script; the one that ran goes on the shelf."""
        wanted = await self.of_channel(script)
        running = await self.store.scripts.find_running(self.channel)
        if running is not None and running.id == script:
            raise RoomError(say("That script runs here already: go on with {/continue}."))
        for one in filter(None, (wanted, running)):
            check_may_write(one, writer)
        left, returned = await self._parted(running, wanted)
        found = await self.store.scripts.run(script)
        return Turn(found, moved_from=found.head, left=left, returned=returned, shelved=running)

    @locked
    async def rename(self, writer: Writer, script: int, title: str) -> Script:
        """Gives a script another title."""
        check_may_rule(await self.of_channel(script), writer)
        return await self.store.scripts.update(script, title=title)

    @locked
    async def archive(self, writer: Writer, script: int, archived: bool) -> Script:
        """Puts a script away, or back on the shelf; one that ran does so no more."""
        found = await self.of_channel(script)
        check_may_rule(found, writer)
        running = found.running and not archived
        return await self.store.scripts.update(script, archived=archived, running=running)

    @locked
    async def delete(self, writer: Writer, script: int) -> list[Turn]:
        """Deletes a script for good, but for lines that a fork of it reaches.

        Returns, for each script whose messages showed it instead, what is seen of that one now.
        """
        found = await self.of_channel(script)
        check_may_rule(found, writer)
        seen = [
            Turn(one, moved_from=one.head, left=left, returned=returned)
            for one in await self._behind(found)
            for left, returned in [await self._parted(found, one)]
        ]
        await self.store.scripts.delete(script)
        return seen

    # What is kept with the one that runs

    @locked
    async def change(self, writer: Writer, values: Mapping[str, Any]) -> Script:
        """Changes how the script is written: values by the names of `Script`'s columns.

        A script is kept to a role by moderators alone, everything else is its owner's, too.
        """
        script = await self.script()
        check_may_rule(script, writer)
        if "role" in values and not writer.moderator:
            raise RoomError(
                say("Only a moderator (Manage Messages) keeps a script to a role: ask one.")
            )
        if "voice" in values:
            await self.voices.engine(values["voice"])
        return await self.store.scripts.update(script.id, **values)

    @locked
    async def add_to_cast(
        self, writer: Writer, names: Sequence[str], player: int | None = None
    ) -> Script:
        """Adds characters, and says who plays them, or that nobody does: a person's id."""
        script = await self.script()
        check_may_write(script, writer)
        if not names:
            raise RoomError(say("Name somebody to add, such as MAYA."))
        await self._check_names(names, script.guild)
        cast = list(dict.fromkeys([*script.cast, *names]))
        if len(cast) > CAST_LIMIT:
            raise RoomError(
                say("A cast can have at most {most} characters: remove one first.", most=CAST_LIMIT)
            )
        return await self.store.scripts.recast(script.id, cast, dict.fromkeys(names, player))

    @locked
    async def remove_from_cast(self, writer: Writer, name: str) -> Script:
        """Takes a character out of the cast."""
        script = await self.script()
        check_may_rule(script, writer)
        if name not in script.cast:
            raise RoomError(
                say("“{name}” is not in the cast: see {/cast list}.", name=inline(name, 60))
            )
        cast = [one for one in script.cast if one != name]
        return await self.store.scripts.recast(script.id, cast, {})

    # How it is done

    async def _check_runs(self, running: Script, script: int) -> None:
        """Raises RoomError where another script was meant."""
        if running.id == script:
            return
        title = inline(running.title, 100)
        if await self.store.scripts.find(script) is None:
            raise RoomError(say("That script was deleted: “{title}” runs here now.", title=title))
        raise RoomError(say("That script is on the shelf: “{title}” runs here now.", title=title))

    async def _parted(
        self, was: Script | None, now: Script
    ) -> tuple[frozenset[int], frozenset[int]]:
        """The lines that leave the channel's sight, and those that come back, as it goes on.

        Those are where it goes on with another script that shares lines with the one that ran.
        Where that one shares none, messages may show any of those that do as it last stood.
        """
        before = (
            [was]
            if was and await self.store.scripts.share_lines(was, now)
            else await self.scripts()
        )
        stands = frozenset(await self.store.lines.load_path_ids(now.head))
        left, returned = set[int](), set[int]()
        for one in before:
            if one.id != now.id and await self.store.scripts.share_lines(one, now):
                stood = await self.store.lines.load_path_ids(one.head)
                left |= set(stood) - stands
                returned |= stands.difference(stood)
        return frozenset(left), frozenset(returned)

    async def _behind(self, script: Script) -> list[Script]:
        """The channel's scripts in whose messages another one may be seen, as it shares lines.

        There are none where one of them runs: then that is seen.
        """
        sharing = [
            one
            for one in await self.scripts()
            if one.id != script.id and await self.store.scripts.share_lines(one, script)
        ]
        return [] if any(one.running for one in sharing) else sharing

    async def _check_names(self, names: Sequence[str], guild: int | None) -> None:
        """Raises ScriptError for names that must not be said."""
        banned = await self.prompter.banned(guild)
        for name in names:
            if word := said(name, banned):
                raise ScriptError(
                    say(
                        "“{name}” cannot be in the cast: “{word}” is among the words that must not "
                        "be said here ({/settings banned}).",
                        name=inline(name, 60),
                        word=inline(word, 40),
                    )
                )
