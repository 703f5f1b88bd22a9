"""Markdown of the reference: tables, and cells that break none."""

from collections.abc import Iterable, Sequence


def cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *([cell(each) for each in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def page(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"


def code(text: str) -> str:
    return f"`{text}`"


def sentence(text: str) -> str:
    """As a paragraph of its own; what opens with a name in code keeps its letters."""
    opened = text[:1].upper() + text[1:]
    return opened if opened.endswith((".", "!", "?")) else f"{opened}."
