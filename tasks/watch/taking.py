"""Take batches of rows into a watch: read, counted into the evidence, copied, recorded; all of them or none."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from methods.sequential.mean_watch import new_watch, observed
from methods.sequential.promises import BatchReading, Observations, Promise, shuffled
from methods.sequential.rank_watch import new_rank_watch, scored
from storage.files.content import file_digest
from storage.files.inputs import InputError, shown
from storage.files.kept_copies import keep_copy
from tasks.watch.record import (
    BATCHES,
    RISK,
    TakenBatch,
    WatchState,
    basis_of,
    read_watch,
    require_pinned,
    watch_folder,
    write_watch,
)

Refusal = InputError  # for callers above this floor
SEED = 0  # of what breaks ties between scores


class Monitor(Protocol):
    """`tasks.<experiment>.use.monitor`."""

    def pinned(self, root: Path) -> list[Path]: ...
    def promises(self, root: Path) -> list[Promise]: ...
    def reference(self, root: Path) -> Mapping[str, NDArray[np.float64]]: ...
    def reading(self, root: Path, path: Path) -> BatchReading: ...


def current_state(root: Path, experiment: str, monitor: Monitor, risk: float | None) -> WatchState:
    """Of what is pinned now: where that changed, a new era begins. risk None: that of the record, or RISK."""
    pinned = monitor.pinned(root)
    require_pinned(pinned)
    promised = monitor.promises(root)
    basis = basis_of(pinned, promised)
    found = read_watch(root, experiment)
    if found is None:
        return _new_era(root, monitor, WatchState(experiment, basis, risk or RISK, tuple(promised)))
    if risk is not None and risk != found.risk:
        raise InputError(
            watch_folder(root, experiment),
            f"this watch began with a risk of {found.risk:g}, which holds for its life; leave --risk out",
        )
    if found.basis == basis:
        return found
    after = replace(found, basis=basis, promises=tuple(promised), era=found.era + 1)
    return _new_era(root, monitor, after)


def _new_era(root: Path, monitor: Monitor, state: WatchState) -> WatchState:
    ranks = {name: new_rank_watch(scores) for name, scores in monitor.reference(root).items()}
    return replace(state, means={each.name: new_watch(each.limit) for each in state.promises}, ranks=ranks)


def untaken(state: WatchState, files: Sequence[Path]) -> list[Path]:
    known = {each.digest for each in state.batches}
    return [path for path in files if file_digest(path).hex() not in known]


def take(
    root: Path, state: WatchState, monitor: Monitor, files: Sequence[Path], in_order: bool = False
) -> WatchState:
    """The state after these batches, in this order. Raises InputError, and then nothing was taken.

    in_order: rows without times stand as they came; otherwise they count in a random order.

    What a killed run had copied is overwritten: a batch is taken once the record says so.
    """
    _refuse_known(state, files)
    readings = [monitor.reading(root, path) for path in files]
    copies = []
    for path, reading in zip(files, readings, strict=True):
        batch = _entry(state, path, reading)
        if not (in_order or reading.in_order):
            reading = _without_order(reading, int(batch.digest[:12], 16))
        state = _counted(state, batch, reading)
        copies.append((path, watch_folder(root, state.experiment) / BATCHES / batch.file))
    for path, place in copies:
        keep_copy(path, place)
    write_watch(root, state)
    return state


def _refuse_known(state: WatchState, files: Sequence[Path]) -> None:
    known = {each.digest: each.name for each in state.batches}
    for path in files:
        if not path.is_file():
            raise InputError(path, "no such file; --batch takes files of rows")
        digest = file_digest(path).hex()
        if digest in known:
            raise InputError(
                path,
                f"was taken already, as {shown(known[digest])[1:-1]}: rows count once; leave it out",
            )
        known[digest] = path.name


def _entry(state: WatchState, path: Path, reading: BatchReading) -> TakenBatch:
    return TakenBatch(
        f"{len(state.batches) + 1:05d}-{path.name}", path.name, file_digest(path).hex(), reading.rows,
        bool(reading.observed), state.era, dict(reading.notes),
    )  # fmt: skip


def _without_order(reading: BatchReading, seed: int) -> BatchReading:
    def each(seen: Mapping[str, Observations]) -> dict[str, Observations]:
        return {name: shuffled(values, seed) for name, values in seen.items()}

    return replace(reading, observed=each(reading.observed), scores=each(reading.scores))


def _counted(state: WatchState, batch: TakenBatch, reading: BatchReading) -> WatchState:
    means = dict(state.means)
    for name, seen in reading.observed.items():
        means[name] = observed(means[name], seen, batch.name, risk_of_each(state))
    ranks = dict(state.ranks)
    for name, seen in reading.scores.items():
        risk = state.risk / max(len(ranks), 1)
        ranks[name] = scored(ranks[name], seen, batch.name, risk, SEED)
    return replace(state, batches=(*state.batches, batch), means=means, ranks=ranks)


def risk_of_each(state: WatchState) -> float:
    """An equal part of the risk for each promise: with the rest of it, no word on any of them is false."""
    return state.risk / len(state.promises)


def files_of(place: str, root: Path) -> list[Path]:
    """Those of a folder, or that a pattern names, by name; hidden ones are nobody's batch. Raises InputError."""
    path = Path(place).expanduser()
    path = path if path.is_absolute() else root / path
    found = path.iterdir() if path.is_dir() else _matching(path)
    files = sorted(each for each in found if each.is_file() and not each.name.startswith("."))
    if not files and not path.is_dir() and not any(mark in place for mark in "*?["):
        raise InputError(
            path, "no such file or folder; the path is a folder of batches, or a pattern such as in/*.csv"
        )
    return files


def _matching(path: Path) -> Iterator[Path]:
    parts = path.parts
    first = next((n for n, part in enumerate(parts) if any(mark in part for mark in "*?[")), len(parts) - 1)
    return Path(*parts[:first]).glob(str(Path(*parts[first:])))
