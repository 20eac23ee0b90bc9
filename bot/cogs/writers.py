"""Let people write a script in turns, and in a sprint."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Self

from discord import app_commands, ui

from ..i18n.catalogue import many, say
from ..session.channel_session import ChannelSession
from ..session.permissions import is_manager
from ..session.turn_orders import DEFAULT_MINUTES, MAX_MINUTES
from ..storage.schema import Script
from ..ui.components import (
    Handler,
    Interaction,
    get_selected,
    make_custom_id,
    parse_position,
    position_pattern,
)
from ..ui.credits import mention
from ..ui.delivery import FirstResponse, edit_response
from ..ui.installations import check_is_member
from ..ui.responses import answer_error, check_bot_permissions
from ..ui.turn_messages import (
    DEADLINES,
    END_SPRINT_ID,
    NO_DEADLINE,
    ORDER_ID,
    format_moment,
    format_order,
    format_sprint,
    make_end_button,
    make_order_view,
)
from .feature import FeatureCog, answer_errors
from .option_checks import InvalidOption, check_lengths, parse_choice
from .requester import format_requester, get_message_channel, get_requester

MAX_DIGITS = 3
"""Characters of a number of minutes that a person types."""


class Writers(FeatureCog, name="OnBook.writers"):
    """Choose who writes when: one after the other, or everybody for some minutes."""

    SCRIPT_COMMANDS = frozenset({"turns"})

    def listeners(self) -> dict[str, Handler]:
        """Listen to the menu, to what it opens, and to the button that ends a sprint."""
        return {
            position_pattern("menu-turns"): lambda interaction, _: self.open_order(interaction),
            ORDER_ID: lambda interaction, match: self.change_order(
                interaction, match["action"], int(match["script"])
            ),
            position_pattern("menu-sprint"): lambda interaction, match: self.open_sprint(
                interaction, parse_position(match).script
            ),
            END_SPRINT_ID: lambda interaction, match: self.end_sprint(
                interaction, int(match["script"])
            ),
        }

    # Turns

    @app_commands.command(name="turns")
    @answer_errors
    async def show_turns(self, interaction: Interaction) -> None:
        """Take turns: see who writes next, join, leave or pass"""
        await self._send_order(interaction)

    @answer_errors
    async def open_order(self, interaction: Interaction) -> None:
        """Show whose turn it is, from the menu."""
        await self._send_order(interaction)

    async def _send_order(self, interaction: Interaction) -> None:
        check_is_member(interaction)
        script = await self.services.admit_to_session(interaction).library.load_script()
        content, view = await self._make_order_message(interaction, script)
        await FirstResponse(interaction).send_message(content, view=view, ephemeral=True)

    async def _make_order_message(
        self, interaction: Interaction, script: Script
    ) -> tuple[str, ui.View]:
        """Return the order of a script, and what the person who asks may do with it."""
        order = await self.store.turn_orders.find_order(script.id)
        requester = get_requester(interaction)
        manages = is_manager(script, requester)
        return format_order(script, order), make_order_view(script, order, requester.id, manages)

    @answer_errors
    async def change_order(self, interaction: Interaction, action: str, script: int) -> None:
        """Join, leave or change the order, and say so in the panel."""
        check_bot_permissions(interaction)
        session = self.services.admit_to_session(interaction)
        await FirstResponse(interaction).defer()
        note = await self._change_order(interaction, session, action, script)
        content, view = await self._make_order_message(
            interaction, await session.library.load_script()
        )
        await edit_response(interaction, content=content, view=view)
        self.services.deadlines.watch(script)
        channel = get_message_channel(interaction)
        await self.services.messages.sync(channel, session, note=f"-# {note}")

    async def _change_order(
        self, interaction: Interaction, session: ChannelSession, action: str, script: int
    ) -> str:
        """Change the order, and return what has happened."""
        orders, requester = session.turn_orders, get_requester(interaction)
        who = format_requester(interaction)
        match action:
            case "join":
                await orders.join(requester, script)
                return say("{who} joined the turns.", who=who)
            case "leave":
                await orders.leave(requester, script)
                return say("{who} left the turns.", who=who)
            case "pass":
                [writer, *_] = (await orders.pass_turn(requester, script)).writers
                if writer == requester.id:
                    return say("{who} passed.", who=who)
                return say("{who} passed {writer}'s turn on.", who=who, writer=mention(writer))
            case "off":
                await orders.turn_off(requester, script)
                return say("{who} ended the turns.", who=who)
            case _:
                chosen = parse_choice(get_selected(interaction))
                if chosen not in map(str, DEADLINES):
                    raise InvalidOption
                hours = int(chosen)
                await orders.set_deadline(requester, script, hours or None)
                if hours == NO_DEADLINE:
                    return say("{who} removed the deadline.", who=who)
                time = many(*DEADLINES[hours])
                return say("{who} set a deadline of {time}.", who=who, time=time)

    # Sprint

    @answer_errors
    async def open_sprint(self, interaction: Interaction, script_id: int) -> None:
        """Ask how long a sprint lasts, or show the one that is under way."""
        check_is_member(interaction)
        session = self.services.admit_to_session(interaction)
        script = await session.library.load_script()
        await session.library.check_is_running(script, script_id)
        sprint = await self.store.sprints.find_sprint(script.id)
        if sprint is None:
            modal = SprintModal(script.id, self.start_sprint)
            await FirstResponse(interaction).send_modal(self.services.in_flight.register(modal))
            return
        lines = await session.store.lines.load_lines_after(script.head, sprint.after)
        await FirstResponse(interaction).send_message(
            format_sprint(sprint, len(lines)), view=make_end_button(script.id), ephemeral=True
        )

    async def start_sprint(self, interaction: Interaction, script: int, minutes: str) -> None:
        """Start a sprint, from the window."""
        with self.speaking_to(interaction):
            try:
                check_bot_permissions(interaction)
                check_lengths(minutes=(minutes, MAX_DIGITS))
                session = self.services.admit_to_session(interaction)
                await FirstResponse(interaction).defer()
                number = int(minutes) if minutes.isdecimal() else 0
                sprint = await session.sprints.start(get_requester(interaction), script, number)
                self.services.deadlines.watch(script)
                announcement = say(
                    "{who} started a sprint: everybody writes. It ends {when}.",
                    who=format_requester(interaction),
                    when=format_moment(sprint.ends),
                )
                await self.services.messages.sync(
                    get_message_channel(interaction), session, announcement=announcement
                )
            except Exception as error:  # noqa: BLE001 - the last place where it can be answered
                await answer_error(interaction, error)

    @answer_errors
    async def end_sprint(self, interaction: Interaction, script: int) -> None:
        """End a sprint before its time."""
        session = self.services.admit_to_session(interaction)
        await FirstResponse(interaction).defer()
        await session.sprints.end(get_requester(interaction), script)
        await edit_response(interaction, content=say("The sprint was ended."), view=None)
        self.services.deadlines.watch(script)


class SprintModal(ui.Modal):
    """A window for the minutes of a sprint."""

    def __init__(
        self, script: int, submit: Callable[[Interaction, int, str], Awaitable[None]]
    ) -> None:
        super().__init__(title=say("Start a sprint"), custom_id=make_custom_id("sprint"))
        self._script = script
        self._submit = submit
        self.minutes: ui.TextInput[Self] = ui.TextInput(
            label=say("Minutes, 1 to {most}", most=MAX_MINUTES),
            default=str(DEFAULT_MINUTES),
            max_length=MAX_DIGITS,
        )
        self.add_item(self.minutes)

    async def on_submit(self, interaction: Interaction) -> None:
        """Pass the minutes on."""
        await self._submit(interaction, self._script, self.minutes.value)
