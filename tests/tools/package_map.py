"""Draw the imports between the bot's packages as a Mermaid diagram.

    python -m tests.tools.package_map

Arrows that longer paths imply are left out, so that the layers are visible.
"""

import grimp
import tyro

PACKAGE = "bot"


def draw_packages() -> str:
    """Return the Mermaid source of the diagram."""
    graph = grimp.build_graph(PACKAGE)
    packages = graph.find_children(PACKAGE)
    for package in packages:
        graph.squash_module(package)
    for module in graph.find_modules_directly_imported_by(PACKAGE):
        graph.remove_import(importer=PACKAGE, imported=module)  # for which there is no arrow
    below = {
        package: graph.find_modules_directly_imported_by(package) & packages - {package}
        for package in sorted(packages)
    }
    arrows = [
        f"    {_label(upper)} --> {_label(lower)}"
        for upper, imported in below.items()
        for lower in sorted(imported)
        if not any(graph.chain_exists(other, lower) for other in imported - {lower})
    ]
    return "\n".join(["flowchart TD", *arrows])


def _label(module: str) -> str:
    name = module.rpartition(".")[2]
    # Mermaid reads a leading underscore as the start of emphasis.
    return f"main[{name}]" if name.startswith("_") else name


def main() -> None:
    """Print the diagram."""
    print(draw_packages())


if __name__ == "__main__":
    tyro.cli(main, prog="python -m tests.tools.package_map", description=__doc__)
