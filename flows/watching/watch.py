"""One experiment's watch in the working directory: whose turn it is, which batches come, what is pinned."""

import fcntl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import cast

from flows.pinned.watch_pin import pin_watch, restore_watch, watch_is_missing
from flows.studies.folder import StudyError, experiment_of, repository, study_name
from tasks.watch.record import WatchState, read_watch
from tasks.watch.taking import Monitor, Refusal, current_state, files_of, take, untaken

Chooser = Callable[[WatchState], list[Path]]


def watched_experiment(root: Path, asked: str | None) -> str:
    """That of the study, or the one that is named. Raises StudyError."""
    known = sorted(path.parts[-3] for path in (repository(root) / "tasks").glob("*/use/monitor.py"))
    if study_name(root) is not None:
        own = experiment_of(root)
        if asked not in (None, own):
            raise StudyError(f"study {root.name} is of {own}, not of {asked}; leave the experiment out")
        asked = own
    if asked not in known:
        named = f"no experiment that can be watched is called {asked!r}" if asked else "say which experiment"
        raise StudyError(f"{named}; there are {', '.join(known)}")
    return asked


def state_of(root: Path, experiment: str) -> WatchState:
    """As it is. Raises StudyError."""
    with refusals():
        _bring_back(root)
        return current_state(root, experiment, _monitor(experiment), None)


def take_batches(
    root: Path, experiment: str, files: Sequence[Path], risk: float | None, in_order: bool = False
) -> tuple[WatchState, list[str]]:
    """The state after these batches, and their names. Raises StudyError, and then none was taken."""
    return _taken(root, experiment, risk, in_order, lambda _: list(files))


def take_new_batches(
    root: Path, experiment: str, place: str, risk: float | None, in_order: bool = False
) -> tuple[WatchState, list[str]]:
    """Those of a folder or a pattern that were not taken yet, by name."""
    return _taken(
        root, experiment, risk, in_order, lambda state: untaken(state, files_of(place, repository(root)))
    )


def recorded_state(root: Path, experiment: str) -> WatchState | None:
    """What the record says, whatever is pinned now; None where nothing was taken. Raises StudyError."""
    with refusals():
        return read_watch(root, experiment)


def _taken(
    root: Path, experiment: str, risk: float | None, in_order: bool, choose: Chooser
) -> tuple[WatchState, list[str]]:
    with refusals(), _in_turn(root):
        _bring_back(root)
        monitor = _monitor(experiment)
        state = current_state(root, experiment, monitor, risk)
        files = choose(state)
        if files:
            state = take(root, state, monitor, files, in_order)
            pin_watch(root)
        return state, [path.name for path in files]


def _monitor(experiment: str) -> Monitor:
    return cast(Monitor, import_module(f"tasks.{experiment}.use.monitor"))


def _bring_back(root: Path) -> None:
    if watch_is_missing(root) and not restore_watch(root):
        raise StudyError(
            "watch/ is missing and DVC has no copy of what watch.dvc pins: set the remote that has it and `dvc pull watch`, "
            "or remove watch.dvc, and the watch begins anew"
        )


@contextmanager
def refusals() -> Iterator[None]:
    try:
        yield
    except Refusal as refusal:
        raise StudyError(str(refusal)) from refusal


@contextmanager
def _in_turn(root: Path) -> Iterator[None]:
    """One after the other; the kernel gives the turn on when its holder ends, however it ends."""
    lock = root / ".dvc" / "tmp" / "watch.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
