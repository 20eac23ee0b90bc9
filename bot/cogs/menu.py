"""Open the menu of the panel, which other features answer."""

from __future__ import annotations

from re import Match

from ..audio.table_read import is_installed
from ..errors import ModelError
from ..generation.moods import find_mood, label_moods
from ..i18n.catalogue import say
from ..session.preferences import current_values
from ..session.turn import current_position
from ..ui.components import Interaction, parse_position, position_pattern
from ..ui.delivery import FirstResponse, complete_response
from ..ui.markdown import inline
from ..ui.model_cards import list_styles
from ..ui.panel_view import make_menu
from .feature import FeatureCog, answer_errors, listens_to


class Menu(FeatureCog, name="OnBook.menu"):
    """Show what can be done besides the buttons of the panel."""

    @listens_to(position_pattern("more"))
    @answer_errors
    async def open_menu(self, interaction: Interaction, match: Match[str]) -> None:
        """Show the menu to the person who pressed *More…* alone."""
        session = self.services.admit_to_session(interaction)
        await FirstResponse(interaction).defer(thinking=True, ephemeral=True)
        await self.turns.replace_old_panel(interaction)
        script = await session.library.load_running(parse_position(match).script)
        self.services.recent_scripts[script.id] = script
        settings = self.services.settings
        try:
            styles = list_styles(await self.services.voices.look(script.voice))
        except ModelError:
            styles = []
        view = make_menu(
            say("What next in “{title}”?", title=inline(script.title, 100)),
            current_position(script),
            moods=label_moods(settings),
            mood=find_mood(current_values(script, settings), settings),
            styles=styles,
            style=script.style,
            has_audio=is_installed(),
            has_sprint=await self.store.sprints.find_sprint(script.id) is not None,
        )
        await complete_response(interaction, content=None, view=view)
