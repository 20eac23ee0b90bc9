"""List the models, choose one, and show what each has learned."""

from __future__ import annotations

import asyncio
import io

import discord
from discord import app_commands

from ..errors import ModelError, RequestError
from ..i18n.catalogue import say
from ..inference.registry import ModelFile
from ..session.channel_session import ChannelSession
from ..storage.repositories.key_value_repository import guild_voice_key
from ..ui import model_cards
from ..ui.components import Interaction
from ..ui.delivery import FirstResponse, complete_response
from ..ui.images import curve
from ..ui.markdown import inline
from ..ui.responses import check_bot_permissions, check_may_set
from .feature import FeatureCog, allow_in_servers_and_dms, answer_errors
from .requester import get_requester


class Models(FeatureCog, name="OnBook.models"):
    """See the voices, and choose one."""

    voice_group = allow_in_servers_and_dms(
        app_commands.Group(name="voice", description="See and choose voices")
    )

    @voice_group.command(name="list")
    @answer_errors
    async def list_models(self, interaction: Interaction) -> None:
        """List the voices"""
        session = self.services.admit_to_session(interaction)
        await FirstResponse(interaction).defer(thinking=True, ephemeral=True)
        files = await self.services.voices.examine_all()
        chosen = await session.library.find_chosen_model(interaction.guild_id)
        await complete_response(interaction, content=model_cards.format_model_list(files, chosen))

    @voice_group.command(name="use")
    @app_commands.describe(
        voice="The voice to write with",
        script="Only for the script running here",
    )
    @app_commands.autocomplete(voice=FeatureCog.suggest_voice)
    @answer_errors
    async def use_model(
        self,
        interaction: Interaction,
        voice: app_commands.Range[str, 1, 100],
        script: bool = False,
    ) -> None:
        """Choose the voice for new scripts on this server, or for the script running here"""
        session = self.services.admit_to_session(interaction)
        check_bot_permissions(interaction)
        if not script:
            check_may_set(interaction, "guild")
        if not script and interaction.guild_id is None:
            raise RequestError(
                "This is not a server. Choose a voice for the script with {*script}."
            )
        # Opening a voice for the first time takes a moment.
        await FirstResponse(interaction).defer(thinking=True)
        _check_usable(await self.services.voices.look(voice))
        await self.services.voices.engine(voice)
        if script:
            await session.library.change_preferences(get_requester(interaction), {"voice": voice})
            sentence = say(
                "“{voice}” writes this script from now on, and reads it first.",
                voice=inline(voice, 40),
            )
        else:
            await self.store.key_values.save_value(
                guild_voice_key(interaction.guild_id or 0), voice
            )
            sentence = say(
                "“{voice}” writes new scripts here from now on. Other scripts keep their voices; "
                "change one with {/voice use} and {*script}.",
                voice=inline(voice, 40),
            )
        await complete_response(interaction, content=sentence)
        if script:
            await self.turns.sync(interaction, session)  # the panel names the voice

    @voice_group.command(name="info")
    @app_commands.describe(
        voice="The voice; by default the one that writes here",
        everyone="Show it to everyone here",
    )
    @app_commands.autocomplete(voice=FeatureCog.suggest_voice)
    @answer_errors
    async def show_model(
        self,
        interaction: Interaction,
        voice: app_commands.Range[str, 1, 100] | None = None,
        everyone: bool = False,
    ) -> None:
        """See what a voice was trained on, how good it is, and how it learned"""
        session = self.services.admit_to_session(interaction)
        await FirstResponse(interaction).defer(thinking=True, ephemeral=not everyone)
        file = await self.services.voices.look(
            voice or await _find_model_name(session, interaction.guild_id)
        )
        _check_usable(file)
        may_attach = interaction.app_permissions.attach_files
        files = [await asyncio.to_thread(_draw_training_curve, file)] if may_attach else []
        await complete_response(
            interaction,
            content=model_cards.format_model_card(file),
            attachments=list(filter(None, files)),
        )


async def _find_model_name(session: ChannelSession, guild: int | None) -> str:
    """Return the voice of the script that runs in a channel, or of a new one."""
    running = await session.store.scripts.find_running_script(session.channel)
    return running.voice if running else await session.library.find_chosen_model(guild)


def _draw_training_curve(file: ModelFile) -> discord.File | None:
    """Draw how a voice learned, if its file says so; not on the event loop."""
    curve_points = curve.parse_curve(file.about or {})
    if curve_points is None:
        return None
    png = curve.draw_curve(file.name, curve_points)
    description = curve.describe_curve(file.name, curve_points)
    return discord.File(io.BytesIO(png), "curve.png", description=description)


def _check_usable(file: ModelFile) -> None:
    """Raise ModelError for a voice that was refused."""
    if file.refusal:
        raise ModelError(file.refusal.sentence, **file.refusal.fields)
