"""Read texts to train on from files of several kinds, normalise them, and split them."""

import itertools
import re
import unicodedata
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from html import unescape
from pathlib import Path
from textwrap import shorten
from xml.etree.ElementTree import Element, ParseError

from defusedxml.ElementTree import fromstring

from ..errors import TextError
from .corpora import shakespeare

MINIMUM = 20_000
"""The fewest characters of the training part: a voice that read less only repeats its text."""

SHARE = 0.1
"""The share of the characters that each held-out part should have."""
CEILING = 1 / 3
"""The largest share of the characters that is held out, both parts together."""

PARTS = ("train", "validation", "test")
KINDS = (".fountain", ".txt", ".md", ".fdx")
KINDS_IN_WORDS = ".fountain, .txt, .md and .fdx"

FOREIGN = {b"{\\rtf": "RTF", b"%pdf-": "PDF", b"<!doctype html": "HTML", b"<html": "HTML"}
"""What files of other kinds begin with, in lower case."""

LINE_BREAK = re.compile(r"\r\n|[\r\v\f\x85\u2028\u2029]")
CUE_IN_MARKDOWN = re.compile(r"^\*\*[^*\n]+\*\* *\n(?=.*\w)", re.MULTILINE)
SCENE_HEADING = re.compile(r"(?:INT|EXT|EST|I/E)[. /]")
NAME = r"(?=.*[^\W\d_])[^a-z\n(]+(?:\(.*)?"
SPEECH = re.compile(rf"^(?:@.*|{NAME})\n.", re.MULTILINE)
# Indented by 10 or more, above a line that is indented by 4 or more less, but still by 5 or more.
TYPED_CUE = re.compile(rf"(?:\A|\n\n)(?= {{10}})( {{5,}}) {{4,}}(?! |.*\S  )({NAME})\n\1(?=\S)")

HEADING_IN_MARKDOWN = re.compile(rf"(?m)^#+ +.*\w.*|^\*\*{SCENE_HEADING.pattern}[^*\n]*\*\*$")
# Within a paragraph, and neither a word with underscores nor a star between blanks.
EMPHASIS = re.compile(r"(?<!\\)(\*{1,3}|\b_{1,3})(?![\s_])((?:.|\n(?!\n))*?[^\s\\])\1(?!(?<=_)\w)")

TITLE_PAGE_KEYS = (
    "title|credit|authors?|source|notes?|(?:draft )?date|contact|copyright|revision|format|font"
)
TITLE_PAGE = re.compile(
    # In capitals, only TITLE begins a page, because a transcript can have a speaker called AUTHOR.
    r"\A(?=(?i:title)|.[a-z]|[a-z])"
    rf"(?:(?i:{TITLE_PAGE_KEYS}):(?:.+|(?=\n ))(?:\n +.*)*(?:\n|\Z))+"
    # Any other key is a speaker, with whom speech begins.
    r"(?=\n|\Z|\w[^:\n]*:)"
)
# In Fountain, a page can have any keys, but not in capitals, and none twice, unlike speakers.
PAGE_LINE = re.compile(r"(?=[^:\n]*[a-z])(\w[^:\n]*):(?:.+|(?=\n ))(?:\n +.*)*(?:\n|\Z)")
ANY_TITLE_PAGE = re.compile(rf"\A(?=(?i:{TITLE_PAGE_KEYS}):)(?:{PAGE_LINE.pattern})+(?=\n|\Z)")
CAPTION = (
    r"(?:act|scene|akt|szene) +(?:[\divx]|one|two|three|four|five)|super:"
    r"|(?:(?:the )?end|ende|(?:moments |much )?later|montage|titles?"
    r"|(?:smash |match |jump )?cut|fade|blackout|curtain)\b"
)
# A name in bold, with a colon and the speech on its line, or with a blank line above the speech.
LOOSE_CUE = re.compile(
    rf"(?m)^\*\*(?!{SCENE_HEADING.pattern}|[^*\n]*\bTO:|(?i:{CAPTION}|(?:{TITLE_PAGE_KEYS}):))"
    r"([^*\n]{0,40}[^*\n:.!?])(?:(?::\*\*|\*\*:) +(?=\S)"
    r"|:?\*\*:?\n\n([*_]*\([^()\n]+\)[*_]*\n)?\n?(?!\#|\*\*[^*\n]+\*\*$)(?=.*\w))"
)
REMARK = r"(?s:/\*(?:(?!\*/).)*\*/|\[\[(?:(?!\n\n|\]\]).)*\]\])"
MARKS = (
    (re.compile(rf"^ *{REMARK} *(?:\n|\Z)", re.MULTILINE), ""),
    (re.compile(rf"(?<=\S) +{REMARK} +(?=\S)"), " "),
    (re.compile(rf"(?<=\S) +{REMARK}(?= *$)", re.MULTILINE), ""),
    (re.compile(REMARK), ""),
    # A section, a synopsis or a page break.
    (re.compile(r"^[#=].*(?:\n|\Z)", re.MULTILINE), ""),
    # The number of a scene, the mark of dual dialogue, lyrics, and centred text.
    (re.compile(rf"(?m)^((?:{SCENE_HEADING.pattern}|\.\w).*?) *#[\w.-]+#$"), r"\1"),
    (re.compile(r"(?m)(?:(?<=\n\n)|\A)(.*\S) *\^$(?=\n.)"), r"\1"),
    (re.compile(r"(?m)^~ *(?=\S)"), ""),
    (re.compile(r"(?m)^> *(?=\S)(?=.*\w)(.*\S) *<$"), r"\1"),
)
FORCED_CUE = re.compile(r"(?:(?<=\n\n)|\A)@ *(.+)(?=\n.)")
# At the end of a page, a number may follow.
PAGE_TURN = re.compile(
    r"(?m)^ *(?:\((?:MORE|CONTINUED)\)(?:\n+ *\d+\.?$)?|CONTINUED:(?: *\(\d+\))?)(?:\n+|\Z)"
)


@dataclass(frozen=True)
class Text:
    r"""One work, ready to be learned: NFC, lines ended by `\n`, one blank line between elements."""

    name: str
    content: str
    folder: str = field(default="", compare=False)
    """The name of the folder that holds the file, if the text was read from a file."""
    path: str = field(default="", compare=False)
    """The path of this file."""
    is_end: bool = field(default=False, compare=False)
    """True if the text is the end of a work whose beginning is learned."""


@dataclass(frozen=True)
class Split:
    """The texts for training, for validation (when to stop), and for the final test."""

    train: tuple[Text, ...]
    validation: tuple[Text, ...]
    test: tuple[Text, ...]
    left_out: tuple[str, ...] = ()
    """A sentence for each reason why files were left out."""


def read(path: Path) -> Text:
    """Read the text of one file by its suffix; leave out everything that is not part of the work.

    Raises `TextError` for a path that is missing or a folder, for an unsupported kind of file, and
    for content that is not text or not a Final Draft script.
    """
    if path.is_dir():
        raise TextError(f"{path} is a folder: name one of the files in it.")
    if path.suffix.lower() not in KINDS:
        _require(path)
        kind = f"a {path.suffix} file" if path.suffix else "a file without a suffix"
        raise TextError(f"{path} is {kind}: save it as one of {KINDS_IN_WORDS}.")
    data = _read_bytes(path)
    match path.suffix.lower():
        case ".fdx":
            content = _read_final_draft(path, data)
        case ".fountain":
            content = _read_script(_normalise(_decode(path, data)))
        case ".md":
            content = _normalise(_decode(path, data))
            headings = HEADING_IN_MARKDOWN.findall(content)
            names = [name.upper() for name, _ in LOOSE_CUE.findall(content)]
            if any(SCENE_HEADING.match(heading.strip("*_# ")) for heading in headings):
                if len(set(names)) < len(names):  # speakers come back, unlike captions
                    content = LOOSE_CUE.sub(r"\n\n**\1**\n\2", content)
                content = _read_markdown(content)
            elif len(CUE_IN_MARKDOWN.findall(content)) > 1:  # a play
                content = TITLE_PAGE.sub("", shakespeare.convert_to_fountain(content))
        case _:
            content = PAGE_TURN.sub("\n", TITLE_PAGE.sub("", _normalise(_decode(path, data))))
    # Cut, because a run's file for a held-out text has this name, perhaps with a number.
    name = path.stem.encode(errors="ignore")[:200].decode(errors="ignore")
    return Text(name, _normalise(content), path.absolute().parent.name, str(path))


def frame_text(text: str) -> str:
    r"""Return a text as a voice reads it: between line ends.

    The blank line between two elements is the end of the first ("\n") and the start of the next
    ("\n"), so every element, and a whole text, is read as newline, text, newline.
    """
    return f"\n{text}\n"


def hash_files(paths: Sequence[Path]) -> str:
    """Hash the files in files and folders, with their parts, by SHA-256; names do not count.

    Raises `TextError` when a file cannot be read.
    """
    files = list_files(paths).items()
    marks = [f"{part} {sha256(_read_bytes(file)).hexdigest()}" for file, part in files]
    return sha256("\n".join(sorted(marks)).encode()).hexdigest()


def read_each(files: Iterable[Path]) -> list[Text]:
    """Read files as `read` does; raise one TextError with a line for each that cannot be read."""
    texts: list[Text] = []
    errors: list[str] = []
    for file in files:
        try:
            texts.append(read(file))
        except TextError as error:
            errors.append(str(error))
    if errors:
        raise TextError("\n".join(errors))
    return texts


def read_texts(paths: Sequence[Path]) -> tuple[Text, ...]:
    """Return the texts of all parts in files and folders, each once; raises as `read` does."""
    return _number_names({t.content: t for t in read_each(list_files(paths)) if t.content}.values())


def collect(paths: Sequence[Path]) -> Split:
    """Read the texts in files and folders, each once, and split them into learned and held-out.

    A folder that holds `train` and `validation` (and perhaps `test`) keeps its split. Of other
    texts, whole ones are held out in the order of a hash of their content: about a tenth of the
    characters for validation and, from five texts on, about another tenth for test, each text for
    the part with fewer characters. If all are too long for that, the shortest is held out, but
    never more than a third of the characters; otherwise the longest text gives its last tenth for
    validation, cut at a blank line.

    Raises `TextError` when a file cannot be read, or when too little is left to learn from.
    """
    parts: dict[str, list[Text]] = {part: [] for part in ("", *PARTS)}
    known: set[str] = set()
    copies, empty = list[Path](), list[Path]()
    # Files with a part come first, because they are kept if another file has the same text.
    files = sorted(list_files(paths).items(), key=lambda found: not found[1])
    for (file, part), text in zip(files, read_each(file for file, _ in files), strict=True):
        if not part and text.content in known:
            copies.append(file)
        elif text.content:
            parts[part].append(text)
            known.add(text.content)
        else:
            empty.append(file)
    folders = filter(Path.is_dir, paths)
    others = [file for folder in folders for file, _ in list_folder(folder, supported=False)]
    reasons = {
        "as copies of other texts": copies,
        "because they have no text": empty,
        f"because only {KINDS_IN_WORDS} are read": others,
    }
    split = _hold_out(parts[""])
    split = Split(
        _number_names([*parts["train"], *split.train]),
        _number_names([*parts["validation"], *split.validation]),
        _number_names([*parts["test"], *split.test]),
        tuple(f"Left out, {why}: {_list_names(names)}." for why, names in reasons.items() if names),
    )
    _check(paths, split)
    return split


# Files


def _require(path: Path) -> None:
    if not path.exists():
        raise TextError(f"There is no {path}: check the name.")


def _read_bytes(path: Path) -> bytes:
    _require(path)
    try:
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or "it cannot be opened"
        raise TextError(f"{path} cannot be read ({reason}): check its permissions.") from error


def list_files(paths: Iterable[Path]) -> dict[Path, str]:
    """Return every file once, sorted within its folder, with its part, or "" without a part.

    A part given by a folder takes precedence over a file that is also named by itself.
    """
    found: dict[Path, tuple[Path, str]] = {}
    for path in paths:
        _require(path)
        for file, part in list_folder(path) if path.is_dir() else [(path, "")]:
            known, earlier = found.get(file.resolve(), (file, ""))
            found[file.resolve()] = (known, earlier or part)
    return dict(found.values())


def list_folder(folder: Path, *, supported: bool = True) -> Iterator[tuple[Path, str]]:
    """Yield the files below a folder whose kind is supported, or those of all other kinds.

    Each file comes with its part. Hidden files are skipped, and so are runs, whose samples and
    held-out texts are not scripts of their own.
    """
    found = sorted(folder.rglob("*"))
    configs = {file.parent for file in found if file.name == "config.json"}
    runs = configs & {file.parent for file in found if file.name == "vocabulary.json"}
    for file in found:
        steps = file.relative_to(folder).parts
        is_hidden = any(step.startswith(".") for step in steps)
        if is_hidden or not runs.isdisjoint(file.parents) or not file.is_file():
            continue
        part = _find_part(folder, steps)
        if part is not None and (file.suffix.lower() in KINDS) is supported:
            yield file, part


def _find_part(folder: Path, steps: tuple[str, ...]) -> str | None:
    """Return the part that the outermost split folder gives to a file, "" without such a folder.

    Returns None for a file in a split folder that lies in none of the folder's parts.
    """
    for step in steps:
        if (folder / "train").is_dir() and (folder / "validation").is_dir():
            return step if step in PARTS else None
        folder /= step
    return ""


# Decoding and parsing


def _decode(path: Path, data: bytes) -> str:
    """Decode UTF-8, or UTF-16 if a byte order mark says so."""
    start = data[:100].removeprefix(BOM_UTF8).lstrip().lower()
    if kind := next((FOREIGN[mark] for mark in FOREIGN if start.startswith(mark)), None):
        raise TextError(f"{path} looks like {kind}: save it as plain text, or leave it out.")
    is_wide = data.startswith((BOM_UTF16_LE, BOM_UTF16_BE))
    try:
        text = data.decode("utf-16" if is_wide else "utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"  # as in a binary file
    if "\0" in text:
        raise TextError(f"{path} is not text in UTF-8: save it as UTF-8, or leave it out.")
    return LINE_BREAK.sub("\n", text)


def _normalise(content: str) -> str:
    content = unicodedata.normalize("NFC", content)
    # Tabs indent typed pages, so at the start of a line they are as wide as on paper.
    content = re.sub(r"(?m)^[ \t]+", lambda found: found[0].expandtabs(), content)
    content = content.replace("\t", " ").replace("\ufeff", "")
    content = re.sub(r"(?m)(?<![^\S\n])[^\S\n]+$", "", content)
    return re.sub(r"\n{3,}", "\n\n", content).strip("\n")


def _read_script(content: str) -> str:
    """Return a script without its title page, writers' notes, and marks that stand for no words."""
    page = ANY_TITLE_PAGE.match(content)
    keys = [key.lower() for key in PAGE_LINE.findall(page[0])] if page else []
    if page and len(set(keys)) == len(keys):
        content = content[page.end() :]
    content = TITLE_PAGE.sub("", content)
    for pattern, replacement in MARKS:
        content = pattern.sub(replacement, content)
    # A cue in capitals needs no mark; a name whose letters have no capitals keeps it.
    content = FORCED_CUE.sub(
        lambda cue: cue[1].upper() if cue[1].upper().isupper() else cue[0], content
    )
    return PAGE_TURN.sub("\n", content)


def _read_markdown(content: str) -> str:
    """Return a script in Markdown as Fountain, without its title and its marks."""
    # Without rules, and without the backslashes that keep line breaks.
    content = re.sub(r"(?m)^(?: *[-*_]){3,}$|(?<!\\)\\$", "", unescape(content)).lstrip("\n")
    content = TITLE_PAGE.sub("", re.sub(rf"\A# +(?!{SCENE_HEADING.pattern}).*\n*", "", content))
    content = HEADING_IN_MARKDOWN.sub(lambda found: f"\n\n{_format_heading(found[0])}\n\n", content)
    cue = r"(?m)^\*\*([^*\n]+?)[ :.]*\*\*:?\n(?=.*\w)"
    content = re.sub(cue, lambda found: f"{found[1].upper()}\n", content)
    content = EMPHASIS.sub(r"\2", EMPHASIS.sub(r"\2", content))  # one may stand within another
    return re.sub(r"\\([^a-zA-Z0-9\s])", r"\1", content)


def _read_final_draft(path: Path, data: bytes) -> str:
    try:
        script: Element = fromstring(data)
    except (ParseError, LookupError, ValueError):
        script = Element("nothing")
    body = script.find("Content") if script.tag == "FinalDraft" else None
    if body is None:
        raise TextError(f"{path} is not a Final Draft script: save it again in Final Draft.")
    return "\n\n".join(_read_elements(body))


def _read_elements(body: Element) -> Iterator[str]:
    """Yield the paragraphs of a Final Draft script as elements of a Fountain script."""
    speech: list[str] = []
    # Other paragraphs below these are writers' notes and synopses.
    outer = body.findall("Paragraph")
    for paragraph in (p for o in outer for p in (o, *o.findall("DualDialogue/Paragraph"))):
        kind = paragraph.get("Type", "Action")
        text = " ".join("".join(run.text or "" for run in paragraph.findall("Text")).split())
        if not text:
            continue
        if speech and kind in ("Parenthetical", "Dialogue"):
            speech.append(f"({text.strip('() ')})" if kind == "Parenthetical" else text)
            continue
        yield from _format_speech(speech)
        speech = [text.upper()] if kind == "Character" else []
        match kind:
            case "Character":
                pass
            case "Scene Heading":
                yield _format_heading(text)
            case "Transition":
                yield text.upper() if text.upper().endswith("TO:") else f"> {text.upper()}"
            case _:
                yield shakespeare.format_action(text)
    yield from _format_speech(speech)


def _format_heading(text: str) -> str:
    heading = text.strip("*_# ").upper()
    return heading if SCENE_HEADING.match(heading) else f".{heading}"


def _format_speech(lines: list[str]) -> Iterator[str]:
    """Yield a cue and its speech; a direction without dialogue becomes an action."""
    after: list[str] = []
    while len(lines) > 1 and re.fullmatch(r"\([^()]*\)", lines[-1]):
        after.insert(0, lines.pop()[1:-1])
    if lines and (len(lines) > 1 or not after):
        yield "\n".join(lines)
    yield from map(shakespeare.format_action, after)


# Splitting


def _hold_out(texts: Sequence[Text]) -> Split:
    """Split texts that came without a split, and hold out whole texts: see `collect`."""
    if not texts:
        return Split((), (), ())
    total = _count_characters(texts)
    left = sorted(texts, key=lambda text: sha256(text.content.encode()).digest())
    validation: list[Text] = []
    test: list[Text] = []
    wanted = (validation, test) if len(texts) >= 5 else (validation,)
    for text in list(left):
        part = min(wanted, key=_count_characters)
        size = _count_characters(part)
        if size < SHARE * total and size + len(text.content) <= 1.5 * SHARE * total:
            left.remove(text)
            part.append(text)
    for part in wanted:
        shortest = min(left, key=lambda text: len(text.content))
        if not part and _count_characters([*validation, *test, shortest]) <= CEILING * total:
            left.remove(shortest)
            part.append(shortest)
    if not validation:
        longest = max(left, key=lambda text: len(text.content))
        start, end = _cut(longest)
        return Split(tuple(start if text is longest else text for text in texts), (end,), ())
    learned = tuple(text for text in texts if text in left)
    return Split(learned, tuple(validation), tuple(test))


def _count_characters(texts: Iterable[Text]) -> int:
    return sum(len(text.content) for text in texts)


def describe(split: Split) -> str:
    """Return how much was read, what is held out, and which texts are no scripts or typed pages."""
    texts = (*split.train, *split.validation, *split.test)
    whole = [text for text in texts if not text.is_end]
    speeches = Counter[str]()
    for text in texts:
        speeches[text.path] += len(SPEECH.findall(text.content))
    held_out = (f"{'the end of ' * t.is_end}{t.path}" for t in texts[len(split.train) :])
    size = f"{len(whole):,} text{'s' * (len(whole) != 1)}, {_count_characters(texts):,} characters"
    told = f"{size}; held out: {_list_names(held_out)}."
    told += "".join(f"\n{reason}" for reason in split.left_out)
    if silent := _list_names(t.path for t in whole if speeches[t.path] < 3):
        told += f"\nHardly any speech: {silent}. "
        told += "Put each NAME on a line of its own, in capitals, directly above what is said."
    if typed := _list_names(text.path for text in whole if _is_typed(text.content)):
        told += f"\nTyped pages, learned with all their blanks: {typed}. Save them as .fdx or "
        told += ".fountain: the bot's /script import and /script export make Fountain of them."
    return told


def _list_names(names: Iterable[str | Path]) -> str:
    return shorten(", ".join(dict.fromkeys(map(str, names))), 300, placeholder=" …")


def _is_typed(content: str) -> bool:
    """Return whether speakers take turns on typed pages, unlike signs, titles and tables."""
    cues = [cue[2].partition("(")[0].strip() for cue in TYPED_CUE.finditer(content)]
    return len(cues) >= 5 and 2 <= len(set(cues)) <= len(cues) / 2


def _cut(text: Text) -> tuple[Text, Text]:
    """Split off the last tenth of a text, at the nearest blank line."""
    content = text.content
    aim = round((1 - SHARE) * len(content))
    breaks = [match.start() for match in re.finditer(r"\n\n", content)]
    breaks = breaks or [match.start() for match in re.finditer(r"\n", content)]
    at = min(breaks, key=lambda place: abs(place - aim), default=aim)
    if not (1 - CEILING) * len(content) <= at < len(content):
        at = aim
    start, end = (part.strip("\n") for part in (content[:at], content[at:]))
    return replace(text, content=start), replace(text, content=end, is_end=True)


def _number_names(texts: Iterable[Text]) -> tuple[Text, ...]:
    """Return the texts, each under a name of its own."""
    named: dict[str, Text] = {}
    for text in texts:
        name = number_name(text.name, named)
        named[name] = replace(text, name=name)
    return tuple(named.values())


def number_name(name: str, taken: Container[str]) -> str:
    """Return a name, with a number if it is taken: `notes`, `notes-2`."""
    names = itertools.chain([name], (f"{name}-{n}" for n in itertools.count(2)))
    return next(name for name in names if name not in taken)


def _check(paths: Sequence[Path], split: Split) -> None:
    if not any((split.train, split.validation, split.test)):
        where = f"There is no text in {', '.join(map(str, paths))}" if paths else "No text is named"
        raise TextError(f"{where}: give files of the kinds {KINDS_IN_WORDS}.")
    size = _count_characters(split.train)
    if size < MINIMUM:
        told = f"There are only {size:,} characters to train on, but {MINIMUM:,} are needed: "
        raise TextError(" ".join([f"{told}add text.", *split.left_out]))
    if not split.validation:
        raise TextError("There is no text to validate on: put some into the `validation` folder.")
