"""A study of the labelled rows that a watch took: same rules and recipes as before, beside what is adopted."""

import shutil
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from flows.pinned.at_once import write_at_once
from flows.pinned.data_pin import pin_data
from flows.pinned.study_repository import initialise
from flows.studies.creation import discard
from flows.studies.folder import PARAMS, StudyError, new_folder, repository
from flows.studies.inside import inside
from flows.studies.params_text import block_alone, with_settings
from tasks.intake.later import LaterData
from tasks.intake.proposal import Refusal
from tasks.watch.record import BATCHES, TakenBatch, WatchState, watch_folder

MODULE = "tasks.{}.use.recalibration"


def recalibrates(root: Path, experiment: str) -> bool:
    """Whether what a watch takes of it is what it can be calibrated on."""
    return (repository(root) / f"{MODULE.format(experiment).replace('.', '/')}.py").exists()


def require_recalibrates(root: Path, experiment: str) -> None:
    """Raises StudyError."""
    if not recalibrates(root, experiment):
        raise StudyError(
            f"a watch of {experiment} takes figures of what was answered, which nothing can be calibrated on; "
            f"bring the data itself: `python -m flows.study new NAME --experiment {experiment} --data FILE`"
        )


def later_data(root: Path, state: WatchState, since: str | None) -> LaterData:
    """The labelled rows that were taken since the last adoption; since: from the batch of this name on. Raises StudyError."""
    folder = watch_folder(root, state.experiment) / BATCHES
    batches = [folder / each.file for each in _since(state, since) if each.labelled]
    if not batches:
        raise StudyError(
            "no rows with labels were taken since the last adoption, so there is nothing to calibrate on; --batch takes them"
        )
    try:
        data: LaterData = import_module(MODULE.format(state.experiment)).later_data(root, batches)
    except Refusal as refusal:
        raise StudyError(str(refusal)) from refusal
    return data


def _since(state: WatchState, name: str | None) -> list[TakenBatch]:
    names = [each.name for each in state.counted]
    if name is not None and name not in names:
        raise StudyError(
            f"no batch that counts is called {name!r}; there are {', '.join(names[-5:]) or 'none'}"
        )
    return state.counted[names.index(name) :] if name is not None else state.counted


def recalibrated(
    root: Path, experiment: str, name: str, data: LaterData, settings: Mapping[str, Any]
) -> tuple[Path, list[str]]:
    """The folder, with its data pinned, and the columns that were left out; whole or not at all. Raises StudyError."""
    folder = new_folder(repository(root), name)
    text = block_alone(
        (root / PARAMS).read_text(encoding="utf-8"), experiment, f"{name}: {experiment} on what came in"
    )
    try:
        initialise(folder)
        write_at_once(folder / PARAMS, with_settings(text, experiment, {**data.settings, **settings}))
        place = folder / "data" / experiment
        shutil.copytree(
            root / "data" / experiment, place, ignore=shutil.ignore_patterns(data.replaces, "manifest.json")
        )
        left_out = data.write(place)
        with inside(folder):
            pin_data(folder)
    except BaseException as error:
        discard(folder)
        if isinstance(error, Refusal):
            raise StudyError(str(error)) from error
        raise
    return folder, left_out
