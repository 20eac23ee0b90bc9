"""Open the menu of the panel, whose buttons other features answer."""

from __future__ import annotations

from re import Match

from discord import ui

from ..audio.table_read import is_installed
from ..interactions.requester import get_requester
from ..session.channel_session import ChannelSession
from ..session.permissions import is_manager
from ..ui.components import Interaction, parse_position, position_pattern
from ..ui.delivery.sending import complete_response, edit_response
from ..ui.panels.panel_view import FIRST, MENU_LEVELS, TOGETHER, make_menu
from .feature import FeatureCog, listens_to


class Menu(FeatureCog, name="OnBook.menu"):
    """Show what can be done beyond the buttons of the panel."""

    @listens_to(position_pattern("more"))
    async def open_menu(self, interaction: Interaction, match: Match[str]) -> None:
        """Show the menu only to the person who pressed *More…*."""
        session = await self.open_session(interaction, thinking=True, ephemeral=True)
        await self.turns.replace_old_panel(interaction)
        view = await self._make_level(interaction, session, FIRST, parse_position(match).script)
        await complete_response(interaction, content=None, view=view)

    @listens_to(position_pattern(*(f"menu-{level}" for level in MENU_LEVELS)))
    async def open_level(self, interaction: Interaction, match: Match[str]) -> None:
        """Show another level of the menu in place of the current one."""
        session = await self.open_session(interaction)
        level = match["action"].removeprefix("menu-")
        view = await self._make_level(interaction, session, level, parse_position(match).script)
        await edit_response(interaction, view=view)

    async def _make_level(
        self, interaction: Interaction, session: ChannelSession, level: str, script_id: int
    ) -> ui.LayoutView:
        """Return a level of the menu of the running script, as the person may use it.

        Raises RequestError if another script is running by now.
        """
        script = await session.library.load_running(script_id)
        self.services.recent_scripts[script.id] = script
        has_sprint = level == TOGETHER and await session.sprints.is_under_way(script.id)
        manages = is_manager(script, get_requester(interaction))
        return make_menu(
            script, level, manages=manages, has_audio=is_installed(), has_sprint=has_sprint
        )
