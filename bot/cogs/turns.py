"""Turns: what the commands do in a room, and how a channel comes to see it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeVar
from weakref import WeakSet

import discord
from discord import app_commands
from discord.ext import commands

from ..i18n.catalogue import phrase, say
from ..i18n.markdown import inline
from ..inference.engine import EngineClosed
from ..inference.registry import Voices
from ..log_redaction import guard_loggers, leave_loggers
from ..screenplay.elements import Element
from ..screenplay.free_text import TITLE_LIMIT, cast, heading, titled
from ..screenplay.importers.import_formats import check_file
from ..session.channel_session import Room, Rooms
from ..session.rate_limits import Cost, Limits
from ..session.turn import NO_SCRIPT, NewScript, Patience, Place, RoomError, Turn, Writer
from ..settings import Settings, settings
from ..storage.database import NotKept
from ..storage.store import Store
from ..telemetry import SILENT
from ..ui import attachments, components, panels, takes
from ..ui.components import Interaction, LineButton, PageButton, StopButton
from ..ui.delivery import LOST, reply_to, taken_away, whispered
from ..ui.message_sync import Board
from ..ui.polls import Polls
from ..ui.privacy import ForgetButton
from ..ui.responses import WRITTEN, answer, check_permissions
from .bounds import check_options, check_texts
from .commands import answered, channel_of, is_alone, speaking_to, who, writer_of

DYNAMIC = (
    LineButton,
    PageButton,
    StopButton,
    ForgetButton,
    *takes.DYNAMIC,
    *panels.DYNAMIC,
)
"""What must be known to a client, so that what was shown before a restart works."""

R = TypeVar("R")
Opened = TypeVar("Opened", bound=discord.ui.View | discord.ui.Modal)

UNTITLED = phrase("Untitled")
"""What a script is called by somebody who does not say."""

REPLAY_OVER = phrase(
    "That replay has ended: use {/script replay} once more if its message does not tell what came "
    "of it."
)
OVER = {
    components.LINES: (
        phrase("That has ended, and nothing of it is in the script: ask for it again."),
        phrase("That is written already: see it in {/history}."),
    ),
    components.SCRIPT: (
        phrase("That has ended, and no script was begun: use {/start} once more."),
        phrase("That script has begun already: see it in {/scripts}."),
    ),
    components.REPLAY: (REPLAY_OVER, REPLAY_OVER),
}
"""What is said of a work that cannot be stopped any more: where nothing that is kept came of it,
and where something did."""

LONGEST_HEADING, LONGEST_CAST = 200, 1000
"""Characters of a scene heading, and of a list of names."""

LONGEST_WINDOW = 4000
"""Characters of a text from a window; a command's may have more."""

PAID = "onbook.paid"
"""Set among an interaction's extras once its turn was taken from the limits."""

A_WHILE = 1.5
"""Seconds after which everybody sees how far a turn is, and again each time."""

TO_FINISH, TO_SHOW, TO_GIVE_UP = 5.0, 2.0, 1.0
"""Seconds that an unload leaves to what is being done, then to those who are stopped to show what
they have, and then to those whose line is given up."""


class Turns(commands.Cog):
    """What the cog has, and the turns that its commands and buttons take."""

    def __init__(self, bot: commands.Bot, chosen: Settings | None = None) -> None:
        self.bot = bot
        # The runner has read a .env file besides, and leaves what it found at the bot.
        self.settings: Settings = chosen or getattr(bot, "onbook_settings", None) or settings()
        self.group = None if is_alone(bot) else self.settings.group
        self.store: Store
        self.rooms: Rooms
        self.board: Board
        self.polls: Polls
        self.limits = Limits(self.settings.rates)
        self._acts: dict[asyncio.Task[Any], set[int]] = {}
        self._closing = False
        self._turns: dict[int, Patience] = {}
        self._temporary: WeakSet[discord.ui.View | discord.ui.Modal] = WeakSet()
        self.voices = Voices(
            self.settings.models, self.settings.threads, self.settings.rows, self.settings.queue
        )

    async def cog_load(self) -> None:
        """Opens the voice and the database; raises ModelError or StoreError."""
        chosen = self.settings
        # Without a voice no database is made.
        await self.voices.peek(chosen.model)
        guard = getattr(self.bot, "onbook_guard", None)
        self.store = await Store.open(chosen.where, chosen.states_mb * 2**20, guard)
        self.store.report_to(getattr(self.bot, "onbook_meter", SILENT))
        self.voices.remember_in(self.store.facts)
        try:
            await self.voices.engine(chosen.model)
        except BaseException:
            self.voices.close()
            await self.store.close()
            raise
        self.board = Board(self.store)
        # discord.py's clock, since people see how long a vote lasts at Discord.
        self.rooms = Rooms(self.store, self.voices, self.settings, discord.utils.utcnow)
        later = getattr(self.bot, "onbook_later", None)
        self.polls = Polls(self.bot, self.rooms, self.board, later, group=self.group)
        self.bot.add_dynamic_items(*DYNAMIC)
        self._redaction = guard_loggers()
        if self.bot.is_ready():
            await self.resume_votes()

    @commands.Cog.listener("on_ready")
    async def resume_votes(self) -> None:
        """Goes on with the votes of an earlier run, now that the servers are known."""
        with suppress(NotKept):  # which is in the log, unless the bot ends
            if await self._looks_after():
                await self.polls.resume()

    async def _looks_after(self) -> bool:
        """Whether this bot looks after the scripts here, and not another one."""
        assert self.bot.user is not None  # known once it is ready
        return await self.store.facts.claim_housekeeping(self.bot.user.id)

    async def cog_unload(self) -> None:
        """Ends the engines and closes the database."""
        self._closing = True
        self._withdraw()
        self.polls.stop()
        await self._ends_within(TO_FINISH)
        for patience in self._turns.values():
            patience.stop()
        await self._ends_within(TO_SHOW)
        self.voices.close()
        await self._ends_within(TO_GIVE_UP)
        for act in self._in_hand():
            act.cancel()
        await self._ends_within(TO_GIVE_UP)
        # Once more: what was shown in the meantime has brought some back.
        self._withdraw()
        leave_loggers(self._redaction)
        await self.store.close()

    def _for_now(self, one: Opened) -> Opened:
        """An offer or a window, which the client forgets when the cog is unloaded."""
        self._temporary.add(one)
        return one

    def _withdraw(self) -> None:
        """Lets the client forget all that can be pressed or filled in."""
        self.bot.remove_dynamic_items(*DYNAMIC)
        for one in list(self._temporary):
            one.stop()

    async def _ends_within(self, seconds: float) -> None:
        """Waits for what is being done, and for what that begins."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while acts := self._in_hand():
                    await asyncio.wait(acts)

    def _in_hand(self) -> set[asyncio.Task[Any]]:
        return self._acts.keys() | self.polls.acts

    # Turns

    async def _begin(
        self,
        interaction: Interaction,
        title: str,
        first: str,
        names: str,
        temperature: float | None = None,
        model: str | None = None,
        file: discord.Attachment | None = None,
        style: str | None = None,
    ) -> None:
        """Begins a script, unless one runs: then asks what is to become of it."""
        check_permissions(interaction)
        check_texts(
            title=(title, TITLE_LIMIT),
            heading=(first, LONGEST_HEADING),
            cast=(names, LONGEST_CAST),
        )
        if file:
            check_file(file.filename, file.size)
        title = titled(title)
        opening: Element | None = heading(first) if first.strip() else None
        company = cast(names)

        running = await self.store.scripts.find_running(self._room(interaction).channel)
        self._pay(interaction, Cost(characters=file.size if file else 0))
        # An offer can grow old, and two can begin at once: only what was seen may be shelved.
        over = running.id if running else NO_SCRIPT

        async def begin(room: Room, writer: Writer, patience: Patience) -> Turn:
            new = NewScript(
                title=title or say(UNTITLED),
                guild=interaction.guild_id,
                cast=company,
                temperature=temperature,
                voice=model,
                style=style,
                over=over,
            )
            if file is None:
                return await room.library.begin(writer, new, opening)
            brought = await attachments.fetched(file)
            named = title or attachments.title_of(file, brought) or new.title
            elements = [*([opening] if opening else []), *brought.elements]
            turn = await room.library.import_script(
                writer, replace(new, title=named), elements, patience
            )
            return replace(turn, note=attachments.note(brought, len(elements)))

        async def stand(choice: Interaction) -> None:
            await self._stand(choice)
            await _take_away(interaction)

        async def shelve(choice: Interaction) -> None:
            await self._shelve(choice, begin)
            await _take_away(interaction)

        if running is None:
            await self._compose(interaction, begin, work=components.SCRIPT)
            return
        await reply_to(interaction).send_message(
            say(
                "“{title}” runs in this channel. Go on with it, or shelve it? What is on the shelf "
                "is kept.",
                title=inline(running.title, 100),
            ),
            view=self._for_now(components.ShelveOffer(stand, shelve)),
            ephemeral=True,
        )

    @answered
    async def stop(self, interaction: Interaction, turn: int, work: str) -> None:
        """The button that stops a turn was pressed; ``work`` is one of `views.WORKS`."""
        patience = self._turns.get(turn)
        if patience is None:
            # It may have ended in another process, which had no time to show how.
            raise RoomError(say(OVER[work][await self.store.lines.was_delivered(str(turn))]))
        await reply_to(interaction).defer()
        patience.stop()

    async def _compose(
        self,
        interaction: Interaction,
        act: Callable[[Room, Writer, Patience], Coroutine[Any, Any, Turn]],
        under: Place | None = None,
        *,
        work: str = components.LINES,
        checked: bool = False,
    ) -> None:
        """Play a turn for which the model writes or reads, and show the progress of a long one.

        ``checked`` says that the script was just found at the place ``under``.
        """

        async def play(room: Room, writer: Writer) -> Turn:
            return await self._patiently(
                interaction, lambda patience: act(room, writer, patience), work
            )

        checked = checked or work == components.SCRIPT
        await self._play(interaction, play, under, begins=checked)

    async def _patiently(
        self,
        interaction: Interaction,
        act: Callable[[Patience], Coroutine[Any, Any, R]],
        work: str = components.LINES,
    ) -> R:
        """Shows how far a work is, and how to stop it, until it is done."""
        patience = Patience()
        # An interaction can be delivered twice: the Stop button is that of the first.
        first = self._turns.setdefault(interaction.id, patience) is patience
        task = asyncio.ensure_future(act(patience))
        try:
            while not (await asyncio.wait({task}, timeout=A_WHILE))[0]:
                await self.board.show_progress(interaction, patience.progress, work)
            return await task
        finally:
            task.cancel()
            if first:
                del self._turns[interaction.id]

    async def _play(
        self,
        interaction: Interaction,
        act: Callable[[Room, Writer], Awaitable[Turn]],
        under: Place | None = None,
        *,
        begins: bool = False,
    ) -> None:
        """One turn: defers, acts, and shows the new lines under the channel's last message."""
        check_permissions(interaction)
        room = self._room(interaction)
        if not begins:
            # What can be refused at once is refused before everybody sees that somebody asked.
            await room.script_at(under)
        await reply_to(interaction).defer(thinking=True)
        turn = await act(room, writer_of(interaction))
        interaction.extras[WRITTEN] = True
        if turn.note:
            shown = await self.board.show_end(interaction, room, f"-# {turn.note}")
        elif turn.ballot:
            self.polls.watch(turn.ballot)
            await self.board.show_ballot(interaction, turn.ballot)
            if turn.read_by:
                await whispered(interaction, news(turn))
            return
        elif turn.lines:
            shown = await self.board.show_lines(interaction, turn.script, turn.lines, news(turn))
        else:
            shown = await self.board.show_opening(interaction, turn)
        await self.board.repaint(interaction, room, turn, shown)
        if turn.unreadable:
            await whispered(
                interaction,
                say(
                    "The voice “{voice}” does not know many of these characters. They stand in the "
                    "script, but it reads past them.",
                    voice=inline(turn.script.voice, 40),
                ),
            )

    async def _step(
        self,
        interaction: Interaction,
        act: Callable[[Room, Writer], Awaitable[Turn]],
        note: str,
        under: Place | None = None,
    ) -> None:
        """Undo and redo: from a button in place, from the command with a reply."""
        check_permissions(interaction)
        room = self._room(interaction)
        await room.script_at(under)
        await reply_to(interaction).defer(thinking=under is None)
        turn = await act(room, writer_of(interaction))
        shown = set() if under else await self.board.show_end(interaction, room, note)
        if not await self.board.repaint(interaction, room, turn, shown):
            shown = await self.board.show_end(interaction, room, note, new=True)
            await self.board.repaint(interaction, room, turn, shown)

    async def _undo(self, interaction: Interaction, under: Place | None = None) -> None:
        note = f"-# {say('{who} took back the last line.', who=who(interaction))}"
        await self._step(
            interaction, lambda room, writer: room.cursor.undo(writer, under), note, under
        )

    async def _redo(self, interaction: Interaction, under: Place | None = None) -> None:
        note = f"-# {say('{who} brought back what was taken back.', who=who(interaction))}"
        await self._step(
            interaction, lambda room, writer: room.cursor.redo(writer, under), note, under
        )

    async def _go_to(self, interaction: Interaction, place: Place) -> None:
        """Continues from an earlier line, in front of everybody."""
        check_permissions(interaction)
        room = self._room(interaction)
        await reply_to(interaction).defer(thinking=True)
        turn = await room.cursor.jump_to(writer_of(interaction), place)
        note = say("{who} took the script to this line.", who=who(interaction))
        shown = await self.board.show_end(interaction, room, f"-# {note}")
        await self.board.repaint(interaction, room, turn, shown)

    @answered
    async def _shelve(
        self,
        interaction: Interaction,
        begin: Callable[[Room, Writer, Patience], Coroutine[Any, Any, Turn]],
    ) -> None:
        """Begins the script that was asked for in spite of the one that runs."""
        await self._compose(interaction, begin, work=components.SCRIPT)

    @answered
    async def _stand(self, interaction: Interaction) -> None:
        """Shows where the script stands."""
        room = self._room(interaction)
        await reply_to(interaction).defer(thinking=True)
        script = await room.script()
        note = say("“{title}” goes on.", title=inline(script.title, 100))
        shown = await self.board.show_end(interaction, room, f"-# {note}")
        await self.board.repaint(interaction, room, Turn(script, moved_from=script.head), shown)

    # Errors

    async def cog_app_command_error(
        self, interaction: Interaction, error: app_commands.AppCommandError
    ) -> None:
        """Answers what went wrong before a command began, such as an option out of range."""
        cause = error.original if isinstance(error, app_commands.CommandInvokeError) else error
        with speaking_to(interaction, self.group):
            await answer(interaction, cause)

    async def _meet(self, interaction: Interaction, place: Place) -> None:
        """Whatever becomes of a press: the message under whose line it was is known from now on."""
        room = self._room(interaction)
        if await self.board.learn(interaction, place):
            self._hold(asyncio.create_task(self.board.redraw_pressed(interaction, room)))

    async def _meet_ballot(self, interaction: Interaction, ballot: int) -> None:
        """The same of a message that shows takes."""
        room = self._room(interaction)
        if await self.board.learn_ballot(interaction, ballot):
            self._hold(asyncio.create_task(self.board.redraw_pressed(interaction, room)))

    def _room(self, interaction: Interaction) -> Room:
        """The channel's room, for one who is taken on; raises what `_take_on` does."""
        self._take_on(interaction)
        return self.rooms.at(channel_of(interaction))

    def _take_on(self, interaction: Interaction) -> None:
        """Lets who asks for something pay, and be waited for when the cog is unloaded.

        Raises EngineClosed for those who come when it is, TooMuch, and RoomError outside of
        channels.
        """
        if self._closing and asyncio.current_task() not in self._acts:
            raise EngineClosed
        self._concerns(interaction.user.id)
        if interaction.type is not discord.InteractionType.autocomplete:
            self._pay_for_a_turn(interaction)

    def _hold(self, act: asyncio.Task[Any]) -> None:
        """Lets something be waited for when the cog is unloaded."""
        if act not in self._acts:
            self._acts[act] = set()
            act.add_done_callback(lambda done: self._acts.pop(done, None))

    def _concerns(self, person: int) -> None:
        """Lets somebody who wishes to be forgotten wait for what is being asked for here."""
        if act := asyncio.current_task():
            self._hold(act)
            self._acts[act].add(person)

    async def _ended(self, person: int) -> None:
        """Waits until what concerns somebody is done that was asked for by now.

        That is what they have asked for, and what others have who named them, but not what waits
        for this.
        """
        here = asyncio.current_task()
        if here in self._acts:
            self._acts[here].clear()  # or two that wait would wait for each other
        acts = {act for act, people in self._acts.items() if person in people}
        if acts:
            await asyncio.wait(acts)

    # Limits

    async def interaction_check(self, interaction: Interaction, /) -> bool:
        """Holds the options of a command to what its client holds them to; raises OutOfBounds."""
        if isinstance(interaction.command, app_commands.Command):
            check_options(interaction.command, interaction.namespace)
        return True

    def _pay_for_a_turn(self, interaction: Interaction) -> None:
        """Takes a turn from the limits, once for all that an interaction asks; raises TooMuch."""
        if PAID not in interaction.extras:
            self._pay(interaction, Cost(turns=1))
            interaction.extras[PAID] = True

    async def _pay_for_lines(
        self,
        interaction: Interaction,
        under: Place | None = None,
        lines: int = 1,
        takes: int | None = None,
    ) -> None:
        """Takes from the limits what the voice will write; raises what `_play` does at once.

        Candidates cost nothing, because a busy engine writes few of them.
        """
        check_permissions(interaction)
        script = await self._room(interaction).script_at(under)
        self._pay(interaction, Cost(lines=lines * (takes or script.takes)))

    async def _pay_for_a_take(self, interaction: Interaction, under: Place | None = None) -> None:
        """The same for another take of the last line."""
        await self._pay_for_lines(interaction, under, takes=1)

    def _pay(self, interaction: Interaction, cost: Cost) -> None:
        """Takes from the limits of whoever asks, of the channel and the server; raises TooMuch."""
        keys = {"person": interaction.user.id, "channel": channel_of(interaction)}
        if interaction.guild_id is not None:
            keys["guild"] = interaction.guild_id
        self.limits.spend(keys, cost)


def news(turn: Turn) -> str:
    """That another voice has read the script, where nobody was told yet; else nothing."""
    if not turn.read_by:
        return ""
    return say(
        "-# The voice here is another one now: “{voice}” has read the script, and goes on.",
        voice=inline(turn.read_by, 40),
    )


async def _take_away(offer: Interaction) -> None:
    """Deletes an offer once it was taken: its buttons would fail a second time."""
    with suppress(discord.HTTPException, *LOST):
        await taken_away(offer)
