"""Convert the paragraphs of one play into the elements of a script."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from .cues import CENTRED, HEADING, Cue, Song, read_song
from .cutting import heads_persons
from .script import Piece, PieceKind, Script
from .speakers import Part, expand_names, is_verse

STAGE = re.compile(
    r"(?:_|\[|\()*(?:(?:Re-?)?Enter|Exit|Exeunt|Manet|Curtain|The curtain|Tableau|Dance)(?![^\W_])",
    re.IGNORECASE,
)
CLOSING = re.compile(r"[_\[(]*(?:Exeunt[\W_]*$|Curtain|The curtain|Tableau|Dance)", re.IGNORECASE)
"""A direction after which no speech continues."""
# Preceded by at least three spaces, because printers push a direction to the right margin.
ASIDE_AT_END = re.compile(
    r"(?:^ *| {3,})_?((?:(?:Exit|Exeunt|Ex\.|Exe?unt\.|Enter|Re-enter|Manet|Aside)(?![^\W_])"
    r"|Within(?=[\W_]*$))[^\n]*)$",
    re.MULTILINE,
)
PERSONAL = re.compile(
    r"\b(?:I|I'm|I'll|me|my|mine|myself|you|your|yours|thee|thou|thy|we|us|our|ye|let's)\b|[!?]",
    re.IGNORECASE,
)
DEED = re.compile(
    r"\W*(?:to\b|aside|apart|\w+ing\b|\w+ly\b|he\b|she\b|they\b|exit|enter|a pause)", re.IGNORECASE
)
# At least three characters, because "_I_" is stressed; at most 300, because a longer passage in
# italics is a song or a letter.
ITALIC_ASIDE = re.compile(r"\s*_([A-Z][^_]{2,300}[.,:])_\s*(?=\S)")

NUMBER = re.compile(r"[_\[(]*(?:[IVX]+|\d+)[._\])]*")
"""The number of a stanza."""
STOP = re.compile(r"[.,;:](?!\.)")
DASH_BEHIND_QUOTATION = re.compile(r"(?<=[\w.,!?])([\"'])(--)(?!\w)")
QUOTATION = re.compile(r"\"([^\"]*)(?:\"|$)|(?<!\w)'(\S(?:.|\n)*?[.,!?;:-])'(?=\s|$)")

DIRECT = re.compile(r"\s*[(\[{]([^)\]}]*)[)\]}][.:,;]*(?: *--+)?")

LONGEST_HEADING = 200
"""In characters. A paragraph that only begins like a heading ("Act well your part") is longer;
`SCENE` may be followed by a long description of the place."""
LONGEST_ACTION = 1_500
"""In characters. A longer paragraph of action is reported as doubtful, because it may be a speech
whose cue was not found."""
SHORT_LINE = 50
"""In characters. The texts are wrapped at about 70, so shorter lines are a poet's."""
ROMAN_SHARE = 0.3
"""The share of a direction's words, except names in capitals, that may stand outside the italics: a
word or two that the printer forgot. In a speech with a stressed word, nearly all stand outside."""
FULL_WIDTH = 0.97
"""The quantile of the line lengths that counts as the printer's width: some lines overhang."""

CLOSED = {"[": r"\[[^\[\]]{0,2500}\]", "(": r"\([^()]{0,2500}\)", "{": r"\{[^{}]{0,2500}\}"}
"""Directions by their opening bracket. A longer match would be a bracket that never closes, and the
text up to the next one."""
UNCLOSED = {
    "[": r"\[[^\[\]\n]*(?:\n {10,}[^\[\]\n]*)*$",
    "(": r"\((?=_)[^()\n]*(?:\n {10,}[^()\n]*)*$",
    "{": r"\{[^{}\n]*$",
}
"""Directions whose closing bracket the printer left out: they end with their line, and with the
deeply indented lines below it, which continue it. A parenthesis must also open in italics, because
what somebody says may stand in parentheses."""


def convert_play(parts: Sequence[Part], before: Sequence[Part]) -> tuple[Script, list[str]]:
    """Return the script of a play, and notes on its doubtful places."""
    lengths = sorted(len(line.rstrip()) for part in parts for line in part.paragraph.lines)
    width = lengths[int(FULL_WIDTH * (len(lengths) - 1))]
    script = Script(width, is_verse=_is_verse(parts))
    quoted = _quotes_speeches(parts)
    brackets = "[(" if quoted else _choose_brackets(parts)
    heads = [i for i, part in enumerate(before) if heads_persons(part)]
    persons = before[heads[-1] :] if heads else ()  # from the last list of persons on
    names = expand_names(parts, before, persons)
    converter = _Converter(script, names, brackets, _marks_directions(parts), quoted)
    for part in parts:
        converter.add(part)
    script.close()
    return script, converter.doubtful


@dataclass
class _Converter:
    script: Script
    names: dict[str, str]
    brackets: str
    marked: bool
    quoted: bool
    sings: bool = False
    doubtful: list[str] = field(default_factory=list[str])

    def add(self, part: Part) -> None:
        bare = part.paragraph.plain.strip("[](){} .")
        song = read_song(part.paragraph.plain)
        if song and not (part.cue and part.cue.rest):
            self._open_song(song)
        elif part.cue:
            self._open(part, part.cue)
        elif HEADING.match(bare) and (len(bare) < LONGEST_HEADING or re.match(r"SCENE", bare)):
            self._add_heading(bare)
        elif re.search(r"\w", bare):
            self._add_text(part)

    def _add_text(self, part: Part) -> None:
        """Add a paragraph without a heading: more of the speech, a direction, or action."""
        script, line = self.script, part.paragraph.line
        text = part.paragraph.text.strip()
        if self.sings and NUMBER.fullmatch(text):
            return
        if self._is_stanza(part):
            if script.speaker:
                script.pieces.append(Piece(PieceKind.BREAK, ""))
                self._speak(part.paragraph.lines)
            else:
                script.add_action("\n".join(part.paragraph.lines))
        elif script.speaker and not script.is_said and not _is_direction(text):
            self._speak(part.paragraph.lines)
        elif _is_direction(text):
            ends = CLOSING if script.is_said else STAGE
            if script.speaker and not ends.match(text):
                script.pieces.append(Piece(PieceKind.ASIDE, text.strip("[](){}_ ")))
            else:
                self.script.add_action(text)
        elif self.quoted and text[0] in "\"'":
            self.doubtful.append(f"line {line}: a speech without a name")
            self.script.add_action(text)
        elif script.speaker and self._goes_on(part):
            script.pieces.append(Piece(PieceKind.BREAK, ""))
            self._speak(part.paragraph.lines)
        else:
            self.script.add_action(text)
            if len(text) > LONGEST_ACTION:
                self.doubtful.append(f"line {line}: {len(text)} characters of action")

    def _open(self, part: Part, cue: Cue) -> None:
        self.script.open_speech(self.names.get(cue.key, cue.key))
        self.sings = False
        lines = part.paragraph.lines
        column = len(lines[0].rstrip()) - len(cue.rest)
        body = "\n".join([" " * column + cue.rest, *lines[1:]])
        # Text in brackets right behind the name is a direction, whatever the brackets.
        for form in (DIRECT, ITALIC_ASIDE):
            match = form.match(body)
            if match and (form is DIRECT or not _is_spoken(match[1])):
                self.script.pieces.append(Piece(PieceKind.ASIDE, match[1].replace("\n", " ")))
                # Put spaces in place of the direction, so that columns stay the same.
                body = re.sub(r"[^\n]", " ", body[: match.end()]) + body[match.end() :]
        self._speak(body.split("\n"))

    def _open_song(self, song: Song) -> None:
        """Begin a song; a song without singers belongs to the last speaker."""
        singers = self.names.get(song.singers, song.singers) or self.script.speaker
        self.script.add_action(song.heading)
        if singers:
            self.script.open_speech(singers)
        self.sings = True

    def _add_heading(self, bare: str) -> None:
        self.sings = False
        if re.match(r"(?:THE )?(?:END|FINIS)", bare, re.IGNORECASE):
            self.script.close()
        elif re.match(r"(?:THE )?CURTAIN", bare, re.IGNORECASE):
            self.script.add_action(bare)
        else:
            self.script.add_heading(bare)

    def _speak(self, lines: Sequence[str]) -> None:
        body = "\n".join(lines)
        body = _bracket_narration(body) if self.quoted else body
        self.script.pieces += _read_pieces(body, self.brackets)

    def _is_stanza(self, part: Part) -> bool:
        """Return whether a paragraph is a stanza of a song, or verse in italics."""
        text = part.paragraph.text.strip()
        set_as_verse = self.sings or text.startswith("_")
        unmarked = text[0] not in "[({" and not STAGE.match(text)
        return set_as_verse and unmarked and is_verse(part.paragraph)

    def _goes_on(self, part: Part) -> bool:
        """Return whether a paragraph without a cue belongs to the speech before it."""
        text = part.paragraph.text
        if self.quoted:
            return False
        if self.sings and part.paragraph.indent >= CENTRED:
            return True
        lines = part.paragraph.lines
        verse = len(lines) > 1 and all(len(line.strip()) < SHORT_LINE for line in lines)
        return self.marked or verse or bool(PERSONAL.search(text))


def _bracket_narration(body: str) -> str:
    """Return a speech without its quotation marks, and with the rest of the text in brackets."""
    body = DASH_BEHIND_QUOTATION.sub(r"\2\1", body)
    pieces: list[str] = []
    at = 0
    for match in QUOTATION.finditer(body):
        pieces += [_bracket(body[at : match.start()]), " ", match[1] or match[2] or "", " "]
        at = match.end()
    return "".join([*pieces, _bracket(body[at:]) if at else body])


def _bracket(text: str) -> str:
    bare = text.strip(" \n()[]")
    return f"[{bare}]" if re.search(r"\w", bare) else ""


def _read_pieces(body: str, brackets: str) -> Iterator[Piece]:
    """Yield the lines and the directions of a speech."""
    forms = [f"(?:{CLOSED[bracket]}|{UNCLOSED[bracket]})" for bracket in brackets]
    pattern = re.compile("|".join(forms), re.MULTILINE)
    body = ASIDE_AT_END.sub(r" [\1]", body) if "[" in brackets else body
    at = 0
    for match in pattern.finditer(body):
        inside = match[0].strip("[](){} ")
        if match[0].startswith("(") and "_" not in inside and _is_spoken(inside):
            continue
        lines = list(_read_lines(body, at, match.start()))
        stop = STOP.match(body, match.end())
        if stop and lines and lines[-1].text[-1].isalnum():
            # The stop behind the brackets ends the words before them.
            lines[-1] = replace(lines[-1], text=lines[-1].text + stop[0])
        yield from lines
        yield Piece(PieceKind.ASIDE, inside.replace("\n", " "))
        at = stop.end() if stop else match.end()
    yield from _read_lines(body, at, len(body))


def _read_lines(body: str, start: int, stop: int) -> Iterator[Piece]:
    """Yield the lines between two places of a speech, with their columns."""
    for match in re.compile(r".+").finditer(body, start, stop):
        text = match[0]
        if re.search(r"\w|^\W*--|[!?]", text):
            margin = match.start() - body.rfind("\n", 0, match.start()) - 1
            first = margin + len(text) - len(text.lstrip())
            last = margin + len(text.rstrip())
            ends = match.end() < stop or stop == len(body)
            yield Piece(PieceKind.LINE, text.strip(), first, last if ends else 0)


def _is_spoken(text: str) -> bool:
    """Return whether a text that is set as a direction addresses somebody, and so is spoken."""
    return bool(PERSONAL.search(text) and not DEED.match(text))


def _is_direction(text: str) -> bool:
    """Return whether a paragraph is set as a direction, or opens as only directions do."""
    if text[0] in "[({" and (text.rstrip("._ ")[-1:] in "])}" or not re.search(r"[\])}]", text)):
        return True
    if text.startswith("_") and text.rstrip(" .)]").endswith("_"):
        return True
    outside = re.sub(r"\b[A-Z]{2,}\b", "", re.sub(r"_[^_]*_", "", text))
    if text.startswith("_") and len(re.findall(r"\w+", outside)) < ROMAN_SHARE * len(text.split()):
        return True
    return bool(STAGE.match(text))


def _quotes_speeches(parts: Sequence[Part]) -> bool:
    """Return whether speeches stand in quotation marks, as in a novel."""
    speeches = [DIRECT.sub("", part.cue.rest).strip() for part in parts if part.cue]
    # More than half, because in any play a speech may begin with a quotation, and in a play with
    # quoted speeches it may begin with narration.
    return 2 * sum(speech[:1] in ("'", '"') for speech in speeches) > len(speeches)


def _choose_brackets(parts: Sequence[Part]) -> str:
    """Return which brackets hold this play's directions."""
    counts = Counter[str]()
    for part in parts:
        text = part.cue.rest if part.cue else part.paragraph.text
        counts.update(text.lstrip("_ ")[:1] if text.lstrip("_ ")[:1] in "[({" else "")
        counts.update(mark for mark, _ in re.findall(r"([\[({])(_)", text))
    # Braces are rare: an edition that uses them has only stray brackets beside them.
    if counts["{"] > 2 * (counts["["] + counts["("]):
        return "{"
    # If square brackets hold most directions, people speak in parentheses.
    if counts["["] > 3 * counts["("]:
        return "["
    return "[("


def _is_verse(parts: Sequence[Part]) -> bool:
    """Return whether most lines of a play begin with a capital, and so are verse."""
    initials = [
        next(filter(str.isalpha, line), "")
        for part in parts
        for line in (part.paragraph.lines[1:] if part.cue else ())
    ]
    # Two thirds: in prose, a line begins with a capital by chance; in verse, every line does,
    # except the rest of one that was too long for the page.
    return 3 * sum(initial.isupper() for initial in initials) > 2 * len(initials) > 0


def _marks_directions(parts: Sequence[Part]) -> bool:
    """Return whether directions between speeches are set in brackets or italics."""
    others = [part.paragraph.text.strip() for part in parts if not part.cue]
    others = [text for text in others if text and not HEADING.match(text.strip("_[("))]
    marked = sum(text[0] in "[({_" for text in others)
    plain = sum(text[0] not in "[({_" and not PERSONAL.search(text) for text in others)
    # A fifth may be unmarked: paragraphs of speeches count here too if they address nobody.
    return marked > 4 * plain
