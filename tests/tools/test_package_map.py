"""Test the diagram of packages."""

from pathlib import Path

from tests.tools.package_map import draw_packages

ROOT = Path(__file__).parents[2]


def test_contributing_shows_the_packages_as_they_are():
    shown = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert f"```mermaid\n{draw_packages()}\n```" in shown, "run `make map` and paste what it prints"
