"""Adapt the cogs to Red-DiscordBot, which requires every cog to have methods of Red's own.

Only `setup` imports this module, if the host is Red. Like the rest of On Book, this module is
under the MIT licence. Red is under the GNU GPL 3, and so is the combination of the two.
"""

from __future__ import annotations

import asyncio
import io

import discord
from discord.utils import DEFAULT_FILE_SIZE_LIMIT_BYTES
from redbot.core import commands as red_commands
from redbot.core.bot import Red
from redbot.core.data_manager import cog_data_path
from redbot.core.errors import CogLoadError

from ..cogs import CogT, add_cogs
from ..cogs.privacy import Privacy, make_export_file
from ..errors import ModelError, OperatorError
from ..interactions.services import OnBook
from ..settings import read_settings


async def setup_in_red(bot: Red) -> None:
    """Add the cogs to Red; raise CogLoadError, whose sentence Red shows to its owner."""
    try:
        settings = read_settings()
        folder = cog_data_path(raw_name=OnBook.__cog_name__)
        database = folder / settings.database  # an absolute path stays as it is
        red_settings = settings.model_copy(update={"database": database})
        await add_cogs(bot, red_settings, group=settings.group, adapt=make_red_cog)
    except (OperatorError, ModelError) as error:
        raise CogLoadError(str(error)) from error


def make_red_cog(kind: type[CogT], /) -> type[CogT]:
    """Return a subclass that is a cog of Red's, because Red takes no other cogs."""
    name = kind.__cog_name__

    # mypy accepts neither Red, which is missing where this is checked, nor a variable as a base.
    class RedCog(kind, red_commands.Cog, name=name):  # type: ignore[misc, valid-type, call-arg]
        async def red_delete_data_for_user(self, *, requester: str, user_id: int) -> None:
            """Delete what is kept of a person, on Red's request.

            The person's name is removed everywhere, and so is the text of their lines. The text
            stays only if the requester is "user", for whom Red lets cogs keep necessary data,
            because other people have gone on from these lines.
            """
            if isinstance(self, Privacy):  # one cog does so for all
                await self.forget_person(user_id, text=requester != "user")

        async def red_get_data_for_user(self, *, user_id: int) -> dict[str, io.BytesIO]:
            """Return all that is kept of a person, as files by their names."""
            if not isinstance(self, Privacy):
                return {}
            kept = await self.sessions.load_personal_data(user_id)
            if not kept:
                return {}
            name, content = await asyncio.to_thread(
                make_export_file, kept, DEFAULT_FILE_SIZE_LIMIT_BYTES
            )
            return {name: io.BytesIO(content)}

        async def is_left_to_host(self, message: discord.Message) -> bool:
            """Return whether a message is for Red, or Red ignores its writer or channel."""
            red: Red = self.bot
            if not await red.message_eligible_as_command(message):
                return True
            guild, cog = message.guild, OnBook.__cog_name__
            if guild and await red.cog_disabled_in_guild_raw(cog, guild.id):
                return True
            is_left: bool = await super().is_left_to_host(message)  # only one cog is asked
            return is_left

    RedCog.__cog_description__ = kind.__cog_description__
    return RedCog
