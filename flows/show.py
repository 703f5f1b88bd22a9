"""Tables and decisions for a terminal: `python -m flows.show [experiments...] [--full] [--since REV] [--study NAME | --all]`."""

import argparse
import sys
from pathlib import Path

from rich.console import Console

from flows.published.overview import write_overview
from flows.published.terminal import NoResults, console, results, since
from flows.studies import selection
from flows.studies.folder import StudyError, experiment_of, study_name
from flows.walk.experiments import left_out


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m flows.show", description=__doc__)
    parser.add_argument(
        "experiments", nargs="*", help="if none is named, all that params.yaml has and that have results"
    )
    parser.add_argument(
        "--since", metavar="REV", help="how scores moved since this commit, tag or branch, instead"
    )
    parser.add_argument("--full", action="store_true", help="every reason, and the table at 110 columns")
    selection.add_options(parser)
    asked = parser.parse_args(arguments)
    problems, worst = Console(stderr=True, soft_wrap=True), 0
    try:
        found = selection.roots(Path.cwd(), asked)
    except StudyError as error:
        problems.print(str(error), markup=False)
        return 1
    for root in found:
        if len(found) > 1:
            console().rule(study_name(root) or "the repository's own", align="left")
        try:
            _show(root, asked)
        except (NoResults, StudyError) as error:
            problems.print(str(error), markup=False)
            worst = 1
    if not asked.study and not asked.experiments and not asked.since:
        page = write_overview(Path.cwd())
        console().print(f"\nall of it in a browser: {page.relative_to(Path.cwd())}")
    return worst


def _show(root: Path, asked: argparse.Namespace) -> None:
    wanted = asked.experiments if study_name(root) is None else [experiment_of(root)]
    there = sorted(
        folder.name for folder in (root / "results").glob("*/") if folder.name not in left_out(root)
    )
    for experiment in wanted or there:
        if len(wanted) != 1:
            console().print(f"\n[bold]{experiment}[/]\n")
        console().print(
            since(root, asked.since, experiment) if asked.since else results(root, experiment, asked.full)
        )


if __name__ == "__main__":
    sys.exit(main())
