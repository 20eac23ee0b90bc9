"""Intake: an attachment that somebody gave to a command, as a manuscript."""

from __future__ import annotations

import asyncio
from pathlib import PurePath

import discord

from ..i18n.catalogue import many, say
from ..screenplay.free_text import titled
from ..screenplay.importers.import_formats import read
from ..screenplay.importers.manuscript import Manuscript, ManuscriptError
from .delivery import LOST, insisted

FETCHING_SECONDS = 60.0
"""Seconds within which an attachment must have come."""


async def fetched(file: discord.Attachment) -> Manuscript:
    """What stands in the file; raises ManuscriptError."""
    try:
        data = await insisted(file.read, FETCHING_SECONDS)
    except (discord.HTTPException, *LOST):
        sentence = say("Discord does not give that file out: attach it again.")
        raise ManuscriptError(sentence) from None
    return await asyncio.to_thread(read, file.filename, data)


def title_of(file: discord.Attachment, found: Manuscript) -> str:
    """The title on its title page, or else the file's name."""
    return titled(found.title or "") or titled(PurePath(file.filename).stem.replace("_", " "))


def note(found: Manuscript, lines: int) -> str:
    """What was brought in, and what was done to it, in a few words."""
    parts = [say("{lines:,} lines were brought in; this is the last.", lines=lines)]
    if lines == 1:
        parts = [say("One line was brought in.")]
    if found.left_out:
        parts.append(say("Left out: {remarks}.", remarks=many(found.left_out, "remark")))
    if found.cut == 1:
        parts.append(say("One passage was too long and became several lines."))
    elif found.cut:
        parts.append(
            say("{number:,} passages were too long and became several lines.", number=found.cut)
        )
    if found.numbered:
        parts.append(
            say(
                "Its scene numbers were left out, since the voice would read them: {/script "
                "export} numbers the scenes anew."
            )
        )
    return " ".join(parts)
