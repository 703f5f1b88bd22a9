"""Tables and decisions for a terminal: `python -m flows.show [experiments...] [--since <rev>]`."""

import argparse
import sys
from pathlib import Path

from rich.console import Console

from flows.published.terminal import NoResults, console, results, since
from flows.walk.experiments import left_out


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m flows.show", description=__doc__)
    parser.add_argument(
        "experiments", nargs="*", help="if none is named, all that params.yaml has and that have results"
    )
    parser.add_argument(
        "--since", metavar="REV", help="how scores moved since this commit, tag or branch, instead"
    )
    asked = parser.parse_args(arguments)
    root, wanted = Path.cwd(), asked.experiments
    there = sorted(
        folder.name for folder in (root / "results").glob("*/") if folder.name not in left_out(root)
    )
    try:
        for experiment in wanted or there:
            if len(wanted) != 1:
                console().print(f"\n[bold]{experiment}[/]\n")
            console().print(
                since(root, asked.since, experiment) if asked.since else results(root, experiment)
            )
    except NoResults as error:
        Console(stderr=True, soft_wrap=True).print(str(error), markup=False)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
