"""One command on one root after the other: what is wrong with one is said, and the others go on."""

import argparse
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from flows.studies.folder import study_name
from flows.studies.inside import inside
from flows.studies.selection import roots
from flows.walk.command import guarded

INTERRUPTED = 130


def over(repository: Path, asked: argparse.Namespace, action: Callable[[Path], int]) -> int:
    """The worst exit code; what fails in one is said, and the others go on. Interrupts end all."""
    found: list[Path] = []

    def choose() -> int:
        found.extend(roots(repository, asked))
        return 0

    worst = guarded(choose)
    for root in found:
        if len(found) > 1:
            Console().rule(study_name(root) or "the repository's own", align="left")
        code = guarded(lambda root=root: _in(root, action))  # type: ignore[misc]
        if code == INTERRUPTED:
            return code
        worst = max(worst, code)
    return worst


def _in(root: Path, action: Callable[[Path], int]) -> int:
    with inside(root):
        return action(root)
