"""Format the progress of a job."""

from __future__ import annotations

from ..generation.prefill import Progress
from ..i18n.catalogue import say


def format_progress(progress: Progress) -> str:
    """Return the progress of a job as a sentence."""
    if progress.share_read is not None:
        return say("The voice is reading the script: {share:.0%}.", share=progress.share_read)
    if progress.share_spoken is not None:
        return say("The table read is being recorded: {share:.0%}.", share=progress.share_spoken)
    if progress.to_replay:
        return say(
            "Replayed {written:,} of {all:,} lines.",
            written=progress.written,
            all=progress.to_replay,
        )
    if progress.written:
        return say("The voice is writing. Finished lines: {written:,}.", written=progress.written)
    return say("The voice is writing.")
