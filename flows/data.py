"""Whether data/ is what data.dvc and params.yaml say, and how to get there: `python -m flows.data [--pin] [--study NAME | --all]`."""

import argparse
import sys
from pathlib import Path

from rich.console import Console

from flows.pinned import data_folder
from flows.studies import selection
from flows.studies.rounds import over
from flows.walk import settings


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m flows.data", description=__doc__)
    parser.add_argument("--pin", action="store_true", help="simulate what is stale, then write data.dvc")
    selection.add_options(parser)
    asked = parser.parse_args(arguments)
    root, console = Path.cwd(), Console(soft_wrap=True, highlight=False)
    settings.apply(root)

    def make(each: Path) -> int:
        data_folder.make(each, console, asked.pin)
        return 0

    return over(root, asked, make)


if __name__ == "__main__":
    sys.exit(main())
