"""The slash commands: parse, call the room, show."""

from __future__ import annotations

import functools
import io
import logging
from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from contextlib import suppress
from typing import Any, Concatenate, ParamSpec, TypeVar

import discord
from discord import app_commands
from discord.ext import commands

from . import views
from .cards import NAME, card, dealt
from .engine import EngineBusy, EngineClosed
from .model import ModelError
from .render import fenced, inline, messages, size
from .room import (
    LARGEST_SEED,
    MOST_LINES,
    LineIsOld,
    NoScript,
    Place,
    Room,
    RoomError,
    Rooms,
    Turn,
    Wish,
    Writer,
    place_of,
)
from .script import Element, ScriptError, cast, heading, name
from .settings import Settings, settings
from .store import AlreadyWritten, HeadMoved, Line, Script, Store
from .views import Interaction, LineButton, PageButton
from .voices import Voices

log = logging.getLogger("onbook.cog")

C = TypeVar("C")

Channel = (
    discord.TextChannel
    | discord.VoiceChannel
    | discord.StageChannel
    | discord.Thread
    | discord.DMChannel
    | discord.GroupChannel
)
"""Where a message can stand."""

SHOWN = "onbook.shown"
"""Set among an interaction's extras once everybody sees its result."""

UNTITLED = "Untitled"

PAGE = 1800
"""The size of a page of /script show, which leaves room for its title."""

KEPT = 1500
"""The size up to which a text that could not be added is given back in the message itself."""

UNANSWERABLE = {10062, 40060}
"""Discord's codes for an interaction that came too late, or that was delivered twice."""

CHOICES = 25
"""The most suggestions that Discord shows."""

HELP = (
    "**On Book** writes a script with you, line by line.\n"
    "1. `/start` begins a script in this channel: give it a title, a scene heading, a cast.\n"
    "2. `/write` adds your line: `INT. DINER - NIGHT`, `MAYA: Hello.`, `CUT TO:`, or anything "
    "that happens.\n"
    "3. `/continue` lets the voice write on; `character` says who speaks.\n"
    "-# `/undo` and `/retry` take the last line back or write it again, `/script show` shows it "
    "all, and the buttons under the newest line do the same."
)

WHAT_TO_DO_NOW = {
    EngineBusy: "Too many lines are being written right now: try again in a moment.",
    EngineClosed: "The bot is being shut down: try again when it is back.",
    HeadMoved: "Somebody moved the script on at the same moment, and nothing of yours was added: "
    "look at its end, and try again.",
}


P = ParamSpec("P")
Act = Callable[Concatenate["OnBook", Interaction, P], Coroutine[Any, Any, None]]


def answered(act: Act[P]) -> Act[P]:
    """For what answers an interaction: whatever goes wrong is answered too, with a sentence."""

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

    def __init__(self, bot: commands.Bot, chosen: Settings | None = None) -> None:
        self.bot = bot
        # The runner has read a .env file besides, and leaves what it found at the bot.
        self.settings: Settings = chosen or getattr(bot, "onbook_settings", None) or settings()
        self.store: Store
        self.rooms: Rooms
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
        self.rooms = Rooms(self.store, self.voices, self.settings)
        self.bot.add_dynamic_items(LineButton, PageButton)

    async def cog_unload(self) -> None:
        """Ends the engines and closes the database."""
        self.bot.remove_dynamic_items(LineButton, PageButton)
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
    )
    @for_scripts
    @answered
    async def start(
        self,
        interaction: Interaction,
        title: app_commands.Range[str, 1, 100] = UNTITLED,
        heading: app_commands.Range[str, 1, 200] | None = None,
        cast: app_commands.Range[str, 1, 1000] | None = None,
        temperature: app_commands.Range[float, 0.1, 2.0] | None = None,
        model: app_commands.Range[str, 1, 100] | None = None,
    ) -> None:
        """Begin a new script in this channel"""
        await self._begin(interaction, title, heading or "", cast or "", temperature, model)

    @app_commands.command(name="continue")
    @app_commands.describe(
        character="Who speaks first; the voice decides if nobody is named",
        temperature="How daring the voice is, from 0.1 to 2.0",
        top_p="From which share of likely characters it chooses, up to 1.0",
        lines="How many lines it writes, from 1 to 10",
        seed="The same seed at the same place writes the same lines",
    )
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
    ) -> None:
        """Let the voice write the next lines"""
        speaker = name(character) if character else None
        wish = Wish(lines, speaker, temperature, top_p, seed)
        await self._play(interaction, lambda room, writer: room.carry_on(writer, wish))

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
        await self._play(interaction, lambda room, writer: room.take_again(writer))

    @app_commands.command(name="help")
    @for_scripts
    async def help(self, interaction: Interaction) -> None:
        """How to write a script here, in three steps"""
        await interaction.response.send_message(HELP, ephemeral=True)

    @script.command(name="show")
    @answered
    async def show(self, interaction: Interaction) -> None:
        """Read the whole script, as a page and as a file"""
        room = self._room(interaction)
        script, lines = await room.script(), await room.lines()
        if not lines:
            raise RoomError("The script has no line yet: write one, or use /continue.")
        content, view = _page(script, lines, -1)
        file = discord.File(
            io.BytesIO((await room.fountain()).encode()), filename=f"{_file_name(script)}.fountain"
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
                await self._play(
                    interaction, lambda room, who: room.carry_on(who, Wish(), place), place
                )
            case "take":
                await self._play(interaction, lambda room, who: room.take_again(who, place), place)
            case "undo":
                await self._step_back(interaction, place)
            case "here":
                await self._go_to(interaction, place)
            case "write":
                await self._room(interaction).script_at(place)
                await interaction.response.send_modal(views.WriteModal())
            case _:
                await interaction.response.send_modal(views.StartModal())

    @answered
    async def turn_page(self, interaction: Interaction, script: int, number: int) -> None:
        """A button under a page was pressed."""
        room = self._room(interaction)
        running = await room.script()
        if running.id != script:
            raise RoomError("Another script runs here now: read it with /script show.")
        content, view = _page(running, await room.lines(), number)
        await interaction.response.edit_message(content=content, view=view)

    async def submit_lines(self, interaction: Interaction, text: str, character: str) -> None:
        """Adds a person's lines, from the command or the modal."""
        speaker = character.strip() or None
        try:
            await self._play(interaction, lambda room, who: room.write(who, text, speaker))
        except Exception as error:  # noqa: BLE001 - the last place where it can be answered
            await answer(interaction, error, keep=text)

    @answered
    async def submit_start(
        self, interaction: Interaction, title: str, heading: str, cast: str
    ) -> None:
        """Begins a script, from the modal."""
        await self._begin(interaction, title.strip() or UNTITLED, heading, cast)

    # Turns

    async def _begin(
        self,
        interaction: Interaction,
        title: str,
        first: str,
        names: str,
        temperature: float | None = None,
        model: str | None = None,
    ) -> None:
        """Begins a script, unless one runs: then asks what is to become of it."""
        _check_permissions(interaction)
        opening: Element | None = heading(first) if first.strip() else None
        company = cast(names)

        async def begin(room: Room, writer: Writer) -> Turn:
            guild = interaction.guild_id
            return await room.start(writer, guild, title, opening, company, temperature, model)

        async def stand(choice: Interaction) -> None:
            await self._stand(choice)
            await _take_away(interaction)

        async def shelve(choice: Interaction) -> None:
            await self._shelve(choice, begin)
            await _take_away(interaction)

        running = await self.store.running(_channel(interaction))
        if running is None:
            await self._play(interaction, begin, begins=True)
            return
        await interaction.response.send_message(
            f"“{inline(running.title, 100)}” runs in this channel. Go on with it, or shelve it? "
            f"What is on the shelf is kept.",
            view=views.ShelveOffer(stand, shelve),
            ephemeral=True,
        )

    async def _play(
        self,
        interaction: Interaction,
        act: Callable[[Room, Writer], Awaitable[Turn]],
        under: Place | None = None,
        *,
        begins: bool = False,
    ) -> None:
        """One turn: defers, acts, and shows the new lines under the channel's last message."""
        _check_permissions(interaction)
        room = self._room(interaction)
        if not begins:
            # What can be refused at once is refused before everybody sees that somebody asked.
            await room.script_at(under)
        await interaction.response.defer(thinking=True)
        turn = await act(room, _writer(interaction))
        if turn.lines:
            shown = await self._show_lines(interaction, turn.script, turn.lines)
        else:
            shown = await self._show_opening(interaction, turn)
        await self._repaint(interaction, room, turn, shown)
        if turn.unreadable:
            await interaction.followup.send(
                f"The voice “{inline(turn.script.voice, 40)}” does not know many of these "
                f"characters. They stand in the script, but it reads past them.",
                ephemeral=True,
            )

    async def _step_back(self, interaction: Interaction, under: Place | None) -> None:
        """Undo: from a button in place, from the command with a reply."""
        _check_permissions(interaction)
        room = self._room(interaction)
        await room.script_at(under)
        await interaction.response.defer(thinking=under is None)
        turn = await room.undo(under)
        note = f"-# {_who(interaction)} took back the last line."
        shown = set() if under else await self._show_end(interaction, room, note)
        if not await self._repaint(interaction, room, turn, shown):
            shown = await self._show_end(interaction, room, note, new=True)
            await self._repaint(interaction, room, turn, shown)

    async def _go_to(self, interaction: Interaction, place: Place) -> None:
        """Continues from an earlier line, in front of everybody."""
        _check_permissions(interaction)
        room = self._room(interaction)
        await interaction.response.defer(thinking=True)
        turn = await room.go_to(place)
        note = f"-# {_who(interaction)} took the script to this line."
        shown = await self._show_end(interaction, room, note)
        await self._repaint(interaction, room, turn, shown)

    @answered
    async def _shelve(
        self, interaction: Interaction, begin: Callable[[Room, Writer], Awaitable[Turn]]
    ) -> None:
        """Begins the script that was asked for in spite of the one that runs."""
        await self._play(interaction, begin, begins=True)

    @answered
    async def _stand(self, interaction: Interaction) -> None:
        """Shows where the script stands."""
        room = self._room(interaction)
        await interaction.response.defer(thinking=True)
        script = await room.script()
        shown = await self._show_end(
            interaction, room, f"-# “{inline(script.title, 100)}” goes on."
        )
        await self._repaint(interaction, room, Turn(script, moved_from=script.head), shown)

    # Showing

    async def _show_lines(
        self, interaction: Interaction, script: Script, lines: Sequence[Line]
    ) -> set[int]:
        """Shows new lines, the buttons under the last; returns the messages' ids."""
        cards = dealt(lines)
        shown: set[int] = set()
        for group in cards:
            content = _content(script, group, {line.id for line in group})
            view = _buttons(script, group[-1]) if group is cards[-1] else None
            if group is cards[0]:
                message: Any = await interaction.edit_original_response(content=content, view=view)
                interaction.extras[SHOWN] = True
            else:
                message = await interaction.followup.send(
                    content, view=view or discord.utils.MISSING, wait=True
                )
            await self.store.post(message.id, script.id, [line.id for line in group])
            shown.add(message.id)
        return shown

    async def _show_opening(self, interaction: Interaction, turn: Turn) -> set[int]:
        """Shows that a script begins which has no line yet; returns the message's id."""
        script = turn.script
        message = await interaction.edit_original_response(
            content=f"**{inline(script.title, 100)}** begins. Write the first line with /write, "
            f"or let the voice begin.",
            view=views.under_line(turn.place, by_voice=False),
        )
        interaction.extras[SHOWN] = True
        await self.store.post(message.id, script.id, [])
        return {message.id}

    async def _show_end(
        self, interaction: Interaction, room: Room, note: str, *, new: bool = False
    ) -> set[int]:
        """Shows the last line again, under a note of what happened; returns the message's id."""
        script = await room.script()
        line = None if script.head is None else await self.store.line(script.head)
        end = card([line], {line.id}) if line else "-# The script stands before its first line."
        content, view = f"{note}\n{end}", _buttons(script, line)
        message: Any
        if new:
            message = await interaction.followup.send(content, view=view, wait=True)
        else:
            message = await interaction.edit_original_response(content=content, view=view)
        interaction.extras[SHOWN] = True
        await self.store.post(message.id, script.id, [line.id] if line else [])
        return {message.id}

    async def _repaint(
        self, interaction: Interaction, room: Room, turn: Turn, shown: set[int]
    ) -> bool:
        """Makes older messages tell the truth: what is in the script, and where its buttons are.

        Returns whether they are under its last line now, which may stand in no message any more.
        """
        channel = interaction.channel
        if not isinstance(channel, Channel):
            return True
        # One after the other, each from what is true then: a slow one cannot undo a later one.
        async with room.painting:
            if turn.shelved is not None:
                await self._paint(channel, turn.shelved, {place_of(turn.shelved).line}, set())
            return await self._paint(channel, turn.script, turn.touched, shown)

    async def _paint(self, channel: Channel, was: Script, lines: set[int], shown: set[int]) -> bool:
        """Draws the messages that show these lines; those just ``shown`` are as they should be.

        Returns whether the script's buttons are under one of them, which is the newest that can be.
        """
        script = await self.store.script(was.id)
        posts = await self.store.posts(script.id, lines)
        in_script = set(await self.store.path_ids(script.head))
        placed = False
        for message, there in sorted(posts.items(), reverse=True):
            last = script.running and not placed and _ends_at(there, in_script, script)
            if last and message in shown:
                placed = True
                continue
            end = next((line for line in there if line.id == script.head), None)
            view = _buttons(script, end) if last else None
            drawn = await self._edit(channel, message, script, there, in_script, view)
            placed = placed or (last and drawn)
        return placed

    async def _edit(
        self,
        channel: Channel,
        message: int,
        script: Script,
        lines: Sequence[Line],
        in_script: set[int],
        view: discord.ui.View | None,
    ) -> bool:
        """Draws a message again, and returns whether it could; one that is gone is forgotten."""
        partial = discord.PartialMessage(channel=channel, id=message)
        try:
            if lines:
                await partial.edit(content=_content(script, lines, in_script), view=view)
            else:
                await partial.edit(view=view)
        except discord.NotFound:
            await self.store.forget_post(message)
            return False
        except discord.HTTPException as error:
            # The script is right, if not its picture; whoever reads on will see.
            log.warning("message %d could not be drawn again: %s", message, error)
            return False
        return True

    async def open_at(self, channel: discord.TextChannel) -> None:
        """Shows a channel where its script stands, or how to begin one, without being asked."""
        script = await self.store.running(channel.id)
        if script is None:
            await channel.send(HELP, view=views.start())
            return
        lines = await self.store.path(script.head)
        last = dealt(lines)[-1] if lines else []
        content = f"**{inline(script.title, 100)}**"
        if last:
            content += "\n" + card(last, {line.id for line in last})
        view = _buttons(script, last[-1] if last else None)
        message = await channel.send(content, view=view)
        await self.store.post(message.id, script.id, [line.id for line in last])

    # Errors

    async def cog_app_command_error(
        self, interaction: Interaction, error: app_commands.AppCommandError
    ) -> None:
        """Answers what went wrong before a command began, such as an option out of range."""
        cause = error.original if isinstance(error, app_commands.CommandInvokeError) else error
        await answer(interaction, cause)

    def _room(self, interaction: Interaction) -> Room:
        return self.rooms.at(_channel(interaction))


async def answer(interaction: Interaction, error: Exception, keep: str = "") -> None:
    """Answers an error with one sentence, for the person who asked alone."""
    if isinstance(error, AlreadyWritten):
        return
    if isinstance(error, discord.HTTPException) and error.code in UNANSWERABLE:
        log.warning("an interaction could not be answered: %s", error)
        return
    content, view = _sentence(error), _way_on(error) or discord.utils.MISSING
    files: list[discord.File] = []
    if keep:
        returned, files = _given_back(interaction, keep)
        content += f" {returned}"
    response = interaction.response
    if not response.is_done():
        await response.send_message(content, view=view, files=files, ephemeral=True)
        return
    if response.type is discord.InteractionResponseType.deferred_channel_message and (
        SHOWN not in interaction.extras
    ):
        # A follow-up is as visible as the "thinking" that it would replace; and none may follow a
        # "thinking" that goes without having become a message.
        await interaction.edit_original_response(content="…")
        await interaction.delete_original_response()
    await interaction.followup.send(content, view=view, files=files, ephemeral=True)


def _given_back(interaction: Interaction, text: str) -> tuple[str, list[discord.File]]:
    """A text for its writer: in a block, or in a file where it is too long for that."""
    block = fenced(text)
    if size(block) <= KEPT:
        return f"Your text is not lost:\n{block}", []
    if interaction.app_permissions.attach_files:
        file = io.BytesIO(text.encode(errors="replace"))
        return "Your text is not lost.", [discord.File(file, filename="your-text.txt")]
    return f"Your text begins:\n{fenced(text[: KEPT // 3])}", []


async def _take_away(offer: Interaction) -> None:
    """Deletes an offer once it was taken: its buttons would fail a second time."""
    with suppress(discord.HTTPException):
        await offer.delete_original_response()


def _sentence(error: Exception) -> str:
    if isinstance(error, RoomError | ScriptError | ModelError):
        return str(error)
    if type(error) in WHAT_TO_DO_NOW:
        return WHAT_TO_DO_NOW[type(error)]
    if isinstance(error, app_commands.TransformerError | app_commands.CheckFailure):
        return "That cannot be used here: choose another value."
    log.error("a command failed", exc_info=error)
    return "Something went wrong here, and it has been noted: look at the script, and try again."


def _way_on(error: Exception) -> discord.ui.View | None:
    match error:
        case NoScript():
            return views.start()
        case LineIsOld():
            return views.from_here(error.place)
        case _:
            return None


def _check_permissions(interaction: Interaction) -> None:
    """Raises RoomError naming the permissions that the bot lacks in this channel."""
    if interaction.guild_id is None:
        return
    needed = ["view_channel", "send_messages"]
    if isinstance(interaction.channel, discord.Thread):
        needed[1] = "send_messages_in_threads"
    missing = [
        permission.replace("_", " ").title()
        for permission in needed
        if not getattr(interaction.app_permissions, permission)
    ]
    if missing:
        raise RoomError(
            f"I lack the permission {' and '.join(f'**{one}**' for one in missing)} in this "
            f"channel: ask somebody who manages it to grant that."
        )


def _channel(interaction: Interaction) -> int:
    if interaction.channel_id is None:
        raise RoomError("Scripts are written in channels: use this command in one.")
    return interaction.channel_id


def _writer(interaction: Interaction) -> Writer:
    user = interaction.user
    return Writer(user.id, user.display_name, str(interaction.id))


def _who(interaction: Interaction) -> str:
    return inline(interaction.user.display_name, NAME)


def _buttons(script: Script, line: Line | None) -> discord.ui.View:
    return views.under_line(place_of(script), by_voice=line is not None and line.author is None)


def _content(script: Script, lines: Sequence[Line], in_script: Collection[int]) -> str:
    """What a message shows; the title stands above the line that a script begins with."""
    title = f"**{inline(script.title, 100)}**\n" if lines[0].parent is None else ""
    return title + card(lines, in_script)


def _ends_at(lines: Sequence[Line], in_script: Collection[int], script: Script) -> bool:
    """Whether a message shows the script's end, with nothing below but what was taken back."""
    left = [line.id for line in lines if line.id in in_script]
    return left[-1] == script.head if left else not lines and script.head is None


def _page(script: Script, lines: Sequence[Line], number: int) -> tuple[str, discord.ui.View]:
    """One page of a script; a number past the end is the last page."""
    pages = messages((line.element for line in lines), PAGE)
    number = min(number, len(pages) - 1) % len(pages)
    title = f"**{inline(script.title, 100)}**"
    if len(pages) > 1:
        title += f", page {number + 1} of {len(pages)}"
    return f"{title}\n{pages[number]}", views.pages(script, number, len(pages))


def _file_name(script: Script) -> str:
    letters = (one if one.isalnum() else "-" for one in script.title.lower())
    return "-".join(part for part in "".join(letters).split("-") if part)[:60] or "script"


def _choices(names: Sequence[str], current: str) -> list[app_commands.Choice[str]]:
    wanted = current.casefold()
    matching = [one for one in names if wanted in one.casefold()]
    return [app_commands.Choice(name=one, value=one) for one in matching[:CHOICES]]
