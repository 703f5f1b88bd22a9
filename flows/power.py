"""What to collect before collecting it: `python -m flows.power [--study NAME] <experiment> [--assume NAME=VALUE ...]`.

Each claim of the decision, how many it needs for a firm verdict four times in five, and how many there are. What is
assumed comes from the pilot's own results, unless --assume says otherwise; `--without-pilot` takes nothing from them.
"""

import argparse
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from rich.console import Console

from flows.published.plan import shown
from flows.studies.creation import experiments
from flows.studies.folder import StudyError, experiment_of, study_folder
from flows.studies.inside import inside
from params.block import ParamsError, read_block
from run_stage import declared_files, params_model
from tasks.planning.claims import PlannedClaim, Unplanned

WIDTH = 80
PARAMS = Path("params.yaml")


def main(arguments: list[str] | None = None) -> int:
    options = argparse.ArgumentParser(
        prog="python -m flows.power",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    options.add_argument("experiment", nargs="?", help="whose claims; of a study it need not be named")
    options.add_argument("--study", metavar="NAME", help="this study, instead of the repository's own")
    options.add_argument(
        "--assume", nargs="+", default=[], metavar="NAME=VALUE", help="instead of what the pilot saw"
    )
    options.add_argument("--without-pilot", action="store_true", help="from what is assumed alone")
    asked = options.parse_args(arguments)
    try:
        planned = claims(Path.cwd(), asked)
    except (StudyError, ParamsError, Unplanned) as error:
        Console(stderr=True, soft_wrap=True, highlight=False).print(str(error), markup=False)
        return 2
    console = Console(
        highlight=False, width=None if sys.stdout.isatty() else int(os.environ.get("COLUMNS", str(WIDTH)))
    )
    for part in shown(planned):
        console.print(part)
    return 0


def claims(repository: Path, asked: argparse.Namespace) -> list[PlannedClaim]:
    """Raises StudyError, ParamsError, Unplanned."""
    folder = study_folder(repository, asked.study) if asked.study else repository
    experiment = experiment_of(folder) if asked.study else asked.experiment
    if experiment not in experiments(repository) or asked.experiment not in (None, experiment):
        known = ", ".join(experiments(repository))
        raise StudyError(f"no experiment is called {asked.experiment!r} here; there are {known}")
    assumed = _assumed(asked.assume)
    module = import_module(f"tasks.{experiment}.use.power")
    with inside(folder):
        model = params_model(import_module(f"tasks.{experiment}.compare").main)
        files = None if asked.without_pilot else _pilot(experiment, module.PILOT)
        found: list[PlannedClaim] = module.claims(
            read_block(PARAMS, f"{experiment}.compare", model), files, assumed
        )
    return found


def _assumed(pairs: list[str]) -> dict[str, float]:
    found = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        try:
            found[name] = float(value)
        except ValueError:
            sign = ""
        if not (name and sign):
            raise StudyError(f"--assume takes name=number, as in rate=.01, got {pair!r}")
    return found


def _pilot(experiment: str, names: Sequence[str]) -> Mapping[str, Any]:
    """What the comparison read and wrote."""
    declared = declared_files(f"{experiment}_compare", None)
    files = {name: declared[name] for name in names}
    if missing := [path for path in _paths(files) if not path.exists()]:
        raise StudyError(
            f"{missing[0]} of the pilot is not here: `python -m flows.reproduce {experiment}` makes it, "
            "or --without-pilot --assume ... plans without one"
        )
    return files


def _paths(files: Mapping[str, Any]) -> Iterator[Path]:
    for each in files.values():
        yield from each.values() if isinstance(each, dict) else (each,)


if __name__ == "__main__":
    sys.exit(main())
