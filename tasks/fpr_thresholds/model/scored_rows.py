"""What prepare and score left, as the arrays that tune and compare work on."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from methods.budgets.calibration_sets import Moment, ScoreCache, TimelineRows, moment_of
from methods.splits.row_splits import Fold, Sizes, final_fold, like_the_last
from storage.files.arrays import read_arrays
from storage.files.documents import read_json
from storage.files.tables import read_parquet


@dataclass(frozen=True)
class ScoredRows:
    """order: time, random, or unknown: what the split says of later data."""

    table: pd.DataFrame
    rows: TimelineRows
    scores: ScoreCache
    sizes: Sizes
    origins: NDArray[np.int64]
    labels: list[str]
    snapshot: pd.DataFrame
    order: str

    def moment(self, fold: Fold, chain_from: float) -> tuple[Moment, Moment]:
        """chain_from: of `params.fpr_thresholds.Tune`."""
        models = like_the_last(self.scores.chain, self.origins, fold.snapshot, chain_from)
        return moment_of(self.rows, replace(self.scores, chain=models), fold)

    def final_moment(self, chain_from: float) -> tuple[Moment, Moment]:
        """What is known before the holdout, and the holdout."""
        return self.moment(final_fold(self.sizes, len(self.origins)), chain_from)


def load(rows: Path, prepared: Path, scores: Path) -> ScoredRows:
    table, facts, arrays = read_parquet(rows), read_json(prepared), read_arrays(scores)
    labels: list[str] = facts["labels"]
    return ScoredRows(
        table,
        TimelineRows(
            table["pool"].to_numpy(str),
            table["position"].to_numpy(np.int64),
            table["group"].to_numpy(np.int64),
            table["collected_at"].to_numpy("datetime64[ns]").astype(np.int64),
            table[labels].to_numpy(bool),
        ),
        ScoreCache(arrays["scores"], arrays["seen"], arrays["chain"]),
        Sizes(facts["train"], facts["calib"], facts["holdout"]),
        arrays["origins"],
        labels,
        pd.DataFrame(facts["rows"]),
        facts.get("order", "time"),
    )
