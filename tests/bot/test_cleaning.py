"""Test that clean text has no invisible character."""

from __future__ import annotations

import unicodedata

from hypothesis import given

from bot.cleaning import clean

from .test_fountain import nasty, steadily


@steadily
@given(nasty)
def test_clean_text_is_clean(text: str) -> None:
    cleaned = clean(text)
    assert clean(cleaned) == cleaned
    assert unicodedata.is_normalized("NFC", cleaned)
    assert not set(cleaned) & set("\r\t\x00\u200b\u202e\u2028\u3164\ue700")


def test_clean() -> None:
    assert clean("e\u0301\r\nx\ty\u2028z\xa0!\x07\u202e") == "é\nx y\nz !"
    assert clean("z\u0335\u0336\u0337\u0338") == "z\u0335\u0336"
    assert clean("👩\u200d🚀 a\u200db क्\u200dष \u200d") == "👩\u200d🚀 ab क्\u200dष "
    assert clean("\u1f67") == "\u1f67"
