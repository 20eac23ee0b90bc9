"""Post the messages that show a turn, or the result of a vote."""

from __future__ import annotations

from typing import Any

import discord

from ..generation.prefill import Progress
from ..i18n.catalogue import many, phrase, say
from ..session.channel_session import ChannelSession
from ..session.polls import find_leaders
from ..session.turn import PollResult, ScriptPosition, TurnResult
from ..storage.schema import Line, Poll, Script, posted_result_key
from ..storage.store import Store
from . import components
from .cards import format_card, split_into_cards
from .components import Interaction
from .delivery import NO_MENTIONS, MessageChannel, complete_response, post_message, try_once
from .markdown import inline
from .panel_view import load_panel
from .perspective import format_message
from .poll_messages import draw_poll
from .responses import IS_SHOWN

HELP_TEXT = phrase(
    "**On Book** writes scripts with you, line by line. Its voice is a very small network that has "
    "read eight hundred plays and 249 short films. It does not understand. That is the fun.\n"
    "1. {/start} begins a script: choose a voice, a place and a cast, or be surprised.\n"
    "2. {/write} adds your line: `INT. DINER - NIGHT`, `MAYA: Hello.`, `CUT TO:`, or an action.\n"
    "3. {/continue} lets the voice write on. So does the panel under the newest line, where you "
    "choose who speaks next.\n"
    "-# {/undo} removes the last line. {/script show} shows the whole script, and "
    "{/script history} goes back to any line."
)

NOBODY_VOTED = {
    True: phrase("Nobody voted, so take 1 was chosen."),
    False: phrase("Nobody voted."),
}
"""The end of a vote without votes, by whether its first take is in the script."""

NOT_TAKEN = {
    "moved": phrase("The script has moved on, so it was not changed."),
    "shelf": phrase("“{title}” is paused and was not changed. Continue it with {/script list}."),
    "archived": phrase(
        "“{title}” is archived and was not changed. Continue it with {/script list}."
    ),
}
"""The reasons why a take that won is not in the script."""


async def load_line_buttons(store: Store, script: Script, line: Line | None) -> discord.ui.View:
    """Return the panel under the last line of a script; before the first one it is None."""
    _, view = await load_panel(store, script, line)
    return view


class MessagePoster:
    """Post new lines, and record which lines each message shows.

    The methods that post lines return the ids of their messages.
    """

    def __init__(self, store: Store) -> None:
        self.store = store

    async def show_lines(
        self, interaction: Interaction, script: Script, lines: list[Line], note: str = ""
    ) -> set[int]:
        """Show new lines, and the buttons under the last one.

        A note stands above the first line until its message is redrawn.
        """
        cards = split_into_cards(lines)
        shown: set[int] = set()
        for group in cards:
            content = format_message(script, group, {line.id for line in group})
            view = None
            if group is cards[-1]:
                view = await load_line_buttons(self.store, script, group[-1])
            if group is cards[0]:
                content = f"{note}\n{content}" if note else content
                message: Any = await complete_response(interaction, content=content, view=view)
                interaction.extras[IS_SHOWN] = True
            else:
                message = await _post_below(interaction, content, view)
            await self.store.messages.record_message(message.id, script.id, group)
            shown.add(message.id)
        return shown

    async def show_opening(self, interaction: Interaction, result: TurnResult) -> set[int]:
        """Show that a script has started which has no line yet."""
        script = result.script
        message = await complete_response(
            interaction,
            content=say(
                "**{title}** starts here. Write the first line with {/write}, or let the voice "
                "start.",
                title=inline(script.title, 100),
            ),
            view=await load_line_buttons(self.store, script, None),
        )
        interaction.extras[IS_SHOWN] = True
        await self.store.messages.record_message(message.id, script.id, [])
        return {message.id}

    async def show_end(
        self, interaction: Interaction, session: ChannelSession, note: str, *, new: bool = False
    ) -> set[int]:
        """Show the last line again, under a note of what happened; ``new``: in another message."""
        script = await session.load_script()
        line = None if script.head is None else await self.store.lines.find_line(script.head)
        before = f"-# {say('The script is at its start, before the first line.')}"
        end = format_card([line], {line.id}) if line else before
        content, view = f"{note}\n{end}", await load_line_buttons(self.store, script, line)
        message: Any
        if new:
            message = await _post_below(interaction, content, view)
        else:
            message = await complete_response(interaction, content=content, view=view)
        interaction.extras[IS_SHOWN] = True
        await self.store.messages.record_message(message.id, script.id, [line] if line else [])
        return {message.id}

    async def show_poll(self, interaction: Interaction, poll: Poll) -> None:
        """Show takes to choose from."""
        content, view = draw_poll(poll, await self.store.polls.load_takes(poll), {})
        message = await complete_response(interaction, content=content, view=view)
        interaction.extras[IS_SHOWN] = True
        await self.store.polls.record_message(poll.id, message.id)

    async def show_progress(self, interaction: Interaction, progress: Progress, work: str) -> None:
        """Show the progress of one of `components.JOB_KINDS`, and the button that stops it."""
        content, view = (
            f"-# {_format_progress(progress)}",
            components.make_stop_button(interaction.id, work),
        )
        await try_once(
            lambda: interaction.edit_original_response(
                content=content, view=view, allowed_mentions=NO_MENTIONS
            )
        )

    async def announce_result(self, channel: MessageChannel, poll_result: PollResult) -> set[int]:
        """Show how a vote ended, and the lines that won.

        An announcement that failed in the middle is completed by the next call, however late: each
        card is recorded when it is posted, and posted once.
        """
        note, script = _format_poll_result(poll_result), poll_result.script
        last = poll_result.lines[-1].id
        cards, shown = split_into_cards(poll_result.lines), set[int]()
        for number, group in enumerate(cards):
            name = posted_result_key(poll_result.poll.id, number)
            if await self.store.key_values.find_value(name):
                continue  # posted by an earlier call
            content = format_message(
                script, group, {line.id for line in group} if poll_result.result else ()
            )
            view: discord.ui.View | None = None
            if poll_result.result is None and group is cards[-1]:
                view = components.make_continue_here_button(ScriptPosition(script.id, last))
            elif script.running and group[-1].id == script.head:
                view = await load_line_buttons(self.store, script, group[-1])
            message = await post_message(
                channel,
                content if number else f"{note}\n{content}",
                nonce=name,
                view=view or discord.utils.MISSING,
            )
            await self.store.messages.record_message(message.id, script.id, group)
            shown.add(message.id)
            if group is not cards[-1]:
                await self.store.key_values.save_value(name, str(message.id))
        return shown

    async def post_end(self, channel: discord.TextChannel | discord.Thread) -> None:
        """Show a channel, unasked, the end of its script, or how to start one."""
        script = await self.store.scripts.find_running_script(channel.id)
        if script is None:
            await post_message(channel, say(HELP_TEXT), view=components.make_start_button())
            return
        lines = await self.store.lines.load_path(script.head)
        last = split_into_cards(lines)[-1] if lines else []
        content = f"**{inline(script.title, 100)}**"
        if last:
            content += "\n" + format_card(last, {line.id for line in last})
        view = await load_line_buttons(self.store, script, last[-1] if last else None)
        message = await post_message(channel, content, view=view)
        await self.store.messages.record_message(message.id, script.id, last)


async def _post_below(
    interaction: Interaction, content: str, view: discord.ui.View | None
) -> discord.Message:
    """Post another message for everybody, under the answer to an interaction."""
    view = view or discord.utils.MISSING
    if isinstance(interaction.channel, MessageChannel):
        return await post_message(interaction.channel, content, view=view)
    return await interaction.followup.send(
        content, view=view, wait=True, allowed_mentions=NO_MENTIONS
    )


def _format_progress(progress: Progress) -> str:
    if progress.share_read is not None:
        return say("The voice is reading the script: {share:.0%}.", share=progress.share_read)
    if progress.to_replay:
        return say(
            "Replayed {written:,} of {all:,} lines.",
            written=progress.written,
            all=progress.to_replay,
        )
    if progress.written:
        return say("The voice is writing. Finished lines: {written:,}.", written=progress.written)
    return say("The voice is writing.")


def _format_poll_result(poll_result: PollResult) -> str:
    votes, script = sum(poll_result.counts.values()), poll_result.script
    sentence = say(NOBODY_VOTED[poll_result.result is not None])
    leaders = find_leaders(poll_result.counts)
    if votes and len(leaders) > 1:
        sentence = say(
            "Voting has ended in a tie of {takes}, with {most} each. Take {take} was drawn.",
            takes=many(len(leaders), "take"),
            most=many(poll_result.counts[poll_result.winner], "vote"),
            take=poll_result.winner + 1,
        )
    elif votes:
        sentence = say(
            "Voting has ended. Take {take} won with {most:,} of {votes}.",
            take=poll_result.winner + 1,
            most=poll_result.counts[poll_result.winner],
            votes=many(votes, "vote"),
        )
    if poll_result.result is None:
        why = "moved" if script.running else "archived" if script.archived else "shelf"
        sentence += f" {say(NOT_TAKEN[why], title=inline(script.title, 100))}"
    return f"-# {sentence}"
