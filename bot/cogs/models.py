"""Models: which voices there are, which one writes, and what each has learned."""

from __future__ import annotations

import asyncio
import io

import discord
from discord import app_commands

from ..i18n.catalogue import say
from ..i18n.markdown import inline
from ..inference.model import ModelError
from ..inference.registry import ModelFile
from ..session.channel_session import Room
from ..session.turn import RoomError
from ..storage.schema import guild_voice_key
from ..ui import model_cards
from ..ui.components import Interaction
from ..ui.delivery import delivered, reply_to
from ..ui.images import curve
from ..ui.responses import check_may_set, check_permissions
from .feature import FeatureCog, answered, choices, for_scripts
from .requester import writer_of


class Models(FeatureCog, name="OnBook.models"):
    """See the voices, and choose one."""

    model = for_scripts(app_commands.Group(name="model", description="See and choose voices"))

    @model.command(name="list")
    @answered
    async def list_models(self, interaction: Interaction) -> None:
        """List the voices"""
        room = self.services.room(interaction)
        await reply_to(interaction).defer(thinking=True, ephemeral=True)
        found = await self.services.voices.examine_all()
        chosen = await room.library.chosen_voice(interaction.guild_id)
        await delivered(interaction, content=model_cards.listed(found, chosen))

    @model.command(name="use")
    @app_commands.describe(
        model="The voice to write with",
        script="Only for the script running here",
    )
    @answered
    async def use_model(
        self,
        interaction: Interaction,
        model: app_commands.Range[str, 1, 100],
        script: bool = False,
    ) -> None:
        """Choose the voice for new scripts on this server, or for the script running here"""
        room = self.services.room(interaction)
        check_permissions(interaction)
        if not script:
            check_may_set(interaction, "guild")
        if not script and interaction.guild_id is None:
            raise RoomError(
                say("This is not a server. Choose a voice for the script with {*script}.")
            )
        # Opening a voice for the first time takes a moment.
        await reply_to(interaction).defer(thinking=True)
        _check_sound(await self.services.voices.look(model))
        await self.services.voices.engine(model)
        if script:
            await room.library.change(writer_of(interaction), {"voice": model})
            told = say(
                "“{voice}” writes this script from now on, and reads it first.",
                voice=inline(model, 40),
            )
        else:
            await self.store.key_values.save_value(
                guild_voice_key(interaction.guild_id or 0), model
            )
            told = say(
                "“{voice}” writes new scripts here from now on. Other scripts keep their voices; "
                "change one with {/model use} and {*script}.",
                voice=inline(model, 40),
            )
        await delivered(interaction, content=told)

    @model.command(name="info")
    @app_commands.describe(
        model="The voice; by default the one that writes here",
        everyone="Show it to everyone here",
    )
    @answered
    async def show_model(
        self,
        interaction: Interaction,
        model: app_commands.Range[str, 1, 100] | None = None,
        everyone: bool = False,
    ) -> None:
        """See what a voice was trained on, how good it is, and how it learned"""
        room = self.services.room(interaction)
        await reply_to(interaction).defer(thinking=True, ephemeral=not everyone)
        found = await self.services.voices.look(
            model or await _voice_of(room, interaction.guild_id)
        )
        _check_sound(found)
        may_attach = interaction.app_permissions.attach_files
        files = [await asyncio.to_thread(_picture, found)] if may_attach else []
        await delivered(
            interaction, content=model_cards.card(found), attachments=list(filter(None, files))
        )

    @use_model.autocomplete("model")
    @show_model.autocomplete("model")
    async def _suggest_one(
        self, interaction: Interaction, current: str
    ) -> list[app_commands.Choice[str]]:
        return choices(self.services.voices.names(), current)


async def _voice_of(room: Room, guild: int | None) -> str:
    """Return the voice of the script that runs in a channel, or of a new one."""
    running = await room.store.scripts.find_running_script(room.channel)
    return running.voice if running else await room.library.chosen_voice(guild)


def _picture(found: ModelFile) -> discord.File | None:
    """Draw how a voice learned, if its file says so; not on the event loop."""
    learned = curve.curve_of(found.about or {})
    if learned is None:
        return None
    png, words = curve.drawn(found.name, learned), curve.in_words(found.name, learned)
    return discord.File(io.BytesIO(png), "curve.png", description=words)


def _check_sound(found: ModelFile) -> None:
    """Raise ModelError for a voice that was refused."""
    if found.refusal:
        raise ModelError(found.refusal.sentence, **found.refusal.fields)
