"""The record of a watch: `watch/<experiment>/watch.json`, with every batch that was taken and the evidence so far.

One file holds all of it, and is written whole: after a kill the record is the old one or the new one.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from methods.sequential.mean_watch import MeanWatch, watch_of, watch_record
from methods.sequential.promises import Promise
from methods.sequential.rank_watch import RankWatch, rank_record, rank_watch_of
from storage.files.documents import read_foreign_json, write_json
from storage.files.inputs import InputError

FOLDER, RECORD, BATCHES = "watch", "watch.json", "batches"
FORMAT = 1
RISK = 0.05


@dataclass(frozen=True)
class TakenBatch:
    """file: its copy below batches/. name: what it was called. era: which adoption it was counted under, 1 the first."""

    file: str
    name: str
    digest: str
    rows: int
    labelled: bool
    era: int
    notes: Mapping[str, int]


@dataclass(frozen=True)
class WatchState:
    """basis: a digest of what is watched. risk: of a false word on any of the promises, and of one on any of the scores.
    means: by promise; ranks: by score. Both are of the present era alone."""

    experiment: str
    basis: str
    risk: float
    promises: tuple[Promise, ...]
    batches: tuple[TakenBatch, ...] = ()
    means: Mapping[str, MeanWatch] = field(default_factory=dict)
    ranks: Mapping[str, RankWatch] = field(default_factory=dict)
    era: int = 1

    @property
    def counted(self) -> list[TakenBatch]:
        return [each for each in self.batches if each.era == self.era]


def watch_folder(root: Path, experiment: str) -> Path:
    return root / FOLDER / experiment


def read_watch(root: Path, experiment: str) -> WatchState | None:
    """None where nothing was taken yet. Raises InputError for a record that is not one of this version."""
    path = watch_folder(root, experiment) / RECORD
    if not path.exists():
        return None
    stored = read_foreign_json(path)
    if not isinstance(stored, dict) or stored.get("format") != FORMAT:
        raise InputError(
            path, f"expected a record of format {FORMAT}; bring the one of watch.dvc back: `dvc checkout watch`"
        )  # fmt: skip
    try:
        return WatchState(
            stored["experiment"], stored["basis"], stored["risk"],
            tuple(Promise(**each) for each in stored["promises"]),
            tuple(TakenBatch(**each) for each in stored["batches"]),
            {name: watch_of(each) for name, each in stored["means"].items()},
            {name: rank_watch_of(each) for name, each in stored["ranks"].items()},
            stored["era"],
        )  # fmt: skip
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            path, f"is damaged ({type(error).__name__}: {error}); bring it back: `dvc checkout watch`"
        ) from None


def write_watch(root: Path, state: WatchState) -> None:
    write_json(
        watch_folder(root, state.experiment) / RECORD,
        {
            "format": FORMAT,
            "experiment": state.experiment,
            "basis": state.basis,
            "risk": state.risk,
            "era": state.era,
            "promises": [asdict(each) for each in state.promises],
            "batches": [asdict(each) for each in state.batches],
            "means": {name: watch_record(each) for name, each in state.means.items()},
            "ranks": {name: rank_record(each) for name, each in state.ranks.items()},
        },
    )


def require_pinned(files: Sequence[Path]) -> None:
    """Raises InputError where one is missing."""
    if missing := [path for path in files if not path.is_file()]:
        raise InputError(
            missing[0], "is missing, so there is nothing to watch yet; run `python -m flows.reproduce` first"
        )


def basis_of(files: Sequence[Path], promises: Sequence[Promise]) -> str:
    digest = hashlib.sha256(repr(list(promises)).encode())
    for path in files:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def summary_of(state: WatchState) -> dict[str, Any]:
    """How much was taken, for words."""
    counted = state.counted
    return {"batches": len(counted), "rows": sum(each.rows for each in counted)}
