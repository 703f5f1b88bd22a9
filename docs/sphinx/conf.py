"""The site: every Markdown page of the repository, so that a link from one to another is checked, README included.

The navigation is that of docs/index.md: each heading is a part, each link a page. What the reference says is written
before anything is read (docs/sphinx/reference).
"""

import re
import sys
from pathlib import Path

from sphinx.application import Sphinx

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from docs.sphinx.reference.pages import write

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
LINKED = re.compile(r"\]\(([^)#:]+)\.md\)")
HOME = '<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0; url={0}"><title>{1}</title><a href="{0}">{1}</a>\n'


def trees(page: str, folder: str) -> str:
    """What the navigation takes from a page: a tree for each of its headings, of the pages that are linked below it."""
    found = []
    for part in page.split("\n## ")[1:]:
        caption, _, body = part.partition("\n")
        names = dict.fromkeys(f"/{(Path(folder) / link).as_posix()}" for link in LINKED.findall(body))
        found.append(tree([_flat(name) for name in names], caption))
    return "\n\n".join(found)


def tree(names: list[str], caption: str = "") -> str:
    head = [":hidden:", *([f":caption: {caption}"] if caption else [])]
    return "\n".join(["```{toctree}", *head, "", *names, "```"])


def _flat(name: str) -> str:
    while "/../" in name:
        name = re.sub(r"/[^/]+/\.\.(?=/)", "", name, count=1)
    return name


def navigation(_: Sphinx, name: str, source: list[str]) -> None:
    if not re.match(r"#\s", source[0]):
        source[0] = f"# {name.rpartition('/')[2]}\n\n{source[0]}"
    if name == root_doc:
        source[0] += "\n" + trees(source[0], "docs") + "\n\n" + tree(["/README"])
    if name == REFERENCE:
        source[0] += "\n" + tree([f"/{REFERENCE}/{each}" for each in written])
    if name == "results/report":
        source[0] += "\n" + tree(sorted(f"/{path.relative_to(ROOT).with_suffix('')}" for path in (ROOT / "results").glob("*/*.md")))
    if name == "bench/README":
        source[0] += "\n" + tree(sorted(f"/bench/{path.stem}" for path in (ROOT / "bench").glob("lens_*.md")))


def front_door(app: Sphinx, error: Exception | None) -> None:
    """site/index.html leads to the first page, which lies as deep as in the repository."""
    if error is None:
        (app.outdir / "index.html").write_text(HOME.format(f"{root_doc}.html", project), encoding="utf-8")


written: list[str] = []


def setup(app: Sphinx) -> None:
    written.extend(write(ROOT / REFERENCE))
    app.connect("source-read", navigation)
    app.connect("build-finished", front_door)
