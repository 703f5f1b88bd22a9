"""Run a bench and keep what it prints, for bench/README.md to be held against: `python -m bench.record power 500`."""

import io
import runpy
import sys
from pathlib import Path
from typing import TextIO

from storage.files.atomic import complete

RECORDS = Path(__file__).parent / "recorded"


class Both(io.TextIOBase):
    """What is written goes where it went before, and is kept."""

    def __init__(self, shown: TextIO) -> None:
        self.shown, self.kept = shown, io.StringIO()

    def write(self, text: str) -> int:
        self.shown.write(text)
        return self.kept.write(text)


def record(name: str, arguments: list[str], folder: Path = RECORDS) -> Path:
    """The bench's standard output below a comment with the command."""
    command = " ".join(["python -m", f"bench.{name}", *arguments])
    both, before = Both(sys.stdout), (sys.argv, sys.stdout)
    sys.argv, sys.stdout = [f"bench.{name}", *arguments], both
    try:
        runpy.run_module(f"bench.{name}", run_name="__main__", alter_sys=False)
    finally:
        sys.argv, sys.stdout = before
    path = folder / f"{name}.md"
    with complete(path) as partial:
        partial.write_text(f"<!-- {command} -->\n\n{both.kept.getvalue().strip()}\n", encoding="utf-8")
    return path


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("Name a bench, and what it takes: python -m bench.record power 500")
    print(record(sys.argv[1], sys.argv[2:]), file=sys.stderr)
