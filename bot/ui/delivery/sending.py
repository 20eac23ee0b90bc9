"""Send to Discord in spite of failures of the network or of Discord.

discord.py retries after some errors, but never after a reset connection, and it waits for minutes
for an answer. Here, only what is idempotent is retried: a first answer, which Discord accepts once;
the edit of a message; and a message in a channel, by its nonce. A follow-up can arrive twice, so
follow-ups are only for what a single person sees.
"""

from __future__ import annotations

import asyncio
import io
import logging
import random
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from typing import Any, TypeVar

import aiohttp
import discord
from discord import app_commands

from ...errors import TransactionFailed
from ...recent import Recent
from ..components import Interaction
from .interaction_state import InteractionState, acknowledge, find_state

log = logging.getLogger("onbook.sending")

T = TypeVar("T")

CONNECTION_ERRORS = (aiohttp.ClientError, OSError, discord.DiscordServerError)
"""The errors after which it is unknown whether Discord received a request."""

REQUEST_TIMEOUT = 6.0
"""Seconds that the first request may take; each retry may take twice as long."""

MIN_PAUSE, MAX_PAUSE = 0.25, 30.0
"""Seconds between two requests: the first time, and at most."""

FIRST_RESPONSE_TIMEOUT = 2.0
"""Seconds until a first answer is sent again, of the three that Discord waits for it."""

FIRST_RESPONSE_SECONDS = 10.0
"""Seconds after which a first answer is given up, unless Discord refuses it as too late."""

TOKEN_SECONDS = 14.5 * 60
"""Seconds for which the messages of an interaction can be edited, with a margin."""

NONCE_SECONDS = 90.0
"""Seconds for which a message is sent again; Discord remembers a nonce for a few minutes."""

EDIT_SECONDS = 60.0
"""Seconds for which the edit of a message is retried, while the next ones in its channel wait."""

ALREADY_RESPONDED = 40060
"""Discord's code for an interaction that was answered before."""

LOST_STATUSES = {HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND}
"""The statuses of Discord's answer if a token has expired or changed, or something is gone."""

NO_MENTIONS = discord.AllowedMentions.none()
"""The mentions that ping: none, because answers quote people, and a host's client may ping."""

MessageChannel = (
    discord.TextChannel
    | discord.VoiceChannel
    | discord.StageChannel
    | discord.Thread
    | discord.DMChannel
    | discord.GroupChannel
    | discord.PartialMessageable
)
"""The channels that have messages."""

_deliveries = Recent[int, InteractionState](10_000)
"""The delivery that is carried out for each interaction, by the interaction's id."""


def log_failure(log: logging.Logger, what: str, error: BaseException) -> None:
    """Log that something failed: in one line, or with its traceback if that shows a defect.

    A failed transaction is logged by the store.
    """
    if isinstance(error, TransactionFailed):
        return
    if isinstance(error, CONNECTION_ERRORS):
        # The type alone, because the message may hold an address with a token.
        log.warning("%s: %s", what, type(error).__name__)
    elif isinstance(error, discord.HTTPException) and error.status != HTTPStatus.BAD_REQUEST:
        log.warning("%s: %s", what, error)
    else:
        log.error(what, exc_info=error)


async def send_with_retries(
    send: Callable[[], Awaitable[T]], seconds: float, first_timeout: float | None = None
) -> T:
    """Send an idempotent request until Discord answers, for up to ``seconds``.

    The first attempt may take ``first_timeout`` seconds, or `REQUEST_TIMEOUT`.

    Raises:
        discord.HTTPException: Discord has refused the request.
        aiohttp.ClientError: Or another of `CONNECTION_ERRORS`, when the time is up.
    """
    timeout = REQUEST_TIMEOUT if first_timeout is None else first_timeout
    clock = asyncio.get_running_loop().time
    deadline, pause = clock() + seconds, MIN_PAUSE
    while True:
        try:
            async with asyncio.timeout(min(timeout, deadline - clock())):
                return await send()
        except (discord.HTTPException, *CONNECTION_ERRORS) as error:
            if not is_transient(error) or clock() + pause >= deadline:
                raise
            # The type alone, because the message may hold an address with a token.
            log.info("retrying after %s", type(error).__name__)
        await asyncio.sleep(pause * random.uniform(0.5, 1.0))
        timeout, pause = 2 * timeout, min(2 * pause, MAX_PAUSE)


def is_transient(error: Exception) -> bool:
    """Return whether a request that failed so may succeed when it is sent again."""
    if isinstance(error, discord.HTTPException) and error.status == HTTPStatus.TOO_MANY_REQUESTS:
        return True
    return isinstance(error, CONNECTION_ERRORS)


def is_refusal(error: discord.HTTPException) -> bool:
    """Return whether Discord refuses what a message says, however often the message is sent."""
    return error.status == HTTPStatus.BAD_REQUEST


async def try_once(send: Callable[[], Awaitable[object]]) -> None:
    """Send a request once, and ignore a failure."""
    try:
        async with asyncio.timeout(REQUEST_TIMEOUT):
            await send()
    except (discord.HTTPException, *CONNECTION_ERRORS) as error:
        log.info("gave up after %s", type(error).__name__)


class AttemptRecorder:
    """A session that records whether Discord may have carried out one of its requests.

    discord.py repeats a request after some errors without saying so.
    """

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.may_be_carried_out = False
        self._session = session

    @asynccontextmanager
    async def request(self, *arguments: Any, **more: Any) -> AsyncIterator[aiohttp.ClientResponse]:  # noqa: ANN401 - aiohttp's
        """Send a request; the arguments are those of `aiohttp.ClientSession.request`."""
        before, self.may_be_carried_out = self.may_be_carried_out, True
        async with self._session.request(*arguments, **more) as response:
            if HTTPStatus.BAD_REQUEST <= response.status < HTTPStatus.INTERNAL_SERVER_ERROR:
                self.may_be_carried_out = before
            yield response


class FirstResponse:
    """The first response to an interaction, under the names of discord.py's own methods.

    These raise HTTPException if Discord refuses, and one of `CONNECTION_ERRORS` if the
    outcome is unknown.
    """

    def __init__(self, interaction: Interaction) -> None:
        self.interaction = interaction
        self.response = interaction.response

    async def defer(self, *, thinking: bool = False, ephemeral: bool = False) -> None:
        kinds = discord.InteractionResponseType
        shows = thinking or self.interaction.type is discord.InteractionType.application_command
        if shows and ephemeral:
            find_state(self.interaction).is_ephemeral = True
        await self._respond(
            kinds.deferred_channel_message if shows else kinds.deferred_message_update,
            lambda: self.response.defer(thinking=thinking, ephemeral=ephemeral),
        )

    async def send_message(self, content: str | None, **more: Any) -> None:  # noqa: ANN401 - discord.py's
        send, files = self.response.send_message, ReusableFiles(more.pop("files", ()))
        if more.get("ephemeral"):
            find_state(self.interaction).is_ephemeral = True
        confirmed = await self._respond(
            discord.InteractionResponseType.channel_message,
            lambda: send(content, files=files.copy(), allowed_mentions=NO_MENTIONS, **more),
        )
        if not confirmed and more.get("view"):
            # discord.py learns only from Discord's answer which message has the buttons.
            await edit_response(self.interaction, content=content, view=more["view"])

    async def send_modal(self, modal: discord.ui.Modal) -> None:
        # discord.py listens to a window only once its request has returned, and offers no other
        # way; but a person may see and submit the window of a request whose answer was lost.
        self.interaction._state.store_view(modal)  # noqa: SLF001
        kind = discord.InteractionResponseType.modal
        await self._respond(kind, lambda: self.response.send_modal(modal))

    async def suggest(self, choices: Sequence[app_commands.Choice[Any]]) -> None:
        """Answer with suggestions, which nobody misses if they come too late."""
        kind = discord.InteractionResponseType.autocomplete_result
        try:
            await self._respond(kind, lambda: self.response.autocomplete(choices))
        except (discord.HTTPException, *CONNECTION_ERRORS) as error:
            self.response._response_type = kind  # noqa: SLF001 - or discord.py would answer again
            log.info("gave up suggestions after %s", type(error).__name__)

    async def _respond(
        self, kind: discord.InteractionResponseType, respond: Callable[[], Awaitable[object]]
    ) -> bool:
        """Answer until Discord has the answer; return whether Discord has confirmed it."""
        interaction, confirmed = self.interaction, True
        attempts = AttemptRecorder(interaction._session)  # noqa: SLF001 - nothing public has it
        interaction._session = attempts  # type: ignore[assignment]  # noqa: SLF001 - as above
        _claim(interaction)
        try:
            await send_with_retries(respond, FIRST_RESPONSE_SECONDS, FIRST_RESPONSE_TIMEOUT)
            _deliveries[interaction.id] = find_state(interaction)
        except CONNECTION_ERRORS:
            # Discord may have it: the next answer edits it, or is refused.
            self.response._response_type = kind  # noqa: SLF001 - discord.py knows of no such answer
            raise
        except discord.HTTPException as error:
            # Otherwise another delivery has answered, here or in another process.
            is_ours = attempts.may_be_carried_out and _claim(interaction)
            if not (is_ours and error.code == ALREADY_RESPONDED):
                raise
            confirmed = False
        self.response._response_type = kind  # noqa: SLF001 - as above
        acknowledge(interaction)
        return confirmed


async def edit_response(interaction: Interaction, **more: Any) -> discord.InteractionMessage:  # noqa: ANN401
    """Edit the first answer, or the message whose button was pressed.

    The arguments are those of `discord.Interaction.edit_original_response`.
    """
    files = ReusableFiles(more.pop("attachments", ()))

    async def edit() -> discord.InteractionMessage:
        attached = files.copy() if files.contents else discord.utils.MISSING
        return await interaction.edit_original_response(
            attachments=attached, allowed_mentions=NO_MENTIONS, **more
        )

    return await send_with_retries(edit, TOKEN_SECONDS)


async def complete_response(interaction: Interaction, **more: Any) -> discord.Message:  # noqa: ANN401
    """Turn a "thinking" into a message; the arguments are those of `edit_response`.

    If everybody sees the "thinking", and it can no longer be edited, post a new message in the
    channel instead.
    """
    files = ReusableFiles(more.pop("attachments", ()))
    try:
        return await edit_response(interaction, attachments=files.copy(), **more)
    except (discord.HTTPException, *CONNECTION_ERRORS) as error:
        channel = interaction.channel
        expired = isinstance(error, CONNECTION_ERRORS) or error.status in LOST_STATUSES
        thinking = discord.InteractionResponseType.deferred_channel_message
        public = interaction.response.type is thinking and not find_state(interaction).is_ephemeral
        if not (expired and public and isinstance(channel, MessageChannel)):
            raise
    log.warning("posting an answer as a new message, because its interaction has ended")
    arguments = {name: value for name, value in more.items() if value is not None}
    return await post_message(channel, files=files.copy(), **arguments)


async def post_message(
    channel: MessageChannel,
    content: str | None = None,
    nonce: str | None = None,
    allowed_mentions: discord.AllowedMentions = NO_MENTIONS,
    **more: Any,  # noqa: ANN401 - discord.py's
) -> discord.Message:
    """Post a message in a channel; the arguments are those of its ``send``.

    A message that was posted with the same nonce some minutes ago is not posted again. A nonce has
    at most 25 characters; None stands for a random one.
    """
    files = ReusableFiles(more.pop("files", ()))
    more |= {"nonce": nonce or secrets.token_hex(8), "allowed_mentions": allowed_mentions}
    return await send_with_retries(
        lambda: channel.send(content, files=files.copy(), **more), NONCE_SECONDS
    )


async def edit_message(
    channel: MessageChannel,
    message: int,
    **fields: Any,  # noqa: ANN401 - discord.py's
) -> discord.Message | None:
    """Edit a message of the bot; return it, or None if it was deleted."""
    partial = discord.PartialMessage(channel=channel, id=message)
    with suppress(discord.NotFound):
        return await send_with_retries(
            lambda: partial.edit(allowed_mentions=NO_MENTIONS, **fields), EDIT_SECONDS
        )
    return None


async def send_ephemeral(interaction: Interaction, content: str, **more: Any) -> None:  # noqa: ANN401
    """Send another message that only the requester sees, possibly twice."""
    files = ReusableFiles(more.pop("files", ()))
    await send_with_retries(
        lambda: interaction.followup.send(
            content, ephemeral=True, files=files.copy(), allowed_mentions=NO_MENTIONS, **more
        ),
        NONCE_SECONDS,
    )


async def delete_response(interaction: Interaction) -> None:
    """Delete the first answer; raise NotFound if the answer is already deleted."""
    await send_with_retries(interaction.delete_original_response, NONCE_SECONDS)


class ReusableFiles:
    """Attachments that can be sent repeatedly, because sending reads a file to its end."""

    def __init__(self, files: Sequence[discord.File]) -> None:
        self.contents = [(file, file.fp.read()) for file in files]

    def copy(self) -> list[discord.File]:
        """Return the same files, unread."""
        return [
            discord.File(io.BytesIO(content), file.filename, description=file.description)
            for file, content in self.contents
        ]


def _claim(interaction: Interaction) -> bool:
    """Claim an interaction for this delivery, unless another has it; return whether this has it."""
    delivery = find_state(interaction)
    return _deliveries.setdefault(interaction.id, delivery) is delivery
