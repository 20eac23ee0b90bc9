"""Test the diagram of packages."""

from pathlib import Path

from tests.tools.package_map import draw_packages, reduce

ROOT = Path(__file__).parents[2]


def test_an_arrow_that_a_longer_path_implies_is_left_out():
    edges = {("app", "ui"), ("ui", "session"), ("app", "session"), ("app", "leaf")}
    assert reduce(edges) == {("app", "ui"), ("ui", "session"), ("app", "leaf")}


def test_contributing_shows_the_packages_as_they_are():
    shown = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert f"```mermaid\n{draw_packages()}\n```" in shown, "run `make map` and paste what it prints"
