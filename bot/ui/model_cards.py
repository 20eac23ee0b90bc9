"""Model cards: describe the voices, by the metadata of their files."""

from __future__ import annotations

import datetime as dt
import json
import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from ..i18n.catalogue import say
from ..i18n.markdown import inline, size
from ..inference.model import LONGEST_STYLE, parse_openings
from ..inference.registry import ModelFile

FULL = 1800
"""The largest size of a list of voices."""

TEXTS = 6
"""The most held-out texts whose figures are listed one by one."""


def listed(found: Sequence[ModelFile], chosen: str) -> str:
    """Return all voices, one a line, and the reasons why some are refused."""
    content = say("**Voices** ({/model use} chooses one for new scripts):")
    for number, one in enumerate(found):
        row = _row(one, one.name == chosen)
        if size(content) + size(row) > FULL:
            more = say("and {number:,} more", number=len(found) - number)
            return f"{content}\n- {more}"
        content += f"\n- {row}"
    return content


def _row(one: ModelFile, is_chosen: bool) -> str:
    name = f"**{inline(one.name, 40)}**"
    if one.refusal:
        return f"{name}: {inline(str(one.refusal), 400)}"
    corpus = inline(_said(one, "corpus"), 100)
    row = f"{name}: {corpus}" if corpus else name
    return f"{row} ({say('for new scripts')})" if is_chosen else row


def card(found: ModelFile) -> str:
    """Return what a voice's file says of it, as lines of Markdown."""
    return "\n".join([f"**{inline(found.name, 40)}**", *_facts(found), f"-# {_fingerprint(found)}"])


def _facts(found: ModelFile) -> Iterator[str]:
    if corpus := _said(found, "corpus"):
        yield say("Training texts: {corpus}", corpus=inline(corpus, 200))
    if licence := _said(found, "licence"):
        yield say("Licence: {licence}", licence=inline(licence, 200))
    if day := _trained(found):
        yield say("Training ended: {day}", day=day)
    if names := styles(found):
        shown = ", ".join(inline(name, LONGEST_STYLE) for name in names)
        yield say("Styles to start a script in: {styles}", styles=shown)
    yield say("Size: {megabytes:,.1f} MB", megabytes=found.size / 1e6)
    judged = dict(_judged(found))
    if len(judged) > TEXTS:
        yield say(
            "Bits per character on {count:,} unseen texts: {bits:.3f} on average",
            count=len(judged),
            bits=statistics.mean(judged.values()),
        )
    elif judged:
        texts = (
            f"{inline(name, 60)} {say('{bits:.3f}', bits=bits)}" for name, bits in judged.items()
        )
        yield say("Bits per character on unseen texts: {texts}", texts=", ".join(texts))


def styles(found: ModelFile) -> list[str]:
    """Return the styles of which a voice has an opening, in the order of its file."""
    return list(parse_openings(found.about or {}))


def _judged(found: ModelFile) -> Iterator[tuple[str, float]]:
    """Yield the held-out texts, each with its bits per character."""
    evaluation = _parsed(found, "evaluation")
    texts = evaluation.get("texts") if isinstance(evaluation, Mapping) else None
    for text in texts if isinstance(texts, list) else []:
        bits = text.get("exported") if isinstance(text, Mapping) else None
        if isinstance(bits, int | float):
            name = PurePosixPath(str(text.get("name", ""))).name.replace("-", " ")
            yield name, bits


def _trained(found: ModelFile) -> str:
    """Return the day of the training as Discord's own timestamp, or ""."""
    try:
        day = dt.datetime.fromisoformat(_said(found, "trained"))
        return f"<t:{int(day.timestamp())}:D>"
    except (ValueError, OverflowError, OSError):
        return ""


def _fingerprint(found: ModelFile) -> str:
    return say("fingerprint {beginning}", beginning=_said(found, "fingerprint")[:12])


def _said(found: ModelFile, name: str) -> str:
    return (found.about or {}).get(f"onbook.{name}", "")


def _parsed(found: ModelFile, name: str) -> Any:  # noqa: ANN401 - whatever JSON holds
    try:
        return json.loads(_said(found, name))
    except ValueError:
        return None
