"""The slash commands: parse, call the room, show."""

from __future__ import annotations

import asyncio
import functools
import io
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Concatenate, ParamSpec, TypeVar

import discord
from discord import app_commands
from discord.ext import commands

from . import intake, manuscript, reading, views
from .answers import NOBODY, WRITTEN, answer, check_may_set, check_permissions
from .bans import changed, shown_words
from .board import HELP, Board, page
from .cards import NAME
from .printing import Format, Paper
from .render import inline
from .room import (
    LARGEST_SEED,
    MOST_LINES,
    NO_SCRIPT,
    NoScript,
    Patience,
    Place,
    Room,
    RoomError,
    Rooms,
    Turn,
    Wish,
    Writer,
)
from .script import Element, Kind, cast, clean, heading, name
from .settings import Settings, settings
from .store import Store
from .views import Interaction, LineButton, PageButton, StopButton
from .voices import Voices

log = logging.getLogger("onbook.cog")

C = TypeVar("C")

UNTITLED = "Untitled"

CHOICES = 25
"""The most suggestions that Discord shows."""

KINDS = [
    app_commands.Choice(name="speech", value=Kind.DIALOGUE.value),
    app_commands.Choice(name="action", value=Kind.ACTION.value),
    app_commands.Choice(name="scene heading", value=Kind.HEADING.value),
]
"""What /continue can be asked for."""

FORMATS = [
    app_commands.Choice(name=name, value=value.value)
    for name, value in {
        "Fountain": Format.FOUNTAIN,
        "PDF": Format.PDF,
        "Final Draft (fdx)": Format.FINAL_DRAFT,
        "HTML": Format.HTML,
        "Text (txt)": Format.TEXT,
    }.items()
]
PAPERS = [
    app_commands.Choice(name="US letter", value=Paper.LETTER.value),
    app_commands.Choice(name="A4", value=Paper.A4.value),
]

A_WHILE = 1.5
"""Seconds after which everybody sees how far a turn is, and again each time."""

PATIENCE = 10.0
"""Seconds that an unload waits for what is being done."""


P = ParamSpec("P")
Act = Callable[Concatenate["OnBook", Interaction, P], Coroutine[Any, Any, None]]


def answered(act: Act[P]) -> Act[P]:
    """For what answers an interaction: whatever goes wrong is answered too, with a sentence.

    Here and not elsewhere: discord.py looks up a command's annotations where its callback is.
    """

    @functools.wraps(act)
    async def act_or_answer(
        cog: OnBook, interaction: Interaction, /, *args: P.args, **kwargs: P.kwargs
    ) -> None:
        try:
            await act(cog, interaction, *args, **kwargs)
        except Exception as error:  # noqa: BLE001 - the last place where it can be answered
            await answer(interaction, error)

    return act_or_answer


def for_scripts(command: C) -> C:
    """Where the commands can be used: in servers that have the bot, and in its direct messages."""
    command = app_commands.allowed_contexts(guilds=True, dms=True, private_channels=False)(command)
    return app_commands.allowed_installs(guilds=True, users=False)(command)


class OnBook(commands.Cog, name=views.COG):
    """Scripts in channels, written by people and a voice in turn."""

    script = for_scripts(
        app_commands.Group(name="script", description="Read the script of this channel")
    )

    settings_group = for_scripts(
        app_commands.Group(name="settings", description="How the voice writes here")
    )

    def __init__(self, bot: commands.Bot, chosen: Settings | None = None) -> None:
        self.bot = bot
        # The runner has read a .env file besides, and leaves what it found at the bot.
        self.settings: Settings = chosen or getattr(bot, "onbook_settings", None) or settings()
        self.store: Store
        self.rooms: Rooms
        self.board: Board
        self._acts: set[asyncio.Task[Any]] = set()
        self._turns: dict[int, Patience] = {}
        self.voices = Voices(
            self.settings.models, self.settings.threads, self.settings.rows, self.settings.queue
        )

    async def cog_load(self) -> None:
        """Opens the voice and the database; raises ModelError or StoreError."""
        await self.voices.engine(self.settings.model)
        try:
            self.store = await Store.open(self.settings.database)
        except BaseException:
            self.voices.close()
            raise
        self.board = Board(self.store)
        self.rooms = Rooms(self.store, self.voices, self.settings)
        self.bot.add_dynamic_items(LineButton, PageButton, StopButton)

    async def cog_unload(self) -> None:
        """Ends the engines and closes the database."""
        self.bot.remove_dynamic_items(LineButton, PageButton, StopButton)
        self.voices.close()
        if self._acts:
            await asyncio.wait(self._acts, timeout=PATIENCE)
        # An act that had only begun has opened its voice again.
        self.voices.close()
        await self.store.close()

    # Commands

    @app_commands.command(name="start")
    @app_commands.describe(
        title="What the script is called",
        heading="Where it begins, such as INT. DINER - NIGHT",
        cast="Who is in it, separated by commas",
        temperature="How daring the voice is, from 0.1 to 2.0",
        model="Which voice writes along",
        file="A script to go on with: .fountain, .fdx or .txt, up to 1 MB",
    )
    @for_scripts
    @answered
    async def start(
        self,
        interaction: Interaction,
        title: app_commands.Range[str, 1, 100] | None = None,
        heading: app_commands.Range[str, 1, 200] | None = None,
        cast: app_commands.Range[str, 1, 1000] | None = None,
        temperature: app_commands.Range[float, 0.1, 2.0] | None = None,
        model: app_commands.Range[str, 1, 100] | None = None,
        file: discord.Attachment | None = None,
    ) -> None:
        """Begin a new script in this channel"""
        await self._begin(
            interaction, title or "", heading or "", cast or "", temperature, model, file
        )

    @app_commands.command(name="continue")
    @app_commands.describe(
        character="Who speaks first; the voice decides if nobody is named",
        temperature="How daring the voice is, from 0.1 to 2.0",
        top_p="From which share of likely characters it chooses, up to 1.0",
        lines="How many lines it writes, from 1 to 10",
        seed="The same seed at the same place writes the same lines",
        kind="What it writes; the voice decides if nothing is chosen",
        min_p="How likely a character must be beside the likeliest, from 0 (off) to 1.0",
        repetition="What repeating an earlier passage costs, from 0 (off) to 2.0",
    )
    @app_commands.choices(kind=KINDS)
    @for_scripts
    @answered
    async def carry_on(
        self,
        interaction: Interaction,
        character: app_commands.Range[str, 1, 60] | None = None,
        temperature: app_commands.Range[float, 0.1, 2.0] | None = None,
        top_p: app_commands.Range[float, 0.05, 1.0] | None = None,
        lines: app_commands.Range[int, 1, MOST_LINES] = 1,
        seed: app_commands.Range[int, 0, LARGEST_SEED] | None = None,
        kind: str | None = None,
        min_p: app_commands.Range[float, 0.0, 1.0] | None = None,
        repetition: app_commands.Range[float, 0.0, 2.0] | None = None,
    ) -> None:
        """Let the voice write the next lines"""
        speaker = name(character) if character else None
        chosen = Kind(kind) if kind else None
        wish = Wish(lines, speaker, temperature, top_p, seed, chosen, min_p, repetition)
        await self._compose(
            interaction, lambda room, writer, patience: room.carry_on(writer, wish, None, patience)
        )

    @app_commands.command(name="write")
    @app_commands.describe(
        text="INT. DINER - NIGHT, or MAYA: Hello., or CUT TO:, or what happens",
        character="Who says it; the text is then all speech, (quietly) too",
    )
    @for_scripts
    @answered
    async def write(
        self,
        interaction: Interaction,
        text: app_commands.Range[str, 1, 6000],
        character: app_commands.Range[str, 1, 60] | None = None,
    ) -> None:
        """Write the next lines yourself"""
        await self.submit_lines(interaction, text, character or "")

    @app_commands.command(name="undo")
    @for_scripts
    @answered
    async def undo(self, interaction: Interaction) -> None:
        """Take the last line back"""
        await self._step_back(interaction, None)

    @app_commands.command(name="retry")
    @for_scripts
    @answered
    async def retry(self, interaction: Interaction) -> None:
        """Let the voice write its last line again"""
        await self._compose(
            interaction, lambda room, writer, patience: room.take_again(writer, None, patience)
        )

    @app_commands.command(name="help")
    @for_scripts
    async def help(self, interaction: Interaction) -> None:
        """How to write a script here, in three steps"""
        await interaction.response.send_message(HELP, ephemeral=True)

    @settings_group.command(name="banned")
    @app_commands.describe(
        add="Words or phrases that the voice must not say, separated by commas",
        remove="Words or phrases that it may say again, separated by commas",
        server="Whether this is for the whole server rather than for this channel",
    )
    @answered
    async def banned(
        self,
        interaction: Interaction,
        add: app_commands.Range[str, 1, 2000] | None = None,
        remove: app_commands.Range[str, 1, 2000] | None = None,
        server: bool = False,
    ) -> None:
        """See or change what the voice must not say here"""
        scope, place = _scope(interaction, server)
        words = await self.store.banned_in(scope, place)
        if add or remove:
            check_may_set(interaction, scope)
            words = changed(words, add or "", remove or "")
            await self.store.ban(scope, place, words)
        where = "this server" if scope == "guild" else "this channel"
        await interaction.response.send_message(
            shown_words(words, where), ephemeral=True, allowed_mentions=NOBODY
        )

    @script.command(name="show")
    @answered
    async def show(self, interaction: Interaction) -> None:
        """Read the whole script, as a page and as a file"""
        room = self._room(interaction)
        script, lines = await room.script(), await room.lines()
        if not lines:
            raise RoomError("The script has no line yet: write one, or use /continue.")
        content, view = page(script, lines, -1)
        file = discord.File(
            io.BytesIO((await room.fountain()).encode()),
            filename=f"{reading.file_name(script)}.fountain",
        )
        attached = [file] if interaction.app_permissions.attach_files else []
        await interaction.response.send_message(content, view=view, files=attached, ephemeral=True)

    @carry_on.autocomplete("character")
    @write.autocomplete("character")
    async def _suggest_character(
        self, interaction: Interaction, current: str
    ) -> list[app_commands.Choice[str]]:
        try:
            names = await self._room(interaction).characters()
        except NoScript:
            names = []
        return _choices(names, current)

    @start.autocomplete("model")
    async def _suggest_model(
        self, interaction: Interaction, current: str
    ) -> list[app_commands.Choice[str]]:
        return _choices(self.voices.names(), current)

    # Buttons and modals

    @answered
    async def press(self, interaction: Interaction, action: str, place: Place) -> None:
        """A button under a line was pressed."""
        match action:
            case "continue":
                await self._compose(
                    interaction,
                    lambda room, who, patience: room.carry_on(who, Wish(), place, patience),
                    place,
                )
            case "take":
                await self._compose(
                    interaction,
                    lambda room, who, patience: room.take_again(who, place, patience),
                    place,
                )
            case "undo":
                await self._step_back(interaction, place)
            case "here":
                await self._go_to(interaction, place)
            case "write":
                await self._room(interaction).script_at(place)
                await interaction.response.send_modal(views.WriteModal(place))
            case _:
                await interaction.response.send_modal(views.StartModal())

    @answered
    async def turn_page(self, interaction: Interaction, script: int, number: int) -> None:
        """A button under a page was pressed."""
        room = self._room(interaction)
        running = await room.script()
        if running.id != script:
            raise RoomError("Another script runs here now: read it with /script show.")
        lines = await room.lines()
        if not lines:
            raise RoomError("The script has no line any more: write one, or use /continue.")
        content, view = page(running, lines, number)
        await interaction.response.edit_message(content=content, view=view)

    async def submit_lines(
        self, interaction: Interaction, text: str, character: str, under: Place | None = None
    ) -> None:
        """Adds a person's lines, from the command or the modal."""
        speaker = character.strip() or None
        try:
            await self._play(
                interaction, lambda room, who: room.write(who, text, speaker, under), under
            )
        except Exception as error:  # noqa: BLE001 - the last place where it can be answered
            await answer(interaction, error, keep=text.strip())

    @answered
    async def submit_start(
        self, interaction: Interaction, title: str, heading: str, cast: str
    ) -> None:
        """Begins a script, from the modal."""
        await self._begin(interaction, title, heading, cast)

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
    ) -> None:
        """Begins a script, unless one runs: then asks what is to become of it."""
        check_permissions(interaction)
        if file:
            manuscript.check(file.filename, file.size)
        title = " ".join(clean(title).split())
        opening: Element | None = heading(first) if first.strip() else None
        company = cast(names)

        running = await self.store.running(self._room(interaction).channel)
        # An offer can grow old, and two can begin at once: only what was seen may be shelved.
        over = running.id if running else NO_SCRIPT

        async def begin(room: Room, writer: Writer, patience: Patience) -> Turn:
            guild, how = interaction.guild_id, (company, temperature, model, over)
            if file is None:
                return await room.start(writer, guild, title or UNTITLED, opening, *how)
            brought = await intake.fetched(file)
            named = title or intake.title_of(file, brought) or UNTITLED
            elements = [*([opening] if opening else []), *brought.elements]
            turn = await room.bring_in(writer, guild, named, elements, *how, patience)
            return replace(turn, note=intake.note(brought, len(elements)))

        async def stand(choice: Interaction) -> None:
            await self._stand(choice)
            await _take_away(interaction)

        async def shelve(choice: Interaction) -> None:
            await self._shelve(choice, begin)
            await _take_away(interaction)

        if running is None:
            await self._compose(interaction, begin, begins=True)
            return
        await interaction.response.send_message(
            f"“{inline(running.title, 100)}” runs in this channel. Go on with it, or shelve it? "
            f"What is on the shelf is kept.",
            view=views.ShelveOffer(stand, shelve),
            ephemeral=True,
        )

    @answered
    async def stop(self, interaction: Interaction, turn: int) -> None:
        """The button that stops a turn was pressed."""
        patience = self._turns.get(turn)
        if patience is None:
            raise RoomError("That is written already: look at the end of the script.")
        await interaction.response.defer()
        patience.stop()

    async def _compose(
        self,
        interaction: Interaction,
        act: Callable[[Room, Writer, Patience], Coroutine[Any, Any, Turn]],
        under: Place | None = None,
        *,
        begins: bool = False,
    ) -> None:
        """A turn of the voice: where it takes a while, everybody sees how far it is."""
        patience = Patience()

        async def write(room: Room, writer: Writer) -> Turn:
            work = asyncio.ensure_future(act(room, writer, patience))
            try:
                while not (await asyncio.wait({work}, timeout=A_WHILE))[0]:
                    await self.board.show_progress(interaction, patience.progress)
                return await work
            finally:
                work.cancel()

        self._turns[interaction.id] = patience
        try:
            await self._play(interaction, write, under, begins=begins)
        finally:
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
        await interaction.response.defer(thinking=True)
        turn = await act(room, _writer(interaction))
        interaction.extras[WRITTEN] = True
        if turn.note:
            shown = await self.board.show_end(interaction, room, f"-# {turn.note}")
        elif turn.lines:
            shown = await self.board.show_lines(interaction, turn.script, turn.lines)
        else:
            shown = await self.board.show_opening(interaction, turn)
        await self.board.repaint(interaction, room, turn, shown)
        if turn.unreadable:
            await interaction.followup.send(
                f"The voice “{inline(turn.script.voice, 40)}” does not know many of these "
                f"characters. They stand in the script, but it reads past them.",
                ephemeral=True,
            )

    async def _step_back(self, interaction: Interaction, under: Place | None) -> None:
        """Undo: from a button in place, from the command with a reply."""
        check_permissions(interaction)
        room = self._room(interaction)
        await room.script_at(under)
        await interaction.response.defer(thinking=under is None)
        turn = await room.undo(under)
        note = f"-# {_who(interaction)} took back the last line."
        shown = set() if under else await self.board.show_end(interaction, room, note)
        if not await self.board.repaint(interaction, room, turn, shown):
            shown = await self.board.show_end(interaction, room, note, new=True)
            await self.board.repaint(interaction, room, turn, shown)

    async def _go_to(self, interaction: Interaction, place: Place) -> None:
        """Continues from an earlier line, in front of everybody."""
        check_permissions(interaction)
        room = self._room(interaction)
        await interaction.response.defer(thinking=True)
        turn = await room.go_to(place)
        note = f"-# {_who(interaction)} took the script to this line."
        shown = await self.board.show_end(interaction, room, note)
        await self.board.repaint(interaction, room, turn, shown)

    @answered
    async def _shelve(
        self,
        interaction: Interaction,
        begin: Callable[[Room, Writer, Patience], Coroutine[Any, Any, Turn]],
    ) -> None:
        """Begins the script that was asked for in spite of the one that runs."""
        await self._compose(interaction, begin, begins=True)

    @answered
    async def _stand(self, interaction: Interaction) -> None:
        """Shows where the script stands."""
        room = self._room(interaction)
        await interaction.response.defer(thinking=True)
        script = await room.script()
        shown = await self.board.show_end(
            interaction, room, f"-# “{inline(script.title, 100)}” goes on."
        )
        await self.board.repaint(interaction, room, Turn(script, moved_from=script.head), shown)

    # Reading

    @script.command(name="export")
    @app_commands.describe(
        format="What kind of file",
        paper="For a PDF, and for HTML that is printed",
        scene_numbers="Whether scenes are numbered",
    )
    @app_commands.choices(format=FORMATS, paper=PAPERS)
    @answered
    async def export(
        self,
        interaction: Interaction,
        format: str,  # noqa: A002 - it is what people see
        paper: str = Paper.LETTER.value,
        scene_numbers: bool = False,
    ) -> None:
        """Download the script, with a title page that says who wrote it"""
        form, size = Format(format), Paper(paper)
        room = self._room(interaction)
        await reading.send_export(interaction, room, form, size, scene_numbers=scene_numbers)

    @script.command(name="stats")
    @app_commands.describe(everyone="Whether everybody here sees it")
    @answered
    async def stats(self, interaction: Interaction, everyone: bool = False) -> None:
        """See who speaks and who wrote how much, and how long the script is"""
        await reading.send_stats(interaction, self._room(interaction), to_all=everyone)

    @app_commands.command(name="surprise")
    @app_commands.describe(
        lines="How many of the last lines, from 1 to 10",
        everyone="Whether everybody here sees it",
    )
    @for_scripts
    @answered
    async def surprise(
        self,
        interaction: Interaction,
        lines: app_commands.Range[int, 1, MOST_LINES] = 4,
        everyone: bool = False,
    ) -> None:
        """See what surprised the voice in the last lines, and what it expected"""
        await reading.send_surprise(interaction, self._room(interaction), lines, to_all=everyone)

    # Errors

    async def cog_app_command_error(
        self, interaction: Interaction, error: app_commands.AppCommandError
    ) -> None:
        """Answers what went wrong before a command began, such as an option out of range."""
        cause = error.original if isinstance(error, app_commands.CommandInvokeError) else error
        await answer(interaction, cause)

    def _room(self, interaction: Interaction) -> Room:
        """The channel's room; whoever asks for it is waited for when the cog is unloaded."""
        if act := asyncio.current_task():
            self._acts.add(act)
            act.add_done_callback(self._acts.discard)
        return self.rooms.at(_channel(interaction))


async def _take_away(offer: Interaction) -> None:
    """Deletes an offer once it was taken: its buttons would fail a second time."""
    with suppress(discord.HTTPException):
        await offer.delete_original_response()


def _scope(interaction: Interaction, server: bool) -> tuple[str, int]:
    """The list that is meant: its scope, and the id of the channel or guild."""
    if not server:
        return "channel", _channel(interaction)
    if interaction.guild_id is None:
        raise RoomError("There is no server here: leave out the option server.")
    return "guild", interaction.guild_id


def _channel(interaction: Interaction) -> int:
    if interaction.channel_id is None:
        raise RoomError("Scripts are written in channels: use this command in one.")
    return interaction.channel_id


def _writer(interaction: Interaction) -> Writer:
    user = interaction.user
    return Writer(user.id, user.display_name, str(interaction.id))


def _who(interaction: Interaction) -> str:
    return inline(interaction.user.display_name, NAME)


def _choices(names: Sequence[str], current: str) -> list[app_commands.Choice[str]]:
    wanted = current.casefold()
    matching = [one for one in names if wanted in one.casefold()]
    return [app_commands.Choice(name=one, value=one) for one in matching[:CHOICES]]
