"""List the models, show what each has learned, and choose one."""

from __future__ import annotations

import asyncio
import io

import discord
from discord import app_commands

from ..errors import ModelError, RequestError
from ..i18n.catalogue import phrase, say
from ..inference.registry import ModelFile
from ..interactions.requester import get_requester
from ..session.preferences import MODEL
from ..ui.cards import model_cards
from ..ui.cards.settings_messages import format_dropped_style
from ..ui.components import Interaction
from ..ui.delivery.responses import check_bot_permissions, check_person
from ..ui.delivery.sending import FirstResponse, complete_response
from ..ui.images import curve
from ..ui.markdown import inline
from .feature import FeatureCog, command

SCRIPT, SERVER = "script", "server"
"""The uses that a voice can be chosen for: the running script, or new ones on the server."""


class Models(FeatureCog, name="OnBook.models"):
    """See the voices, and choose one."""

    @command("voice")
    @app_commands.describe(
        voice="The voice to see or use; by default, all are listed",
        use="Let the voice write",
        everyone="Show it to everyone here",
    )
    @app_commands.choices(
        use=[
            app_commands.Choice(name=phrase("the script running here"), value=SCRIPT),
            app_commands.Choice(name=phrase("new scripts on this server"), value=SERVER),
        ]
    )
    @app_commands.autocomplete(voice=FeatureCog.suggest_model)
    async def voice(
        self,
        interaction: Interaction,
        voice: app_commands.Range[str, 1, 100] | None = None,
        use: str | None = None,
        everyone: bool = False,
    ) -> None:
        """List the voices, see how good one is and how it learned, or choose which one writes"""
        if voice is None:
            if use:
                raise RequestError("Also fill in {*voice}.")
            await self._list_models(interaction, everyone=everyone)
        elif use:
            await self._use_model(interaction, voice, in_script=use == SCRIPT)
        else:
            await self._show_model(interaction, voice, everyone=everyone)

    async def _list_models(self, interaction: Interaction, *, everyone: bool) -> None:
        session = await self.open_session(interaction, thinking=True, ephemeral=not everyone)
        files = await self.services.models.examine_all()
        chosen = await session.library.find_chosen_model(interaction.guild_id)
        running = await session.library.find_running()
        writing = running.model if running else None
        uses = {say("for this script"): writing, say("for new scripts"): chosen}
        await complete_response(interaction, content=model_cards.format_model_list(files, uses))

    async def _use_model(self, interaction: Interaction, model: str, *, in_script: bool) -> None:
        """Choose the voice of the running script, or of new scripts on the server."""
        session = self.services.admit_to_session(interaction)
        check_bot_permissions(interaction)
        if not in_script:
            check_person(interaction, "manage_guild")
            if interaction.guild_id is None:
                raise RequestError(
                    "This is not a server. Choose a voice for the script running here."
                )
        voice = inline(model, 40)
        # Opening a voice for the first time takes a moment.
        await FirstResponse(interaction).defer(thinking=True)
        _check_usable(await self.services.models.look(model))
        await self.services.models.engine(model)
        if in_script:
            requester, before = get_requester(interaction), await session.library.load_script()
            script = await session.library.change_preferences(requester, {MODEL.name: model})
            sentence = say(
                "From now on, “{voice}” writes this script. It reads the script first.", voice=voice
            )
            sentence = " ".join(filter(None, (sentence, format_dropped_style(before, script))))
        else:
            await session.library.choose_guild_model(interaction.guild_id or 0, model)
            sentence = say(
                "From now on, “{voice}” writes new scripts on this server. Existing scripts keep "
                "their voice; {/voice} can change that, too.",
                voice=voice,
            )
        await complete_response(interaction, content=sentence)
        if in_script:
            await self.turns.sync(interaction, session)  # the panel names the voice

    async def _show_model(self, interaction: Interaction, model: str, *, everyone: bool) -> None:
        """Show what a voice was trained on, how good it is, and how it learned."""
        await self.open_session(interaction, thinking=True, ephemeral=not everyone)
        file = await self.services.models.look(model)
        _check_usable(file)
        may_attach = interaction.app_permissions.attach_files
        chart = await asyncio.to_thread(_draw_training_curve, file) if may_attach else None
        content, files = model_cards.format_model_card(file), [chart] if chart else []
        await complete_response(interaction, content=content, attachments=files)


def _draw_training_curve(file: ModelFile) -> discord.File | None:
    """Draw how a voice learned, if its file says so; not on the event loop."""
    points = curve.parse_curve(file.about or {})
    if points is None:
        return None
    png = curve.draw_curve(file.name, points)
    description = curve.describe_curve(file.name, points)
    return discord.File(io.BytesIO(png), "curve.png", description=description)


def _check_usable(file: ModelFile) -> None:
    if file.refusal:
        raise ModelError(file.refusal.sentence, **file.refusal.fields)
