"""Test that the one declaration of each generation option agrees with all its users."""

from __future__ import annotations

from dataclasses import fields
from types import SimpleNamespace

import pytest

from bot.generation.options import (
    OPTIONS,
    PREFERENCES,
    OptionSpec,
    extract_requested_options,
    resolve_options,
)
from bot.inference.sampling import Sampling
from bot.settings import Settings
from bot.storage.schema import Script

NAMES = {one.name for one in OPTIONS}


def test_the_sampler_takes_all_options_but_the_quality():
    assert {one.name for one in fields(Sampling)} - {"seed"} == NAMES - {"quality"}


def test_a_script_has_a_column_for_each_preference():
    assert {one.key for one in Script.__table__.columns} & NAMES == PREFERENCES.keys()


@pytest.mark.parametrize("one", OPTIONS, ids=lambda one: one.name)
def test_the_operators_default_is_of_the_type_and_within_the_bounds(one: OptionSpec):
    default = getattr(Settings(), one.default)
    assert isinstance(default, one.type)
    if one.bounds:
        least, most = one.bounds
        assert least <= default <= most
    else:
        assert default in one.choices


def test_a_request_goes_before_the_script_and_the_script_before_the_operator():
    script = SimpleNamespace(**dict.fromkeys(PREFERENCES))
    script.temperature, script.top_p, script.min_p = 0.3, 0.5, 0.0
    resolved = resolve_options({"temperature": 1.5, "top_p": None}, script, Settings(min_p=0.2))
    assert (resolved["temperature"], resolved["top_p"], resolved["min_p"]) == (1.5, 0.5, 0.0)
    assert resolved["length"] == Settings().soft_length
    assert resolved.keys() == NAMES


@pytest.mark.parametrize("name", ["length", "recall", "tempo"])
def test_only_what_can_be_requested_is_taken(name: str):
    script = SimpleNamespace(**dict.fromkeys(PREFERENCES))
    with pytest.raises(ValueError, match=name):
        resolve_options({name: 1}, script, Settings())


def test_another_take_asks_for_what_the_first_was_written_with():
    origin = {"seed": 1, "temperature": 0.4, "length": 60, "recall": 1.0, "quality": "good"}
    asked = extract_requested_options(origin)
    assert (asked["temperature"], asked["quality"], asked["min_p"]) == (0.4, "good", None)
    assert not asked.keys() & {"seed", "length", "recall"}
