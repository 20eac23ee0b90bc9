"""Responses to errors: one sentence, for the person who asked alone."""

from __future__ import annotations

import io
import logging
from contextlib import suppress

import discord
from discord import app_commands

from ..cleaning import clean
from ..i18n.catalogue import phrase, say
from ..i18n.markdown import fenced, size
from ..inference.engine import EngineBusy, EngineClosed
from ..inference.model import ModelError
from ..inference.request import NonFiniteOutput
from ..screenplay.elements import ScriptError
from ..session.rate_limits import TooMuch
from ..session.turn import LineIsOld, NoScript, RoomError
from ..storage.database import TransactionFailed
from ..storage.line_tree import AlreadyWritten, HeadMoved
from ..telemetry import Outcome
from . import components
from .components import Interaction
from .delivery import LOST, edited, first_answer, reply_to, taken_away, whispered
from .waiting import end

log = logging.getLogger("onbook.responses")

SHOWN = "onbook.shown"
"""A key that is set among an interaction's extras once everybody sees its result."""

WRITTEN = "onbook.written"
"""A key that is set among an interaction's extras once its lines are stored, shown or not."""

NOT_KEPT = {
    "full": phrase(
        "The bot's disk is full. Nothing was saved. Tell the bot's owner, and try again later."
    ),
    "readonly": phrase(
        "The database is read-only. Nothing was saved. Tell the bot's owner, and try again later."
    ),
    "locked": phrase(
        "Another program is using the database. Nothing was saved. Try again, and tell the bot's "
        "owner if this continues."
    ),
    "away": phrase(
        "The database cannot be reached. Nothing was saved. Try again, and tell the bot's owner "
        "if this continues."
    ),
    "lost": phrase("Another process of the bot is taking over. Nothing was saved. Try again."),
    "broken": phrase(
        "The bot's disk is failing. Nothing was saved. Tell the bot's owner, and try again later."
    ),
}
"""The sentences that say what to do, by the reason why something was not stored."""

HEARD = "onbook.heard"
"""A key that is set among an interaction's extras as soon as something begins to answer it."""

KEPT = 1500
"""The size up to which a refused text is given back in the message itself."""

UNANSWERABLE = {10015, 10062, 40060, 50027}
"""Discord's codes for an interaction that is too old, was answered already, or has ended."""

UNKNOWN_MESSAGE = 10008
"""Discord's code for a message that was deleted."""

WHAT_TO_DO_NOW = {
    EngineBusy: phrase("The bot is very busy. Try again in a moment."),
    NonFiniteOutput: phrase("The voice's file is damaged. Ask the bot's owner to export it again."),
    EngineClosed: phrase("The bot is shutting down. Try again when it is back."),
    HeadMoved: phrase(
        "Someone else changed the script first, so nothing of yours was added. Read its end, "
        "then try again."
    ),
}

REFUSALS = (
    *(RoomError, ScriptError, ModelError, HeadMoved),
    *(app_commands.TransformerError, app_commands.CheckFailure),
)
"""The errors of a request that cannot be granted, or not any more."""

PERMISSIONS = {
    "view_channel": phrase("View Channel"),
    "send_messages": phrase("Send Messages"),
    "send_messages_in_threads": phrase("Send Messages In Threads"),
    "manage_channels": phrase("Manage Channels"),
    "manage_guild": phrase("Manage Server"),
}
"""Discord's names of the permissions that are needed here."""


async def answer(interaction: Interaction, error: Exception, keep: str = "") -> None:
    """Answer an error with one sentence, for the person who asked alone.

    Args:
        interaction: The interaction that has failed, answered or not.
        error: What was raised.
        keep: A text of the person's that would be lost, and is given back.
    """
    end(interaction, _outcome(error))
    if isinstance(error, AlreadyWritten):
        return
    try:
        if not _cannot_be_answered(error):
            await _tell(interaction, error, keep)
            return
    except LOST as lost:
        error = lost
    except discord.HTTPException as refused:
        # A refused request is the only sign of a second delivery where nothing was written.
        if not _cannot_be_answered(refused):
            raise
        error = refused
    end(interaction, Outcome.UNANSWERED)
    log.warning("could not answer an interaction: %s", type(error).__name__)


def _cannot_be_answered(error: Exception) -> bool:
    return isinstance(error, discord.HTTPException) and error.code in UNANSWERABLE


def _outcome(error: Exception) -> Outcome:
    """Return the outcome that an error means for the meter."""
    if isinstance(error, AlreadyWritten):
        return Outcome.UNANSWERED
    if isinstance(error, TooMuch | EngineBusy):
        return Outcome.LIMITED
    return Outcome.REFUSED if isinstance(error, REFUSALS) else Outcome.FAILED


async def _tell(interaction: Interaction, error: Exception, keep: str) -> None:
    """Send the sentence first, instead of a "thinking", or as a follow-up."""
    written = WRITTEN in interaction.extras
    content = _written_all_the_same(error) if written else _sentence(error)
    view = _way_on(error) or discord.utils.MISSING
    files: list[discord.File] = []
    if keep and not written:
        returned, files = _given_back(interaction, keep)
        content += f" {returned}"
    first = first_answer(interaction)
    if first is None:
        await reply_to(interaction).send_message(content, view=view, files=files, ephemeral=True)
        return
    if first is discord.InteractionResponseType.deferred_channel_message and (
        SHOWN not in interaction.extras
    ):
        # The first follow-up would replace the "thinking" and be as visible; and Discord takes no
        # follow-up of a "thinking" that was deleted before it became a message.
        with suppress(discord.NotFound):
            await edited(interaction, content="…")
            await taken_away(interaction)
    await whispered(interaction, content, view=view, files=files)


def _given_back(interaction: Interaction, text: str) -> tuple[str, list[discord.File]]:
    """Return a text for its writer: in a block, or in a file where it is longer."""
    block = fenced(clean(text))
    if size(block) <= KEPT:
        return f"{say('Here is your text:')}\n{block}", []
    if interaction.app_permissions.attach_files:
        file = io.BytesIO(text.encode(errors="replace"))
        return say("Here is your text."), [discord.File(file, filename=say("your-text.txt"))]
    return f"{say('Your text starts:')}\n{fenced(clean(text[: KEPT // 3]))}", []


def _sentence(error: Exception) -> str:
    if isinstance(error, RoomError | ScriptError | ModelError):
        return str(error)
    if isinstance(error, TransactionFailed):
        return say(NOT_KEPT[error.reason])
    if type(error) in WHAT_TO_DO_NOW:
        return say(WHAT_TO_DO_NOW[type(error)])
    if isinstance(error, app_commands.TransformerError | app_commands.CheckFailure):
        return say("That value is not allowed. Choose another one.")
    if isinstance(error, discord.NotFound) and error.code == UNKNOWN_MESSAGE:
        return say("That message was deleted. Use the command again.")
    if isinstance(error, LOST):
        log.warning("a command failed: %s", type(error).__name__)
        return say("Discord did not respond. Check the script, then try again.")
    log.error("a command failed", exc_info=error)
    return say("Something went wrong, and it was logged. Check the script, then try again.")


def _written_all_the_same(error: Exception) -> str:
    log.error("could not show lines", exc_info=error)
    return say("Your lines are in the script, but could not be shown here. See {/script show}.")


def _way_on(error: Exception) -> discord.ui.View | None:
    match error:
        case NoScript():
            return components.start()
        case LineIsOld():
            return components.from_here(error.place)
        case _:
            return None


def check_permissions(interaction: Interaction) -> None:
    """Raise RoomError with the permissions that the bot lacks in this channel."""
    if interaction.guild_id is None:
        return
    needed = ["view_channel", "send_messages"]
    if isinstance(interaction.channel, discord.Thread):
        needed[1] = "send_messages_in_threads"
    missing = [
        f"**{say(PERMISSIONS[permission])}**"
        for permission in needed
        if not getattr(interaction.app_permissions, permission)
    ]
    if missing:
        raise RoomError(
            say(
                "I need {permissions} in this channel. Ask someone who manages it to grant that.",
                permissions=f" {say('and')} ".join(missing),
            )
        )


def check_may_set(interaction: Interaction, scope: str) -> None:
    """Raise RoomError for a person who may not change settings of a channel, or of a guild."""
    if interaction.guild_id is None:
        return
    needed = "manage_guild" if scope == "guild" else "manage_channels"
    if not getattr(interaction.permissions, needed):
        raise RoomError(
            say(
                "You need the **{permission}** permission. Ask someone who has it.",
                permission=say(PERMISSIONS[needed]),
            )
        )
