"""Test that the one declaration of each generation option agrees with all its users."""

import pytest

from bot.generation.options import OPTIONS, SAMPLING_OPTIONS, OptionSpec, resolve_options
from bot.inference.sampling import Sampling
from bot.settings import Settings

NAMES = {option.name for option in OPTIONS}


def test_sampling_has_all_options_but_the_quality():
    options = {option.name: 0.5 for option in SAMPLING_OPTIONS}
    assert options.keys() == NAMES - {"quality"}
    assert Sampling.of(7, options).to_options() == {"seed": 7, **options}


def test_an_option_without_a_field_is_extra():
    sampling = Sampling.of(7, {"top_p": 0.5, "typical_p": 0.2})
    assert (sampling.top_p, sampling.extra) == (0.5, {"typical_p": 0.2})
    assert sampling.to_options()["typical_p"] == 0.2


@pytest.mark.parametrize(
    ("name", "value", "accepted"),
    [
        *(("min_p", 0, True), ("min_p", 1.1, False), ("min_p", "0.5", False)),
        *(("min_p", True, False), ("length", 250, True), ("length", 2.5, False)),
        *(("quality", "best", True), ("quality", "worst", False), ("min_p", None, False)),
        ("tempo", 1, False),
    ],
)
def test_only_valid_options_of_a_script_are_read(name: str, value: object, accepted: bool):
    settings = Settings(min_p=0.2)
    expected = resolve_options({}, {}, settings) | ({name: value} if accepted else {})
    assert resolve_options({}, {name: value}, settings) == expected


@pytest.mark.parametrize("spec", OPTIONS, ids=lambda spec: spec.name)
def test_the_default_has_the_type_and_is_within_the_bounds(spec: OptionSpec):
    default = spec.default_in(Settings())
    assert isinstance(default, spec.type)
    assert spec.accepts(default)


def test_a_request_overrides_the_script_and_the_script_the_operator():
    own = {"temperature": 0.3, "top_p": 0.5, "min_p": 0.0, "repetition": 99.0}
    resolved = resolve_options({"temperature": 1.5, "top_p": None}, own, Settings(min_p=0.2))
    assert (resolved["temperature"], resolved["top_p"], resolved["min_p"]) == (1.5, 0.5, 0.0)
    assert resolved["length"] == Settings().soft_length
    assert resolved["repetition"] == Settings().repetition
    assert resolved.keys() == NAMES


def test_an_option_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="tempo"):
        resolve_options({"tempo": 1}, {}, Settings())
