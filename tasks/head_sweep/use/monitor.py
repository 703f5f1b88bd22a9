"""What is watched of the pinned head: its accuracy, by group where rows have one.

A group is one observation, with its rows, up to a cap. The promise is the lower end of the accuracy that the pinned run
had on test: 95%, one-sided, over rows.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methods.sequential.group_values import group_means, group_sums, ratio_values
from methods.sequential.promises import BatchReading, Observations, Promise
from methods.statistics.intervals import upper_bound
from storage.files.arrays import array_names, read_foreign_arrays
from storage.files.foreign import read_foreign_table
from storage.files.formats import listed
from storage.files.inputs import InputError, shown
from storage.files.tables import read_csv
from tasks.head_sweep.use.apply import HeadClassifier, read_head

FOLDER, RESULTS = Path("artifacts/head_sweep"), Path("results/head_sweep")
ACCURACY, CONFIDENCE = "accuracy", "confidence"
CAP, LEVEL = 30.0, 0.95
Floats = NDArray[np.float64]


def pinned(root: Path) -> list[Path]:
    """The files that are watched: other ones, and the watch begins anew."""
    return [root / FOLDER / "head.json", root / FOLDER / "head.safetensors"]


def promises(root: Path) -> list[Promise]:
    head = _head(root)
    run: Any = read_csv(root / RESULTS / "runs.csv").set_index("id").loc[head.spec.id]
    rows = int(run["rows"])
    wrong = round((1 - float(run["accuracy"])) * rows)
    return [
        Promise(
            ACCURACY, float(upper_bound(np.array([wrong]), np.array([rows]), LEVEL)[0]), "groups", 1.0, 0.0
        )
    ]


def reference(root: Path) -> dict[str, Floats]:
    """Confidences are compared among the batches alone."""
    return {CONFIDENCE: np.empty(0)}


def reading(root: Path, path: Path) -> BatchReading:
    """A table with label and predicted (and group, confidence), or an npz of embeddings, which the pinned head answers,
    with labels (names, or numbers of classes) and groups where there are some."""
    head = _head(root)
    label, predicted, groups, confidence, rows = (
        _arrays(path, head) if path.suffix == ".npz" else _table(path)
    )
    scores = {}
    if confidence is not None:
        means, ends = group_means(confidence, groups)
        scores = {CONFIDENCE: Observations(means, rows[ends])}
    if label is None:
        return BatchReading(len(rows), False, {}, scores)
    unknown = ~np.isin(label, head.classes)
    if unknown.any():
        at = int(np.flatnonzero(unknown)[0])
        raise InputError(
            path, f"unknown class {shown(str(label[at]))}; the head knows {listed(head.classes)}",
            row=int(rows[at]), field="label",
        )  # fmt: skip
    wrong, last = group_sums((label != predicted).astype(np.float64), groups)
    size, _ = group_sums(np.ones(len(label)), groups)
    return BatchReading(
        len(rows),
        False,
        {
            each.name: Observations(ratio_values(wrong, size, each.limit, CAP), rows[last], wrong, size)
            for each in promises(root)
        },
        scores,
    )


Parts = tuple[
    NDArray[np.str_] | None, NDArray[np.str_], NDArray[np.generic], Floats | None, NDArray[np.int64]
]


def _table(path: Path) -> Parts:
    table = read_foreign_table(path)
    table.require(["predicted"], "label, predicted (and group, confidence)")
    rows = table.rows
    groups = table.text("group").to_numpy(str) if table.has("group") else rows
    confidence = None
    if table.has(CONFIDENCE):
        confidence = table.numbers(CONFIDENCE)
        bad = ~((confidence >= 0) & (confidence <= 1))
        if bad.any():
            at = int(np.flatnonzero(bad)[0])
            raise InputError(
                path, f"expected a number in [0, 1], got {shown(float(confidence[at]))}", row=int(rows[at]),
                field=CONFIDENCE,
            )  # fmt: skip
    label = table.text("label").to_numpy(str) if table.has("label") else None
    return label, table.text("predicted").to_numpy(str), groups, confidence, rows


def _arrays(path: Path, head: HeadClassifier) -> Parts:
    stored = read_foreign_arrays(path, ["embeddings", "labels", "groups"])
    if "embeddings" not in stored:
        raise InputError(
            path, f"holds no array embeddings (rows, {head.inputs}); there are {listed(array_names(path))}"
        )
    if (kind := stored["embeddings"].dtype).kind != "f":
        raise InputError(path, f"expected decimals, got {kind}", field="embeddings")
    try:
        shares = head.probabilities(stored["embeddings"])
    except ValueError as error:
        raise InputError(path, str(error), field="embeddings") from None
    rows = np.arange(1, len(shares) + 1)
    for name in ("labels", "groups"):
        if name in stored and stored[name].shape != (len(rows),):
            raise InputError(path, f"expected {len(rows)} values, got {stored[name].shape}", field=name)
    label = stored.get("labels")
    classes = np.array(head.classes)
    if label is not None and label.dtype.kind in "iu" and ((label >= 0) & (label < len(classes))).all():
        label = classes[label]
    predicted = classes[shares.argmax(axis=1)]
    groups = stored.get("groups", rows)
    return (
        (None if label is None else label.astype(str)),
        predicted,
        groups,
        np.minimum(shares.max(axis=1), 1.0),
        rows,
    )


def _head(root: Path) -> HeadClassifier:
    path = root / FOLDER / "head.json"
    if not path.exists():
        raise InputError(path, "no head is pinned here; run `python -m flows.reproduce` first")
    return read_head(root / FOLDER / "head")
