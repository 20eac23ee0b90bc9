"""Secrets do not stand in a log: the bot's token, and those that Discord gives to interactions."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from typing import Final

HIDDEN: Final = "[hidden]"

LOGGERS: Final = (
    *("answers", "board", "database", "delivery", "engine", "leases", "local", "polls"),
    *("postgres", "privacy", "runner", "voices"),
)
"""On Book's own loggers, below `onbook`. A logger's filter does not see what its children log."""

_SECRETS: Final = re.compile(
    # What interactions are answered at, and what of it a log may show: who, and what for.
    r"(?P<before>/webhooks/\d+/|/interactions/\d+/"
    # A key of a payload, as JSON and as Python show it.
    r"|[\"']token[\"']: ?[\"'])[^/?\"'\s]+"
    # Interaction tokens begin with "interaction:" in base64; a bot's token has three parts.
    r"|\baW50ZXJhY3Rpb2[\w=-]+|\b[\w-]{23,28}\.[\w-]{6,7}\.[\w-]{27,}"
)


class Redaction(logging.Filter):
    """Hides secrets in whatever is logged, its traceback too, at every level.

    ``known`` are secrets that are hidden wherever they stand, whatever they look like.
    """

    def __init__(self, known: Iterable[str] = ()) -> None:
        super().__init__()
        self._known = tuple(one for one in known if one)
        self._formatter = logging.Formatter()

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrites the record, and lets it pass."""
        said = record.getMessage()
        if (shown := self.redacted(said)) != said:
            record.msg, record.args = shown, None
        if record.exc_info and record.exc_info[0]:
            # As a text: a formatter would make it anew from the exception.
            record.exc_text = self._formatter.formatException(record.exc_info)
            record.exc_info = None
        if record.exc_text:
            record.exc_text = self.redacted(record.exc_text)
        if record.stack_info:
            record.stack_info = self.redacted(record.stack_info)
        return True

    def redacted(self, text: str) -> str:
        """The text without secrets."""
        for one in self._known:
            text = text.replace(one, HIDDEN)
        return _SECRETS.sub(_hide, text)


def _hide(found: re.Match[str]) -> str:
    return (found["before"] or "") + HIDDEN


def guard_handlers(known: Iterable[str]) -> None:
    """For the runner, whose log it is: nothing passes the root's handlers unseen."""
    redaction = Redaction(known)
    for handler in logging.getLogger().handlers:
        handler.addFilter(redaction)


def guard_loggers() -> Redaction:
    """For a guest: On Book's own loggers, and nothing of the host's."""
    redaction = Redaction()
    for name in LOGGERS:
        logging.getLogger(f"onbook.{name}").addFilter(redaction)
    return redaction


def leave_loggers(redaction: Redaction) -> None:
    """Takes back what `guard_loggers` did."""
    for name in LOGGERS:
        logging.getLogger(f"onbook.{name}").removeFilter(redaction)
