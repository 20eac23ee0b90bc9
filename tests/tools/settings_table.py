"""Write the table of settings into docs/hosting.md: ``python -m tests.tools.settings_table``."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, get_args

import tyro
from pydantic.fields import FieldInfo

from bot.settings import RunnerSettings, Settings, name_variable

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "hosting.md"
BEGIN, END = "<!-- settings -->\n", "<!-- /settings -->"

WORDS = {"ge": "from", "gt": "above", "le": "to"}
"""The bounds of a number in words."""


def with_table(page: str) -> str:
    """Return a page with the current table between its marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{table()}{END}{after}"


def table() -> str:
    """Return the table: the settings of every bot, then those of ``onbook run`` alone."""
    own = [name for name in RunnerSettings.model_fields if name not in Settings.model_fields]
    parts = [("Setting", [*Settings.model_fields]), ("For `onbook run` alone", own)]
    return "\n".join("\n".join(_rows(title, names)) + "\n" for title, names in parts)


def _rows(title: str, names: list[str]) -> Iterator[str]:
    yield f"| {title} | Default | Values | Meaning |"
    yield "|---|---|---|---|"
    for name in names:
        field = RunnerSettings.model_fields[name]
        shown, description = f"`{name_variable(name)}`", field.description
        cells = (shown, _default(field.default), _values(field), description)
        yield f"| {' | '.join(map(str, cells))} |"


def _default(default: Any) -> str:
    if default in (None, ""):
        return ""
    if isinstance(default, Path) and default.is_absolute():
        default = default.relative_to(ROOT).as_posix()
    return f"`{default}`"


def _values(field: FieldInfo) -> str:
    """Return the choices or the bounds of a setting, or "" if it has none."""
    kind = field.annotation
    named = kind if isinstance(kind, type) and issubclass(kind, StrEnum) else get_args(kind)
    choices = [f"`{one}`" for one in named if isinstance(one, str)]
    bounds = {
        name: f"{getattr(one, name):,g}"
        for one in field.metadata
        for name in WORDS
        if hasattr(one, name)
    }
    return ", ".join(choices) or " ".join(f"{WORDS[name]} {bounds[name]}" for name in bounds)


def main() -> None:
    """Write the page."""
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    tyro.cli(main, prog="python -m tests.tools.settings_table", description=__doc__)
