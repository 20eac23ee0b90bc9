"""Collect the pages of the site in a folder, with links that work there.

    python docs/site/collect.py build/site [ADDRESS]
    zensical build --strict --config-file build/site/zensical.toml

The pages of the repository link to files in it. Files that the site lacks are linked at the address
of the repository, such as https://example.org/onbook/blob/main, or become plain words without one.
"""

from __future__ import annotations

import posixpath
import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

ELSEWHERE = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CODE_OF_CONDUCT.md": "conduct.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "bot/models/screen.md": "screen.md",
    "bot/models/stage.md": "stage.md",
    "export/README.md": "export.md",
    "tests/README.md": "tests.md",
    "training/README.md": "training.md",
    "training/scenes/README.md": "frames.md",
    "training/sketches/README.md": "sketches.md",
}
"""The pages outside of docs/, by their paths in the repository, and their names on the site."""

IMAGE = r"!\[[^\]]*\]\([^)]*\)"
LINK = re.compile(rf"(!?)\[((?:[^\[\]]|{IMAGE})*)\]\(([^)\s]+)\)")


def collect(out: Path, address: str) -> None:
    """Write the pages, their images and the settings of the site into a new folder."""
    shutil.rmtree(out, ignore_errors=True)
    pages = out / "docs"
    shutil.copytree(ROOT / "docs" / "images", pages / "images")
    shutil.copy(ROOT / "docs" / "site" / "zensical.toml", out)
    sources = {f"docs/{page.name}": page.name for page in (ROOT / "docs").glob("*.md")} | ELSEWHERE
    for source, name in sources.items():
        text = (ROOT / source).read_text("utf-8")
        (pages / name).write_text(turn_links(text, source, sources, address), "utf-8")


def turn_links(text: str, source: str, names: dict[str, str], address: str) -> str:
    """Turn the links of a page in the repository to the pages of the site, or to the address."""

    def turn(match: re.Match[str]) -> str:
        image, words, target = match[1], LINK.sub(turn, match[2]), match[3]
        if re.match(r"https?:|mailto:|#", target):
            return f"{image}[{words}]({target})"
        path, _, anchor = target.partition("#")
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
        if path.startswith("docs/images/"):
            return f"{image}[{words}]({path.removeprefix('docs/')})"
        found = names.get(path) or (address and f"{address}/{path}")
        return f"[{words}]({found}{'#' if anchor else ''}{anchor})" if found else words

    return LINK.sub(turn, text)


if __name__ == "__main__":
    folder, *rest = sys.argv[1:]
    collect(Path(folder), "".join(rest))
