"""What is watched of accepted candidates: their precision, and F1 where the batch says what was missed, by image.

An image is one observation. Both figures are ratios of sums, so an image counts with its candidates, up to a cap. The
promise is the lower end of what the report images read for the adopted option.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from methods.sequential.group_values import group_means, group_sums, ratio_values
from methods.sequential.promises import BatchReading, Observations, Promise
from storage.files.documents import read_json
from storage.files.foreign import ForeignTable, read_foreign_table
from storage.files.inputs import InputError, shown
from storage.files.tables import read_csv

FOLDER, RESULTS = Path("artifacts/hybrid_calibrator"), Path("results/hybrid_calibrator")
PRECISION, F1, SCORE = "precision", "F1", "score"
CAP = {
    PRECISION: 20.0,
    F1: 40.0,
}  # accepted candidates of an image; these, matched ones twice, and missed objects
Floats = NDArray[np.float64]


def pinned(root: Path) -> list[Path]:
    """The files that are watched: other ones, and the watch begins anew."""
    return [root / FOLDER / "thresholds.json"]


def promises(root: Path) -> list[Promise]:
    """Of the variant that was promised least."""
    chosen = read_json(pinned(root)[0])["chosen"]
    table = read_csv(root / RESULTS / "table.csv").set_index(["variant", "option"])
    least = {
        name: min(
            float(table.loc[(variant, option), f"{name.lower()}_low"]) for variant, option in chosen.items()
        )
        for name in (PRECISION, F1)
    }
    return [Promise(name, 1 - low, "images", 1.0, 0.0) for name, low in least.items() if 0 < low < 1]


def reference(root: Path) -> dict[str, Floats]:
    return {SCORE: np.empty(0)}


def reading(root: Path, path: Path) -> BatchReading:
    """A table of candidates: image, accepted (0, 1); correct (0, 1) where they were looked at; missed: of the image's
    objects how many no accepted candidate found, in each of its rows; score in [0, 1], if it is to be watched."""
    table = read_foreign_table(path)
    table.require(["image", "accepted"], "image, accepted, correct (and missed, score)")
    rows = table.rows
    accepted = _flags(table, "accepted")
    scores = {}
    if table.has(SCORE):
        means, last = group_means(_shares(table, SCORE), table.text("image").to_numpy(str))
        scores = {SCORE: Observations(means, rows[last])}
    if not table.has("correct"):
        return BatchReading(len(rows), False, {}, scores)
    return BatchReading(len(rows), False, _observed(root, table, accepted, rows), scores)


def _observed(
    root: Path, table: ForeignTable, accepted: Floats, rows: NDArray[np.int64]
) -> dict[str, Observations]:
    images = table.text("image").to_numpy(str)
    correct = _flags(table, "correct") * accepted
    taken, last = group_sums(accepted, images)
    true, _ = group_sums(correct, images)
    bad, weight = {PRECISION: taken - true}, {PRECISION: taken}
    if table.has("missed"):
        missed, _ = group_means(_counts(table, "missed"), images)
        bad[F1], weight[F1] = taken - true + missed, taken + true + missed
    return {
        each.name: Observations(
            ratio_values(bad[each.name], weight[each.name], each.limit, CAP[each.name]), rows[last],
            bad[each.name], weight[each.name],
        )
        for each in promises(root)
        if each.name in bad
    }  # fmt: skip


def _flags(table: ForeignTable, name: str) -> Floats:
    values = table.numbers(name)
    return _checked(table, name, values, (values == 0) | (values == 1), "0 or 1")


def _shares(table: ForeignTable, name: str) -> Floats:
    values = table.numbers(name)
    return _checked(table, name, values, (values >= 0) & (values <= 1), "a number in [0, 1]")


def _counts(table: ForeignTable, name: str) -> Floats:
    values = table.numbers(name)
    return _checked(table, name, values, (values >= 0) & (values % 1 == 0), "a whole number")


def _checked(table: ForeignTable, name: str, values: Floats, right: NDArray[np.bool_], what: str) -> Floats:
    if not right.all():
        row = int(np.flatnonzero(~right)[0])
        raise InputError(
            table.path, f"expected {what}, got {shown(float(values[row]))}", row=table.row(row), field=name
        )
    return values
