"""Read a script aloud, as an audio file in the channel."""

from __future__ import annotations

import io

import discord
from discord import app_commands

from ..audio.table_read import MAX_SECONDS, TableRead, find_last_scene, record_table_read
from ..errors import RequestError, Stopped
from ..i18n.catalogue import phrase, say, say_plural
from ..session.rate_limits import Cost
from ..session.turn import MAX_LINES
from ..storage.schema import Script
from ..ui.components import LISTEN, Interaction, position_pattern
from ..ui.delivery.sending import complete_response
from ..ui.markdown import inline
from .feature import BELOW_SCRIPT, FeatureCog, command, listens_to
from .reading import check_may_attach, make_file_name


class Listening(FeatureCog, name="OnBook.listening"):
    """Hear a script, if the extra ``audio`` is installed."""

    @command("listen", extras=BELOW_SCRIPT)
    @app_commands.describe(whole="Read the whole script, not only the last scene")
    @listens_to(position_pattern("menu-listen"))
    async def listen(self, interaction: Interaction, whole: bool = False) -> None:
        """Hear the last scene, with a voice for each character"""
        check_may_attach(interaction)
        session = await self.open_session(interaction, thinking=True)
        script = await session.library.load_script_to_read()
        # A table read takes about as long as the voice takes for this many lines.
        self.services.charge(interaction, Cost(lines=MAX_LINES))
        elements = await session.library.load_elements(script)
        first = 0 if whole else find_last_scene(elements)
        try:
            async with self.turns.show_progress(interaction, LISTEN) as job:

                def report(share: float) -> None:
                    job.progress.share_spoken = share

                report(0.0)
                recorded = await job.run(record_table_read(elements, first, report))
        except Stopped:
            raise RequestError("Stopped. No table read was made.") from None
        if not recorded or not recorded.mp3:
            raise RequestError("Nothing here can be spoken.")
        await complete_response(
            interaction,
            content=format_table_read(script, recorded, whole=whole),
            attachments=[discord.File(io.BytesIO(recorded.mp3), f"{make_file_name(script)}.mp3")],
            view=None,
        )


def format_table_read(script: Script, recorded: TableRead, *, whole: bool) -> str:
    """Return the message above a table read, which says what was left out."""
    title = inline(script.title, 100)
    minutes, seconds = divmod(round(recorded.seconds), 60)
    sentence = phrase("A table read of the last scene of **{title}**, {length}.")
    if whole:
        sentence = phrase("A table read of **{title}**, {length}.")
    sentences = [say(sentence, title=title, length=f"{minutes}:{seconds:02}")]
    if recorded.left_out:
        sentences.append(
            say_plural(
                "The last line is left out because a file can have at most {minutes} minutes.",
                "The last {number:,} lines are left out because a file can have at most {minutes} "
                "minutes.",
                recorded.left_out,
                minutes=round(MAX_SECONDS / 60),
            )
        )
    if recorded.unspeakable:
        sentences.append(
            say_plural(
                "One line has nothing that can be spoken.",
                "{number:,} lines have nothing that can be spoken.",
                recorded.unspeakable,
            )
        )
    return " ".join(sentences)
