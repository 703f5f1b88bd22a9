"""A decision in a folder that needs nothing of this repository: `python -m flows.export [--study NAME] [experiment] --to DIR`."""

import argparse
import json
import sys
from pathlib import Path

from rich.console import Console

from flows.pinned.export_origin import export_origin
from flows.studies.folder import StudyError, experiment_of, study_folder
from flows.studies.inside import inside
from flows.walk import settings
from flows.walk.command import guarded
from flows.worktrees.export_source import export_commit, lacks
from flows.worktrees.worktree import WorktreeError, commit_of
from params.block import read_params
from tasks.report.export import NotExportable, exporter
from tasks.report.export_folder import contents, headline, write


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(prog="python -m flows.export", description=__doc__)
    options.add_argument("experiment", nargs="?", help="which decision; of a study, its own")
    options.add_argument("--study", metavar="NAME", help="of this study, instead of the repository's own")
    options.add_argument(
        "--rev", help="of this commit, made again in a worktree (default: of the working copy)"
    )
    options.add_argument(
        "--to", type=Path, required=True, metavar="DIR", help="a folder that is not there yet, or empty"
    )
    options.add_argument(
        "--license", dest="licence", metavar="ID", help="for the card, as Hugging Face names it"
    )
    options.add_argument("--here", action="store_true", help="of what is here, and nothing is made again")
    return options


def main(arguments: list[str] | None = None) -> int:
    asked = parser().parse_args(arguments)
    root = Path.cwd()
    settings.apply(root)
    problems = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)

    def action() -> int:
        try:
            return _export(root, asked, Console(highlight=False, soft_wrap=True, emoji=False))
        except (NotExportable, WorktreeError) as error:
            problems.print(str(error), markup=False)
            return 1

    return guarded(action)


def _export(root: Path, asked: argparse.Namespace, console: Console) -> int:
    to: Path = asked.to.absolute()
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise NotExportable(f"{asked.to} is there already: name a folder that is not, or an empty one")
    experiment = _experiment(root, asked)
    if asked.rev is None:
        folder = study_folder(root, asked.study) if asked.study else root
        with inside(folder, refresh=False):
            missing = lacks(folder, experiment, made_again=asked.here)
            if not missing:
                return _write(folder, experiment, to, asked, console)
        if asked.here:
            raise NotExportable(f"{missing[0]} is missing: export without --here, and it is made again")
        console.print(f"{missing[0]} is not here")
    repeated = [experiment, "--to", str(to)]
    repeated += ["--study", asked.study] if asked.study else []
    repeated += ["--license", asked.licence] if asked.licence else []
    return export_commit(root, asked.rev or "HEAD", asked.study, experiment, repeated, console)


def _experiment(root: Path, asked: argparse.Namespace) -> str:
    """A study of an earlier commit need not be here: then it has to be named."""
    if asked.study and (asked.rev is None or asked.experiment is None):
        of_study = experiment_of(study_folder(root, asked.study))
        if asked.experiment not in (None, of_study):
            raise StudyError(f"study {asked.study} is of {of_study}, not of {asked.experiment}")
        return of_study
    if asked.experiment is None:
        raise NotExportable("which experiment? `python -m flows.show` lists them; name one, or --study NAME")
    return str(asked.experiment)


def _write(folder: Path, experiment: str, to: Path, asked: argparse.Namespace, console: Console) -> int:
    payload = exporter(experiment).payload(folder)
    decided = (folder / "results" / experiment / "decision.json").read_bytes()
    origin = export_origin(folder, commit_of(folder, "HEAD"), experiment)
    files = contents(payload, decided, _question(experiment), asked.study, origin, asked.licence)
    for line in (headline(experiment, json.loads(decided), payload), payload.takes):
        if line:
            console.print(line, markup=False)
    write(to, files)
    console.print(f"{to}: {', '.join(files)}", markup=False)
    console.print("next:")
    console.print(f"  python -m flows.apply {to} {payload.example} decided.csv", markup=False)
    return 0


def _question(experiment: str) -> str:
    """As the page over all experiments asks it."""
    shown = read_params(Path(__file__).parents[1] / "params.yaml")["report"]["page"]["experiments"]
    return str(shown[experiment]["question"]) if experiment in shown else ""


if __name__ == "__main__":
    sys.exit(main())
