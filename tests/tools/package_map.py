"""Draw the imports between the bot's packages as a Mermaid diagram.

    python -m tests.tools.package_map

Arrows that longer paths imply are left out, so that the layers are visible.
"""

from __future__ import annotations

import grimp
import tyro

PACKAGE = "bot"


def draw_packages() -> str:
    """Return the Mermaid source of the diagram."""
    graph = grimp.build_graph(PACKAGE)
    names = {module.rpartition(".")[2]: module for module in graph.find_children(PACKAGE)}
    edges = {
        (upper, lower)
        for upper, importer in names.items()
        for lower, imported in names.items()
        if upper != lower
        and graph.direct_import_exists(importer=importer, imported=imported, as_packages=True)
    }
    arrows = [f"    {_label(upper)} --> {_label(lower)}" for upper, lower in sorted(reduce(edges))]
    return "\n".join(["flowchart TD", *arrows])


def reduce(edges: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return the transitive reduction of an acyclic graph's edges."""
    below: dict[str, set[str]] = {}

    def reached(name: str) -> set[str]:
        if name not in below:
            lower = {b for a, b in edges if a == name}
            below[name] = lower.union(*(reached(package) for package in lower))
        return below[name]

    return {
        (upper, lower)
        for upper, lower in edges
        if not any(lower in reached(other) for a, other in edges if a == upper and other != lower)
    }


def _label(name: str) -> str:
    # Mermaid reads a leading underscore as the start of emphasis.
    return f"main[{name}]" if name.startswith("_") else name


def main() -> None:
    """Print the diagram."""
    print(draw_packages())


if __name__ == "__main__":
    tyro.cli(main, prog="python -m tests.tools.package_map", description=__doc__)
