"""Describe the models by the metadata of their files."""

from __future__ import annotations

import datetime as dt
import json
import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from ...generation.openings import label_style
from ...i18n.catalogue import phrase, say
from ...inference.model import LONGEST_STYLE, parse_openings
from ...inference.registry import ModelFile
from ..delivery.responses import format_error
from ..markdown import inline, size

LANGUAGE_NAMES = {
    "en": phrase("English"),
    "de": phrase("German"),
    "es": phrase("Spanish"),
    "fr": phrase("French"),
}
"""The languages that voices are known to write, by their codes."""

MODEL_LABELS = {"screen": phrase("film"), "stage": phrase("theatre")}
"""The kinds of script that the shipped voices write, by their names."""

MODEL_LIST_SIZE = 1800
"""The largest size of a list of models."""

MAX_TEXTS = 6
"""The most held-out texts whose figures are listed individually."""


def format_model_list(files: Sequence[ModelFile], uses: Mapping[str, str | None]) -> str:
    """Return all models with their ``uses``, one a line, and the reasons why some are refused."""
    content = say("**Voices** (view or choose one with {/voice}):")
    for position, file in enumerate(files):
        entry = _format_model(file, [use for use, name in uses.items() if name == file.name])
        if size(content) + size(entry) > MODEL_LIST_SIZE:
            more = say("and {number:,} more", number=len(files) - position)
            return f"{content}\n- {more}"
        content += f"\n- {entry}"
    return content


def _format_model(file: ModelFile, uses: Sequence[str]) -> str:
    name = f"**{inline(file.name, 40)}**"
    if file.refusal:
        return f"{name}: {format_error(file.refusal)}"
    corpus = inline(_get_metadata(file, "corpus"), 200)
    row = f"{name}: {corpus}" if corpus else name
    return f"{row} ({', '.join(uses)})" if uses else row


def format_model_card(file: ModelFile) -> str:
    """Return what a model's file says about it, as lines of Markdown."""
    fingerprint = say("fingerprint {beginning}", beginning=_get_metadata(file, "fingerprint")[:12])
    return "\n".join([f"**{inline(file.name, 40)}**", *_list_facts(file), f"-# {fingerprint}"])


def _list_facts(file: ModelFile) -> Iterator[str]:
    if corpus := _get_metadata(file, "corpus"):
        yield say("Training texts: {corpus}", corpus=inline(corpus, 200))
    yield say("Language: {language}", language=name_language(find_language(file)))
    if licence := _get_metadata(file, "licence"):
        yield say("Licence: {licence}", licence=inline(licence, 200))
    if day := _format_training_day(file):
        yield say("Training ended: {day}", day=day)
    if names := list_styles(file):
        shown = ", ".join(inline(label_style(name), LONGEST_STYLE) for name in names)
        yield say("Styles for starting a script: {styles}", styles=shown)
    yield say("Size: {megabytes:,.1f} MB", megabytes=file.size / 1e6)
    evaluations = dict(_list_evaluations(file))
    if len(evaluations) > MAX_TEXTS:
        yield say(
            "Bits per character of the finished voice on {count:,} unseen texts: {bits:.3f} on "
            "average; fewer is better",
            count=len(evaluations),
            bits=statistics.mean(evaluations.values()),
        )
    elif evaluations:
        texts = (
            f"{inline(name, 60)} {say('{bits:.3f}', bits=bits)}"
            for name, bits in evaluations.items()
        )
        yield say(
            "Bits per character of the finished voice on unseen texts; fewer is better: {texts}",
            texts=", ".join(texts),
        )


def label_model(name: str) -> str:
    """Return a voice as people call it: the shipped ones are known by what they have read."""
    return f"{say(MODEL_LABELS[name])} ({name})" if name in MODEL_LABELS else name


def find_language(file: ModelFile) -> str:
    """Return the code of the language that a model writes, by its metadata: English by default."""
    return _get_metadata(file, "language") or "en"


def name_language(code: str) -> str:
    """Return a language as people call it, or its code, which a voice file may have made up."""
    return say(LANGUAGE_NAMES[code]) if code in LANGUAGE_NAMES else inline(code, 40)


def list_styles(file: ModelFile) -> list[str]:
    """Return the styles of which a model has an opening, in the order of its file."""
    return list(parse_openings(file.about or {}))


def _list_evaluations(file: ModelFile) -> Iterator[tuple[str, float]]:
    """Yield the held-out texts, each with its bits per character."""
    try:
        evaluation = json.loads(_get_metadata(file, "evaluation"))
    except ValueError:
        return
    texts = evaluation.get("texts") if isinstance(evaluation, Mapping) else None
    for text in texts if isinstance(texts, list) else []:
        bits = text.get("exported") if isinstance(text, Mapping) else None
        if isinstance(bits, int | float):
            name = PurePosixPath(str(text.get("name", ""))).name.replace("-", " ")
            yield name, bits


def _format_training_day(file: ModelFile) -> str:
    """Return the day of the training as Discord's own timestamp, or ""."""
    try:
        day = dt.datetime.fromisoformat(_get_metadata(file, "trained"))
        return f"<t:{int(day.timestamp())}:D>"
    except (ValueError, OverflowError, OSError):
        return ""


def _get_metadata(file: ModelFile, name: str) -> str:
    return (file.about or {}).get(f"onbook.{name}", "")
