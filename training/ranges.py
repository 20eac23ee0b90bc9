"""Define the numbers that options take: tyro parses them, and refuses others in one sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from tyro.conf import arg
from tyro.constructors import PrimitiveConstructorSpec


def _parse_numbers(
    kind: type[int | float], fits: Callable[[float], bool], wrong: str
) -> PrimitiveConstructorSpec[Any]:
    """Return how numbers that fit are parsed; an error says what is ``wrong`` with another one."""

    def parse(texts: list[str]) -> float:
        try:
            value = kind(texts[0])
        except ValueError:
            whole = "whole number" if kind is int else "number"
            raise ValueError(f"{texts[0]} is not a {whole}.") from None
        if not fits(value):
            raise ValueError(f"{value} is {wrong}.")
        return value

    return PrimitiveConstructorSpec(
        nargs=1,
        metavar="N",
        instance_from_str=parse,
        is_instance=lambda value: value is None or isinstance(value, kind),
        str_from_instance=lambda value: [str(value)],
    )


_POSITIVE_INT = _parse_numbers(int, lambda value: value > 0, "not above 0")
_POSITIVE_FLOAT = _parse_numbers(float, lambda value: value > 0, "not above 0")

PositiveInt = Annotated[int, _POSITIVE_INT]
PositiveFloat = Annotated[float, _POSITIVE_FLOAT]
NonNegativeInt = Annotated[int, _parse_numbers(int, lambda value: value >= 0, "below 0")]
Share = Annotated[float, _parse_numbers(float, lambda value: 0 <= value < 1, "not in [0, 1)")]

# The parser belongs to the whole union, or the error would tell of None as well.
# The empty hint stands for "(default: None)", because nobody can give None.
_NO_DEFAULT = arg(help_behavior_hint="")
OptionalPositiveInt = Annotated[int | None, _POSITIVE_INT, _NO_DEFAULT]
OptionalPositiveFloat = Annotated[float | None, _POSITIVE_FLOAT, _NO_DEFAULT]
