"""What a command works on: the repository with its default studies, one study, or everything there is."""

import argparse
from pathlib import Path

from flows.studies.folder import STUDIES, study_folder, study_names


def add_options(options: argparse.ArgumentParser) -> None:
    which = options.add_mutually_exclusive_group()
    which.add_argument("--study", metavar="NAME", help="this study, instead of the repository's own")
    which.add_argument(
        "--all",
        action="store_true",
        dest="everything",
        help="the repository's own, and every study beside them",
    )


def roots(repository: Path, asked: argparse.Namespace) -> list[Path]:
    if asked.study:
        return [study_folder(repository, asked.study)]
    every = [repository / STUDIES / name for name in study_names(repository)] if asked.everything else []
    return [repository, *every]
