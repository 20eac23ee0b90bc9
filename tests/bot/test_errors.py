"""Test that errors are translated, and that their fields are escaped."""

from bot.errors import ModelError, RequestError, TransactionFailed
from bot.i18n.catalogue import Count, speaking
from bot.inference.model import UNSAFE
from bot.session.rate_limits import RATE_LIMITED
from bot.ui.delivery.responses import format_error


def test_fields_are_escaped_for_people_but_not_in_logs():
    error = RequestError("“{word}” is not on this list. See the list with {/banned}.", word="*a*")
    assert str(error) == "“*a*” is not on this list. See the list with /banned."
    with speaking("de"):
        assert format_error(error).startswith("„\\*a\\*“ steht nicht auf dieser Liste.")
        assert str(error).endswith("See the list with /banned.")


def test_counts_and_phrases_are_translated():
    waiting = RequestError(RATE_LIMITED["person"], wait=Count(1, "second"))
    unsafe = ModelError(UNSAFE, file="a.onnx", why="its constants are too large", what="")
    assert str(waiting).endswith("Try again in 1 second.")
    assert "a.onnx was rejected: its constants are too large." in str(unsafe)
    with speaking("de"):
        assert "1 Sekunde" in format_error(waiting)
        assert "too large" not in format_error(unsafe)


def test_a_failed_transaction_says_what_to_do():
    assert format_error(TransactionFailed("full")).startswith("The bot's disk is full.")
