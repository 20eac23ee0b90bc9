"""Write what is made from the code into docs/: ``python -m tests.tools.docs_tables``.

The bot owner's settings and the metrics go into hosting.md; the settings of a script, and what can
be typed in a terminal, into commands.md.
"""

from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, get_args

import tyro
from pydantic.fields import FieldInfo

from bot.app.metrics import Metrics
from bot.app.terminal import HELP
from bot.preference_spec import PreferenceSpec
from bot.session.preferences import SPECS
from bot.settings import RunnerSettings, Settings, name_variable

ROOT = Path(__file__).parents[2]

WORDS = {"ge": "from", "gt": "above", "le": "to"}
"""The bounds of a number in words."""


def with_tables(page: Path) -> str:
    """Return the text of a page of `TABLES` with the current tables between their marks."""
    text = page.read_text(encoding="utf-8")
    for name, make in TABLES[page].items():
        begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        before, _, rest = text.partition(begin)
        text = f"{before}{begin}{make()}{end}{rest.partition(end)[2]}"
    return text


def operator_table() -> str:
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
    choices = [f"`{name}`" for name in named if isinstance(name, str)]
    bounds = [
        f"{word} {getattr(bound, name):,g}"
        for name, word in WORDS.items()
        for bound in field.metadata
        if hasattr(bound, name)
    ]
    return ", ".join(choices) or " ".join(bounds)


def script_table() -> str:
    """Return the table of the settings of a script."""
    rows = [
        f"| `{spec.label}` | {_script_values(spec)} | {spec.description} |\n"
        for spec in SPECS.values()
    ]
    return "".join(["| Setting | Values | Meaning |\n", "|---|---|---|\n", *rows])


def _script_values(spec: PreferenceSpec[Any]) -> str:
    """Return the range or the choices of a setting, or "" if it has none."""
    if spec.range:
        least, most = spec.range
        return f"{least:,} to {most:,} {spec.unit and f'{spec.unit}s'}".rstrip()
    return ", ".join(f"`{choice}`" for choice in spec.choices)


def metrics_table() -> str:
    """Return the table of the bot's own metrics."""
    families = Metrics(dict).registry.collect()
    rows = [
        f"| `{family.name}{'_total' * (family.type == 'counter')}` | {family.documentation} |\n"
        for family in families
        if family.name.startswith("onbook_")
    ]
    return "".join(["| Metric | Meaning |\n", "|---|---|\n", *rows])


def terminal_help() -> str:
    """Return what can be typed in a terminal."""
    return f"```text\n{HELP}\n```\n"


TABLES: dict[Path, dict[str, Callable[[], str]]] = {
    ROOT / "docs" / "hosting.md": {"settings": operator_table, "metrics": metrics_table},
    ROOT / "docs" / "commands.md": {"settings": script_table, "terminal": terminal_help},
}
"""The parts of each page that come from the code, by the name of their marks."""


def main() -> None:
    """Write the pages."""
    for page in TABLES:
        page.write_text(with_tables(page), encoding="utf-8")


if __name__ == "__main__":
    tyro.cli(main, prog="python -m tests.tools.docs_tables", description=__doc__)
