"""Say who wrote a line."""

from __future__ import annotations

from ...i18n.catalogue import say
from ...storage.schema import Line


def format_credit(line: Line) -> str:
    """Return who wrote a line, and whose line it replaces if that was another's, unescaped."""
    if not line.former_credits:
        return line.credit
    return say("{name}, after {others}", name=line.credit, others=", ".join(line.former_credits))
