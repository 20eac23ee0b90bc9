"""Define the errors that end a command: one sentence says what happened, and what to do."""


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
