"""Start a script: the command, its modal, and the offer to shelve the running script."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import Self

import discord
from discord import app_commands, ui

from ..i18n.catalogue import say
from ..i18n.markdown import inline
from ..inference.model import LONGEST_STYLE, ModelError
from ..screenplay.elements import Element
from ..screenplay.free_text import TITLE_LIMIT, clean_title, make_heading, parse_cast
from ..screenplay.importers.import_formats import check_file, list_endings
from ..session.channel_session import ChannelSession
from ..session.rate_limits import Cost
from ..session.turn import NO_SCRIPT, Job, NewScript, Requester, TurnResult
from ..storage.schema import Script
from ..ui.components import SCRIPT, Handler, Interaction, make_custom_id, position_pattern
from ..ui.delivery import CONNECTION_ERRORS, FirstResponse, delete_response
from ..ui.model_cards import list_styles
from ..ui.responses import check_permissions
from . import attachments
from .feature import UNTITLED, FeatureCog, allow_in_servers_and_dms, answer_errors, suggest
from .option_checks import check_lengths
from .turns import TurnFunction

MAX_HEADING_LENGTH, MAX_CAST_LENGTH = 200, 1000
"""Characters of a scene heading, and of a list of names."""

OFFER_SECONDS = 600.0
"""Seconds for which the choice between two scripts can be made."""


class Starting(FeatureCog, name="OnBook.starting"):
    """Start a script."""

    def listeners(self) -> dict[str, Handler]:
        """Listen to the button that starts a script."""
        return {position_pattern("start"): lambda interaction, _: self.press_start(interaction)}

    @app_commands.command(name="start")
    @app_commands.describe(
        title="The script's title",
        heading="Where it starts, such as INT. DINER - NIGHT",
        cast="The characters, separated by commas",
        temperature="How daring the voice is, from 0.1 to 2.0",
        model="The voice to write with",
        style="The tone to start in; each voice has its own",
        file=f"A script to continue: {list_endings()}, up to 1 MB",
    )
    @allow_in_servers_and_dms
    @answer_errors
    async def start(
        self,
        interaction: Interaction,
        title: app_commands.Range[str, 1, 100] | None = None,
        heading: app_commands.Range[str, 1, 200] | None = None,
        cast: app_commands.Range[str, 1, 1000] | None = None,
        temperature: app_commands.Range[float, 0.1, 2.0] | None = None,
        model: app_commands.Range[str, 1, 100] | None = None,
        style: app_commands.Range[str, 1, LONGEST_STYLE] | None = None,
        file: discord.Attachment | None = None,
    ) -> None:
        """Start a new script in this channel"""
        await self._begin_script(
            interaction,
            title or "",
            heading or "",
            cast or "",
            temperature=temperature,
            model=model,
            style=style,
            file=file,
        )

    @start.autocomplete("model")
    async def _suggest_model(
        self, interaction: Interaction, current: str
    ) -> list[app_commands.Choice[str]]:
        return suggest(self.services.voices.names(), current)

    @start.autocomplete("style")
    async def _suggest_style(
        self, interaction: Interaction, current: str
    ) -> list[app_commands.Choice[str]]:
        voice = interaction.namespace.model
        if not voice:
            session = self.services.open_session(interaction)
            voice = await session.library.find_chosen_model(interaction.guild_id)
        try:
            return suggest(list_styles(await self.services.voices.look(voice)), current)
        except ModelError:
            return []

    @answer_errors
    async def press_start(self, interaction: Interaction) -> None:
        """Open the window in which a script is started."""
        modal = StartModal(self.submit_start)
        await FirstResponse(interaction).send_modal(self.services.in_flight.register(modal))

    @answer_errors
    async def submit_start(
        self, interaction: Interaction, title: str, heading: str, cast: str
    ) -> None:
        """Start a script, from the window."""
        await self._begin_script(interaction, title, heading, cast)

    async def _begin_script(
        self,
        interaction: Interaction,
        title: str,
        heading_text: str,
        cast_text: str,
        *,
        temperature: float | None = None,
        model: str | None = None,
        style: str | None = None,
        file: discord.Attachment | None = None,
    ) -> None:
        """Start a script, unless another one runs: then ask which of them to go on with.

        Args:
            interaction: What was asked.
            title: The title, or "".
            heading_text: The first scene heading, or "".
            cast_text: The cast, separated by commas.
            temperature: The voice's temperature, or None for the setting.
            model: The voice, or None for the server's.
            style: The style in which the voice begins, or None.
            file: A script to go on with, or None.
        """
        check_permissions(interaction)
        check_lengths(
            title=(title, TITLE_LIMIT),
            heading=(heading_text, MAX_HEADING_LENGTH),
            cast=(cast_text, MAX_CAST_LENGTH),
        )
        if file:
            check_file(file.filename, file.size)
        title = clean_title(title)
        opening: Element | None = make_heading(heading_text) if heading_text.strip() else None
        cast_names = parse_cast(cast_text)

        session = self.services.open_session(interaction)
        running = await self.store.scripts.find_running_script(session.channel)
        self.services.charge(interaction, Cost(characters=file.size if file else 0))
        # An offer can grow old, and two can begin at once: only the script that was seen may be
        # shelved.
        replaced = running.id if running else NO_SCRIPT

        async def begin(session: ChannelSession, requester: Requester, job: Job) -> TurnResult:
            new = NewScript(
                title=title or say(UNTITLED),
                guild=interaction.guild_id,
                cast=cast_names,
                temperature=temperature,
                voice=model,
                style=style,
                over=replaced,
            )
            if file is None:
                return await session.library.begin(requester, new, opening)
            manuscript = await attachments.read_attachment(file)
            final_title = title or attachments.choose_title(file, manuscript) or new.title
            elements = [*([opening] if opening else []), *manuscript.elements]
            result = await session.library.import_script(
                requester, replace(new, title=final_title), elements, job
            )
            return replace(result, note=attachments.format_import_note(manuscript, len(elements)))

        async def keep(interaction_chosen: Interaction) -> None:
            await self._keep_running(interaction_chosen)
            await _delete_offer(interaction)

        async def shelve(interaction_chosen: Interaction) -> None:
            await self._shelve_and_begin(interaction_chosen, begin)
            await _delete_offer(interaction)

        if running is None:
            await self.turns.run_job(interaction, begin, kind=SCRIPT, announce=_announce)
            return
        await FirstResponse(interaction).send_message(
            say(
                "“{title}” is running in this channel. Continue it, or pause it? Paused scripts "
                "are kept.",
                title=inline(running.title, 100),
            ),
            view=self.services.in_flight.register(ShelveOffer(keep, shelve)),
            ephemeral=True,
        )

    @answer_errors
    async def _shelve_and_begin(self, interaction: Interaction, begin: TurnFunction) -> None:
        """Start the script that was asked for, and shelve the one that runs."""
        await self.turns.run_job(interaction, begin, kind=SCRIPT, announce=_announce)

    @answer_errors
    async def _keep_running(self, interaction: Interaction) -> None:
        """Go on with the script that runs."""
        session = self.services.open_session(interaction)
        script = await session.load_script()
        sentence = say("“{title}” continues.", title=inline(script.title, 100))
        await FirstResponse(interaction).send_message(sentence, ephemeral=True)
        await self.turns.sync(interaction, session)


def _announce(script: Script) -> str:
    return say("“{title}” starts here.", title=inline(script.title, 100))


async def _delete_offer(offer: Interaction) -> None:
    """Delete an offer that was taken, because its buttons would fail a second time."""
    with suppress(discord.HTTPException, *CONNECTION_ERRORS):
        await delete_response(offer)


class ShelveOffer(ui.View):
    """Offers the choice between the script that runs and the one that was asked for."""

    def __init__(
        self,
        go_on: Callable[[Interaction], Awaitable[None]],
        begin: Callable[[Interaction], Awaitable[None]],
    ) -> None:
        super().__init__(timeout=OFFER_SECONDS)
        self.go_on.custom_id, self.begin.custom_id = (
            make_custom_id("go-on"),
            make_custom_id("begin"),
        )
        self._go_on = go_on
        self._begin = begin
        self.go_on.label = say("Continue it")
        self.begin.label = say("Pause it and start the new one")

    @ui.button(style=discord.ButtonStyle.primary)
    async def go_on(self, interaction: Interaction, _button: ui.Button[Self]) -> None:
        """Go on with the script that runs."""
        self.stop()
        await self._go_on(interaction)

    @ui.button()
    async def begin(self, interaction: Interaction, _button: ui.Button[Self]) -> None:
        """Start the other script."""
        self.stop()
        await self._begin(interaction)


class StartModal(ui.Modal):
    """A window for the title, the first scene heading and the cast of a script."""

    def __init__(self, submit: Callable[[Interaction, str, str, str], Awaitable[None]]) -> None:
        super().__init__(title=say("Start a script"), custom_id=make_custom_id("start"))
        self._submit = submit
        self.name: ui.TextInput[Self] = ui.TextInput(
            label=say("Title"), placeholder=say("The Last Diner"), required=False, max_length=100
        )
        self.heading: ui.TextInput[Self] = ui.TextInput(
            label=say("First scene heading"),
            placeholder=say("INT. DINER - NIGHT"),
            required=False,
            max_length=200,
        )
        self.names: ui.TextInput[Self] = ui.TextInput(
            label=say("Cast"), placeholder="MAYA, JONAS", required=False, max_length=1000
        )
        self.add_item(self.name).add_item(self.heading).add_item(self.names)

    async def on_submit(self, interaction: Interaction) -> None:
        """Pass the texts on."""
        await self._submit(interaction, self.name.value, self.heading.value, self.names.value)
