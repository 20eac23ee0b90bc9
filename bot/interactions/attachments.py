"""Read a script from a file that was attached to a command."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import PurePath

import discord

from ..errors import RequestError
from ..i18n.catalogue import join_names, many, say, say_plural
from ..screenplay.free_text import clean_title
from ..screenplay.importers import read_script_file
from ..screenplay.importers.manuscript import FLATTENED, Manuscript
from ..session.posts import MAX_FIRST_LINES
from ..ui.delivery.sending import CONNECTION_ERRORS, send_with_retries

DOWNLOAD_SECONDS = 60.0
"""Seconds after which the download of an attachment is abandoned."""


async def read_attachment(file: discord.Attachment, names: Sequence[str]) -> Manuscript:
    """Download a script with these names in its cast; raise RequestError if that fails."""
    try:
        data = await send_with_retries(file.read, DOWNLOAD_SECONDS)
    except (discord.HTTPException, *CONNECTION_ERRORS):
        raise RequestError("Discord did not send that file. Attach it again.") from None
    return await asyncio.to_thread(read_script_file, file.filename, data, names)


def choose_title(file: discord.Attachment, manuscript: Manuscript) -> str:
    """Return the title in the file or, if it has none, the file's name."""
    return clean_title(manuscript.title or "") or clean_title(
        PurePath(file.filename).stem.replace("_", " ")
    )


def format_import_note(manuscript: Manuscript, lines: int, unread: int) -> str:
    """Return sentences about the lines that were read from a file, and how they were changed.

    The voice has read all but the last ``unread`` lines.
    """
    parts = [say_plural("Imported 1 line.", "Imported {number:,} lines.", lines)]
    if lines > MAX_FIRST_LINES:
        parts.append(
            say(
                "The last {number} are shown here, and all in {/script show}.",
                number=MAX_FIRST_LINES,
            )
        )
    if unread:
        parts.append(
            say_plural(
                "The voice will read the last one when it continues.",
                "The voice will read the last {number:,} when it continues.",
                unread,
            )
        )
    left_out = {"remark": manuscript.left_out, "break": manuscript.page_breaks}
    if remarks := [many(number, thing) for thing, number in left_out.items() if number]:
        parts.append(say("Left out: {remarks}.", remarks=join_names(remarks)))
    if flattened := [say(name) for name in FLATTENED if name in manuscript.flattened]:
        parts.append(
            say("Converted to plain speech or action: {things}.", things=join_names(flattened))
        )
    if manuscript.page_cut:
        parts.append(say("Only the title and the authors were kept from the title page."))
    if manuscript.cut:
        parts.append(
            say_plural(
                "{number:,} passage was too long and was split.",
                "{number:,} passages were too long and were split.",
                manuscript.cut,
            )
        )
    if manuscript.numbered:
        parts.append(
            say(
                "Scene numbers were left out because the voice would read them. {/script export} "
                "can add new ones."
            )
        )
    return " ".join(parts)
