"""Export scripts to files, alongside a running bot."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import URL

from ..cogs.reading import describe_left_out, prepare_edition
from ..errors import RunnerError
from ..screenplay.exporters import EXPORT_FORMATS, list_endings
from ..screenplay.exporters.export_formats import ExportFormat, PaperSize
from ..screenplay.statistics import count_script
from ..settings import Settings
from ..storage.schema import Line, Script
from ..storage.sqlite.backup import backup
from ..storage.store import Store
from ..ui.markdown import to_plain_text

NAMED = 10
"""The number of scripts that an error message names."""


async def export(settings: Settings, name: str, file: Path, paper: str) -> str:
    """Write a script, named by its title or id, to a new file in the format of its ending.

    Return a sentence on what the file leaves out, or ""; raise RunnerError and StoreError.
    """
    export_format = find_format(file)
    async with _open_beside(settings.database_location) as store:
        script = await _find_script(store, name)
        lines = await store.lines.load_path(script.head)
    if not lines:
        raise RunnerError(f"“{script.title}” has no lines yet. Write one first.")
    return write_script(script, lines, file, export_format, PaperSize(paper))


def find_format(file: Path) -> ExportFormat:
    """Return the format of a file's ending; raise RunnerError if there is none."""
    export_format = EXPORT_FORMATS.get(file.suffix[1:].lower())
    if export_format is None:
        raise RunnerError(f"Name a file that ends with {list_endings()}.")
    return export_format


def write_script(
    script: Script,
    lines: Sequence[Line],
    file: Path,
    export_format: ExportFormat,
    paper: PaperSize = PaperSize.LETTER,
) -> str:
    """Write a script to a new file, and return a sentence on what the file leaves out, or "".

    Raises RunnerError if the file cannot be written; then there is no new file.
    """
    edition = prepare_edition(script, lines, count_script(lines))
    exported = export_format.write(edition, paper)
    try:
        output = file.open("xb")
        try:
            with output:
                output.write(exported.content)
        except OSError:
            file.unlink()
            raise
    except FileExistsError as error:
        raise RunnerError(f"{file} already exists. Name a new file.") from error
    except OSError as error:
        raise RunnerError(
            f"{file} cannot be written ({error.strerror}). Check its folder and the free space."
        ) from error
    return to_plain_text(describe_left_out(exported))


@asynccontextmanager
async def _open_beside(location: Path | URL) -> AsyncIterator[Store]:
    """Open a database for reading; for a SQLite file, which a running bot locks, open a copy."""
    with TemporaryDirectory() as folder:
        if isinstance(location, Path):
            copy = Path(folder) / "copy.db"
            await asyncio.to_thread(backup, location, copy)
            location = copy
        store = await Store.open(location)
        try:
            yield store
        finally:
            await store.close()


async def _find_script(store: Store, name: str) -> Script:
    """Return the only script with a name; otherwise raise RunnerError, which names some scripts."""
    found = await store.scripts.find_scripts(name)
    if len(found) == 1:
        return found[0]
    if found:
        rows = await _list(store, found)
        raise RunnerError(f"{len(found)} scripts are called “{name}”. Give the id of one: {rows}")
    latest = await store.scripts.list_latest_scripts(NAMED)
    if not latest:
        raise RunnerError("There is no script yet. Start one first.")
    raise RunnerError(f"No script is called “{name}”. The latest are: {await _list(store, latest)}")


async def _list(store: Store, scripts: list[Script]) -> str:
    """Return a row for each script: its id, its title, when it began, and its last line."""
    rows = [
        f"{script.id}  {script.title}, {script.begun.astimezone():%Y-%m-%d %H:%M}: "
        f"{await quote_end(store, script):.50}"
        for script in scripts[:NAMED]
    ]
    return "\n  ".join(["", *rows])


async def quote_end(store: Store, script: Script) -> str:
    """Return the last line of a script without line breaks, or "(empty)"."""
    last = await store.lines.load_last_lines(script.head, 1)
    return " ".join(last[-1].element.one_line.split()) if last else "(empty)"
