"""Install wheels outside the repository, as people have them, without a network."""

import os
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile


@dataclass
class Installed:
    """A wheel, and the environment that it is installed in."""

    wheel: Path
    programs: Path

    def start(self, folder: Path, program: str, *arguments: object) -> subprocess.Popen[str]:
        """Start a program of the environment in a folder."""
        ours = ("PYTHONPATH", "ONBOOK", "DISCORD")
        clean = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        return subprocess.Popen(
            [self.programs / program, *map(str, arguments)],
            cwd=folder,
            env=clean | {"ONBOOK_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def files(self) -> set[str]:
        """Return the names of the files in the wheel, but for those about it."""
        with ZipFile(self.wheel) as wheel:
            return {name for name in wheel.namelist() if ".dist-info/" not in name}


def pip(*arguments: object) -> None:
    """Run pip, which says nothing unless it fails."""
    quiet = ("--quiet", "--disable-pip-version-check")
    subprocess.run([sys.executable, "-m", "pip", *quiet, *map(str, arguments)], check=True)


def install(source: Path, folder: Path) -> Installed:
    """Build the wheel of a project, and install it in an empty environment.

    The environment is in the folder, and finds the requirements of the wheel in ours.
    """
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, source)
    [wheel] = folder.glob("*.whl")
    venv.create(folder / "venv", symlinks=True)
    programs = folder / "venv" / "bin"
    pip("--python", programs / "python", "install", "--no-deps", "--no-compile", wheel)
    [packages] = folder.glob("venv/lib/*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return Installed(wheel, programs)
