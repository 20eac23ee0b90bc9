"""Delivery: send to Discord in spite of a network, or a Discord, that fails.

discord.py retries after some errors, but never after a reset connection, and it waits for minutes
for an answer. Here only what is idempotent is retried: a first answer, which Discord takes once;
the edit of a message; and a message in a channel, by its nonce. A follow-up can arrive twice, so
that follow-ups are for what one person sees alone.
"""

from __future__ import annotations

import asyncio
import io
import logging
import random
import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import aiohttp
import discord

from .components import Interaction
from .waiting import acknowledge

log = logging.getLogger("onbook.delivery")

T = TypeVar("T")

LOST = (aiohttp.ClientError, OSError, discord.DiscordServerError)
"""The errors after which nobody knows whether Discord has heard a request."""

PATIENCE = 6.0
"""Seconds that the first request may take; each retry may take twice as long."""

SHORTEST_PAUSE, LONGEST_PAUSE = 0.25, 30.0
"""Seconds between two requests: the first time, and at most."""

FIRST_PATIENCE = 2.0
"""Seconds until a first answer is sent again, of the three that Discord waits for it."""

FIRST_SECONDS = 10.0
"""Seconds after which a first answer is given up, unless Discord refuses it as late before."""

TOKEN_SECONDS = 14.5 * 60
"""Seconds for which the messages of an interaction can be edited, with a margin."""

NONCE_SECONDS = 90.0
"""Seconds for which a message is sent again; Discord remembers a nonce for a few minutes."""

ANSWERED_BEFORE = 40060
"""Discord's code for an interaction that was answered before."""

GONE = {401, 404}
"""The statuses of a reply whose interaction has ended, or that was deleted."""

FIRST = "onbook.first"
"""The key of the type of the first answer among an interaction's extras."""

PRIVATE = "onbook.private"
"""A key that is set among an interaction's extras if its first answer is ephemeral."""

DELIVERY = "onbook.delivery"
"""The key of an object among the extras that identifies a delivery of an interaction."""

TOO_MANY = 429
"""The status of a request beyond Discord's rate limits."""

MOST_REMEMBERED = 10_000
"""Interactions whose deliveries are remembered."""

NOBODY = discord.AllowedMentions.none()
"""The mentions that ping: none, because answers quote people, and a host's client may ping."""

Channel = (
    discord.TextChannel
    | discord.VoiceChannel
    | discord.StageChannel
    | discord.Thread
    | discord.DMChannel
    | discord.GroupChannel
    | discord.PartialMessageable
)
"""The channels that have messages."""

_seen: dict[int, object] = {}
"""The deliveries that were answered here, by the ids of their interactions."""


async def insisted(
    ask: Callable[[], Awaitable[T]], seconds: float, patience: float | None = None
) -> T:
    """Send a request until Discord answers.

    Args:
        ask: Sends the request, which must be idempotent.
        seconds: The time after which no request is sent any more.
        patience: The seconds for which the first answer is waited for, or None for `PATIENCE`.

    Raises:
        discord.HTTPException: Discord has refused the request.
        aiohttp.ClientError: Or another of `LOST`, when the time is over.
    """
    patience = PATIENCE if patience is None else patience
    clock = asyncio.get_running_loop().time
    end, pause = clock() + seconds, SHORTEST_PAUSE
    while True:
        try:
            async with asyncio.timeout(min(patience, end - clock())):
                return await ask()
        except (discord.HTTPException, *LOST) as error:
            if not _may_pass(error) or clock() + pause >= end:
                raise
            # The type alone, because the message may hold an address with a token.
            log.info("retrying after %s", type(error).__name__)
        await asyncio.sleep(pause * random.uniform(0.5, 1.0))
        patience, pause = 2 * patience, min(2 * pause, LONGEST_PAUSE)


async def tried(ask: Callable[[], Awaitable[object]]) -> None:
    """Send a request once, whose failure does not matter."""
    try:
        async with asyncio.timeout(PATIENCE):
            await ask()
    except (discord.HTTPException, *LOST) as error:
        log.info("gave up after %s", type(error).__name__)


class Reply:
    """Gives an interaction its first answer, under the names of discord.py's own methods.

    They raise HTTPException where Discord refuses, and one of `LOST` where nobody knows.
    """

    def __init__(self, interaction: Interaction) -> None:
        self.interaction = interaction
        self.response = interaction.response

    async def defer(self, *, thinking: bool = False, ephemeral: bool = False) -> None:
        """Promise an answer."""
        kinds = discord.InteractionResponseType
        command = self.interaction.type is discord.InteractionType.application_command
        shows = thinking or command
        self._is_private(shows and ephemeral)
        await self._give(
            kinds.deferred_channel_message if shows else kinds.deferred_message_update,
            lambda: self.response.defer(thinking=thinking, ephemeral=ephemeral),
        )

    async def send_message(self, content: str, **more: Any) -> None:  # noqa: ANN401 - discord.py's
        """Answer with a message."""
        send, files = self.response.send_message, Files(more.pop("files", ()))
        self._is_private(bool(more.get("ephemeral")))
        heard = await self._give(
            discord.InteractionResponseType.channel_message,
            lambda: send(content, files=files.again(), allowed_mentions=NOBODY, **more),
        )
        if not heard and more.get("view"):
            # discord.py learns from Discord's answer alone which message has the buttons.
            await edited(self.interaction, content=content, view=more["view"])

    async def edit_message(self, **more: Any) -> None:  # noqa: ANN401 - discord.py's
        """Edit the message whose button was pressed."""
        edit = self.response.edit_message
        heard = await self._give(
            discord.InteractionResponseType.message_update,
            lambda: edit(allowed_mentions=NOBODY, **more),
        )
        if not heard and more.get("view"):
            await edited(self.interaction, **more)

    async def send_modal(self, modal: discord.ui.Modal) -> None:
        """Open a window."""
        # discord.py listens to a window only once its request has returned, and offers no other
        # way; but a person may see and submit the window of a request whose answer was lost.
        self.interaction._state.store_view(modal)  # noqa: SLF001
        await self._give(
            discord.InteractionResponseType.modal, lambda: self.response.send_modal(modal)
        )

    def _is_private(self, private: bool) -> None:
        if private:
            self.interaction.extras[PRIVATE] = True

    async def _give(
        self, kind: discord.InteractionResponseType, answer: Callable[[], Awaitable[object]]
    ) -> bool:
        """Answer until Discord has it; return whether Discord has confirmed it."""
        first, tries = _comes_first(self.interaction), 0

        async def give() -> None:
            nonlocal tries
            tries += 1
            await answer()

        try:
            await insisted(give, FIRST_SECONDS, FIRST_PATIENCE)
        except LOST:
            # Discord may have it: the next answer edits it, or is refused.
            self.interaction.extras[FIRST] = kind
            raise
        except discord.HTTPException as error:
            # An earlier request was heard, unless the interaction itself was delivered twice.
            if not (first and tries > 1 and error.code == ANSWERED_BEFORE):
                raise
            self._is_there(kind)
            return False
        self._is_there(kind)
        return True

    def _is_there(self, kind: discord.InteractionResponseType) -> None:
        self.interaction.extras[FIRST] = kind
        acknowledge(self.interaction)


def reply_to(interaction: Interaction) -> Reply:
    """Return what gives an interaction its first answer."""
    return Reply(interaction)


def first_answer(interaction: Interaction) -> discord.InteractionResponseType | None:
    """Return the type of an interaction's first answer, or None before it."""
    kind: discord.InteractionResponseType | None = interaction.extras.get(FIRST)
    return kind or interaction.response.type


async def edited(interaction: Interaction, **more: Any) -> discord.Message:  # noqa: ANN401
    """Edit the first answer, or the message whose button was pressed.

    The arguments are those of `discord.Interaction.edit_original_response`.
    """
    files = Files(more.pop("attachments", ()))

    async def edit() -> discord.Message:
        attached = files.again() if files.there else discord.utils.MISSING
        return await interaction.edit_original_response(
            attachments=attached, allowed_mentions=NOBODY, **more
        )

    return await insisted(edit, TOKEN_SECONDS)


async def delivered(interaction: Interaction, **more: Any) -> discord.Message:  # noqa: ANN401
    """Turn a "thinking" into a message; the arguments are those of `edited`.

    Where everybody sees the "thinking", and it can no longer be edited, post a new message in the
    channel instead.
    """
    files = Files(more.pop("attachments", ()))
    try:
        return await edited(interaction, attachments=files.again(), **more)
    except (discord.HTTPException, *LOST) as error:
        channel = interaction.channel
        over = isinstance(error, LOST) or error.status in GONE
        thinking = discord.InteractionResponseType.deferred_channel_message
        public = first_answer(interaction) is thinking and PRIVATE not in interaction.extras
        if not (over and public and isinstance(channel, Channel)):
            raise
    log.warning("posting an answer as a new message, because its interaction has ended")
    given = {name: value for name, value in more.items() if value is not None}
    return await posted(channel, files=files.again(), **given)


async def posted(
    channel: Channel,
    content: str,
    nonce: str | None = None,
    **more: Any,  # noqa: ANN401 - discord.py's
) -> discord.Message:
    """Post a message in a channel.

    Args:
        channel: The channel.
        content: The text.
        nonce: At most 25 characters. A message of the same nonce, some minutes ago, is not posted
            again. None for a random one.
        more: Other arguments of the channel's ``send``.
    """
    once, files = nonce or secrets.token_hex(8), Files(more.pop("files", ()))
    return await insisted(
        lambda: channel.send(
            content, nonce=once, files=files.again(), allowed_mentions=NOBODY, **more
        ),
        NONCE_SECONDS,
    )


async def whispered(interaction: Interaction, content: str, **more: Any) -> None:  # noqa: ANN401
    """Send another message to the person who asked alone, who may see it twice."""
    files = Files(more.pop("files", ()))
    await insisted(
        lambda: interaction.followup.send(
            content, ephemeral=True, files=files.again(), allowed_mentions=NOBODY, **more
        ),
        NONCE_SECONDS,
    )


async def taken_away(interaction: Interaction) -> None:
    """Delete the first answer; raise NotFound where it was deleted before."""
    await insisted(interaction.delete_original_response, NONCE_SECONDS)


class Files:
    """Attachments that can be sent repeatedly, because sending reads a file to its end."""

    def __init__(self, files: Sequence[discord.File]) -> None:
        self.there = [(file, file.fp.read()) for file in files]

    def again(self) -> list[discord.File]:
        """Return the same files, unread."""
        return [
            discord.File(
                io.BytesIO(content),
                file.filename,
                spoiler=file.spoiler,
                description=file.description,
            )
            for file, content in self.there
        ]


def _comes_first(interaction: Interaction) -> bool:
    """Return whether this delivery of an interaction is the first."""
    delivery = interaction.extras.setdefault(DELIVERY, object())
    first = _seen.setdefault(interaction.id, delivery) is delivery
    if len(_seen) > MOST_REMEMBERED:
        del _seen[next(iter(_seen))]
    return first


def _may_pass(error: Exception) -> bool:
    """Return whether a retry may help."""
    limited = isinstance(error, discord.HTTPException) and error.status == TOO_MANY
    return limited or isinstance(error, LOST)
