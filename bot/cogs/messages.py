"""Turn messages into lines, and answer mentions.

Discord shows a bot without the privileged intent only direct messages, and messages that mention
it, as pinged replies to its regular messages do.
"""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from dataclasses import dataclass, replace

import discord
from discord.ext import commands

from ..errors import (
    AlreadyWritten,
    EngineClosed,
    NoScript,
    NotRunning,
    RateLimited,
    RequestError,
    TransactionFailed,
)
from ..i18n.catalogue import phrase, say
from ..interactions.addressing import Addressed, read_address, strip_mentions
from ..interactions.in_flight import StoppableJob
from ..interactions.requester import find_name, format_requester, make_requester
from ..interactions.services import CogServices
from ..interactions.turns import Turn, format_model_change, format_warnings
from ..session.channel_session import ChannelSession
from ..session.preferences import PLAIN_MESSAGES
from ..session.rate_limits import Cost
from ..session.turn import Job, Requester, TurnResult
from ..ui.channels.progress import PanelProgress
from ..ui.components import LINES, Interaction, make_start_buttons, make_stop_button, make_view
from ..ui.delivery.interaction_state import measure_act
from ..ui.delivery.responses import (
    NOT_SHOWN,
    check_permissions,
    classify_error,
    format_error,
    make_next_step,
)
from ..ui.delivery.sending import (
    CONNECTION_ERRORS,
    MessageChannel,
    log_failure,
    post_message,
    try_once,
)
from ..ui.delivery.server_language import speaking_in
from ..ui.lines.line_messages import format_undeleted
from ..ui.markdown import NAME_SIZE, inline
from ..ui.panels.panel import delete_message, is_panel
from ..ui.panels.poll_messages import put_takes_away
from .feature import ADD_ANYWAY, FeatureCog, asks_during_vote, message_command
from .help import format_help

log = logging.getLogger("onbook.messages")

ADD = phrase("Add to the script")
"""The name of the command on messages."""

HOW_TO_REPLY = phrase("I read only replies that mention me. Reply to this message, or mention me.")
"""The hint for people who reply to a line or the panel without a mention."""

IS_ADDED = phrase(
    "That message was already added to a script. Find its line in {/script history}, or copy its "
    "text to {/write}."
)

ANSWER_SECONDS = 60.0
"""Seconds in which a channel gets one answer to mentions, and a person one on limits or an end."""

TICK = "\N{WHITE HEAVY CHECK MARK}"
"""The bot's reaction to a message that has become a line and stays."""


@dataclass(eq=False)
class Heard:
    """A message that may become a line."""

    message: discord.Message
    channel: MessageChannel
    session: ChannelSession
    addressed: Addressed
    is_withdrawn: bool = False
    """Whether its writer has deleted or edited it in the meantime."""


class Messages(FeatureCog, name="OnBook.messages"):
    """Write by messages."""

    def __init__(self, services: CogServices) -> None:
        super().__init__(services)
        self._heard: dict[int, Heard] = {}
        """The messages that are being answered, by id."""
        self._answers = commands.CooldownMapping[int].from_cooldown(1, ANSWER_SECONDS, int)
        """The answers to channels and people, by id."""

    # What people write

    @commands.Cog.listener("on_message")
    async def hear(self, message: discord.Message) -> None:
        """Turn a message that is meant for the script into a line, or answer a mention.

        A host's bot may use mentions differently, so its owner has to allow this.
        """
        user, channel, services = self.bot.user, message.channel, self.services
        if user is None or not services.hears:
            return
        is_here = message.guild is not None or isinstance(channel, discord.DMChannel)
        addressed = read_address(message, user.id)
        if addressed is None or not is_here or not isinstance(channel, MessageChannel):
            return
        new = Heard(message, channel, services.sessions.get(channel.id), addressed)
        heard = self._heard.setdefault(message.id, new)  # it may be delivered twice
        with speaking_in(message.guild, services.group):
            try:
                services.in_flight.admit()
                services.in_flight.track_person(message.author.id)
                async with heard.session.hearing:
                    if not heard.is_withdrawn and not await self.is_left_to_host(message):
                        await self._hear(heard)
            except (EngineClosed, TransactionFailed) as error:
                if addressed.is_direct:
                    await self._tell_error(heard, error)
            finally:
                if self._heard.get(message.id) is heard:
                    del self._heard[message.id]

    @commands.Cog.listener("on_raw_message_edit")
    async def hear_again(self, payload: discord.RawMessageUpdateEvent) -> None:
        """Hear a message again once its writer has edited it, if it has not become a line yet."""
        if payload.message.edited_at and self._withdraw(payload.message_id):
            await self.hear(payload.message)

    @commands.Cog.listener("on_raw_message_delete")
    async def withdraw(self, payload: discord.RawMessageDeleteEvent) -> None:
        """Do not turn a message into a line once it was deleted."""
        self._withdraw(payload.message_id)

    @commands.Cog.listener("on_raw_bulk_message_delete")
    async def withdraw_all(self, payload: discord.RawBulkMessageDeleteEvent) -> None:
        """Do not turn messages into lines once they were deleted."""
        for message in payload.message_ids:
            self._withdraw(message)

    def _withdraw(self, message: int) -> bool:
        """Stop the turn of a message, if it has begun; return whether the message was heard."""
        heard = self._heard.pop(message, None)
        if heard is None:
            return False
        heard.is_withdrawn = True
        if stoppable := self.services.in_flight.jobs.get(message):
            stoppable.job.stop()
        return True

    async def is_left_to_host(self, message: discord.Message) -> bool:
        """Return whether a message is for a host's own commands.

        A mention is a prefix in many hosts, so a mention alone does not make a command.
        """
        if self.services.group is None:
            return False
        context = await self.bot.get_context(message)
        return context.valid or not (context.prefix or "<@").startswith("<@")

    async def _hear(self, heard: Heard) -> None:
        addressed = heard.addressed
        script = await heard.session.library.find_running()
        if addressed.is_direct or (addressed.is_mentioned and await self._replies_to_us(heard)):
            is_for_us = addressed.is_mentioned or self.services.group is None
            if (script or is_for_us) and not addressed.asks_for_help:
                await self._write(heard)
            elif is_for_us:
                await self._explain(heard)
        elif script and await heard.session.continuation.is_plain_line(script, addressed.text):
            await self._write(heard)
        elif script and not (PLAIN_MESSAGES.of(script) or addressed.is_mentioned):
            await self._explain_replies(heard)

    async def _replies_to_us(self, heard: Heard) -> bool:
        """Return whether a message replies to a line, the panel, or the hint `HOW_TO_REPLY`."""
        reference = heard.message.reference
        if not heard.addressed.is_reply or reference is None or reference.message_id is None:
            return False
        replied, number = reference.resolved, reference.message_id
        if isinstance(replied, discord.Message) and replied.author == self.bot.user:
            is_hint = replied.content == say(HOW_TO_REPLY)
            if is_hint or is_panel(replied):
                return True
        posts = self.sessions.posts
        is_voting_panel = await posts.find_panel(heard.channel.id) == number  # without buttons
        return is_voting_panel or await posts.find(number) is not None

    # Lines

    async def _write(self, heard: Heard) -> None:
        """Turn a message into a line, show the line, and replace the message."""
        result = None
        with measure_act(self.services.meter, "message") as wait:
            try:
                result = await self._take_turn(heard)
            except Exception as error:  # noqa: BLE001 - the last place where it can be answered
                wait.outcome = classify_error(error)
                if heard.is_withdrawn:
                    return
                if not await self._is_written(heard, error):
                    await self._tell_error(heard, error)
                    return
            try:
                sentences = await self._show(heard, result)
            except (discord.HTTPException, TransactionFailed, *CONNECTION_ERRORS) as error:
                wait.outcome = classify_error(error)
                log_failure(log, "could not show lines", error)
                sentences = [say(NOT_SHOWN)]
        if sentences:
            await _tell(heard, " ".join(sentences))

    async def _show(self, heard: Heard, result: TurnResult | None) -> list[str]:
        """Show the script, and replace a message that was written, perhaps by an earlier delivery.

        Return the sentences for the person who wrote the message.
        """
        message, change = heard.message, format_model_change(result) if result else ""
        note = change and f"-# {change}"
        left = await self.services.messages.sync(heard.channel, heard.session, note)
        if result:
            await put_takes_away(heard.channel, heard.session, result.script.id)
            self.services.deadline_messages.watch_pings(result.script)
        me = message.guild.me if message.guild else message.author
        await _replace(message, _find_permissions(message, me))
        sentences = format_warnings(result) if result else []
        return [format_undeleted(left), *sentences] if left else sentences

    async def _take_turn(self, heard: Heard) -> TurnResult:
        """Add the lines of a message; raise what the commands raise."""
        message, channel, text = heard.message, heard.channel, heard.addressed.text
        author, guild = message.author, message.guild
        if guild:
            in_thread = isinstance(channel, discord.Thread)
            check_permissions(_find_permissions(message, guild.me), in_thread=in_thread)
        cost, place = Cost(requests=1, characters=len(text)), guild.id if guild else None
        self.services.admit_request(author.id, channel.id, place, cost)
        requester = make_requester(author, message.id, _find_permissions(message, author))
        stop = make_stop_button(message.id, LINES)
        display = PanelProgress(self.services.messages, channel, heard.session, stop)
        stoppable = StoppableJob(Job(), author.id, channel.id, is_public=True)
        async with self.services.in_flight.track_job(message.id, stoppable, display) as job:
            if heard.is_withdrawn:  # before there was a job to stop
                job.stop()
            return await heard.session.continuation.write(requester, text, job=job)

    async def _is_written(self, heard: Heard, error: Exception) -> bool:
        """Return whether a refused message was delivered before, and became a line then."""
        if isinstance(error, AlreadyWritten):
            return True
        # The person who wrote the last line may not be allowed to write the next one.
        delivery = str(heard.message.id)
        is_refused = isinstance(error, RequestError)
        return is_refused and await heard.session.continuation.is_delivered(delivery)

    @message_command(ADD)
    async def add_to_script(self, interaction: Interaction, message: discord.Message) -> None:
        """Turn a message into a line by the person who wrote the message."""
        assert self.bot.user is not None  # because it has received an interaction
        text = strip_mentions(message.content, self.bot.user.id)
        turn = await self.turns.admit(interaction)
        is_ours = message.author.id == self.bot.user.id
        if is_ours or await self.sessions.posts.find(message.id):
            raise RequestError("I wrote that message. Choose somebody else's.")
        if not text:
            raise RequestError("That message has no text. Choose another one.")
        if await turn.session.continuation.is_delivered(str(message.id)):
            raise RequestError(IS_ADDED)
        self.services.charge(interaction, Cost(characters=len(text)))
        await self._add(turn, message, text)

    @asks_during_vote(ADD_ANYWAY)
    async def _add(self, turn: Turn, message: discord.Message, text: str) -> None:
        interaction, continuation = turn.interaction, turn.session.continuation
        author = self._find_author(interaction, message)
        who, whose = format_requester(interaction), inline(find_name(message.author), NAME_SIZE)
        note = say("{who} added a message from {author}.", who=who, author=whose) if author else ""
        once = replace(turn.requester, delivery=str(message.id))
        try:
            async with self.turns.show_progress(interaction, LINES) as job:
                result = await continuation.write(once, text, job=job, author=author)
        except AlreadyWritten:
            raise RequestError(IS_ADDED) from None
        await self.turns.show(turn, result, note)
        is_theirs = message.author.id == interaction.user.id
        may_delete = is_theirs or interaction.permissions.manage_messages
        await _replace(message, interaction.app_permissions, may_delete=may_delete)

    def _find_author(self, interaction: Interaction, message: discord.Message) -> Requester | None:
        """Return the person who wrote a message, unless that person asks or a bot wrote it."""
        author = message.author
        if author.bot or message.webhook_id or author.id == interaction.user.id:
            return None
        self.services.in_flight.track_person(author.id)
        return make_requester(author, message.id, discord.Permissions.none())

    # Answers

    async def _explain(self, heard: Heard) -> None:
        """Say what the bot is, rarely enough not to annoy.

        A bare mention where a script runs moves the panel below the mention instead.
        """
        channel = heard.channel
        if not self._may_answer(channel.id):
            return
        if not heard.addressed.text and await heard.session.library.find_running():
            with suppress(discord.HTTPException, *CONNECTION_ERRORS):
                await self.services.messages.sync(channel, heard.session, above=heard.message.id)
            return
        content = format_help(hears=True, is_direct=isinstance(channel, discord.DMChannel))
        has_scripts = await heard.session.library.find_latest() is not None
        view = make_view(*make_start_buttons(has_scripts=has_scripts))
        # The bot may not be allowed to post here.
        with suppress(discord.HTTPException, *CONNECTION_ERRORS):
            await post_message(channel, content, view=view)

    async def _explain_replies(self, heard: Heard) -> None:
        """Tell a person who replied to a line, once, how to reply so that the bot sees it."""
        if await self._replies_to_us(heard):
            notifications = self.services.sessions.notifications
            if notifications.should_explain_replies(heard.channel.id, heard.message.author.id):
                await _reply(heard, say(HOW_TO_REPLY))

    async def _tell_error(self, heard: Heard, error: Exception) -> None:
        """Tell a person why their message is not a line; about limits and an end, only rarely."""
        is_seldom = isinstance(error, NotRunning | RateLimited)
        if is_seldom and not self._may_answer(heard.message.author.id):
            return
        if isinstance(error, NotRunning):  # here, because the buttons act on the channel
            await _reply(heard, format_error(error), make_next_step(error))
        elif isinstance(error, NoScript):
            await self._explain(heard)
        else:
            await _tell(heard, format_error(error))

    def _may_answer(self, whom: int) -> bool:
        """Return whether a channel or a person has had no answer for a while, and gets one now."""
        return self._answers.update_rate_limit(whom, time.monotonic()) is None


def _find_permissions(
    message: discord.Message, user: discord.User | discord.Member
) -> discord.Permissions:
    """Return a member's permissions in a message's channel; none in direct messages."""
    if isinstance(user, discord.Member):
        return message.channel.permissions_for(user)
    return discord.Permissions.none()


async def _replace(
    message: discord.Message, granted: discord.Permissions, *, may_delete: bool = True
) -> None:
    """Delete a message that has become a line, or tick it if something would be lost."""
    channel = message.channel
    has_more = bool(message.attachments or message.stickers or message.poll)
    may_delete &= granted.manage_messages and not has_more
    if may_delete and isinstance(channel, MessageChannel):
        await delete_message(channel, message.id)
    elif not message.guild or (granted.add_reactions and granted.read_message_history):
        await try_once(lambda: message.add_reaction(TICK))


async def _tell(heard: Heard, sentence: str) -> None:
    """Tell a person something about their message, privately if they take direct messages."""
    if heard.message.guild:
        with suppress(discord.HTTPException, *CONNECTION_ERRORS):
            private = await heard.message.author.create_dm()
            await post_message(private, f"{sentence}\n-# {heard.message.jump_url}")
            return
    await _reply(heard, sentence)


async def _reply(heard: Heard, sentence: str, view: discord.ui.View | None = None) -> None:
    """Reply to a message, without a ping."""
    reference = heard.message.to_reference(fail_if_not_exists=False)
    # The bot may not be allowed to post here.
    with suppress(discord.HTTPException, *CONNECTION_ERRORS):
        await post_message(heard.channel, sentence, reference=reference, view=view)
