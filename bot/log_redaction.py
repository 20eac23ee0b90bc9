"""Hide the bot's token, and the tokens that Discord gives to interactions."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from typing import Final

HIDDEN: Final = "[hidden]"

_SECRETS: Final = re.compile(
    # The addresses at which interactions are answered, of which only the token is hidden.
    r"(?P<before>/webhooks/\d+/|/interactions/\d+/"
    # A key of a payload, as JSON and as Python write it.
    r"|[\"']token[\"']: ?[\"'])[^/?\"'\s]+"
    # Interaction tokens begin with "interaction:" in base64; a bot's token has three parts.
    r"|\baW50ZXJhY3Rpb2[\w=-]+|\b[\w-]{23,28}\.[\w-]{6,7}\.[\w-]{27,}"
)


class Redaction(logging.Filter):
    """Hide ``known`` secrets, and those of a known form, in messages and tracebacks."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        super().__init__()
        self._known = tuple(secret for secret in known if secret)
        self._formatter = logging.Formatter()

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact a record in place; return True, so that the record is logged."""
        said = record.getMessage()
        if (shown := self.redacted(said)) != said:
            record.msg, record.args = shown, None
        if record.exc_info and record.exc_info[0]:
            # As text, because a formatter would format the exception again.
            record.exc_text = self._formatter.formatException(record.exc_info)
            record.exc_info = None
        if record.exc_text:
            record.exc_text = self.redacted(record.exc_text)
        if record.stack_info:
            record.stack_info = self.redacted(record.stack_info)
        return True

    def redacted(self, text: str) -> str:
        for secret in self._known:
            text = text.replace(secret, HIDDEN)
        return _SECRETS.sub(rf"\g<before>{HIDDEN}", text)


def guard_handlers(known: Iterable[str]) -> None:
    """Redact everything that the root logger's handlers write, in the bot's own process."""
    redaction = Redaction(known)
    for handler in logging.getLogger().handlers:
        handler.addFilter(redaction)


def guard_loggers() -> Redaction:
    """Redact what On Book logs, and nothing of the host's, until `release_loggers`.

    Call this function once all modules are imported, because each creates its logger on import. The
    loggers are filtered one by one, because a logger's filter does not see its children's records.
    """
    redaction = Redaction()
    for logger in list_own_loggers():
        logger.addFilter(redaction)
    return redaction


def release_loggers(redaction: Redaction) -> None:
    """Undo `guard_loggers`."""
    for logger in list_own_loggers():
        logger.removeFilter(redaction)


def list_own_loggers() -> list[logging.Logger]:
    known = logging.root.manager.loggerDict.copy()  # a thread may add to it
    return [
        logger
        for name, logger in known.items()
        if name.startswith("onbook.") and isinstance(logger, logging.Logger)
    ]
