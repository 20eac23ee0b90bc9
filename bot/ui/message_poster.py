"""New messages: what a channel sees of a turn when it is taken, and of a vote when it ends."""

from __future__ import annotations

from typing import Any

import discord

from ..generation.prefill import Progress
from ..i18n.catalogue import many, phrase, say
from ..i18n.markdown import inline
from ..session.channel_session import Room
from ..session.turn import Outcome, Place, Turn, place_of
from ..storage.schema import Line, Poll, Script, posted_result_key
from ..storage.store import Store
from . import components
from .ballots import draw_ballot
from .cards import card, dealt
from .components import Interaction
from .delivery import NOBODY, Channel, delivered, posted, tried
from .perspective import content_of
from .responses import SHOWN

HELP = phrase(
    "**On Book** writes scripts with you, line by line.\n"
    "1. `{/start}` starts a script in this channel, with a title, a scene heading and a cast.\n"
    "2. `{/write}` adds your line: `INT. DINER - NIGHT`, `MAYA: Hello.`, `CUT TO:`, or an action.\n"
    "3. `{/continue}` lets the voice write the next lines; `{*character}` chooses who speaks.\n"
    "-# `{/undo}` removes the last line and `{/retry}` writes it again; the buttons under the "
    "newest line do the same. `{/script show}` shows the whole script, and `{/history}` goes "
    "back to any line."
)

NOBODY_VOTED = {
    True: phrase("Nobody voted, so take 1 was chosen."),
    False: phrase("Nobody voted."),
}
"""The end of a vote without votes, by whether its first take is in the script."""

NOT_TAKEN = {
    "moved": phrase("The script has moved on, so it was not changed."),
    "shelf": phrase("“{title}” is paused and was not changed. Continue it with {/scripts}."),
    "archived": phrase("“{title}” is archived and was not changed. Continue it with {/scripts}."),
}
"""The reasons why a take that won is not in the script."""


async def buttons_under(store: Store, script: Script, line: Line | None) -> discord.ui.View:
    """Return the buttons under the last line of a script; before the first one it is None."""
    return components.under_line(
        place_of(script),
        by_voice=line is not None and line.author is None,
        redo=await store.lines.find_redo_line(script.id, script.head) is not None,
    )


class MessagePoster:
    """Posts what is new, and records which lines each message shows.

    The methods that post lines return the ids of their messages.
    """

    def __init__(self, store: Store) -> None:
        self.store = store

    async def show_lines(
        self, interaction: Interaction, script: Script, lines: list[Line], note: str = ""
    ) -> set[int]:
        """Show new lines, and the buttons under the last one.

        A note stands above the first line until its message is drawn again.
        """
        cards = dealt(lines)
        shown: set[int] = set()
        for group in cards:
            content = content_of(script, group, {line.id for line in group})
            view = None
            if group is cards[-1]:
                view = await buttons_under(self.store, script, group[-1])
            if group is cards[0]:
                content = f"{note}\n{content}" if note else content
                message: Any = await delivered(interaction, content=content, view=view)
                interaction.extras[SHOWN] = True
            else:
                message = await _post_below(interaction, content, view)
            await self.store.messages.record_message(message.id, script.id, group)
            shown.add(message.id)
        return shown

    async def show_opening(self, interaction: Interaction, turn: Turn) -> set[int]:
        """Show that a script has started which has no line yet."""
        script = turn.script
        message = await delivered(
            interaction,
            content=say(
                "**{title}** starts here. Write the first line with {/write}, or let the voice "
                "start.",
                title=inline(script.title, 100),
            ),
            view=components.under_line(turn.place, by_voice=False),
        )
        interaction.extras[SHOWN] = True
        await self.store.messages.record_message(message.id, script.id, [])
        return {message.id}

    async def show_end(
        self, interaction: Interaction, room: Room, note: str, *, new: bool = False
    ) -> set[int]:
        """Show the last line again, under a note of what happened; ``new``: in another message."""
        script = await room.script()
        line = None if script.head is None else await self.store.lines.find_line(script.head)
        before = f"-# {say('The script is at its start, before the first line.')}"
        end = card([line], {line.id}) if line else before
        content, view = f"{note}\n{end}", await buttons_under(self.store, script, line)
        message: Any
        if new:
            message = await _post_below(interaction, content, view)
        else:
            message = await delivered(interaction, content=content, view=view)
        interaction.extras[SHOWN] = True
        await self.store.messages.record_message(message.id, script.id, [line] if line else [])
        return {message.id}

    async def show_ballot(self, interaction: Interaction, ballot: Poll) -> None:
        """Show takes to choose from."""
        content, view = draw_ballot(ballot, await self.store.polls.load_takes(ballot), {})
        message = await delivered(interaction, content=content, view=view)
        interaction.extras[SHOWN] = True
        await self.store.polls.record_message(ballot.id, message.id)

    async def show_progress(self, interaction: Interaction, progress: Progress, work: str) -> None:
        """Show the progress of one of `components.WORKS`, and the button that stops it."""
        content, view = f"-# {_progress_text(progress)}", components.stop(interaction.id, work)
        await tried(
            lambda: interaction.edit_original_response(
                content=content, view=view, allowed_mentions=NOBODY
            )
        )

    async def announce(self, channel: Channel, outcome: Outcome) -> set[int]:
        """Show how a vote ended, and the lines that won.

        An announcement that failed in the middle is completed by the next call, however late: each
        card is recorded when it is posted, and posted once.
        """
        note, script = _outcome_text(outcome), outcome.script
        last = outcome.lines[-1].id
        cards, shown = dealt(outcome.lines), set[int]()
        for number, group in enumerate(cards):
            name = posted_result_key(outcome.ballot.id, number)
            if await self.store.key_values.find_value(name):
                continue  # posted by an earlier call
            content = content_of(script, group, {line.id for line in group} if outcome.turn else ())
            view: discord.ui.View | None = None
            if outcome.turn is None and group is cards[-1]:
                view = components.from_here(Place(script.id, last))
            elif script.running and group[-1].id == script.head:
                view = await buttons_under(self.store, script, group[-1])
            message = await posted(
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

    async def open_at(self, channel: discord.TextChannel | discord.Thread) -> None:
        """Show a channel, unasked, the end of its script, or how to start one."""
        script = await self.store.scripts.find_running_script(channel.id)
        if script is None:
            await posted(channel, say(HELP), view=components.start())
            return
        lines = await self.store.lines.load_path(script.head)
        last = dealt(lines)[-1] if lines else []
        content = f"**{inline(script.title, 100)}**"
        if last:
            content += "\n" + card(last, {line.id for line in last})
        view = await buttons_under(self.store, script, last[-1] if last else None)
        message = await posted(channel, content, view=view)
        await self.store.messages.record_message(message.id, script.id, last)


async def _post_below(
    interaction: Interaction, content: str, view: discord.ui.View | None
) -> discord.Message:
    """Post another message for everybody, under the answer to an interaction."""
    view = view or discord.utils.MISSING
    if isinstance(interaction.channel, Channel):
        return await posted(interaction.channel, content, view=view)
    return await interaction.followup.send(content, view=view, wait=True, allowed_mentions=NOBODY)


def _progress_text(progress: Progress) -> str:
    if progress.share_read is not None:
        return say("The voice is reading the script: {share:.0%}.", share=progress.share_read)
    if progress.to_prove:
        return say(
            "Replayed {written:,} of {all:,} lines.",
            written=progress.written,
            all=progress.to_prove,
        )
    if progress.written:
        return say("The voice is writing. Finished lines: {written:,}.", written=progress.written)
    return say("The voice is writing.")


def _outcome_text(outcome: Outcome) -> str:
    votes, script = sum(outcome.counts.values()), outcome.script
    sentence = say(NOBODY_VOTED[outcome.turn is not None])
    if votes:
        sentence = say(
            "Voting has ended. Take {take} won with {most:,} of {votes}.",
            take=outcome.won + 1,
            most=outcome.counts[outcome.won],
            votes=many(votes, "vote"),
        )
    if outcome.turn is None:
        why = "moved" if script.running else "archived" if script.archived else "shelf"
        sentence += f" {say(NOT_TAKEN[why], title=inline(script.title, 100))}"
    return f"-# {sentence}"
