"""Say what the bot is and how to begin."""

from __future__ import annotations

from ..i18n.catalogue import phrase, say
from ..interactions.requester import get_guild
from ..ui.cards.closing_card import STAR_HINT
from ..ui.components import Interaction, make_start_buttons, make_view
from ..ui.delivery.installations import find_installer
from ..ui.delivery.sending import FirstResponse
from ..ui.panels.panel_view import format_ways
from .feature import FeatureCog, command

HELP_TEXT = phrase(
    "**On Book** writes scripts with you, line by line. Its voice is a very small network that "
    "has read hundreds of plays and thousands of scenes, and understood none of them. That is the "
    "fun.\n"
    "1. {/start} begins a script: choose a voice, a place and a cast, or be surprised.\n"
    "2. Your line can be `INT. DINER - NIGHT`, `MAYA: Hello.`, `CUT TO:`, or an action. {ways}\n"
    "3. {/continue} lets the voice write the next lines. So does the panel under the newest line, "
    "where you choose {choices}.\n"
    "-# {/undo} removes the last line. {/script show} shows the whole script, and "
    "{/script history} returns to any line. {/script list} lists all scripts in this channel. "
    "*More…* on the panel has the rest: reading, writing together, the settings and the end."
)


def format_help(*, hears: bool, is_direct: bool, is_member: bool = True) -> str:
    """Return what the bot is and how to begin, depending on whether the bot is a member.

    The other arguments are those of `format_ways`.
    """
    choices = say("who speaks next")
    if is_member:
        choices = say("who speaks next, or the best of three takes")
    text = say(HELP_TEXT, ways=format_ways(hears=hears, is_direct=is_direct), choices=choices)
    return f"{text} {say(STAR_HINT)}" if is_member else text


class Help(FeatureCog, name="OnBook.help"):
    """Explain the bot."""

    @command("help", everywhere=True)
    async def help(self, interaction: Interaction) -> None:
        """Learn what On Book is and how to write a script"""
        self.services.admit(interaction)
        is_member, is_direct = find_installer(interaction) is None, get_guild(interaction) is None
        hears = self.services.hears and is_member
        await FirstResponse(interaction).send_message(
            format_help(hears=hears, is_direct=is_direct, is_member=is_member),
            view=make_view(*make_start_buttons()),
            ephemeral=True,
        )
