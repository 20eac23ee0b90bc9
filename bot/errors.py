"""Define all errors of the bot, in one hierarchy.

An error has a sentence from the catalogues and the sentence's fields, unescaped.
`ui.delivery.responses` answers with the sentence in the language of the person who asked, and with
escaped fields.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, ClassVar, Self

from .i18n.catalogue import Phrase, phrase, say, speaking


class OnBookError(Exception):
    """The base of all errors: a sentence, and its fields. `str` returns the English sentence."""

    sentence = ""

    def __init__(self, sentence: str = "", /, **fields: object) -> None:
        super().__init__(sentence)
        self.sentence = sentence or self.sentence
        self.fields: dict[str, Any] = fields

    def __str__(self) -> str:
        with speaking("en"):
            return say(self.sentence, **self.fields)


class PersonId(int):
    """The id of a person as a field of an error; the answer mentions the person."""


class Stopped(OnBookError):
    """Somebody pressed Stop."""


# What was requested cannot be done -------------------------------------------------------------


class RequestError(OnBookError):
    """A request that cannot be fulfilled, and has changed nothing."""

    similar = ""
    """The name that the person may have meant, or ""."""

    def suggest(self, typed: str, names: Iterable[str]) -> Self:
        """Suggest the name that is most similar to a mistyped one, and return the error."""
        known = {name.casefold(): name for name in names}
        self.similar = "".join(known[key] for key in get_close_matches(typed.casefold(), known, 1))
        return self


class NoScript(RequestError):
    """No script runs in the channel."""

    sentence = phrase("No script is running in this channel. Start one with {/start}.")


class NotRunning(NoScript):
    """The script in which somebody wrote last here is archived or shelved."""

    def __init__(self, *, script: int, title: str, is_archived: bool) -> None:
        super().__init__(
            phrase("“{title}” is archived. Reopen it, or start another script.")
            if is_archived
            else phrase("“{title}” is paused. Continue it, or start another script."),
            title=title,
        )
        self.script = script
        self.is_archived = is_archived


class StaleLine(RequestError):
    """The script has moved on since the position that a request expects."""

    sentence = phrase("The script has moved on. This is no longer its last line.")

    def __init__(self, sentence: str = "", /, *, script: int, line: int) -> None:
        super().__init__(sentence, script=script, line=line)
        self.script = script
        self.line = line


class VoteOpen(RequestError):
    """People are voting on how the script goes on from a line, until ``ends``."""

    sentence = phrase(
        "People are voting on the next line. Wait for the result, due <t:{ends}:R>, or add yours "
        "anyway with {/write}."
    )

    def __init__(self, ends: dt.datetime, *, script: int, line: int) -> None:
        super().__init__(ends=int(ends.timestamp()))
        self.ends = ends
        self.script = script
        self.line = line


class NotTheirs(RequestError):
    """A request would ``act`` on a line, which the requester may neither remove nor change."""

    sentence = phrase("That would {act} {name}'s line. Ask {deciders}, or use {/script fork}.")

    def __init__(self, *, script: int, head: int, line: int, author: int, **fields: object) -> None:
        super().__init__(**fields)
        self.script = script
        self.head = head
        self.line = line
        self.author = author


class NotInCast(RequestError):
    """A request names a speaker outside a locked cast."""

    sentence = phrase("{name} is not in the cast. Add this name or turn off the lock with {/cast}.")

    def __init__(self, *, script: int, name: str) -> None:
        super().__init__(script=script, name=name)
        self.script = script
        self.name = name


class HeadMoved(RequestError):
    """Another command has moved the script's head meanwhile; nothing was written."""

    sentence = phrase(
        "Somebody else changed the script first. Read its last lines, then try again."
    )


class AlreadyWritten(RequestError):
    """The interaction has already written its lines; nothing was written twice."""


class RateLimited(RequestError):
    """A request exceeds a rate limit."""


class NoContinuation(RequestError):
    """A line contains a banned word, or the banned words leave it no possible continuation."""

    sentence = phrase(
        "The banned words leave no possible continuation. Try again, or edit them with {/banned}."
    )


class UnspellableElement(RequestError):
    """A model cannot write an element of the kind, or by the speaker, that was requested."""


class ModelError(RequestError):
    """A model file cannot be used; the field ``why`` is itself a phrase of the catalogues."""

    def __init__(self, sentence: str, /, *, why: str = "", **fields: object) -> None:
        super().__init__(sentence, **fields | ({"why": Phrase(why)} if why else {}))


class ContractError(OnBookError):
    """A model file breaks its contract; the sentence says why, and ``what`` completes it."""

    def __init__(self, sentence: str, what: str = "") -> None:
        super().__init__(sentence, what=what)
        self.what = what


class ExaminationFailed(ModelError):
    """A model file was not examined: the child was killed, ran out of memory or did not start."""


# The bot fails ---------------------------------------------------------------------------------


class ServiceError(OnBookError):
    """The bot cannot serve a request, and has changed nothing."""


class Overloaded(ServiceError):
    """Too many requests are in progress for another one to be answered in time."""

    sentence = phrase("The bot is very busy. Try again in a moment.")


class EngineClosed(ServiceError):
    """The engine is closed."""

    sentence = phrase("The bot is shutting down. Try again when it is back.")


class NonFiniteOutput(ServiceError):
    """The model's output is not finite, because its file is damaged."""

    sentence = phrase("The voice file is damaged. Ask the bot's owner to export it again.")


class StepFailed(ServiceError):
    """A step of a model failed for all its rows at once; the log has the cause."""

    sentence = phrase("The voice stopped writing because of a fault. Try again.")


class TransactionFailed(ServiceError):
    """A transaction failed because of the database, and changed nothing.

    ``reason`` is a key of `SENTENCES`: the server is ``away``, or another process has the lease
    that was ``lost``, or the disk or file is what the key says.
    """

    SENTENCES: ClassVar = {
        "full": phrase(
            "The bot's disk is full. Nothing was saved. Tell the bot's owner, and try again later."
        ),
        "readonly": phrase(
            "The database is read-only. Nothing was saved. Tell the bot's owner, and try again "
            "later."
        ),
        "locked": phrase(
            "Another program is using the database. Nothing was saved. Try again, and tell the "
            "bot's owner if this continues."
        ),
        "away": phrase(
            "The database cannot be reached. Nothing was saved. Try again, and tell the bot's "
            "owner if this continues."
        ),
        "lost": phrase("Another process of the bot is taking over. Nothing was saved. Try again."),
        "broken": phrase(
            "The bot's disk is failing. Nothing was saved. Tell the bot's owner, and try again "
            "later."
        ),
    }

    def __init__(self, reason: str) -> None:
        super().__init__(self.SENTENCES[reason])
        self.reason = reason


# The bot's owner must act -----------------------------------------------------------------------


class OperatorError(OnBookError):
    """The bot cannot run as its owner set it up; the sentence is finished, in English."""

    def __str__(self) -> str:
        return self.sentence


class SettingsError(OperatorError):
    """A setting cannot be used."""


class StoreError(OperatorError):
    """A database cannot be used."""


class RunnerError(OperatorError):
    """The bot cannot run."""


class CommandConflict(OperatorError):
    """A host's commands conflict with On Book's."""
