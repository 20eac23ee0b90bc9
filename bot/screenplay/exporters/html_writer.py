"""Write HTML for a browser of any width, and for a printer."""

from __future__ import annotations

import html
import io

from screenplain.export import html as screenplain_html

from .edition import Edition, adapt_to_paper
from .export_formats import ExportedFile, PaperSize
from .screenplain_document import to_screenplain

_STYLE = """
:root { color-scheme: light dark; }
body { margin: 0 auto; max-width: 61ch; padding: 2em 1em; line-height: 1.2;
  font-family: "Courier Prime", "Courier Final Draft", "Courier New", Courier, monospace; }
p { margin: 0; overflow-wrap: anywhere; }
.title { min-height: 80vh; display: flex; flex-direction: column; justify-content: center;
  text-align: center; page-break-after: always; }
.title h1 { font-size: 1.6em; }
.title p { margin-top: 1.2em; }
h6 { position: relative; margin: 2.4em 0 0; font-size: 1em; text-transform: uppercase;
  page-break-after: avoid; }
.scnuml { float: left; margin-right: 2ch; }
.scnumr { float: right; }
.action, .dialog, .transition { margin-top: 1.2em; }
.transition { text-align: right; }
.dialog p { margin: 0 26% 0 15%; }
.dialog p.character { margin-left: 31%; margin-right: 0; page-break-after: avoid; }
.dialog p.parenthetical { margin-left: 21%; page-break-after: avoid; }
"""


def write_html(edition: Edition, paper: PaperSize) -> ExportedFile:
    """Write an `.html` file without scripts or other files; a printer uses `paper`."""
    body = io.StringIO()
    screenplain_html.convert(to_screenplain(adapt_to_paper(edition)), body, bare=True)
    title = html.escape(edition.title)
    about = "\n".join(
        f"<p>{'<br>'.join(map(html.escape, lines))}</p>" for lines in edition.about.values()
    )
    text = (
        '<!DOCTYPE html>\n<html>\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{_STYLE}@page {{ size: {paper.value}; margin: 1in; }}\n"
        f'</style>\n</head>\n<body>\n<div class="title">\n<h1>{title}</h1>\n{about}\n</div>\n'
        f"{body.getvalue()}</body>\n</html>\n"
    )
    return ExportedFile(text.encode())
