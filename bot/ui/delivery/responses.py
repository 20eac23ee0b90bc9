"""Answer errors with one sentence, which only the requester sees."""

from __future__ import annotations

import io
import logging
from collections.abc import Sequence
from contextlib import suppress

import discord
from discord import app_commands

from ...cleaning import clean
from ...errors import (
    AlreadyWritten,
    NoScript,
    NotInCast,
    NotRunning,
    Overloaded,
    PersonId,
    RateLimited,
    RequestError,
    ServiceError,
    StaleLine,
)
from ...i18n.catalogue import Phrase, phrase, say
from ...session.turn import ScriptPosition
from ...telemetry import Outcome
from .. import components
from ..components import Interaction
from ..markdown import fenced, inline, mention, size
from .installations import find_installer
from .interaction_state import find_state, set_outcome
from .sending import (
    CONNECTION_ERRORS,
    FirstResponse,
    delete_response,
    edit_response,
    log_failure,
    send_ephemeral,
)

log = logging.getLogger("onbook.responses")

NOT_SHOWN = phrase("The script has changed, but that could not be shown here. See {/script show}.")

RETURNED_TEXT_SIZE = 1500
"""The size up to which a refused text is given back in the message itself."""

UNANSWERABLE_CODES = {10003, 10015, 10062, 40060, 50027}
"""Discord's codes for an interaction that is too old, was answered already, or has ended, or whose
channel was deleted."""

UNKNOWN_MESSAGE = 10008
"""Discord's code for a message that was deleted."""

PERMISSION_NAMES = {
    "view_channel": phrase("View Channel"),
    "send_messages": phrase("Send Messages"),
    "send_messages_in_threads": phrase("Send Messages In Threads"),
    "create_public_threads": phrase("Create Public Threads"),
    "manage_channels": phrase("Manage Channels"),
    "manage_guild": phrase("Manage Server"),
}
"""Discord's names of the permissions that are needed here."""


async def answer_error(interaction: Interaction, error: Exception, keep: str = "") -> None:
    """Answer an error with one sentence, which only the person who asked sees.

    The text ``keep`` is given back to them, because it would be lost.
    """
    set_outcome(interaction, classify_error(error))
    find_state(interaction).remove_offer = None  # it can still be taken
    if isinstance(error, AlreadyWritten):
        return
    try:
        if not _is_unanswerable(error):
            await _send_error(interaction, error, keep)
            return
    except (discord.Forbidden, discord.NotFound, *CONNECTION_ERRORS) as lost:
        error = lost
    except discord.HTTPException as refused:
        # A refused request is the only sign of a second delivery if nothing was written.
        if not _is_unanswerable(refused):
            raise
        error = refused
    set_outcome(interaction, Outcome.UNANSWERED)
    log.warning("could not answer an interaction: %s", type(error).__name__)


def _is_unanswerable(error: Exception) -> bool:
    return isinstance(error, discord.HTTPException) and error.code in UNANSWERABLE_CODES


def classify_error(error: Exception) -> Outcome:
    """Return the outcome of a request that ends with an error."""
    if isinstance(error, AlreadyWritten):
        return Outcome.UNANSWERED
    if isinstance(error, RateLimited | Overloaded):
        return Outcome.LIMITED
    is_refused = isinstance(
        error, RequestError | app_commands.TransformerError | app_commands.CheckFailure
    )
    return Outcome.REFUSED if is_refused else Outcome.FAILED


async def _send_error(interaction: Interaction, error: Exception, keep: str) -> None:
    """Send the sentence of an error, with the text and what to do next."""
    view, files = make_next_step(error) or discord.utils.MISSING, list[discord.File]()
    if find_state(interaction).is_written:
        log_failure(log, "could not show lines", error)
        content = say(NOT_SHOWN)
    else:
        content = format_error(error)
        if keep:
            returned, files = return_text(interaction, keep)
            content += f" {returned}"
    await answer_privately(interaction, content, view=view, files=files)


async def answer_privately(
    interaction: Interaction,
    content: str,
    *,
    view: discord.ui.View = discord.utils.MISSING,
    files: Sequence[discord.File] = (),
) -> None:
    """Answer only the person who asked: first, instead of a "thinking", or as a follow-up."""
    first = interaction.response.type
    if first is None:
        response = FirstResponse(interaction)
        await response.send_message(content, view=view, files=files, ephemeral=True)
        return
    if first is discord.InteractionResponseType.deferred_channel_message:
        with suppress(discord.NotFound):
            if find_state(interaction).is_ephemeral:
                # None removes the Stop button of the progress.
                await edit_response(
                    interaction, content=content, view=view or None, attachments=files
                )
                return
            # The first follow-up would replace the "thinking" and be as visible; and Discord
            # accepts no follow-up to a "thinking" that was deleted before it became a message.
            await edit_response(interaction, content="…")
            await delete_response(interaction)
    await send_ephemeral(interaction, content, view=view, files=files)


def return_text(interaction: Interaction, text: str) -> tuple[str, list[discord.File]]:
    """Return a text for its writer: in a block, or in a file if it is longer."""
    block = fenced(clean(text))
    if size(block) <= RETURNED_TEXT_SIZE:
        return f"{say('Here is what you wrote:')}\n{block}", []
    if interaction.app_permissions.attach_files:
        file = io.BytesIO(text.encode(errors="replace"))
        return say("Here is what you wrote."), [discord.File(file, filename=say("your-text.txt"))]
    return (
        f"{say('The start of what you wrote:')}\n{fenced(clean(text[: RETURNED_TEXT_SIZE // 3]))}",
        [],
    )


def format_error(error: Exception) -> str:
    """Return the sentence that an error means to the requester, as Markdown; log the unexpected."""
    if isinstance(error, RequestError | ServiceError) and error.sentence:
        said = say(error.sentence, **{key: _escape(value) for key, value in error.fields.items()})
        if isinstance(error, RequestError) and error.similar:
            said += " " + say("Did you mean “{name}”?", name=_escape(error.similar))
        return said
    if isinstance(error, app_commands.TransformerError | app_commands.CheckFailure):
        return say("That value is not allowed. Choose another one.")
    if isinstance(error, discord.NotFound) and error.code == UNKNOWN_MESSAGE:
        return say("That message was deleted. Use the command again.")
    log_failure(log, "a command failed", error)
    if isinstance(error, CONNECTION_ERRORS):
        return say("Discord did not respond. Check the script, then try again.")
    return say("Something went wrong, and the error was logged. Check the script, then try again.")


def _escape(field: object) -> object:
    """Mention a person, and escape other text, except what the catalogues translate."""
    if isinstance(field, PersonId):
        return mention(field)
    if isinstance(field, str) and not isinstance(field, Phrase):
        return inline(field, 400)
    return field


def make_next_step(error: Exception) -> discord.ui.View | None:
    """Return the buttons for what can be done after an error, or None."""
    match error:
        case NotRunning():
            action = "reopen" if error.is_archived else "run"
            return components.make_view(*components.make_next_script_buttons(error.script, action))
        case NoScript():
            return components.make_view(*components.make_start_buttons())
        case NotInCast() if not error.similar:  # or the name is probably mistyped
            return components.make_view(components.make_cast_button(error.script, error.name))
        case StaleLine():
            position = ScriptPosition(error.script, error.line)
            return components.make_view(components.make_position_button("here", position))
        case _:
            return None


def check_bot_permissions(interaction: Interaction) -> None:
    """Raise RequestError with the permissions that the bot lacks in this channel."""
    if interaction.guild_id is not None and find_installer(interaction) is None:
        in_thread = isinstance(interaction.channel, discord.Thread)
        check_permissions(interaction.app_permissions, in_thread=in_thread)


def check_permissions(granted: discord.Permissions, *, in_thread: bool) -> None:
    """Raise RequestError with the permissions that the bot lacks among those granted to it."""
    needed = ("view_channel", "send_messages_in_threads" if in_thread else "send_messages")
    missing = [PERMISSION_NAMES[name] for name in needed if not getattr(granted, name)]
    match missing:
        case [permission]:
            raise RequestError(
                "I need **{permission}** in this channel. Ask somebody who manages the "
                "channel to grant it.",
                permission=permission,
            )
        case [first, second]:
            raise RequestError(
                "I need **{first}** and **{second}** in this channel. Ask somebody who manages "
                "the channel to grant both.",
                first=first,
                second=second,
            )


def check_may_post(interaction: Interaction) -> None:
    """Raise RequestError for a person who may not post in the channel.

    Discord refuses this person's commands, but not their presses of buttons.
    """
    in_thread = isinstance(interaction.channel, discord.Thread)
    check_person(interaction, "send_messages_in_threads" if in_thread else "send_messages")


def check_person(interaction: Interaction, needed: str) -> None:
    """Raise RequestError for a person who lacks a permission in the channel of a server."""
    if interaction.guild_id is not None and not getattr(interaction.permissions, needed):
        raise RequestError(
            "You need the **{permission}** permission. Ask somebody who has it.",
            permission=PERMISSION_NAMES[needed],
        )
