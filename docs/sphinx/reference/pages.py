"""The reference as Markdown: `python -m docs.sphinx.reference.pages FOLDER` writes what `make docs` shows."""

import sys
from pathlib import Path

from docs.sphinx.reference.columns import columns_pages
from docs.sphinx.reference.commands import commands_page, deployments_page
from docs.sphinx.reference.decisions import decision_page
from docs.sphinx.reference.params import params_pages

ROOT = Path(__file__).parents[3]


def pages(root: Path) -> dict[str, str]:
    """By the names of their files, in the order of the navigation."""
    return {
        "decision": decision_page(root),
        **columns_pages(root),
        **params_pages(root),
        "commands": commands_page(root),
        "deployments": deployments_page(root),
    }


def write(folder: Path) -> list[str]:
    """A file a page; what is the same stays untouched, so that a second build has nothing to do."""
    folder.mkdir(parents=True, exist_ok=True)
    made = {f"{name}.md": text for name, text in pages(ROOT).items()}
    for path in folder.glob("*.md"):
        if path.name not in made:
            path.unlink()
    for name, text in made.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
    return [name.removesuffix(".md") for name in made]


if __name__ == "__main__":
    write(Path(sys.argv[1]))
