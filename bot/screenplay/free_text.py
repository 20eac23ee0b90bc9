"""Turn text as people type it into elements, names and titles."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

from ..cleaning import clean
from ..errors import RequestError
from .elements import NUMBER, Element, Kind
from .fountain import (
    NAME_LIMIT,
    can_be_in_name,
    find_cue,
    has_scene_prefix,
    is_heading,
    is_name,
    is_transition,
    make_cue,
    split_lines,
    write_action,
    write_dialogue,
    write_heading,
    write_transition,
)
from .narration import is_narration
from .speakers import MAX_CAPITALISED, fold_name, looks_like_name

TITLE_LIMIT = 100
"""The longest title of a script, in characters: the limit that Discord sets for a thread's name."""

CAST_LIMIT = 25
"""The most names in a cast, which is also the most choices that Discord shows."""

_BLANK_LINES = re.compile(r"\n\s*\n")
_MOUTH = r"['\u2019]?-?(?P<mouth>[()\[\]<DdPpOoSsCcXx|\\*$@])(?P=mouth)*"
_WHO = (
    r"(?![-*+\u2022\u2013\u2014] )"  # an item of a list
    r"(?P<forced>@?) ?(?P<speaker>[^:\uff1a()]{1,60}?) ?(?P<aside>\([^()]+\))?"
)
_SAID = re.compile(
    # No link, time or smiley.
    rf"{_WHO}(?: [:\uff1a](?= |$)|(?<! )[:\uff1a](?![/\d]|{_MOUTH}(?: |$))) ?(?P<speech>.*)"
)
_KNOWN_CUE = re.compile(rf"{_WHO}(?P<speech>)")
_ANGLE_NAME = re.compile(r"^<([^\W\d_][\w -]{1,30})> (?=\S)")
_AROUND_NAME = re.compile(
    r"^(?:~ ?|[\u2600-\u27bf\U0001f000-\U0001faff\ufe0f\u200d ])+"
    r"|[\u2600-\u27bf\U0001f000-\U0001faff\ufe0f\u200d ]+$|^\d{1,4}\. (?=[^\W\d_a-z]{2})"
)
"""Matches emoji around a name, WhatsApp's mark of a stranger, and the number of a row."""

_BOLD_NAME = re.compile(r"^([*_]{1,3})([^*_:]+)(?:\1(?= ?[(:])|(:)\1)")
_MARKDOWN_ROW = re.compile(r"(?:#{1,6} )?(\*\*)?([^*]+)(?(1)\*\*)((?: ?\([^()]+\))?)")
_QUOTED = re.compile(r"[\"\u201c\u201e]([^\"\u201c\u201d\u201e]+)[\"\u201c\u201d]")
_DIRECTION = (
    r"\[(?=[^\W\d_][^\[\]]*[^\W\dA-Z_])([^\[\]()]+)\](?!\()"  # not [1], [REDACTED] or a link
)
_EMOTE = re.compile(rf"([*_])(?![*_ ])([^*_]+)(?<! )\1|{_DIRECTION}")
_PRONOUN = r"(?i:he|she|it|they|we|you|i|his|her|their|this|that|these|those|the \w+|er|sie|es|wir)"
_EDITORIAL = (
    rf"\[(?:{_PRONOUN}(?:['\u2019]\w+)?\] (?=[^\W\d_A-Z])"
    r"|[A-Z][\w ]+\] (?:is|was|are|were|has|had|will|would|ist|war|hat)\b)"
)
_HOW_FIRST = re.compile(
    r"(?:\((?=[^()]*[^\W\d_])([^()]+)\)|\*([^\W\dA-Z_][^*()]*)\*"
    rf"|(?!{_EDITORIAL}){_DIRECTION}) ?(.*)"
)
"""Matches speech that begins with how it is said, not with `[he] was there`."""

_EXTENSION = re.compile(r"\((?:v\.?o|o\.?[sc])\.?\)", re.IGNORECASE)
DAY = r"\d?\d[./]\d?\d[./]\d{2,4}"
_CHAT_HEADER = re.compile(
    r"^(?P<name>\S[^\n:]{0,38}?)(?:\s{1,2}\u2014\s{1,2}|, (?=\[)|(?P<gap> {2,}))\[?"
    rf"(?P<day>{DAY},? |(?:today|yesterday) at |(?:heute|gestern) um )?"
    r"\d?\d:\d\d(?: [ap]m| uhr)?\]?\n(?P<blank>\s*\n)? *(?=\S)",
    re.IGNORECASE | re.MULTILINE,
)
"""Matches the line that Discord puts above messages: `Maya \u2014 Today at 7:02 PM`.

Without a day, or above a blank line, it is a caption if it is in capitals or the only one. Other
messengers have `Maya, [3.12.2026 19:02]` or `Maya  7:02 PM`.
"""

_CHAT_EXTRA = re.compile(
    r"^\[\d?\d:\d\d(?: [ap]m)?\]\s*| \((?:edited|bearbeitet)\)$", re.IGNORECASE | re.MULTILINE
)

TIME_STAMP = re.compile(
    # Without brackets, only with what a chat log adds: `12:30 Lunch: soup.` is no speech.
    r"(?:\[[^\[\]]{0,20}\b\d?\d:\d\d[^\[\]]{0,9}\](?: ?[-\u2013\u2014])?"
    rf"|(?:{DAY},? )?\d?\d:\d\d(?::\d\d)?(?:\s?[ap]m\b(?: ?[-\u2013\u2014])?| ?[-\u2013\u2014])"
    r"|\d?\d:\d\d:\d\d(?= )|\((?:\d?\d:)?\d?\d:\d\d\)) ?",
    re.IGNORECASE,
)
_BLOCKS_PER_CUE = 6
"""How many blocks, on average, a double-spaced script has for each of its cues, at most."""

_ARTICLE = re.compile(r"^(?:the|der|die|das) (?=\w)", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_][\w-]+")
_LEADING_SIGNS = re.compile(r"^[\W_]+")
_WRAPPED = re.compile(r".{50,}[^.!?\u2026\"\u201d)\u2014-]")
"""Matches a line that an editor seems to have broken in mid-sentence."""

_ACT = re.compile(rf"(?:act|scene|akt|szene) {NUMBER}(?: ?[:.,\u2013\u2014-].*)?", re.IGNORECASE)
PLACE = re.compile(
    r"(?:(int(?:erior)?:|innen(?:\.| -))|ext(?:erior)?:|au(?:ß|ss)en(?:\.| -)) ?(.+)", re.IGNORECASE
)
"""Matches a scene heading that begins with another word for INT. or EXT."""

_LOOSE_TRANSITION = re.compile(
    r"(?:\w+[ -])?(?:cut|fade|dissolve|wipe) (?:\w+ )?to:|fade (?:in|out)[:.]?"
    r"|(?:cut|fade) to (?:black|white)\.?|schnitt (?:auf|zu):|(?:auf|ab)blende[:.]?",
    re.IGNORECASE,
)


def parse_person_text(
    text: str, character: str | None = None, names: Iterable[str] = (), speaker: str | None = None
) -> list[Element]:
    """Return what a person typed as one or more elements; a blank line begins the next element.

    Read Fountain as Fountain, and also what people type instead: `int. diner - night`, `cut to:`,
    `Maya: Hello.`, `MAYA (quietly): Hello.`, `*waves*` and `[waves]`, and what they paste:
    `> Maya: Hello.` and `[19:02] maya: Hello.` Everything else is action, except that below
    `Maya: Hello.`, up to a blank line, it is speech unless it is narration. Speakers may be typed
    in any case if they are among the ``names``, which the script knows, or have spoken above.

    Args:
        text: The text that was typed.
        character: The name of the character who speaks the first row, whatever that row looks like,
            and is then the ``speaker``.
        names: The names that the script knows.
        speaker: The cue of the character who speaks if a block would otherwise begin with plain
            action; narration below another element remains action.

    Raises:
        RequestError: The text is blank, or ``character`` is not a name.
    """
    whole = clean(text)
    is_chat = len(_CHAT_HEADER.findall(whole)) > 1
    whole = _CHAT_EXTRA.sub("", whole) if is_chat else whole
    whole = _CHAT_HEADER.sub(lambda header: _write_chat_cue(header, is_chat=is_chat), whole)
    blocks = [lines for block in _BLANK_LINES.split(whole) if (lines := split_lines(block))]
    if not blocks:
        raise RequestError("The text is empty. Write something.")
    parser = _Parser(names)
    blocks = parser.join_cues(blocks)
    elements: list[Element] = []
    if character is not None:
        name = parse_name(character)
        speaker = make_cue(parser.find_known(name) or name)
        speech, end = parser.take_speech(speaker, blocks[0])
        elements = [speech, *parser.read_block(blocks.pop(0)[end:])]
    elif speaker:
        parser.learn(speaker)
    for block in blocks:
        is_told = speaker and elements and parser.is_narration(block[0])
        elements += parser.read_block(block, None if is_told else speaker)
    return elements


def _find_lone_name(block: list[str]) -> str | None:
    """Return the folded name in a block such as `MAYA (V.O.)` or `Maya:`, or None."""
    row = block[0].strip("*")
    name = row.partition("(")[0].strip(" *:")
    is_cue = row.endswith(":") or (name.isupper() and row[-1:] != ".")
    return fold_name(name) if not block[1:] and is_cue and name and looks_like_name(name) else None


class _Parser:
    """Read the lines between two blank lines, in a script that knows some names and learns more."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names: dict[str, str] = {}
        self._without_article: dict[str, str] = {}
        for name in names:
            self.learn(name)

    def learn(self, cue: str) -> None:
        """Recognise the speaker of a cue from here on."""
        name = Element(Kind.DIALOGUE, cue).cue or cue
        # Of two names that differ only in their spelling, the first is meant, unless the other is
        # typed exactly.
        self._names.setdefault(fold_name(name), name)
        self._without_article.setdefault(fold_name(_ARTICLE.sub("", name)), name)
        self._names[name] = name

    def find_known(self, name: str) -> str | None:
        """Return a name as the script spells it, or None if the script does not know the name."""
        return self._names.get(name) or self._names.get(fold_name(name))

    def is_narration(self, line: str) -> bool:
        """Return whether a line tells what a known character does."""
        return is_narration(line, self._names)

    def join_cues(self, blocks: list[list[str]]) -> list[list[str]]:
        """Join each lone name to the block below it if all speeches are double-spaced."""
        names = [_find_lone_name(block) for block in blocks]
        speakers = Counter(name for name, below in pairwise(names) if name and not below)
        # Fewer are a title and captions.
        is_often = len(blocks) <= _BLOCKS_PER_CUE * speakers.total()
        is_script = 1 < len(speakers) < speakers.total() and is_often
        if not is_script or any(map(self._has_cue, blocks)):
            return blocks
        joined, is_cue = list[list[str]](), False
        for name, block in zip(names, blocks, strict=True):
            if is_cue and not name and not stands_alone(block[0]):
                joined[-1] += block
                is_cue = block[-1].startswith("(") and block[-1].endswith(")")
            else:
                joined.append([*block])
                is_cue = bool(name)
        return joined

    def _has_cue(self, block: list[str]) -> bool:
        first, *below = block
        return bool(below and find_cue(first)) or len(self._parse_said(first) or ()) > 1

    def read_block(self, lines: list[str], speaker: str | None = None) -> list[Element]:
        """Return the elements in the lines of a block; ``speaker`` says plain text at its start.

        Drop the quote marks of a block that quotes a speech.
        """
        quoted = (self._parse_said(line) or () for line in lines if line[0] == ">")
        if any(len(said) > 1 for said in quoted):
            lines = [_unquote(line) for line in lines]
        elements, at = list[Element](), 0
        while at < len(lines):
            element, at = self._take_element(lines, at, speaker)
            elements.append(element)
            speaker = None
        return elements

    def _take_element(self, lines: list[str], at: int, speaker: str | None) -> tuple[Element, int]:
        """Return the element that begins at a line, and the index of the line after it."""
        below, end = lines[at + 1 : at + 2], len(lines)
        first = _drop_markdown(lines[at], may_be_cue=bool(below))
        if first.startswith(Kind.ACTION.spec.mark):
            return write_action(lines[at:]), end
        if _is_loose_heading(first):
            return make_heading(first), at + 1
        if _LOOSE_TRANSITION.fullmatch(first):
            return write_transition(first.upper()), at + 1
        if is_transition(first):
            return write_transition(first), at + 1
        if below and (cue := find_cue(first)):
            self.learn(cue)
            return write_dialogue(cue, lines[at + 1 :]), end
        if said := self._parse_said(first) or (below and self._parse_known_cue(first)):
            cue, *speech = said
            if speech or (below and not self._parse_said(below[0])):
                return self.take_speech(cue, lines, at + 1, speech)
        if speaker and not _EMOTE.fullmatch(first):
            return self.take_speech(speaker, lines, at)
        ends = (n for n in range(at + 1, end) if self._begins_element(lines[n - 1], lines[n]))
        end = next(ends, end)
        return self._write_plain_action(lines[at:end]), end

    def take_speech(
        self, cue: str, lines: list[str], at: int = 0, begun: Iterable[str] = ()
    ) -> tuple[Element, int]:
        """Return a speech that continues at a line, and the index of the line after the speech.

        The line itself belongs to the speech, unless the speech has ``begun`` with other lines.
        """
        self.learn(cue)
        speech = [*begun] or [lines[at]]
        at += not begun
        while at < len(lines) and not self._ends_speech(speech[-1], *lines[at : at + 2]):
            speech.append(lines[at])
            at += 1
        return _write_speech(cue, speech), at

    def _begins_element(self, above: str, line: str) -> bool:
        """Return whether the line below another one is a speech, heading or transition."""
        if said := self._parse_said(line):
            # After a broken line, a word in small letters is seldom a new name.
            is_broken = line[0].islower() and _WRAPPED.fullmatch(above)
            return not is_broken or said[0].partition(" (")[0].lstrip("@") in self._names
        # In the middle of a block, `.45` is a number, and `> ` a chat's quote mark, except before
        # `CUT TO:`.
        if line[0] in "!." or (line[0] == ">" and not is_transition(line.lstrip("> "))):
            return False
        if _is_loose_heading(line):
            return line.isupper() or not _WRAPPED.fullmatch(above)
        return bool(_LOOSE_TRANSITION.fullmatch(line)) or is_transition(line)

    def _ends_speech(self, above: str, line: str, below: str = "") -> bool:
        if self._begins_element(above, line):
            return True
        if emote := _EMOTE.fullmatch(line):
            # `[to Jo]` belongs to a speech that goes on below it.
            is_aside = emote[3] and emote[3][0].islower() and below
            return not is_aside or self._begins_element(line, below)
        how = _HOW_FIRST.fullmatch(above)
        if how and not how[4]:  # a parenthetical needs something said below it
            return False
        return not _WRAPPED.fullmatch(above) and self.is_narration(line)

    def _parse_said(self, line: str) -> list[str] | None:
        """Return the lines of dialogue in `Maya (quietly): Hello.`, cue first, or None.

        The speech may be missing, because people also type it on the lines below.
        """
        line = _unquote(line)
        bare = _drop_time_stamp(line)
        is_pasted = bare != line
        if quoted := _QUOTED.fullmatch(bare):
            bare = quoted[1]
        if _EMOTE.fullmatch(bare) or (is_pasted and has_scene_prefix(bare)):
            return None
        match = _SAID.fullmatch(_BOLD_NAME.sub(r"\2\3", _ANGLE_NAME.sub(r"\1: ", bare)))
        if match is None:
            return None
        typed = _AROUND_NAME.sub("", match["speaker"])
        # A new name of one word needs no capital, and neither does the first one of a pasted name.
        if _WORD.fullmatch(match["speaker"]) or (is_pasted and line[0] == "["):
            typed = typed[:1].upper() + typed[1:]
        name = self._find_speaker(typed, is_forced=bool(match["forced"]))
        return _split_said(match, name) if name else None

    def _parse_known_cue(self, line: str) -> list[str] | None:
        """Return the lines of dialogue in `maya (quietly)`, without a colon, or None."""
        match = _KNOWN_CUE.fullmatch(line)
        name = match and self.find_known(match["speaker"])
        return _split_said(match, name) if match and name else None

    def _find_speaker(self, typed: str, *, is_forced: bool) -> str | None:
        """Return the name of the speaker before a colon, or None if nobody is named there."""
        try:
            name = parse_name(typed)
        except RequestError:
            return None
        known = self.find_known(name)
        if known is None and not typed.isupper():
            known = self._without_article.get(fold_name(name))
        if known:
            return known
        is_new = (is_forced and is_name(typed)) or looks_like_name(typed)
        return name if is_new else None

    def _write_plain_action(self, lines: list[str]) -> Element:
        """Make action of lines, without the asterisks or brackets of emotes."""
        # Cleaned again, because a combining mark may have stood on the first asterisk.
        emotes = [(line, _EMOTE.fullmatch(line)) for line in lines]
        bare = [(how and clean(how[2] or how[3]).strip()) or line for line, how in emotes]
        element = write_action(bare)
        if bare == lines or self.read_block(element.text.split("\n")) == [element]:
            return element
        return write_action([Kind.ACTION.spec.force(bare[0]), *bare[1:]])


def _is_loose_heading(line: str) -> bool:
    """Return whether a line is a scene heading, or what people type instead of one."""
    return is_heading(line) or bool(_ACT.fullmatch(line) or PLACE.fullmatch(line))


def _drop_markdown(line: str, *, may_be_cue: bool) -> str:
    """Return a scene heading or a cue in bold without Markdown, and other lines as they are."""
    match = _MARKDOWN_ROW.fullmatch(line)
    bare = f"{match[2]}{match[3]}" if match else line
    is_cue = may_be_cue and match and match[1] and find_cue(bare)
    return bare if is_cue or _is_loose_heading(bare) else line


def stands_alone(row: str) -> bool:
    """Return whether a row of a script is a scene heading or a transition."""
    is_marked = row.isupper() or has_scene_prefix(row)
    return is_marked and parse_person_text(row)[0].kind in {Kind.HEADING, Kind.TRANSITION}


def _write_chat_cue(header: re.Match[str], *, is_chat: bool) -> str:
    is_certain = header["day"] and not (header["blank"] or header["gap"])
    is_cue = is_certain or (is_chat and not header["name"].isupper())
    name = f"@{header['name']}" if is_name(header["name"]) else header["name"]
    return f"{name}:\n" if is_cue and not _is_loose_heading(header[0]) else header[0]


def _unquote(line: str) -> str:
    """Return a line without quote marks, unless it is centred, as in `> THE END <`."""
    if line[0] != ">" or line[-1] == "<":
        return line
    # Cleaned again, because a combining mark may have stood on the last mark.
    return clean(line.lstrip("> ")).strip() or line


def _drop_time_stamp(line: str) -> str:
    """Return `Maya: Hello.` for `[19:02] Maya: Hello.`, and other lines as they are."""
    stamp = TIME_STAMP.match(line)
    return clean(line[stamp.end() :]).strip() if stamp else line


def reinterpret(element: Element, name: str = "") -> Element | None:
    """Return speech as action, or action that begins like `maya: Hello.` as speech.

    A quoted `> maya: Hello.` is a transition, and becomes speech too. With a ``name``, return
    speech as that character's. Return None for anything else.
    """
    if name and element.cue:
        new_cue = make_cue(element.shown[0].replace(element.cue, name, 1))
        return Element(Kind.DIALOGUE, "\n".join((new_cue, *element.text.split("\n")[1:])))
    first, *rest = split_lines("\n".join(element.marked))
    if element.kind is Kind.DIALOGUE:
        return write_action([Kind.ACTION.spec.force(_spell_cue(first, rest)), *rest])
    match = None if element.kind is Kind.HEADING else _SAID.fullmatch(_drop_time_stamp(first))
    speaker = match["speaker"] if match else ""
    if match is None or not is_name(speaker) or len(speaker.split()) > MAX_CAPITALISED:
        return None
    if element.kind is Kind.TRANSITION and not looks_like_name(speaker.lstrip("> ").title()):
        return None
    cue, *speech = [*_split_said(match, parse_name(speaker)), *rest]
    said = _write_speech(cue, speech) if speech else None
    # A rewritten line is read again, so FADE OUT. would become a transition.
    return said if said and parse_person_text(said.text) == [said] else None


def _spell_cue(cue: str, speech: list[str]) -> str:
    """Return `Maya (quietly): Hello.` for a cue, and remove those lines from the speech."""
    name, bracket, extension = cue.partition("(")
    spelt = re.sub(r"[\w'\u2019]+", lambda word: word[0].capitalize(), name)
    how = ""
    if len(speech) > 1 and speech[0].startswith("(") and speech[0].endswith(")"):
        how = f" {speech.pop(0)}"
    return f"{spelt}{bracket}{extension}{how}: {speech.pop(0)}"


def _split_said(match: re.Match[str], name: str) -> list[str]:
    """Return the lines of dialogue that `_SAID` has matched, cue first."""
    # Cleaned again, because a combining mark may have stood on the colon.
    cue, aside, speech = make_cue(name), match["aside"] or "", clean(match["speech"]).strip()
    # An extension such as (V.O.) belongs on the line of the cue, a parenthetical below it.
    is_extension = aside.isupper() or _EXTENSION.fullmatch(aside)
    lines = (f"{cue} {aside.upper()}", speech) if is_extension else (cue, aside, speech)
    return [line for line in lines if line]


def _write_speech(cue: str, lines: Sequence[str]) -> Element:
    """Make dialogue in which the parenthetical of `(quietly) Hello.` gets its own line.

    The emote of `*waves* Hello.` or `[waves] Hello.` becomes a parenthetical.
    """
    first, *rest = lines
    if how := _HOW_FIRST.fullmatch(first):
        speech = [how[4]] if how[4] else []
        return write_dialogue(cue, [f"({how[1] or how[2] or how[3]})", *speech, *rest])
    return write_dialogue(cue, lines)


def make_heading(text: str) -> Element:
    """Return text as a scene heading, in capitals on one line, with INT. for `Innen.` or `int:`.

    Drop everything before the first letter or digit; raise RequestError if there is none.
    """
    line = clean(" ".join(" ".join(split_lines(text)).upper().split()))
    line = _LEADING_SIGNS.sub("", line)
    if not line:
        raise RequestError("A scene heading needs at least one letter or digit.")
    if place := PLACE.fullmatch(line):
        return make_heading(f"{'INT' if place[1] else 'EXT'}. {place[2]}")
    return write_heading(line)


def parse_name(text: str) -> str:
    """Return a character's name in capitals with single spaces, without signs that cues use.

    Drop an extension such as `(V.O.)`. The name has 1 to `NAME_LIMIT` characters, one of them a
    letter; raises RequestError for any other name, and for a line break.
    """
    line = clean(text).strip()
    if "\n" in line:
        raise RequestError("Write a character's name on one line.")
    line = re.sub(r"\([^()]*\)", " ", line)
    line = clean(
        "".join(character if can_be_in_name(character) else " " for character in line.upper())
    )
    line = _LEADING_SIGNS.sub("", " ".join(line.split()))
    if not any(map(str.isalpha, line)):
        raise RequestError("A character's name needs at least one letter.")
    if len(line) > NAME_LIMIT:
        raise RequestError(
            "“{name}” is too long: a character's name can have at most {most} characters. "
            "Shorten it.",
            name=line,
            most=NAME_LIMIT,
        )
    return line


def clean_title(text: str) -> str:
    """Return a clean title on one line of at most `TITLE_LIMIT` characters; "" if none is left."""
    line = " ".join(clean(text).split())
    return line if len(line) <= TITLE_LIMIT else clean(line[:TITLE_LIMIT]).strip()


def parse_cast(text: str) -> tuple[str, ...]:
    """Return the names in a list separated by commas or line breaks, each once, in order.

    Raises RequestError for anything that is not a name, and for more than `CAST_LIMIT` names.
    """
    parts = re.split(r"[,;\uff0c\u3001\n]", clean(text))
    names = tuple(dict.fromkeys(parse_name(part) for part in parts if part.strip()))
    if len(names) > CAST_LIMIT:
        raise RequestError(
            "A cast can have at most {most} characters. Name fewer.", most=CAST_LIMIT
        )
    return names
