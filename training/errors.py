"""Define the errors that end a command: one sentence says what happened, and what to do."""

from pathlib import Path


class UserError(Exception):
    """Raised for what the person at the command line can mend."""


class TextError(UserError):
    """Raised for a text that cannot be used."""


class CorpusError(UserError):
    """Raised for a corpus whose source cannot be fetched or read."""


class RunError(UserError):
    """Raised for a run folder that cannot be used."""


class TrainingError(UserError):
    """Raised when a training cannot begin or continue."""


class VoiceError(UserError):
    """Raised for a voice file that cannot be read or written."""


def make_folder(folder: Path) -> None:
    """Make a folder unless it exists; raise UserError if it cannot be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"The folder {folder} cannot be made ({error.strerror}): choose another name."
        ) from error
