"""End a script: archive it, and post its closing card."""

from __future__ import annotations

import io
import logging
from contextlib import suppress
from dataclasses import dataclass
from re import Match

import discord
from discord.ext import tasks

from ..audio.table_read import record_table_read
from ..errors import TransactionFailed
from ..i18n.catalogue import many, say
from ..interactions.requester import get_message_channel, get_requester
from ..screenplay.exporters import EXPORT_FORMATS
from ..screenplay.exporters.edition import Edition
from ..screenplay.exporters.export_formats import PaperSize
from ..screenplay.statistics import ScriptStatistics, count_script
from ..session.channel_session import ChannelSession
from ..session.turn import current_position
from ..sharding import Shards
from ..storage.schema import Script
from ..ui.cards.closing_card import STAR_HINT, make_closing_card
from ..ui.components import (
    Interaction,
    make_position_button,
    make_view,
    parse_position,
    position_pattern,
)
from ..ui.delivery.installations import check_bot_is_member
from ..ui.delivery.responses import check_bot_permissions
from ..ui.delivery.sending import (
    CONNECTION_ERRORS,
    MessageChannel,
    complete_response,
    delete_response,
    edit_response,
    log_failure,
    post_message,
)
from ..ui.delivery.server_language import speaking_for
from ..ui.images import pictures
from ..ui.markdown import inline
from .feature import FeatureCog, listens_to
from .reading import describe_left_out, make_file_name, prepare_edition, run_export

log = logging.getLogger("onbook.ending")

RETRY_MINUTES = 10
"""Minutes between two attempts to post closing cards that Discord did not accept."""


@dataclass(frozen=True)
class Attachment:
    """A file on a closing card."""

    name: str
    content: bytes
    description: str | None = None
    """The text for people who cannot see a picture."""
    note: str = ""
    """What people must know about the file."""


def _draw_files(script: Script, statistics: ScriptStatistics, edition: Edition) -> list[Attachment]:
    """Return the picture and the PDF; not on the event loop."""
    name, pdf = make_file_name(script), EXPORT_FORMATS["pdf"].write(edition, PaperSize.LETTER)
    return [
        Attachment(
            f"{name}-stats.png",
            pictures.draw_statistics(script.title, statistics).content,
            pictures.describe_statistics(script.title, statistics),
        ),
        Attachment(f"{name}.pdf", pdf.content, note=describe_left_out(pdf)),
    ]


async def _record_table_read(script: Script, edition: Edition) -> list[Attachment]:
    """Return the table read, if the extra for it is installed and anything can be spoken."""
    try:
        recorded = await record_table_read(edition.elements)
    except Exception:
        # A card without audio is better than none, and the next attempt would also fail.
        log.exception("could not record script %d", script.id)
        return []
    if recorded is None or not recorded.seconds:
        return []
    return [Attachment(f"{make_file_name(script)}.mp3", recorded.mp3)]


class Ending(FeatureCog, name="OnBook.ending"):
    """End a script."""

    @listens_to(position_pattern("menu-end"))
    async def ask_to_end(self, interaction: Interaction, match: Match[str]) -> None:
        """Ask whether to end the script."""
        check_bot_is_member(interaction)
        check_bot_permissions(interaction)
        session = await self.open_session(interaction, thinking=True, ephemeral=True)
        script_id = parse_position(match).script
        script = await session.library.load_script_to_end(get_requester(interaction), script_id)
        question = say(
            "End “{title}”? Everybody here will see its closing card, and you can reopen it later.",
            title=inline(script.title, 100),
        )
        view = make_view(make_position_button("end", current_position(script)))
        content = f"{question}\n-# {say(STAR_HINT)}"
        await complete_response(interaction, content=content, view=view)

    @listens_to(position_pattern("end"))
    async def end_script(self, interaction: Interaction, match: Match[str]) -> None:
        """End the script, in front of everybody."""
        check_bot_is_member(interaction)
        check_bot_permissions(interaction)
        # Discord accepts the first answer only once, so a second delivery stops here.
        session = await self.open_session(interaction)
        requester, script_id = get_requester(interaction), parse_position(match).script
        script = await session.library.load_script_to_end(requester, script_id)
        await self.charge_script(interaction, session, script)
        script = await session.library.end(requester, script_id)
        try:
            await self._show(get_message_channel(interaction), session, script)
        except (discord.HTTPException, *CONNECTION_ERRORS) as error:
            log.warning("could not post the closing card of script %d: %s", script.id, error)
            content = say(
                "“{title}” has ended, but Discord did not accept its closing card. I will try "
                "again in {minutes}.",
                title=inline(script.title, 100),
                minutes=many(RETRY_MINUTES, "minute"),
            )
            await edit_response(interaction, content=content, view=None)
        else:
            await delete_response(interaction)

    async def _show(self, channel: MessageChannel, session: ChannelSession, script: Script) -> None:
        """Remove the panel of a script that has ended, and post the closing card, once.

        The panel of the next script, if one runs by now, moves below the card.
        """
        await self.services.messages.sync(channel, session)
        view, files = await self._make_card(channel, session, script)
        async with session.drawing:
            if not await session.library.is_ending_due(script):
                return  # it goes on again, or the card is there
            card = 0
            # Nobody is waiting in a channel that is gone or in which the bot may not post.
            with suppress(discord.NotFound, discord.Forbidden):
                nonce = f"end {script.ending}"
                card = (await post_message(channel, None, nonce, view=view, files=files)).id
            await session.library.mark_ending_shown(script)
        if card and await session.library.find_running():
            await self.services.messages.sync(channel, session, above=card)

    async def _make_card(
        self, channel: MessageChannel, session: ChannelSession, script: Script
    ) -> tuple[discord.ui.LayoutView, list[discord.File]]:
        lines = await session.library.load_lines(script)
        best = await self.sessions.stars.load_best_lines(script, lines)
        statistics = await run_export(lambda: count_script(lines))
        edition = await run_export(lambda: prepare_edition(script, lines, statistics))
        may_attach, limit = _find_file_limits(self.bot.get_channel(channel.id))
        made = list[Attachment]()
        if may_attach:
            made += await run_export(lambda: _draw_files(script, statistics, edition))
            made += await _record_table_read(script, edition)
        small = [export for export in made if len(export.content) <= limit]
        notes = [export.note for export in small if export.note]
        if not may_attach:
            notes.append(say("The files are missing: I need the **Attach Files** permission."))
        elif len(small) < len(made):
            notes.append(say("At least one file is missing because it was too large for Discord."))
        files = [
            discord.File(io.BytesIO(export.content), export.name, description=export.description)
            for export in small
        ]
        return make_closing_card(script, statistics, best, files, notes), files

    @tasks.loop(minutes=RETRY_MINUTES)
    async def _show_due(self) -> None:
        """Post the closing cards that earlier attempts or processes could not post."""
        with suppress(TransactionFailed):  # which the store has logged; the next time tries again
            if not await self.services.claim_housekeeping():
                return
            for script in await self.sessions.housekeeping.list_ended(Shards.of(self.bot)):
                channel = self.bot.get_partial_messageable(script.channel)
                try:
                    with speaking_for(script, self.bot, self.services.group):
                        await self._show(channel, self.sessions.get(script.channel), script)
                except TransactionFailed:
                    raise
                except Exception as error:  # noqa: BLE001 - the other scripts must not wait
                    log_failure(log, f"could not show the end of script {script.id}", error)


def _find_file_limits(channel: object) -> tuple[bool, int]:
    """Return whether the bot may attach files in a channel, and the most bytes in a file."""
    if isinstance(channel, discord.abc.GuildChannel | discord.Thread):
        may_attach = channel.permissions_for(channel.guild.me).attach_files
        return may_attach, channel.guild.filesize_limit
    return True, discord.utils.DEFAULT_FILE_SIZE_LIMIT_BYTES
