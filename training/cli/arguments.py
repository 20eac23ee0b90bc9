"""Define the options that several commands share; help texts come from the dataclasses' docs."""

from __future__ import annotations

import argparse
import ast
import dataclasses
import inspect
import textwrap
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

from training.config import Config
from training.model.network import Regularisation, Shape
from training.model.prior import PriorShape
from training.model.recurrent import find_layer
from training.model.words import WordShape
from training.trainer import Session

INTERRUPTED = 130
"""The exit code after Ctrl-C."""

DROPPED = tuple(field.name for field in dataclasses.fields(Regularisation))

Options = argparse._ActionsContainer  # noqa: SLF001 - these types have no public names
Commands = argparse._SubParsersAction  # noqa: SLF001
Number = Callable[[str], float]


def number(kind: type[int | float], fits: Callable[[float], bool], wrong: str) -> Number:
    """Return a parser of numbers that fit; its error says what is ``wrong`` with another one."""

    def parse(text: str) -> float:
        value = kind(text)
        if not fits(value):
            raise argparse.ArgumentTypeError(f"{text} is {wrong}")
        return value

    parse.__name__ = kind.__name__
    return parse


def positive(kind: type[int | float]) -> Number:
    """Return a parser of numbers above 0."""
    return number(kind, lambda value: value > 0, "not above 0")


at_least_0 = number(int, lambda value: value >= 0, "below 0")
share = number(float, lambda value: 0 <= value < 1, "not at least 0 and below 1")


def folder_and_times(text: str) -> tuple[str, int]:
    """Parse FOLDER=N."""
    folder, _, times = text.rpartition("=")
    if not folder or not times.isdecimal() or int(times) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not FOLDER=N with a whole N above 0")
    return folder, int(times)


def recurrence(text: str) -> str:
    """Parse the name of a recurrent layer."""
    try:
        find_layer(text)
    except (ModuleNotFoundError, KeyError):
        raise argparse.ArgumentTypeError(
            f"training/model/{text}.py has no RecurrentLayer"
        ) from None
    return text


def field_docs(kind: type, prefix: str = "") -> dict[str, str]:
    """Return the docstring below each field of a dataclass, as a help text by prefixed name."""
    [definition] = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(definition, ast.ClassDef)
    docs: dict[str, str] = {}
    for field, below in pairwise(definition.body):
        if isinstance(field, ast.AnnAssign) and isinstance(below, ast.Expr):
            name, doc = ast.unparse(field.target), ast.literal_eval(below.value)
            text = " ".join(doc.replace("`", "").split()).rstrip(".")
            first = text.partition(" ")[0]
            docs[prefix + name] = text[0].lower() + text[1:] if first.istitle() else text
    return docs


PRIOR = field_docs(PriorShape)
HELP = {
    **field_docs(Shape),
    **field_docs(Config),
    **field_docs(Session),
    **field_docs(Regularisation, "drop_"),
    "words": f"{field_docs(WordShape)['words']} or at least 64; needs `make .venv/words`",
    "prior": PRIOR["contexts"],
    "prior_longest": PRIOR["longest"],
    "lengthen": "Make windows this many times longer, and streams as many times fewer",
}

KINDS: dict[str, Number] = {
    **dict.fromkeys(("embedding", "lower", "summary", "upper", "batch", "window"), positive(int)),
    **dict.fromkeys(("warmup", "evaluate_every", "prior_longest", "lengthen"), positive(int)),
    **dict.fromkeys(("imagined", "steps"), positive(int)),
    **dict.fromkeys(("word", "words", "prior"), at_least_0),
    **dict.fromkeys(("learning_rate", "clip", "checkpoint_minutes"), positive(float)),
    **dict.fromkeys(("averaging", "weight_decay", "renamed", "resets", "taught"), share),
    **{f"drop_{name}": share for name in DROPPED},
    "seed": int,
}


def add_number(options: Options, name: str, default: float | str) -> None:
    """Add an option for a number; a default given as text is only shown in the help."""
    options.add_argument(
        f"--{name.replace('_', '-')}",
        type=KINDS[name],
        default=None if isinstance(default, str) else default,
        metavar="N",
        help=f"{HELP[name]} [{default}]".replace("%", "%%"),
    )


def add_dropout(options: Options) -> None:
    """Add options that change the dropout of an existing training."""
    for name in DROPPED:
        add_number(options, f"drop_{name}", "as before")


def add_texts(options: Options, text: str, nargs: str = "+") -> None:
    options.add_argument("texts", type=Path, nargs=nargs, metavar="TEXT", help=text)


def add_resume(options: Options) -> None:
    options.add_argument(
        "--resume",
        action="store_true",
        help="continue the run in --out with its own configuration; --steps moves its end, and "
        "'train' accepts another --learning-rate",
    )


def add_session(options: Options) -> None:
    """Add the options of one process: its time, its checkpoints and its device."""
    options.add_argument(
        "--minutes",
        type=positive(float),
        help="save and stop after this time; --resume continues (default: no limit)",
    )
    add_number(options, "checkpoint_minutes", Session.checkpoint_minutes)
    options.add_argument(
        "--tensorboard",
        action="store_true",
        help="write metrics and samples to 'board' in the run folder, for TensorBoard, too",
    )
    add_device(options)


def add_device(options: Options) -> None:
    options.add_argument(
        "--device",
        choices=["auto", "cpu", "cuda"],
        default="auto",
        help="the device that computes [auto: a GPU if there is one]",
    )


def add_precision(options: Options) -> None:
    options.add_argument(
        "--precision",
        choices=["auto", "bfloat16", "float32"],
        help="the precision of products [auto: the faster one on the device]",
    )


def add_repeat(options: Options) -> None:
    options.add_argument(
        "--repeat",
        type=folder_and_times,
        action="append",
        default=[],
        metavar="FOLDER=N",
        help="read the texts in folders of this name N times per epoch; can be repeated",
    )


Settings = TypeVar("Settings", Config, PriorShape, Regularisation, WordShape)


def change(before: Settings, **given: Any) -> Settings:  # noqa: ANN401 - fields of any type
    """Return settings with the given fields replaced, except those given as None."""
    return dataclasses.replace(before, **{k: v for k, v in given.items() if v is not None})


def change_dropout(before: Regularisation, options: argparse.Namespace) -> Regularisation:
    """Return dropout probabilities with those given as options replaced."""
    return change(before, **{name: getattr(options, f"drop_{name}") for name in DROPPED})
