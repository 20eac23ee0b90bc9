"""Test that what the documentation names exists: links, commands, options, settings, figures."""

import json
import re
import shlex
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from discord import app_commands

from bot.app.commands import NAMES
from bot.cogs import FEATURES
from bot.cogs.feature import BELOW_SCRIPT
from bot.inference.model import Model
from bot.settings import SHIPPED_MODELS, RunnerSettings, name_variable
from tests.tools.docs_tables import TABLES, with_tables

ROOT = Path(__file__).parents[1]
PATTERNS = (
    *("*.md", "docs/*.md", "docs/*.ipynb", ".github/**/*.md"),
    *("bot/models/*.md", "[ebt]*/*.md"),
)
PAGES = sorted(
    page
    for pattern in PATTERNS
    for page in ROOT.glob(pattern)
    if page.name != "ABLATIONS.md"  # which tells of what was tried, and is no more
)

MADE = ("data", "runs", "bot/models/mine.onnx", "gpu.tar")
"""What is not in the repository, because commands of the documentation make it."""

NO_COMMANDS = {"/onbook", "/healthz", "/readyz", "/metrics"}
"""What looks like a command of Discord: the group of a plug-in, and pages of the health server."""

COMMAND = re.compile(
    r"(?:^|[\s`!])(?:\S*/)?"
    r"(?:python3? -m |onbook-(?=train |export ))(\w[\w.]*)([^`#\n]*)"
)

INSTALLED = {"train": "training"}
"""The package of an installed command, where it has another name."""

BLOCK = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


def named(page: Path) -> str:
    """Return the name of a page, for a test's name."""
    return page.relative_to(ROOT).as_posix()


every_page = pytest.mark.parametrize("page", PAGES, ids=named)


def read(page: Path) -> str:
    """Return a page as Markdown; the cells of a notebook's code become blocks of a shell."""
    text = page.read_text(encoding="utf-8")
    if page.suffix != ".ipynb":
        return text
    cells = [(cell["cell_type"], "".join(cell["source"])) for cell in json.loads(text)["cells"]]
    return "\n\n".join(f"```sh\n{text}\n```" if kind == "code" else text for kind, text in cells)


def prose(page: Path) -> str:
    """Return a page without its blocks of code."""
    return BLOCK.sub("", read(page))


def inline(page: Path) -> list[str]:
    """Return the words in backticks, with their line breaks as spaces."""
    return [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", prose(page))]


@cache
def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a page."""
    return {anchor(found) for found in re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)}


def anchor(heading: str) -> str:
    """Return the anchor that GitHub gives to a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@every_page
def test_each_link_leads_somewhere(page: Path):
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"https://", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        if anchor:
            assert anchor in anchors(there), target


@every_page
def test_the_contents_of_a_long_page_name_its_sections_in_order(page: Path):
    before, *sections = re.split(r"^## ", prose(page), flags=re.MULTILINE)
    contents = " ".join(re.findall(r"^- .+(?:\n  .+)*", before, re.MULTILINE))
    named = re.findall(r"\]\(#([^)]+)\)", contents)
    expected = [anchor(section.partition("\n")[0]) for section in sections]
    if (named or len(sections) > 8) and page.name != "CHANGELOG.md":
        assert [name for name in named if name in expected] == expected


def test_each_page_is_linked_from_another_one():
    linked = {
        (page.parent / target.partition("#")[0]).resolve()
        for page in PAGES
        for target in re.findall(r"\]\(([^)\s]+)\)", prose(page))
    }
    # GitHub shows the first page, and its templates, by itself.
    shown = {ROOT / "README.md", *ROOT.glob(".github/**/*.md")}
    assert [page for page in PAGES if page not in linked | shown] == []


@every_page
def test_each_named_file_exists(page: Path):
    folders = {path.name for path in ROOT.iterdir() if path.is_dir()}
    for words in inline(page):
        is_path = re.fullmatch(r"[\w.-]+(/[\w.*-]+)+/?", words) and words.split("/")[0] in folders
        if is_path and not words.startswith(MADE):
            assert [*ROOT.glob(words)], words


# Commands of a shell -----------------------------------------------------------------------------


def typed(page: Path) -> Iterator[str]:
    """Yield the commands of a page, each in one line and without a comment."""
    for language, block in BLOCK.findall(read(page)):
        if language in {"sh", "ini"}:
            whole = re.sub(r"\\\n\s*", "", block)
            yield from re.sub(r"\s+#.*$", "", whole, flags=re.MULTILINE).splitlines()
    yield from inline(page)


@every_page
def test_each_target_of_make_exists(page: Path):
    rules = re.findall(r"^([\w./]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    for line in typed(page):
        for target in re.findall(r"(?:^|\s)make ([\w./]+)", line):
            assert target in rules, line


@every_page
def test_each_program_takes_these_options(page: Path):
    for line in typed(page):
        for module, rest in COMMAND.findall(line):
            module = INSTALLED.get(module, module)
            if module.partition(".")[0] not in {"bot", "export", "training", "tests"}:
                continue
            code = source(module)
            for word in shlex.split(rest):
                name = re.match(r"--([a-z-]+)", word)
                # An option is made from a field, and may have another name.
                field = name[1].replace("-", "_") if name else ""
                assert not name or re.search(rf'"{name[1]}"|"--{name[1]}"|\b{field}: ', code), line
            subcommand = re.match(r" ([a-z][a-z-]+)( |$)", rest)
            named = subcommand and rf'"{subcommand[1]}"|\bclass {subcommand[1].title()}\b'
            assert not named or re.search(named, code), line


@every_page
def test_each_command_of_onbook_exists(page: Path):
    for line in typed(page):
        # A role and a database have the same name.
        for name in re.findall(r"(?:^|[\s!]|bin/)onbook (?!onbook)([a-z][a-z-]*)", line):
            assert name in NAMES, line


def source(module: str) -> str:
    """Return the code of a program: of its module or, where it is a package, of all in there."""
    path = ROOT / module.replace(".", "/")
    files = path.rglob("*.py") if (path / "__main__.py").exists() else [path.with_suffix(".py")]
    return "".join(path.read_text("utf-8") for path in files)


# Commands of Discord -----------------------------------------------------------------------------


@cache
def commands() -> dict[str, set[str]]:
    """Return the options of each command, by its full name."""
    found: dict[str, set[str]] = {}
    for feature in FEATURES:
        for top in feature.__cog_app_commands__:
            inside: list[Any] = [top] if isinstance(top, app_commands.Command) else []
            inside += top.walk_commands() if isinstance(top, app_commands.Group) else []
            for command in inside:
                group = "script " if command.extras == BELOW_SCRIPT else ""
                found[f"{group}{command.qualified_name}"] = {
                    option.name for option in command.parameters
                }
    return found


@every_page
def test_each_command_takes_these_options(page: Path):
    for words in inline(page):
        if not re.match(r"/[a-z]+( |$)", words) or words in NO_COMMANDS:
            continue
        given = words.removeprefix("/").removeprefix("onbook ").split()
        name = next((name for name in (" ".join(given[:2]), given[0]) if name in commands()), words)
        assert name in commands(), words
        rest = given[len(name.split()) :]
        # A word without a colon is a part of a value, and never an option that looks like a name.
        assert not rest or ":" in rest[0], words
        named = {word.partition(":")[0] for word in rest if ":" in word}
        assert named <= commands()[name], words


def test_the_page_of_commands_has_them_all():
    told = " ".join(inline(ROOT / "docs" / "commands.md"))
    assert [name for name in commands() if f"/{name}" not in told] == []


# Settings and figures ----------------------------------------------------------------------------


@pytest.mark.parametrize("page", TABLES, ids=lambda page: page.name)
def test_what_is_made_from_the_code_is_current(page: Path):
    assert with_tables(page) == page.read_text(encoding="utf-8"), "run `make docs`"


@every_page
def test_each_setting_exists(page: Path):
    known = {name_variable(name) for name in RunnerSettings.model_fields}
    assert set(re.findall(r"\bONBOOK_[A-Z_]+", page.read_text("utf-8"))) <= known


def test_the_readme_is_short():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 130
    assert len(text.split()) <= 1_100


def test_the_scenes_of_the_readme_are_on_the_cards():
    _, _, voices = (ROOT / "README.md").read_text("utf-8").partition("\n## Voices\n")
    voices, _, _ = voices.partition("\n## ")
    cards = "".join(card.read_text("utf-8") for card in ROOT.glob("bot/models/*.md"))
    scenes = [scene for _, scene in BLOCK.findall(voices)]
    assert scenes
    assert [scene for scene in scenes if scene not in cards] == []


@pytest.mark.parametrize("name", ["screen", "stage"])
def test_the_card_of_a_voice_says_what_its_file_says(name: str):
    file = SHIPPED_MODELS / f"{name}.onnx"
    model = Model.load(file)
    trained = datetime.fromisoformat(model.about["onbook.trained"])
    bits = json.loads(model.about["onbook.evaluation"])["weight_bits"]
    size = f"{file.stat().st_size / 1e6:.1f} MB, {bits}-bit weights"
    network = f"{len(model.vocabulary)} characters, a state of {model.state_size:,} numbers"
    facts = [
        f"- **File:** `{file.name}`, {size}, {network}",
        f"- **Licence:** {model.about['onbook.licence']}",
        f"- **Trained:** {trained.day} {trained:%B %Y}",
        f"- **Fingerprint:** `{model.fingerprint[:12]}`",
        f"- **Styles for `/start`:** {', '.join(json.loads(model.about['onbook.openings']))}",
    ]
    assert "\n".join(facts) in file.with_suffix(".md").read_text(encoding="utf-8")
