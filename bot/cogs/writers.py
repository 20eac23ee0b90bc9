"""Let people write a script in turns, and in a sprint."""

from __future__ import annotations

from re import Match
from typing import Any

from discord import ui
from discord.utils import format_dt

from ..i18n.catalogue import many, say
from ..interactions.option_checks import parse_choice
from ..interactions.requester import format_requester, get_message_channel, get_requester
from ..session.channel_session import ChannelSession
from ..session.permissions import is_manager
from ..session.rotations import DEFAULT_MINUTES, MAX_MINUTES
from ..ui.components import Interaction, parse_position, position_pattern
from ..ui.delivery.installations import check_bot_is_member
from ..ui.delivery.responses import check_bot_permissions
from ..ui.delivery.sending import complete_response, edit_response
from ..ui.markdown import mention
from ..ui.panels.rotation_messages import (
    DEADLINES,
    END_SPRINT_ID,
    NO_DEADLINE,
    ORDER_ID,
    format_rotation,
    format_sprint,
    make_end_button,
    make_rotation_view,
)
from .feature import BELOW_SCRIPT, FeatureCog, command, listens_to


class Writers(FeatureCog, name="OnBook.writers"):
    """Choose who writes when: one after the other, or everybody for some minutes."""

    # Turns

    @command("turns", extras=BELOW_SCRIPT)
    @listens_to(position_pattern("menu-turns"))
    async def show_turns(self, interaction: Interaction) -> None:
        """Take turns: see who writes next, join, leave or pass"""
        check_bot_is_member(interaction)
        session = await self.open_session(interaction, thinking=True, ephemeral=True)
        await self._show_rotation(interaction, session)

    async def _show_rotation(self, interaction: Interaction, session: ChannelSession) -> None:
        """Show the order of the script, and what the person who asks may do with the order."""
        script, requester = await session.library.load_script(), get_requester(interaction)
        rotation, manages = await session.rotations.find(script.id), is_manager(script, requester)
        view = make_rotation_view(script, rotation, requester.id, manages)
        await edit_response(interaction, content=format_rotation(script, rotation), view=view)

    @listens_to(position_pattern("join"))
    async def join_from_panel(self, interaction: Interaction, match: Match[str]) -> None:
        """Join the turns, and show the order to the person who has joined, now or before."""
        check_bot_is_member(interaction)
        check_bot_permissions(interaction)
        session = await self.open_session(interaction, thinking=True, ephemeral=True)
        await self.turns.replace_old_panel(interaction)
        script = parse_position(match).script
        note = await self._change_rotation(interaction, session, "join", script, turn=0)
        await self._show_change(interaction, session, script, note)

    async def _show_change(
        self, interaction: Interaction, session: ChannelSession, script: int, note: str
    ) -> None:
        """Show the order, and say in the panel what has happened to it, if anything."""
        await self._show_rotation(interaction, session)
        if note:
            self.services.deadline_messages.watch(script)
            await self.turns.sync(interaction, session, f"-# {note}")

    @listens_to(ORDER_ID)
    async def change_rotation(self, interaction: Interaction, match: Match[str]) -> None:
        """Join, leave or change the order, and say so in the panel."""
        action, script, turn = match["action"], int(match["script"]), int(match["turn"])
        check_bot_permissions(interaction)
        session = await self.open_session(interaction)
        note = await self._change_rotation(interaction, session, action, script, turn)
        await self._show_change(interaction, session, script, note)

    async def _change_rotation(
        self, interaction: Interaction, session: ChannelSession, action: str, script: int, turn: int
    ) -> str:
        """Change the order, and return what has happened, or an empty string for nothing."""
        rotations, requester = session.rotations, get_requester(interaction)
        who = format_requester(interaction)
        match action:
            case "join":
                place = await rotations.join(requester, script)
                if place == 1:
                    return say(
                        "{who} started the turns. If you want to write, join and wait for your "
                        "turn.",
                        who=who,
                    )
                return say("{who} joined the turns.", who=who) if place else ""
            case "leave":
                left = await rotations.leave(requester, script)
                return say("{who} left the turns.", who=who) if left else ""
            case "pass" | "skip":
                [writer, *_] = (await rotations.pass_turn(requester, script, turn)).writers
                if writer == requester.id:
                    return say("{who} passed.", who=who)
                return say("{who} skipped {writer}.", who=who, writer=mention(writer))
            case "off":
                await rotations.turn_off(requester, script)
                return say("{who} ended the turns, so everybody may write.", who=who)
            case _:
                hours = int(parse_choice(interaction, map(str, DEADLINES)))
                await rotations.set_deadline(requester, script, hours or None)
                if hours == NO_DEADLINE:
                    return say("{who} removed the deadline.", who=who)
                time = many(*DEADLINES[hours])
                return say("{who} set a deadline of {time}.", who=who, time=time)

    # Sprint

    @listens_to(position_pattern("menu-sprint"))
    async def open_sprint(self, interaction: Interaction, match: Match[str]) -> None:
        """Ask how long a sprint should last."""
        check_bot_is_member(interaction)
        self.services.admit(interaction)
        script = parse_position(match).script
        label = say("Minutes, 1 to {most}", most=MAX_MINUTES)
        minutes = ui.TextInput[Any](label=label, default=str(DEFAULT_MINUTES), max_length=3)

        async def submit(answer: Interaction) -> None:
            typed = minutes.value
            async with self.answering(answer):
                await self._start_sprint(answer, script, int(typed) if typed.isdecimal() else 0)

        await self.open_modal(interaction, say("Start a sprint"), [minutes], submit)

    @listens_to(position_pattern("menu-see-sprint"))
    async def see_sprint(self, interaction: Interaction, match: Match[str]) -> None:
        """Show the sprint that is under way, with the button that ends it to those who may."""
        session = await self.open_session(interaction, thinking=True, ephemeral=True)
        script = await session.library.load_running(parse_position(match).script)
        sprint = await session.sprints.find(script.id)
        lines = await session.sprints.load_lines(script, sprint)
        requester = get_requester(interaction)
        may_end = requester.id == sprint.starter or is_manager(script, requester)
        view = make_end_button(script.id) if may_end else None
        await complete_response(interaction, content=format_sprint(sprint, len(lines)), view=view)

    async def _start_sprint(self, interaction: Interaction, script: int, minutes: int) -> None:
        check_bot_permissions(interaction)
        session = await self.open_session(interaction)
        sprint = await session.sprints.start(get_requester(interaction), script, minutes)
        self.services.deadline_messages.watch(script)
        announcement = say(
            "{who} started a sprint: everybody writes. It ends {when}.",
            who=format_requester(interaction),
            when=format_dt(sprint.ends, "R"),
        )
        channel = get_message_channel(interaction)
        await self.services.messages.sync(channel, session, announcement=announcement)

    @listens_to(END_SPRINT_ID)
    async def end_sprint(self, interaction: Interaction, match: Match[str]) -> None:
        """End a sprint before its time."""
        script = int(match["script"])
        session = await self.open_session(interaction)
        await session.sprints.end(get_requester(interaction), script)
        await edit_response(interaction, content=say("You ended the sprint."), view=None)
        self.services.deadline_messages.watch(script)
