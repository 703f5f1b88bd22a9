"""The site: every Markdown page of the repository, so that a link from one to another is checked, README included.

The navigation is that of docs/index.md: each heading is a part, each link a page. What the reference says is written
before anything is read (docs/sphinx/reference).
"""

import re
import sys
from os.path import normpath
from pathlib import Path

from sphinx.application import Sphinx

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from docs.sphinx.reference.pages import write  # noqa: E402

project = "calibration-flows"
root_doc = "docs/index"
extensions = ["myst_parser"]
include_patterns = [
    "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/**.md", "bench/*.md", "serving/README.md", "results/**.md",
]  # fmt: skip
exclude_patterns = [".*", "data", "artifacts", "site", "studies", "tests", "**/__pycache__"]
nitpicky = True
suppress_warnings = ["myst.header"]  # what a script writes for a page may begin with a lower heading
myst_heading_anchors = 4

html_theme = "furo"
html_title = project
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
html_static_path = ["static"]
html_css_files = ["tables.css"]

REFERENCE = "docs/reference"
LINKED = re.compile(r"\[([^\]]+)\]\(([^)#:]+)\.md\)")
HOME = '<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0; url={0}"><title>{1}</title><a href="{0}">{1}</a>\n'


def trees(page: str, folder: str) -> str:
    """What the navigation takes from a page: a tree for each of its headings, of the links below it."""
    found = []
    for part in page.split("\n## ")[1:]:
        caption, _, body = part.partition("\n")
        found.append(
            tree(
                [f"{text} </{normpath(f'{folder}/{link}')}>" for text, link in LINKED.findall(body)], caption
            )
        )
    return "\n\n".join(found)


def tree(entries: list[str], caption: str = "") -> str:
    head = [":hidden:", *([f":caption: {caption}"] if caption else [])]
    return "\n".join(["```{toctree}", *head, "", *entries, "```"])


def below(pattern: str) -> list[str]:
    """Pages of the repository by a pattern, for a tree."""
    return sorted(f"/{path.relative_to(ROOT).with_suffix('')}" for path in ROOT.glob(pattern))


def navigation(_: Sphinx, name: str, source: list[str]) -> None:
    """Each page has a title, and those that lead to others have these below them."""
    if not re.match(r"#\s", source[0]):
        source[0] = f"# {name.rpartition('/')[2]}\n\n{source[0]}"
    added = {
        root_doc: f"{trees(source[0], 'docs')}\n\n{tree(['The README </README>'], 'The repository')}",
        REFERENCE: tree([f"/{REFERENCE}/{each}" for each in written]),
        "results/report": tree(below("results/*/*.md")),
        "bench/README": tree(below("bench/lens_*.md")),
    }
    source[0] += f"\n\n{added.get(name, '')}\n"


def front_door(app: Sphinx, error: Exception | None) -> None:
    """site/index.html leads to the first page, which lies as deep as in the repository."""
    if error is None:
        (app.outdir / "index.html").write_text(HOME.format(f"{root_doc}.html", project), encoding="utf-8")


written: list[str] = []


def setup(app: Sphinx) -> None:
    written.extend(write(ROOT / REFERENCE))
    app.connect("source-read", navigation)
    app.connect("build-finished", front_door)
