"""Print how large and how regular the code is, as a table with a column for each checkout.

The arguments are folders: ``python -m tests.tools.sizes . ../another-checkout``.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import tyro
from tyro.conf import Positional

PACKAGES = ("bot", "training", "export", "tests")

PRODUCT = PACKAGES[:3]
"""The packages whose docstrings, classes and names are measured."""

NOT_VERBS = frozenset(
    re.findall(
        r"\w+",
        """
        a all an and another any as at by each every for from how if in it its no not nothing of on
        one only same some that the their them there these this those to two what whatever when
        where whether which who whoever whose why with
        """,
    )
)
"""Words that begin a docstring which is not imperative."""

FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef


def measure(checkout: Path) -> dict[str, object]:
    """Return the figures of a checkout by their names."""
    trees = {
        path: ast.parse(path.read_text(encoding="utf-8"))
        for package in PACKAGES
        for path in sorted((checkout / package).rglob("*.py"))
    }
    lines = {path: path.read_text(encoding="utf-8").count("\n") for path in trees}
    packages = {path: path.relative_to(checkout).parts[0] for path in trees}
    product = {path: tree for path, tree in trees.items() if packages[path] in PRODUCT}
    documented = [
        docstring.split()[0].strip("`*,.:")
        for tree in product.values()
        for node in ast.walk(tree)
        if isinstance(node, FUNCTIONS) and (docstring := ast.get_docstring(node))
    ]
    public = Counter[str](
        f"{node.name} in {path.stem}"
        for path, tree in product.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for member in node.body
        if isinstance(member, FUNCTIONS) and not member.name.startswith("_")
    )
    defined = Counter(
        name
        for path, tree in product.items()
        if packages[path] == "bot"
        for name in set(find_top_level_names(tree))
    )
    longest = max(product, key=lines.__getitem__)
    [(busiest, methods)] = public.most_common(1)
    return {
        **{
            f"lines of {package}": sum(lines[path] for path in trees if packages[path] == package)
            for package in PACKAGES
        },
        "modules of bot": sum(package == "bot" for package in packages.values()),
        "longest module": f"{lines[longest]} ({longest.stem})",
        "most public methods": f"{methods} ({busiest})",
        "names in several modules of bot": sum(number > 1 for number in defined.values()),
        "function docstrings": len(documented),
        "imperative": f"{compute_share(documented, is_imperative):.1%}",
        "begin with What, Whether, Who": f"{compute_share(documented, begins_with_a_question):.1%}",
    }


def find_top_level_names(tree: ast.Module) -> Iterator[str]:
    """Yield the names of a module's functions and classes, and of its public constants."""
    for node in tree.body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.ClassDef(name=name):
                yield name
            case ast.Assign(targets=[ast.Name(id=name)]) if name.isupper():
                yield name
            case ast.AnnAssign(target=ast.Name(id=name)) if name.isupper():
                yield name


def is_imperative(word: str) -> bool:
    """Return whether a docstring's first word looks like a verb in the imperative."""
    word = word.lower()
    third_person = word.endswith("s") and not word.endswith("ss")
    return word not in NOT_VERBS and not third_person


def begins_with_a_question(word: str) -> bool:
    return word.lower() in {"what", "whatever", "whether", "who", "whoever", "whose"}


def compute_share(words: Sequence[str], fits: Callable[[str], bool]) -> float:
    return sum(map(fits, words)) / max(1, len(words))


def main(checkouts: Positional[tuple[Path, ...]] = (Path(),)) -> int:
    """Print the table; return the exit code: 1 if a folder is no checkout.

    Args:
        checkouts: The folders with the code.
    """
    for checkout in checkouts:
        if not (checkout / "bot").is_dir():
            print(f"{checkout} has no code. Name a folder with a checkout.", file=sys.stderr)
            return 1
    columns = [measure(checkout) for checkout in checkouts]
    for name in columns[0]:
        print(f"{name:34}" + "".join(f"{column[name]!s:>34}" for column in columns))
    return 0


if __name__ == "__main__":
    sys.exit(tyro.cli(main, prog="python -m tests.tools.sizes", description=__doc__))
