"""Say how people can write in a place."""

from __future__ import annotations

from ...i18n.catalogue import say


def format_ways(*, hears: bool, is_direct: bool, is_plain: bool = False) -> str:
    """Return how people can write, as one sentence.

    Args:
        hears: Whether the bot reads messages in this place.
        is_direct: Whether it reads all of them there, because they are direct messages.
        is_plain: Whether a script has it read messages that do not mention it.
    """
    if not hears:
        return say("To write, press **Write** or use {/write}.")
    if is_direct:
        return say("To write, press **Write**, use {/write}, or just send a message.")
    if is_plain:
        return say("To write, press **Write**, use {/write}, or send a message like `NAME: text`.")
    return say("To write, press **Write**, use {/write}, or mention me.")
