"""Rewrite a play as books print one, `NORA. [_Smiles._] Yes.`, as a script with cues."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from ..fountain import find_cue, has_scene_prefix
from ..free_text import PLACE, parse_name
from ..narration import TALK
from ..page_layout import text_width, unwrap
from ..speakers import looks_like_name
from .manuscript import Block

_ADDRESS = r"(?:MRS?|MS|DR|ST|MME|MLLE|FR|CAPT|COL|PROF|REV|SGT)\. (?=[^\W\d_a-z]{2})"
_CUE = re.compile(
    r"(?P<name>_[^\W\d_][^_]{1,38}_"
    rf"|(?:{_ADDRESS})?(?!{_ADDRESS})[^\W\d_][^_.,:;!?\[\]()]{{1,38}})"
    r"(?:\.? ?(?P<aside>\[[^\[\]]+\]|\(_[^()]+_\)|\([^()]+\)(?=\.))[.:]?|\.|(?<=\._))"
    r"(?: +(?P<speech>.+))?"
)
_DIRECTION = re.compile(r"(?:(?<!\s)\s+)?_?(?:\[|\((?=_))([^\[\]()]+)(?:\]|(?<=_)\))_?\s*")
_ITALICS = re.compile(r"(?<!\w)_([^_]+)_(?!\w)")
_NO_SPEECH = re.compile(r"[(\[]|(?:Act|Scene)\b|(?:\S+ ){0,2}\S*(?:_|[A-Z][A-Z.])")
"""Matches the beginning of a direction, of a heading, and of a speech by somebody else."""

_FEWEST_SPEECHES = 3
_SMALLEST_PART = 0.15
"""The smallest part of a play's blocks that are speeches."""


def rewrite_play(blocks: Sequence[Block]) -> list[Block] | None:
    """Return the blocks of a printed play with each speech below a cue, or None for other text.

    Stage directions in a speech become parentheticals.
    """
    width = max((text_width(line.strip()) for block in blocks for line in block), default=0)
    passages = _join_speeches(unwrap(block, width) for block in blocks)
    cues = [_match_cue(passage) for passage in passages]
    speakers = Counter(_name_speaker(cue).upper() for cue in cues if cue)
    fewest = max(_FEWEST_SPEECHES, _SMALLEST_PART * len(blocks))
    # In a play, at least two people speak, and one of them twice.
    if speakers.total() < fewest or not 1 < len(speakers) < speakers.total():
        return None
    # In a script with cues of its own, `BANG. The door falls.` is action.
    if sum(map(_has_own_cue, passages)) > speakers.total():
        return None
    return [
        _write_speech(cue, passage[1:]) if cue else [_ITALICS.sub(r"\1", line) for line in passage]
        for cue, passage in zip(cues, passages, strict=True)
    ]


def _join_speeches(passages: Iterable[Block]) -> list[Block]:
    """Return passages, each speech with those below it that talk and have no cue."""
    joined: list[Block] = []
    for passage in passages:
        is_talk = TALK.search(" ".join(passage)) and not _NO_SPEECH.match(passage[0])
        if is_talk and joined and _match_cue(joined[-1]) and not _match_cue(passage):
            joined[-1] += passage
        else:
            joined.append(passage)
    return joined


def _match_cue(passage: Block) -> re.Match[str] | None:
    first = passage[0]
    match = _CUE.fullmatch(first)
    if match is None or has_scene_prefix(first) or PLACE.match(first):
        return None
    if match["speech"] and _has_own_cue(passage):
        return None
    name = match["name"]
    is_named = (name[0] == "_" or name.isupper()) and looks_like_name(_name_speaker(match))
    return match if is_named and (match["aside"] or match["speech"] or passage[1:]) else None


def _has_own_cue(passage: Block) -> bool:
    """Return whether a passage is a speech below a cue such as DR. SMITH, but not NORA."""
    first, below = passage[0], passage[1:]
    return bool(below and first[-1] != "." and find_cue(first))


def _name_speaker(cue: re.Match[str]) -> str:
    return cue["name"].strip("._ ")


def _write_speech(cue: re.Match[str], below: Block) -> Block:
    aside = f"[{cue['aside'][1:-1]}]" if cue["aside"] else ""
    said = _DIRECTION.sub(_write_direction, "\n".join([aside, cue["speech"] or "", *below]))
    lines = (_ITALICS.sub(r"*\1*", line) for line in said.split("\n") if line.strip())
    return [parse_name(_name_speaker(cue)), *lines]


def _write_direction(match: re.Match[str]) -> str:
    return f"\n({' '.join(match[1].replace('_', '').split())})\n"
