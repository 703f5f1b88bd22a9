"""How likely is it that a holdout shows a budget of 2% held, by the target a recipe is tuned at? `python -m bench.fpr_power
FOLDER [seeds]`, after `python -m bench.fpr_seeds 11 --folder FOLDER`

True rates are those on its large holdouts; the recipe is a guarantee over calibration and forward-chained rows, delta .1.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import bdtr

from bench.fpr_seeds import FIRST
from methods.budgets.calibration_sets import assemble
from methods.budgets.recipes import recipe_thresholds
from methods.statistics.intervals import upper_bound
from params.fpr_thresholds import CalibrationSource, Option
from serving.rules.thresholds import fires
from storage.files.markdown import markdown_table
from tasks.fpr_thresholds.model.scored_rows import load

BUDGET, LEVEL, TARGETS = 0.02, 0.95, (0.02, 0.01, 0.0075, 0.005)
LABELS, NEGATIVES, TIMES = ("crypto", "scam"), np.array([95, 160]), (1, 8, 16)
CHAIN_FROM = 0.6  # that of params.yaml
SOURCES = [CalibrationSource(pool=pool, rows="all", top=None) for pool in ("calib", "forward_chained")]


def rates(folder: Path, target: float) -> tuple[list[float], list[float]]:
    """(false-positive rates, recalls) of the labels on the large holdout of one seed."""
    files = folder / "artifacts" / "fpr_thresholds"
    scored = load(files / "rows.parquet", files / "prepared.json", files / "scores.npz")
    known, holdout = scored.final_moment(CHAIN_FROM)
    recipe = Option(
        name="H", sources=SOURCES, target=target, rule="guaranteed", delta=0.1, in_sample="refuse"
    )
    calibration = assemble(known, recipe.sources, holdout.group, False)
    found = recipe_thresholds(recipe, calibration, scored.labels, np.full(len(scored.labels), target))
    fired = fires(holdout.scores, np.array([each.threshold for each in found]))
    columns = [scored.labels.index(label) for label in LABELS]
    false, true = (
        [float(fired[holdout.positive[:, i] == kind, i].mean()) for i in columns] for kind in (False, True)
    )
    return false, true


def most(negatives: int) -> int:
    """The most false positives whose upper bound is within the budget, or -1."""
    bounds = upper_bound(np.arange(negatives), negatives, LEVEL)
    return int(np.count_nonzero(bounds <= BUDGET)) - 1


def main(folder: Path, seeds: int) -> None:
    rows = []
    for target in TARGETS:
        found = np.array([rates(folder / f"s{seed}", target) for seed in range(FIRST, FIRST + seeds)])
        for times in TIMES:
            sizes = NEGATIVES * times
            shown = np.stack(
                [
                    bdtr(most(n), n, found[:, 0, i]) if most(n) >= 0 else np.zeros(seeds)
                    for i, n in enumerate(sizes)
                ]
            )
            cells = {
                f"{label} holds": f"{share:.2f}"
                for label, share in zip(LABELS, shown.mean(axis=1), strict=True)
            }
            rows.append(
                {
                    "target": f"{target:g}", "negatives": " / ".join(map(str, sizes)), **cells,
                    "both": f"{shown.prod(axis=0).mean():.2f}", "mean recall": " / ".join(f"{r:.2f}" for r in found[:, 1].mean(axis=0)),
                    "worst rate": f"{found[:, 0].max():.4f}",
                }
            )  # fmt: skip
    sys.stdout.write(markdown_table(pd.DataFrame(rows)) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 11)
