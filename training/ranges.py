"""Define the values of options: tyro parses them, and refuses anything else in one sentence."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any

from tyro.conf import arg
from tyro.constructors import PrimitiveConstructorSpec

KEPT: Any = -1
"""In place of a default number: that of the run or voice that a command names."""


def _parse(
    kind: type[float | str], fits: Callable[[Any], object], wrong: str, metavar: str = "N"
) -> PrimitiveConstructorSpec[Any]:
    """Return a parser of values that fit; an error says what is ``wrong`` with any other value.

    A default is not parsed, so that a run with any other value can be read.
    """

    def parse(texts: list[str]) -> float | str:
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
        metavar=metavar,
        instance_from_str=parse,
        is_instance=lambda value: value is None or isinstance(value, kind),
        str_from_instance=lambda value: ["as before" if value == KEPT else str(value)],
    )


_POSITIVE_INT = _parse(int, lambda value: value > 0, "not above 0")
_POSITIVE_FLOAT = _parse(float, lambda value: value > 0, "not above 0")
_NAME = _parse(str, re.compile(r"\w[\w .-]*").fullmatch, "not a plain file name", "NAME")
_CODE = _parse(str, re.compile(r"[a-z]{2,3}(-\w+)*").fullmatch, "not a language code", "CODE")

PositiveInt = Annotated[int, _POSITIVE_INT]
PositiveFloat = Annotated[float, _POSITIVE_FLOAT]
NonNegativeInt = Annotated[int, _parse(int, lambda value: value >= 0, "below 0")]
LanguageCode = Annotated[str, _CODE]
Name = Annotated[str, _NAME]
Share = Annotated[float, _parse(float, lambda value: 0 <= value < 1, "not in [0, 1)")]

# The parser belongs to the whole union; otherwise the error would mention None as well.
# The empty hint stands for "(default: None)", because nobody can give None.
_NO_DEFAULT = arg(help_behavior_hint="")
OptionalPositiveInt = Annotated[int | None, _POSITIVE_INT, _NO_DEFAULT]
OptionalPositiveFloat = Annotated[float | None, _POSITIVE_FLOAT, _NO_DEFAULT]
OptionalLanguageCode = Annotated[str | None, _CODE, _NO_DEFAULT]
