"""A study from files that somebody brings, or from another study; and its end."""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from flows.pinned.at_once import write_at_once
from flows.pinned.data_pin import DATA_PIN, pin_data
from flows.pinned.repository import LOCK
from flows.pinned.study_repository import check_out, initialise
from flows.studies.folder import PARAMS, StudyError, experiment_of, new_folder, repository, study_folder
from flows.studies.inside import inside
from flows.studies.params_text import from_example, stated, with_settings
from flows.studies.pipeline import PIPELINE
from tasks.intake.proposal import Proposal, Refusal

SMALL = (PARAMS, PIPELINE, LOCK, DATA_PIN)


def experiments(repository: Path) -> list[str]:
    return sorted(path.parent.name for path in (repository / "tasks").glob("*/prepare.py"))


def proposal(repository: Path, experiment: str, files: Sequence[Path], stated: Mapping[str, str]) -> Proposal:
    """What the experiment makes of the files. Raises StudyError."""
    if experiment not in experiments(repository):
        raise StudyError(
            f"no experiment is called {experiment!r}; there are {', '.join(experiments(repository))}"
        )
    if missing := [path for path in files if not path.exists()]:
        raise StudyError(f"{missing[0]}: no such file")
    try:
        found: Proposal = import_module(f"tasks.{experiment}.use.study").proposal(files, stated)
    except Refusal as refusal:
        raise StudyError(str(refusal)) from refusal
    return found


def create(
    repository: Path, name: str, experiment: str, proposed: Proposal, settings: Mapping[str, Any]
) -> Path:
    """The folder, with its data pinned; whole or not at all."""
    folder = new_folder(repository, name)
    example = (repository / "examples" / f"{proposed.example}.yaml").read_text(encoding="utf-8")
    text = from_example(example, f"{name}: {experiment} on {', '.join(sorted(_names(proposed)))}")
    text = with_settings(text, experiment, {**proposed.settings, **settings})
    try:
        initialise(folder)
        write_at_once(folder / PARAMS, text)
        for place in proposed.files:
            proposed.copy(place, folder / "data" / experiment / place)
        with inside(folder):
            pin_data(folder)
    except BaseException:
        discard(folder)
        raise
    return folder


def simulated(repository: Path, name: str, example: str, settings: Sequence[str]) -> Path:
    """The folder without its data: an example whose params simulate it."""
    path, folder = repository / "examples" / f"{example}.yaml", new_folder(repository, name)
    those = [each.stem for each in sorted(path.parent.glob("*.yaml")) if "\n  simulate:" in each.read_text()]
    if example not in those:
        raise StudyError(
            f"no example that simulates its data is called {example!r}; there are {', '.join(those)}"
        )
    text = path.read_text(encoding="utf-8")
    experiment = next(each for each in experiments(repository) if f"\n{each}:" in text)
    text = from_example(text, f"{name}: {experiment} on simulated data, as in examples/{example}.yaml")
    text = with_settings(text, experiment, stated(settings, experiment)) if settings else text
    try:
        initialise(folder)
        write_at_once(folder / PARAMS, text)
    except BaseException:
        discard(folder)
        raise
    return folder


def _names(proposed: Proposal) -> Iterable[str]:
    return {path.name for path in proposed.files.values()}


def copied(repository: Path, source: str, name: str, settings: Mapping[str, Any]) -> Path:
    """Another study of the same data: what its changed params leave as it was is not made again."""
    before = study_folder(repository, source)
    experiment = experiment_of(before)
    folder = new_folder(repository, name)
    try:
        initialise(folder)
        for file in SMALL:
            if (before / file).exists():
                shutil.copyfile(before / file, folder / file)
        for kind in ("data", "results"):
            if (before / kind).exists():
                shutil.copytree(before / kind, folder / kind)
        text = (before / PARAMS).read_text(encoding="utf-8")
        write_at_once(folder / PARAMS, with_settings(text, experiment, settings))
        with inside(folder):
            check_out(folder)
    except BaseException:
        discard(folder)
        raise
    return folder


def discard(folder: Path) -> None:
    """The folder, and what its killed stages had left to go on from."""
    shutil.rmtree(folder, ignore_errors=True)
    for left in (repository(folder) / ".cache").glob(f"worktree-*{folder.name}*"):
        shutil.rmtree(left, ignore_errors=True)
    parent = folder.parent
    if parent.exists() and not any(parent.iterdir()):
        parent.rmdir()
