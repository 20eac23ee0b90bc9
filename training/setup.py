"""Pack `export` into onbook-training; everything else about it is in pyproject.toml.

In the repository, the folder of `export` lies beside this one. In the source distribution it lies
inside, because nothing outside this folder can be packed.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from shutil import copytree, ignore_patterns

from setuptools import setup
from setuptools.command.sdist import sdist

EXPORT = "export" if Path("export").is_dir() else "../export"


class WithExport(sdist):
    """Make a source distribution that contains `export`."""

    def make_release_tree(self, base_dir: str, files: Iterable[str]) -> None:
        """Copy the files of this folder, and then the folder that lies beside it."""
        inside = [file for file in files if not file.startswith("..")]
        super().make_release_tree(base_dir, inside)
        if EXPORT != "export":
            others = ignore_patterns("__pycache__", "info.json")
            copytree(EXPORT, Path(base_dir, "export"), ignore=others)


setup(
    script_name="setup.py",  # which is how setuptools knows that this module is not in the package
    package_dir={"onbook_training": ".", "onbook_training.export": EXPORT},
    cmdclass={"sdist": WithExport},
)
