"""On Book in Red-DiscordBot: the same cog, with what Red asks of every cog.

Only `setup` imports it, where the host is Red. As the rest of On Book it is under the MIT licence;
Red, which it builds on there, is under the GNU GPL 3, and so is what the two are together.
"""

from __future__ import annotations

import asyncio
import io

from discord.utils import DEFAULT_FILE_SIZE_LIMIT_BYTES
from redbot.core import commands
from redbot.core.bot import Red
from redbot.core.data_manager import cog_data_path
from redbot.core.errors import CogLoadError

from .. import cogs
from ..cogs.guest import NoPlace
from ..inference.model import ModelError
from ..settings import SettingsError, settings
from ..storage.database import StoreError
from ..ui.components import COG
from ..ui.privacy import as_file


async def setup_in_red(bot: Red) -> None:
    """The door for Red; raises CogLoadError, whose sentence Red passes on to its owner."""
    try:
        await bot.add_cog(OnBook(bot))
    except (SettingsError, NoPlace, ModelError, StoreError) as error:
        raise CogLoadError(str(error)) from error


class OnBook(cogs.OnBook, commands.Cog, name=COG):  # type: ignore[misc]  # Red need not be here
    """Scripts in channels, written by people and a voice in turn.

    Its name is that of its folder below Red's data path, where the database is.
    """

    def __init__(self, bot: Red) -> None:
        chosen = settings()
        database = cog_data_path(self) / chosen.database  # one that is absolute stays where it is
        super().__init__(bot, chosen.model_copy(update={"database": database}))

    async def red_delete_data_for_user(self, *, requester: str, user_id: int) -> None:
        """Takes a person's name from everything, and their lines' text, too.

        Only for the requester "user" the text stays: then Red's owner lets cogs keep what they
        need, and others have gone on from these lines.
        """
        await self.forget_person(user_id, text=requester != "user")

    async def red_get_data_for_user(self, *, user_id: int) -> dict[str, io.BytesIO]:
        """All that is kept of a person, as a file by its name; none where nothing is kept."""
        kept = await self.store.people.load_kept(user_id)
        if not kept:
            return {}
        name, content = await asyncio.to_thread(as_file, kept, DEFAULT_FILE_SIZE_LIMIT_BYTES)
        return {name: io.BytesIO(content)}
