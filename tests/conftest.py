"""Shared fixtures: scenes of real plays, and a tiny voice that was really trained on them."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest
from filelock import FileLock

if TYPE_CHECKING:
    from training.run import Run

LONGEST = (
    *("bot/soak/test_kills.py", "bot/app/test_wheel.py", "bot/app/test_red.py"),
    *("bot/ui/delivery/test_sending.py", "bot/soak/test_load.py", "bot/soak/test_programs.py"),
    *("bot/app/test_many_processes.py", "bot/app/test_local.py"),
    *("bot/session/test_random_commands.py", "training/test_tune.py", "bot/cogs/test_takes.py"),
    *("bot/storage/test_postgres.py", "bot/app/test_plugin.py"),
    *("quality/test_reader.py", "bot/cogs/test_privacy.py"),
    *("bot/cogs/test_concurrency.py", "bot/session/test_replay.py", "bot/cogs/test_turns.py"),
)
"""The files that take longest come first, so that no process waits long for the last one.

The first makes the voice; the next two do not wait for it.
"""

# Each run tests the same examples, however slow the machine is.
hypothesis.settings.register_profile("steady", max_examples=50, deadline=None, derandomize=True)
hypothesis.settings.load_profile("steady")

STYLES = Path(__file__).parent / "styles.toml"
"""Two openings: ``storm`` and ``ghost story``."""


def pytest_configure() -> None:
    """Let Ctrl-C interrupt, because tests press it; shells ignore it in their background."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the longest files first."""
    first = {path: number for number, path in enumerate(LONGEST)}
    tests = Path(__file__).parent

    def place(item: pytest.Item) -> int:
        return first.get(item.path.relative_to(tests).as_posix(), len(first))

    items.sort(key=place)


def pytest_collection_finish() -> None:
    """Collect garbage rarely, and never what the tests have imported, because it stays."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000)  # a bot makes many objects that a collection would not free


@pytest.fixture(autouse=True)
def modules_that_stay() -> Iterator[None]:
    """Put the bot's modules back after a test's bot unloads its extension.

    Otherwise each test would import all modules again, and would have other classes than those that
    its file has imported.
    """
    before = {name: found for name, found in sys.modules.items() if name.partition(".")[0] == "bot"}
    yield
    sys.modules.update(before)


Made = Callable[[str, Callable[[Path], object]], Path]
"""Return the folder of a name, filled once by the function that is passed."""


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Return folders that the test processes of a run share; the first process fills each."""
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def folder(name: str, fill: Callable[[Path], object]) -> Path:
        path = base / "made" / name
        path.parent.mkdir(exist_ok=True)
        with FileLock(f"{path}.lock"):
            if not path.exists():
                part = path.with_name(f"{name}.part")
                part.mkdir()
                fill(part)
                part.rename(path)
        return path

    return folder


# The functions are imported where they are used, because PyTorch takes seconds to import.


@pytest.fixture(scope="session")
def scenes(made: Made) -> Path:
    """Return a folder with the first scenes of four comedies, split into learned and held out."""
    from tests.tiny_voice import write_scenes

    return made("scenes", write_scenes)


@pytest.fixture(scope="session")
def tiny_run(scenes: Path, made: Made) -> Run:
    """Return a run that was trained for some seconds."""
    from tests.tiny_voice import train_voice
    from training.run import Run

    return Run(made("run", lambda folder: train_voice(scenes, folder)))


@pytest.fixture(scope="session")
def voices(tiny_run: Run, made: Made) -> Path:
    """Return a folder of two voices: ``tiny`` in 8 bits, and the same in 32 as ``other``.

    The first has the styles of `STYLES` and is listed as shipped, the second is not.
    """
    from tests.tiny_voice import export_voices

    return made("voices", lambda folder: export_voices(tiny_run.folder, STYLES, folder))
