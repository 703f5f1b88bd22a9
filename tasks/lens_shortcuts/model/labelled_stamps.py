"""Sets of stamps as gates and trainings need them, and what the steps call states and scores in the files they leave."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from methods.shortcuts.evaluation import Part
from methods.splits.matched_groups import matched_groups
from storage.files.inputs import InputError
from storage.lenses.stamps import read_stamps

TRAINED, NOT_REQUIRED, GIVEN, NOT_GIVEN = "trained", "not required", "given", "not given"


@dataclass(frozen=True)
class StampSet:
    """One set of one split; theta_E is NaN where there is no arc.

    groups: what is dealt to a fold or a half as one and resampled as one. pairs: numbered, -1 where there is none.
    """

    rows: pd.DataFrame
    pixels: NDArray[np.float16]
    positive: NDArray[np.bool_]
    groups: NDArray[np.int64]
    pairs: NDArray[np.int64]
    theta_E: NDArray[np.float64]

    def part(self, logits: NDArray[np.float64]) -> Part:
        """Scored: logits (rows, radii)."""
        return Part(logits, self.positive, self.theta_E, self.groups, self.pairs)


def stamp_set(folder: Path, name: str, split: str) -> StampSet:
    stamps = read_stamps(folder, name, split)
    rows = stamps.rows
    positive = rows["label"].to_numpy(np.int64) == 1
    if not 0 < positive.sum() < len(rows):
        raise InputError(
            folder / f"{name}_{split}.npy",
            f"{int(positive.sum())} of {len(rows)} stamps are positive; every split needs both classes",
            field="label",
        )
    theta = rows["theta_E"].to_numpy(np.float64)
    pairs = numbered(rows["pair_id"])
    return StampSet(
        rows,
        stamps.pixels,
        positive,
        matched_groups(numbered(rows["host_id"]), pairs),
        pairs,
        np.where(positive, theta, np.nan),
    )


def numbered(names: pd.Series) -> NDArray[np.int64]:
    """A number for each name, -1 where there is none (empty or missing)."""
    codes, _ = pd.factorize(names.mask(names.astype(str) == ""))
    return np.asarray(codes, np.int64)


def column(radius: float) -> str:
    """Logits with r < radius hidden."""
    return f"r{radius:g}"
