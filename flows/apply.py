"""Decide the rows of a file with an exported decision: `python -m flows.apply DIR INPUT OUTPUT`."""

import argparse
import sys
import time
from pathlib import Path

from rich.console import Console

from serving.errors import ExportError, RecordError
from serving.folder import load
from tasks.intake.application import apply_to_rows
from tasks.intake.proposal import Refusal
from tasks.report.export import formats


def main(arguments: list[str] | None = None) -> int:
    options = argparse.ArgumentParser(prog="python -m flows.apply", description=__doc__)
    options.add_argument("export", type=Path, metavar="DIR", help="what `python -m flows.export` wrote")
    options.add_argument(
        "input", type=Path, help=".csv, .tsv, .jsonl, .parquet, .npz, or what the experiment takes besides"
    )
    options.add_argument(
        "output",
        type=Path,
        help="a file of any of these kinds: the input's columns, and the decision's; .json: accepted detections",
    )
    asked = options.parse_args(arguments)
    start = time.monotonic()
    try:
        decider = load(asked.export)
        kind = "" if asked.input.is_dir() else asked.input.suffix
        rows = formats(decider.export.experiment).get(kind, apply_to_rows)(decider, asked.input, asked.output)
    except (ExportError, RecordError, Refusal) as error:
        Console(stderr=True, soft_wrap=True, highlight=False, emoji=False).print(str(error), markup=False)
        return 1
    console = Console(highlight=False, soft_wrap=True, emoji=False)
    console.print(f"{asked.output}: {rows:,} rows decided in {time.monotonic() - start:.1f} s", markup=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
