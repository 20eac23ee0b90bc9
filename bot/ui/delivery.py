"""Delivery: how an answer gets through to Discord when the network, or Discord, does not.

discord.py asks again after some errors, but never after a reset connection, and it waits for
minutes for what does not come back. Asked again is only what comes to the same however often it is
asked: a first answer, which Discord takes once; the edit of a message; a message in a channel, by
its nonce. A follow-up can come twice, so that it is left to what one person sees alone.
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
"""What says nothing about whether a request was heard: no answer, or one that something broke."""

PATIENCE = 6.0
"""Seconds that a request may take at first; each further one may take twice as long."""

SHORTEST_PAUSE, LONGEST_PAUSE = 0.25, 30.0
"""Seconds between two requests: at first, and at the most."""

FIRST_PATIENCE = 2.0
"""Seconds that a first answer may take before it is given again: Discord waits for three."""

FIRST_SECONDS = 10.0
"""Seconds after which a first answer is given up, if Discord has not called it late before."""

TOKEN_SECONDS = 14.5 * 60
"""Seconds for which the messages of an interaction can be changed, less a little."""

NONCE_SECONDS = 90.0
"""Seconds for which a message is sent again: Discord knows a nonce for a few minutes."""

ANSWERED_BEFORE = 40060
"""Discord's code for an interaction that was answered twice."""

GONE = {401, 404}
"""The statuses of a reply whose interaction is over, or that somebody has deleted."""

FIRST = "onbook.first"
"""The kind of the first answer, among an interaction's extras, once Discord has it."""

PRIVATE = "onbook.private"
"""Set among an interaction's extras where its first answer is for one person alone."""

DELIVERY = "onbook.delivery"
"""Tells one delivery of an interaction from another, among its extras."""

TOO_MANY = 429
"""The status of what must wait."""

MOST_REMEMBERED = 10_000
"""Interactions of which it is known that they have come before."""

NOBODY = discord.AllowedMentions.none()
"""Whom an answer pings: it may quote a title or a name, and a host's client may ping by itself."""

Channel = (
    discord.TextChannel
    | discord.VoiceChannel
    | discord.StageChannel
    | discord.Thread
    | discord.DMChannel
    | discord.GroupChannel
    | discord.PartialMessageable
)
"""Where a message can stand."""

_seen: dict[int, object] = {}
"""The interactions that were answered here, and of each the delivery that was."""


async def insisted(
    ask: Callable[[], Awaitable[T]], seconds: float, patience: float | None = None
) -> T:
    """Asks until Discord answers, for so many seconds; ``ask`` must bear being done again.

    ``patience``: seconds for which an answer is waited for at first, or `PATIENCE`. Raises what
    Discord refuses, and one of `LOST` when the time is over.
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
            # Not its words, in which there may be an address with a token.
            log.info("asked again after %s", type(error).__name__)
        await asyncio.sleep(pause * random.uniform(0.5, 1.0))
        patience, pause = 2 * patience, min(2 * pause, LONGEST_PAUSE)


async def tried(ask: Callable[[], Awaitable[object]]) -> None:
    """Asks once for what can be done without, such as a picture that is drawn again soon."""
    try:
        async with asyncio.timeout(PATIENCE):
            await ask()
    except (discord.HTTPException, *LOST) as error:
        log.info("done without, after %s", type(error).__name__)


class Reply:
    """The first answer to an interaction, by the names of discord.py.

    Raises what Discord refuses, and one of `LOST` when it is not known whether it was heard.
    """

    def __init__(self, interaction: Interaction) -> None:
        self.interaction = interaction
        self.response = interaction.response

    async def defer(self, *, thinking: bool = False, ephemeral: bool = False) -> None:
        """Says that an answer will come."""
        kinds = discord.InteractionResponseType
        command = self.interaction.type is discord.InteractionType.application_command
        shows = thinking or command
        self._is_private(shows and ephemeral)
        await self._give(
            kinds.deferred_channel_message if shows else kinds.deferred_message_update,
            lambda: self.response.defer(thinking=thinking, ephemeral=ephemeral),
        )

    async def send_message(self, content: str, **more: Any) -> None:  # noqa: ANN401 - discord.py's
        """Answers with a message."""
        send, files = self.response.send_message, Files(more.pop("files", ()))
        self._is_private(bool(more.get("ephemeral")))
        heard = await self._give(
            discord.InteractionResponseType.channel_message,
            lambda: send(content, files=files.again(), allowed_mentions=NOBODY, **more),
        )
        if not heard and more.get("view"):
            # Only what comes back tells discord.py under which message the buttons are.
            await edited(self.interaction, content=content, view=more["view"])

    async def edit_message(self, **more: Any) -> None:  # noqa: ANN401 - discord.py's
        """Changes the message whose button was pressed."""
        edit = self.response.edit_message
        heard = await self._give(
            discord.InteractionResponseType.message_update,
            lambda: edit(allowed_mentions=NOBODY, **more),
        )
        if not heard and more.get("view"):
            await edited(self.interaction, **more)

    async def send_modal(self, modal: discord.ui.Modal) -> None:
        """Opens a window."""
        # discord.py listens to a window only once its request came back, and has no other way:
        # whoever sees it although the request was lost may have filled it in before.
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
        """Gives it until it is there; whether Discord said so to the request that gave it."""
        first, tries = _comes_first(self.interaction), 0

        async def give() -> None:
            nonlocal tries
            tries += 1
            await answer()

        try:
            await insisted(give, FIRST_SECONDS, FIRST_PATIENCE)
        except LOST:
            # Perhaps it is there: what is said next changes it, or is refused.
            self.interaction.extras[FIRST] = kind
            raise
        except discord.HTTPException as error:
            # It was heard before its answer was lost, unless the interaction itself came twice.
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
    """The first answer to an interaction, which is to be given."""
    return Reply(interaction)


def first_answer(interaction: Interaction) -> discord.InteractionResponseType | None:
    """How an interaction was answered first; None as long as it was not."""
    kind: discord.InteractionResponseType | None = interaction.extras.get(FIRST)
    return kind or interaction.response.type


async def edited(interaction: Interaction, **more: Any) -> discord.Message:  # noqa: ANN401
    """The first answer, or the message whose button was pressed, as it looks from now on.

    Takes what `discord.Interaction.edit_original_response` does.
    """
    files = Files(more.pop("attachments", ()))

    async def edit() -> discord.Message:
        attached = files.again() if files.there else discord.utils.MISSING
        return await interaction.edit_original_response(
            attachments=attached, allowed_mentions=NOBODY, **more
        )

    return await insisted(edit, TOKEN_SECONDS)


async def delivered(interaction: Interaction, **more: Any) -> discord.Message:  # noqa: ANN401
    """What a "thinking" becomes; takes what `edited` does.

    One that everybody sees, and that cannot become this any more, is left alone: then it is a new
    message in the channel.
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
    log.warning("an answer is posted beside its interaction, which is over")
    given = {name: value for name, value in more.items() if value is not None}
    return await posted(channel, files=files.again(), **given)


async def posted(
    channel: Channel,
    content: str,
    nonce: str | None = None,
    **more: Any,  # noqa: ANN401 - discord.py's
) -> discord.Message:
    """A new message in a channel; takes what its ``send`` does.

    What was posted under the same ``nonce`` some minutes ago is not posted again: at most 25
    characters.
    """
    once, files = nonce or secrets.token_hex(8), Files(more.pop("files", ()))
    return await insisted(
        lambda: channel.send(
            content, nonce=once, files=files.again(), allowed_mentions=NOBODY, **more
        ),
        NONCE_SECONDS,
    )


async def whispered(interaction: Interaction, content: str, **more: Any) -> None:  # noqa: ANN401
    """A further message for the person who asked alone, who may see it twice."""
    files = Files(more.pop("files", ()))
    await insisted(
        lambda: interaction.followup.send(
            content, ephemeral=True, files=files.again(), allowed_mentions=NOBODY, **more
        ),
        NONCE_SECONDS,
    )


async def taken_away(interaction: Interaction) -> None:
    """The first answer is gone; raises NotFound where it was gone before."""
    await insisted(interaction.delete_original_response, NONCE_SECONDS)


class Files:
    """Attachments that can be sent again: what was sent once has been read to its end."""

    def __init__(self, files: Sequence[discord.File]) -> None:
        self.there = [(file, file.fp.read()) for file in files]

    def again(self) -> list[discord.File]:
        """The same files, unread."""
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
    """Whether this interaction was not delivered before."""
    delivery = interaction.extras.setdefault(DELIVERY, object())
    first = _seen.setdefault(interaction.id, delivery) is delivery
    if len(_seen) > MOST_REMEMBERED:
        del _seen[next(iter(_seen))]
    return first


def _may_pass(error: Exception) -> bool:
    """Whether asking again may help."""
    limited = isinstance(error, discord.HTTPException) and error.status == TOO_MANY
    return limited or isinstance(error, LOST)
