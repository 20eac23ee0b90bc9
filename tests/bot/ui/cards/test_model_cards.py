"""Test the descriptions of voices."""

import json

import pytest

from bot.inference.registry import ModelFile
from bot.ui.cards.model_cards import MODEL_LIST_SIZE, format_model_card, format_model_list
from bot.ui.markdown import size


def make_file(**about: str) -> ModelFile:
    """Return a voice of two megabytes with metadata."""
    metadata = {f"onbook.{name}": value for name, value in about.items()}
    return ModelFile("odd", (0, 2_000_000, 0), about=metadata)


def test_a_card_has_the_mean_of_many_texts():
    texts = [{"name": f"film-{bits}", "exported": float(bits)} for bits in range(7)]
    card = format_model_card(make_file(evaluation=json.dumps({"texts": texts})))
    assert "the finished voice on 7 unseen texts: 3.000 on average; fewer is better" in card


@pytest.mark.parametrize("evaluation", ["", "7", '{"texts": 7}', '{"texts": [7, {"name": 3}]}'])
def test_a_card_leaves_out_what_a_file_does_not_say(evaluation: str):
    card = format_model_card(make_file(evaluation=evaluation, trained="yesterday"))
    assert card == "**odd**\nLanguage: English\nSize: 2.0 MB\n-# fingerprint "


@pytest.mark.parametrize(
    ("code", "shown"), [("de", "German"), ("{x} [a](https://b.c)", r"{x} \[a\]\(https\:\/\/b\.c\)")]
)
def test_a_card_escapes_an_unknown_language(code: str, shown: str):
    assert f"\nLanguage: {shown}\n" in format_model_card(make_file(language=code))


def test_a_list_shows_what_a_tuned_voice_read_last():
    corpus = f"{'sketches and plays ' * 6}and 36 plays; then own scripts"
    assert f"**odd**: {corpus}" in format_model_list([make_file(corpus=corpus)], {})


def test_a_long_list_is_cut():
    listed = format_model_list([make_file(corpus="plays " * 15)] * 80, {})
    assert size(listed) < MODEL_LIST_SIZE + 20
    shown = listed.count("\n- **odd**")
    assert listed.endswith(f"\n- and {80 - shown} more")
