"""An experiment's report as a page that needs no file beside it: its name, and its text."""

import re
from collections.abc import Callable
from pathlib import Path

from params.block import read_block, read_params
from params.report import Page

IMAGE = re.compile(r"!\[(?P<alt>[^\]]*)\]\((?P<path>[^):]+)\)")  # of a file: an address has a colon


def name_of(root: Path, name: str) -> str:
    """As the page over all experiments names it."""
    params = root / "params.yaml"
    stated = (read_params(params) or {}).get("report") if params.exists() else None
    shown = read_block(params, "report.page", Page).experiments.get(name) if stated else None
    return shown.report if shown else "report.md"


def page(report: Path, key: Callable[[str], str]) -> str:
    """Its text with a link to the image's artifact in place of each image: a page of Prefect has no folder to look in.

    (With the images in the text itself, half a megabyte, one of Prefect's two interfaces shows an empty page.)
    key: file stem of an image -> key of its artifact.
    """

    def linked(image: re.Match[str]) -> str:
        path = report.parent / image["path"]
        if not path.is_file():
            return f"*{image['alt']}* (missing)"
        name = key(path.stem)
        return f"*{image['alt']}*: artifact [{name}](../key/{name})"  # artifacts have pages beside each other

    return IMAGE.sub(linked, report.read_text(encoding="utf-8"))
