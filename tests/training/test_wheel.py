"""Test the wheel of onbook-training, made from its source distribution and installed elsewhere."""

import subprocess
import sys
import tarfile
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest

from tests.wheels import Installed, install
from training import __version__

ROOT = Path(__file__).parents[2]

PACKAGES = {"training": "onbook_training", "export": "onbook_training/export"}

ABOUT = {"info.json", "pyproject.toml", "setup.py", "LICENSE", "ABLATIONS.md", "README.md"}
"""What stays in the repository, but for the pages beside frames and sketches."""

NETWORK = {"lower": 16, "upper": 24, "embedding": 16, "batch": 8, "window": 48, "prior.contexts": 0}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Build the source distribution in a copy of the repository, and install what it makes."""
    folder = tmp_path_factory.mktemp("elsewhere")
    for name in PACKAGES:
        left = ignore_patterns("__pycache__", "*.egg-info")
        copytree(ROOT / name, folder / "repository" / name, ignore=left)
    build = "import sys; from setuptools import build_meta; build_meta.build_sdist(sys.argv[1])"
    packing = [sys.executable, "-c", build, str(folder)]
    subprocess.run(packing, cwd=folder / "repository" / "training", check=True, capture_output=True)
    with tarfile.open(folder / f"onbook_training-{__version__}.tar.gz") as packed:
        packed.extractall(folder, filter="data")
    return install(folder / f"onbook_training-{__version__}", folder)


def test_wheel_holds_both_packages_and_what_they_read(installed: Installed):
    expected = {
        f"{there}/{path.relative_to(ROOT / here).as_posix()}"
        for here, there in PACKAGES.items()
        for path in (ROOT / here).rglob("*")
        if path.is_file() and not {"__pycache__", "onbook_training.egg-info"} & {*path.parts}
        if path.name not in ABOUT or path.parent.name in {"scenes", "sketches"}
    }
    assert installed.files() == expected


def test_licence_is_that_of_the_repository():
    assert (ROOT / "training/LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_installed_programs_make_a_voice(installed: Installed, scenes: Path, tmp_path: Path):
    def run(program: str, *arguments: object) -> str:
        with installed.start(tmp_path, program, *arguments) as running:
            out, errors = running.communicate()
        assert running.returncode == 0, errors
        return out

    sizes = [f"--{name}={value}" for name, value in NETWORK.items()]
    assert run("onbook-export", "--version") == f"On Book {__version__}\n"
    assert "The films are in films" in run("onbook-train", "corpus", "films", "--out", "films")
    run("onbook-train", "train", scenes, "--steps", 3, "--out", "mine", *sizes)
    assert run("onbook-train", "sample", "mine").startswith("INT. DINER - NIGHT\n\n")
    assert "Wrote mine.onnx" in run("onbook-export", "mine", "-o", "mine.onnx")
    assert (tmp_path / "mine.onnx").stat().st_size > 1_000
