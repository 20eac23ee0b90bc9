"""Test that docstrings name what there is."""

import ast
import builtins
import re
from itertools import pairwise
from pathlib import Path

import sqlalchemy.exc

ROOT = Path(__file__).parents[1]

NAME = re.compile(r"(?<!`)`([A-Za-z_]\w*(?:\.\w+)*)`(?!`)|\braises? ([A-Z]\w+)", re.IGNORECASE)
"""A name in a docstring: one in backticks, or the first error that a sentence says is raised."""

WORD = re.compile(r"\w+")

RAISED = re.compile(r"^ *Raises:\n((?: +.*\n?)+)", re.MULTILINE)
"""The section of a docstring with errors."""


def find_words(tree: ast.AST) -> set[str]:
    """Return the words of names and texts in code."""
    fields = (value for node in ast.walk(tree) for value in vars(node).values())
    return {word for value in fields if isinstance(value, str) for word in WORD.findall(value)}


def take_docstrings(tree: ast.AST) -> list[str]:
    """Replace the docstrings of a tree by nothing, and return them."""
    taken = []
    for node in ast.walk(tree):
        match node:
            case ast.Expr(value=ast.Constant(value=str(text))):
                taken.append(text)
                node.value = ast.Constant(value=...)
    return taken


def find_names(docstring: str) -> set[str]:
    """Return the names in a docstring."""
    names = {quoted or raised for quoted, raised in NAME.findall(docstring)}
    for section in RAISED.findall(docstring):
        names.update(re.findall(r"^ +(\w+):", section, re.MULTILINE))
    return names


def test_every_name_in_a_docstring_exists():
    paths = [path for name in ("bot", "training", "export") for path in (ROOT / name).rglob("*.py")]
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in paths}
    docstrings = {path: take_docstrings(tree) for path, tree in trees.items()}
    known = {*dir(builtins), *dir(sqlalchemy.exc)}
    known |= {*WORD.findall((ROOT / "pyproject.toml").read_text(encoding="utf-8"))}
    members: dict[str, set[str]] = {}
    for path, tree in trees.items():
        known |= find_words(tree) | {path.stem, path.parent.name}
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                members.setdefault(node.name, set()).update(find_words(node))
    unknown = {
        f"{path.relative_to(ROOT)}: {name}"
        for path, texts in docstrings.items()
        for text in texts
        for name in find_names(text)
        for owner, word in pairwise(["", *name.split(".")])
        if word not in members.get(owner, known)
    }
    assert sorted(unknown) == []
