"""Whether data/ is what data.dvc and params.yaml say, and how to get there: `python -m flows.data [--pin]`."""

import argparse
import signal
import sys
from pathlib import Path

from rich.console import Console

from flows.pinned import data_folder
from flows.pinned.repository import GraphError
from flows.walk import settings
from params.block import ParamsError


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m flows.data", description=__doc__)
    parser.add_argument("--pin", action="store_true", help="simulate what is stale, then write data.dvc")
    pin: bool = parser.parse_args(arguments).pin
    root = Path.cwd()
    settings.apply(root)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        data_folder.make(root, Console(soft_wrap=True, highlight=False), pin)
    except (data_folder.DataError, ParamsError, GraphError) as error:
        Console(stderr=True, soft_wrap=True, highlight=False).print(str(error), markup=False)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
