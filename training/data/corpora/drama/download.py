"""Fetch the plays of the manifest from a mirror of Project Gutenberg, one after the other.

Project Gutenberg states how programs may read it. Its page on robots reserves the site for people;
its terms of use refer programs that fetch many books to a mirror. By its page on mirroring, a
mirror keeps book 12345 in `1/2/3/4/12345/`, and files generated from it in `cache/epub/12345/`.

The file names there are 12345.txt, 12345-0.txt in UTF-8, 12345-8.txt in Latin-1, and the generated
pg12345.txt. The first file whose text equals the manifest's byte for byte is taken; if there is
none, UTF-8 comes first. The tests run their own server: this code has not been tried on a mirror.
"""

from __future__ import annotations

import http.client
import re
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from hashlib import sha256
from pathlib import Path

from tqdm import tqdm

from ....errors import CorpusError
from .manifest import Entry, read_manifest, replace_file, write_manifest
from .sources import LARGEST

MIRROR = "https://gutenberg.pglaf.org/"
"""The mirror to ask, from Project Gutenberg's list MIRRORS.ALL, with generated files."""

AGENT = "onbook-training/0.1 (fetches plays to train a model; one file at a time)"
"""The user agent, which tells a mirror's keepers what program asks."""

PAUSE = 2.0
"""Seconds between two requests, as in Project Gutenberg's example: `wget -w 2`."""

TIMEOUT = 30.0
"""The most seconds without a byte from the mirror."""

ATTEMPTS = 5
"""Attempts to fetch a file from a failing mirror; the wait doubles each time."""

CHANGED = "CHANGED.tsv"
"""The list, beside the plays, of texts that differ from the manifest's."""

START = re.compile(r"\*\*\* ?START OF TH(?:E|IS) PROJECT GUTENBERG EBOOK.{0,400}?\*\*\*", re.DOTALL)
END = re.compile(
    r"^(?:End of (?:the |this )?Project Gutenberg[^*]{0,600})?\*\*\* ?END OF TH(?:E|IS) PROJECT",
    re.IGNORECASE | re.MULTILINE,
)


class Outcome(Enum):
    """Name how a play got into its folder."""

    KEPT = "was there"
    FETCHED = "fetched"
    CHANGED = "fetched, changed since"
    MISSING = "not on the mirror"


@dataclass
class Client:
    """Fetch files from one mirror, one after the other, with at least `pause` between requests."""

    mirror: str = MIRROR
    pause: float = PAUSE
    timeout: float = TIMEOUT
    _asked: float = field(default=float("-inf"), init=False)

    def __post_init__(self) -> None:
        if not re.match(r"https?://[^/]", self.mirror):
            raise CorpusError(
                f"{self.mirror} is not an address: give one that begins with https://."
            )
        self.mirror = self.mirror.rstrip("/") + "/"

    def fetch(self, path: str) -> bytes | None:
        """Return the file at `path` below the mirror's address, or None where there is none.

        Raises CorpusError if the mirror refuses, or sent no whole file in `ATTEMPTS` attempts.
        """
        reason = ""
        for attempt in range(ATTEMPTS):
            rest = self._asked + self.pause * 2**attempt - time.monotonic()
            if rest > 0:
                time.sleep(rest)
            try:
                return self._ask(path)
            except urllib.error.HTTPError as error:
                error.close()
                if error.code in (404, 410):
                    return None
                if error.code != 429 and error.code < 500:
                    raise CorpusError(
                        f"{self.mirror} refuses {path} ({error.code}): try another --mirror."
                    ) from error
                reason = f"error {error.code}"
            except (OSError, http.client.HTTPException) as error:
                # A timeout, a broken connection, or a host name that was not found.
                reason = str(error) or type(error).__name__
        raise CorpusError(
            f"{self.mirror} does not answer ({reason}): run this again, or try another --mirror."
        )

    def _ask(self, path: str) -> bytes:
        request = urllib.request.Request(  # noqa: S310 -- the scheme was checked
            self.mirror + path, headers={"User-Agent": AGENT}
        )
        try:
            with urllib.request.urlopen(request, timeout=self.timeout) as answer:  # noqa: S310
                data: bytes = answer.read(LARGEST + 1)
                promised = answer.headers.get("Content-Length")
        finally:
            self._asked = time.monotonic()
        if len(data) > LARGEST:
            raise CorpusError(f"{path} is too large for a play: try another --mirror.")
        # `read` with a limit does not report a file that was cut short.
        if promised is not None and len(data) < int(promised):
            raise ConnectionError("the file was cut short")
        return data


def download(entries: Iterable[Entry], folder: Path, client: Client) -> dict[Entry, Outcome]:
    """Fetch every play into `folder` as NUMBER.txt; return the outcome of each play.

    A file with the right SHA-256 is not fetched again. A text that has changed since the manifest
    was written is used as the mirror has it, and noted in `CHANGED` so that it too is fetched once.
    Raises CorpusError if the mirror does not answer or refuses, or if `CHANGED` cannot be read; the
    files fetched so far stay.
    """
    folder.mkdir(parents=True, exist_ok=True)
    note = folder / CHANGED
    changed = dict(read_manifest(note)) if note.is_file() else {}
    outcomes: dict[Entry, Outcome] = {}
    for entry in tqdm(list(entries), unit="play", disable=None):
        file = folder / f"{entry.number}.txt"
        known = [entry, changed.get(entry.number, entry)]
        if file.is_file() and any(entry.matches(file.read_bytes()) for entry in known):
            outcomes[entry] = Outcome.KEPT
            continue
        data = _find_text(entry, client)
        if data is None:
            outcomes[entry] = Outcome.MISSING
            continue
        replace_file(file, data)
        outcomes[entry] = Outcome.FETCHED
        if not entry.matches(data):
            outcomes[entry] = Outcome.CHANGED
            changed[entry.number] = replace(entry, sha256=sha256(data).hexdigest())
            write_manifest(changed.values(), note)
    return outcomes


def describe(outcomes: Mapping[Entry, Outcome]) -> str:
    """Return a summary of `download` in one to three sentences, and how to get missing plays."""
    counts = Counter(outcomes.values())
    changed = counts[Outcome.CHANGED]
    fetched, kept = counts[Outcome.FETCHED] + changed, counts[Outcome.KEPT]
    sentences = [f"{fetched} of {len(outcomes)} plays were fetched, {kept} were there."]
    if changed:
        sentences.append(
            f"The mirror has changed {changed} texts since; they are used as they are."
        )
    if missing := [str(entry.number) for entry in outcomes if outcomes[entry] is Outcome.MISSING]:
        sentences.append(f"The mirror lacks {', '.join(missing)}: try another --mirror.")
    return " ".join(sentences)


def cut_frame(data: bytes) -> bytes:
    r"""Return a published text in UTF-8 without Project Gutenberg's header and licence.

    Lines end in `\n`. What is left begins with the break that ends the line `*** START OF ...`, and
    ends before the line `End of Project Gutenberg's ...`, or before `*** END OF ...`.
    """
    text = _decode(data).replace("\r\n", "\n")
    start = START.search(text)
    begin = start.end() if start else 0
    end = END.search(text, begin)
    return text[begin : end.start() if end else len(text)].encode("utf-8")


def list_mirror_paths(number: int) -> Iterator[str]:
    """Generate the paths of a book on a mirror: plain, in UTF-8, in Latin-1, generated."""
    folder = "/".join([*(str(number)[:-1] or "0"), str(number)])
    for suffix in ("", "-0", "-8"):
        yield f"{folder}/{number}{suffix}.txt"
    yield f"cache/epub/{number}/pg{number}.txt"


def _find_text(entry: Entry, client: Client) -> bytes | None:
    """Return the text of the manifest, else the best text on the mirror, else None."""
    texts: dict[str, bytes] = {}
    for path in list_mirror_paths(entry.number):
        data = client.fetch(path)
        if data is not None and START.search(_decode(data)):
            texts[path] = cut_frame(data)
            if entry.matches(texts[path]):
                return texts[path]
    # UTF-8 first, because plain files lack their accents.
    ends = ("-0.txt", "-8.txt", ".txt")
    return next((texts[path] for end in ends for path in texts if path.endswith(end)), None)


def _decode(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")
