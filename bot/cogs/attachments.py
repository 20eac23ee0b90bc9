"""Read a script from a file that was attached to a command."""

from __future__ import annotations

import asyncio
from pathlib import PurePath

import discord

from ..i18n.catalogue import many, say
from ..screenplay.free_text import titled
from ..screenplay.importers.import_formats import read
from ..screenplay.importers.manuscript import Manuscript, ManuscriptError
from ..ui.delivery import CONNECTION_ERRORS, send_with_retries

DOWNLOAD_SECONDS = 60.0
"""Seconds after which the download of an attachment is given up."""


async def read_attachment(file: discord.Attachment) -> Manuscript:
    """Download an attachment and read it; raise ManuscriptError where that fails."""
    try:
        data = await send_with_retries(file.read, DOWNLOAD_SECONDS)
    except (discord.HTTPException, *CONNECTION_ERRORS):
        sentence = say("Discord does not give that file out: attach it again.")
        raise ManuscriptError(sentence) from None
    return await asyncio.to_thread(read, file.filename, data)


def choose_title(file: discord.Attachment, manuscript: Manuscript) -> str:
    """Return the title on the title page, or the file's name if there is no title page."""
    return titled(manuscript.title or "") or titled(PurePath(file.filename).stem.replace("_", " "))


def format_import_note(manuscript: Manuscript, lines: int) -> str:
    """Return sentences about the lines that were read from a file, and about changes to them."""
    parts = [say("{lines:,} lines were brought in; this is the last.", lines=lines)]
    if lines == 1:
        parts = [say("One line was brought in.")]
    if manuscript.left_out:
        parts.append(say("Left out: {remarks}.", remarks=many(manuscript.left_out, "remark")))
    if manuscript.cut == 1:
        parts.append(say("One passage was too long and became several lines."))
    elif manuscript.cut:
        parts.append(
            say(
                "{number:,} passages were too long and became several lines.", number=manuscript.cut
            )
        )
    if manuscript.numbered:
        parts.append(
            say(
                "Its scene numbers were left out, since the voice would read them: {/script "
                "export} numbers the scenes anew."
            )
        )
    return " ".join(parts)
