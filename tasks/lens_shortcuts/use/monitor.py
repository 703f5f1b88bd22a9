"""What is watched of the chosen lens finder: its AUROC, by host, against the one that the plan asks for.

A host is what stamps share, so a pair of hosts is one observation: how often the lensed one's stamps score higher.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from methods.sequential.group_values import group_means, paired_wins
from methods.sequential.promises import BatchReading, Observations, Promise
from params.block import read_block
from params.lens_shortcuts import Compare
from storage.files.foreign import read_foreign_table
from storage.files.inputs import InputError, shown

FOLDER, PARAMS = Path("artifacts/lens_shortcuts"), "params.yaml"
AUROC, SCORE = "AUROC", "score"
TRUTH = {"1": True, "true": True, "0": False, "false": False}
Floats = NDArray[np.float64]


def pinned(root: Path) -> list[Path]:
    """The files that are watched: other ones, and the watch begins anew."""
    return [root / FOLDER / "chosen.json"]


def promises(root: Path) -> list[Promise]:
    asked: Compare = read_block(root / PARAMS, "lens_shortcuts.compare", Compare)
    return [Promise(AUROC, 1 - asked.test_auroc, "pairs of hosts", 1.0, 0.0)]


def reference(root: Path) -> dict[str, Floats]:
    """Scores are compared among the batches alone."""
    return {SCORE: np.empty(0)}


def reading(root: Path, path: Path) -> BatchReading:
    """A table of stamps: host, score in [0, 1]; label (1: a lens, 0: none) where it is known."""
    table = read_foreign_table(path)
    table.require(["host", SCORE], "host, score (and label)")
    rows, scores = table.rows, table.numbers(SCORE)
    bad = ~((scores >= 0) & (scores <= 1))
    if bad.any():
        at = int(np.flatnonzero(bad)[0])
        raise InputError(
            path, f"{shown(float(scores[at]))} is not a score in [0, 1]; of logits write 1 / (1 + exp(-logit))",
            row=table.row(at), field=SCORE,
        )  # fmt: skip
    hosts = table.text("host").to_numpy(str)
    means, ends = group_means(scores, hosts)
    watched = {SCORE: Observations(means, rows[ends])}
    if not table.has("label"):
        return BatchReading(len(rows), False, {}, watched)
    truth = [TRUTH.get(text.strip().lower()) for text in table.text("label")]
    if None in truth:
        at = truth.index(None)
        raise InputError(
            path,
            f"expected 0 or 1, got {shown(table.text('label').iloc[at])}",
            row=table.row(at),
            field="label",
        )
    wins, last, alone = paired_wins(scores, np.array(truth, bool), hosts)
    return BatchReading(
        len(rows),
        False,
        {AUROC: Observations(1 - wins, rows[last])},
        watched,
        {"hosts without a partner": alone} if alone else {},
    )
