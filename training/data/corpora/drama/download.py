"""Fetch the plays of the manifest from a mirror of Project Gutenberg, one after the other.

Project Gutenberg states how programs may read it. Its page on robots reserves the site for people;
its terms of use refer programs that fetch many books to a mirror. A mirror keeps
book 12345 in `1/2/3/4/12345/`, and files generated from it in `cache/epub/12345/`.

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
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from ....errors import CorpusError
from .manifest import Entry
from .sources import decode

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

START = re.compile(r"\*\*\* ?START OF TH(?:E|IS) PROJECT GUTENBERG EBOOK.{0,400}?\*\*\*", re.DOTALL)
END = re.compile(
    r"^(?:End of (?:the |this )?Project Gutenberg[^*]{0,600})?\*\*\* ?END OF TH(?:E|IS) PROJECT",
    re.IGNORECASE | re.MULTILINE,
)


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
        """Return the file at `path` below the mirror's address, or None if there is none.

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
                # A timeout, a file that breaks off, or a host name that was not found.
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
                data: bytes = answer.read()
        finally:
            self._asked = time.monotonic()
        return data


def download(entries: Iterable[Entry], folder: Path, client: Client) -> list[int]:
    """Fetch the plays that a folder lacks, as NUMBER.txt; return those that the mirror also lacks.

    A text that has changed since the manifest was written is taken as the mirror has it. Raises
    CorpusError if the mirror does not answer or refuses; the files fetched so far stay.
    """
    folder.mkdir(parents=True, exist_ok=True)
    missing = []
    for entry in tqdm(list(entries), unit="play", disable=None):
        file = folder / f"{entry.number}.txt"
        if file.exists():
            continue
        if data := _find_text(entry, client):
            # Rename it when complete, so that an interrupted download leaves no half of a file.
            part = file.with_suffix(".part")
            part.write_bytes(data)
            part.replace(file)
        else:
            missing.append(entry.number)
    return missing


def cut_frame(data: bytes) -> bytes:
    r"""Return a published text in UTF-8 without Project Gutenberg's header and licence.

    Lines end in `\n`. What is left begins with the break that ends the line `*** START OF ...`, and
    ends before the line `End of Project Gutenberg's ...`, or before `*** END OF ...`.
    """
    text = decode(data)
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
        if data is not None and START.search(decode(data)):
            texts[path] = cut_frame(data)
            if entry.matches(texts[path]):
                return texts[path]
    # UTF-8 first, because plain files lack their accents.
    ends = ("-0.txt", "-8.txt", ".txt")
    return next((texts[path] for end in ends for path in texts if path.endswith(end)), None)
