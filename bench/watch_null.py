"""How often does a watch that is looked at after every batch err? `python -m bench.watch_null [streams]`

Streams of 10,000 rows in batches of 500, a budget of 2%, risk .05, one label and three together (each at a third of the
risk). Beside it the rule that people use: a one-sided Clopper-Pearson bound of 95% on all rows so far, at every look.
"""

import sys
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import beta

from methods.sequential.bets import evidence, extended, new_bets
from methods.statistics.streams import stream
from storage.files.markdown import markdown_table

ROWS, BATCH, BUDGET, RISK, LABELS = 10_000, 500, 0.02, 0.05, 3
RATES = (0.01, 0.015, 0.02, 0.0201, 0.0225, 0.03, 0.04)
EDGE = (0.02, 0.0201)  # here the risk is spent: five times the streams
Looks = NDArray[np.bool_]


def evidences(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Log evidence after each batch: the highest so far that the budget is broken, the present one that it is kept."""
    _, broken = extended(new_bets(BUDGET), values)
    kept, below = [], new_bets(1 - BUDGET)
    for start in range(0, len(values), BATCH):
        below, _ = extended(below, 1 - values[start : start + BATCH])
        kept.append(evidence(below, with_later=False))
    return np.maximum.accumulate(broken)[BATCH - 1 :: BATCH], np.array(kept)


def looks(found: tuple[NDArray[np.float64], NDArray[np.float64]], risk: float) -> tuple[Looks, Looks]:
    """Broken, kept after each batch."""
    broken = found[0] >= -np.log(risk)
    return broken, (found[1] >= -np.log(risk)) & ~broken


def clopper_pearson(values: NDArray[np.float64]) -> tuple[Looks, Looks]:
    n = np.arange(BATCH, len(values) + 1, BATCH)
    fired = values.reshape(-1, BATCH).sum(axis=1).cumsum()
    low = np.where(fired > 0, beta.ppf(RISK, fired, n - fired + 1), 0.0)
    high = np.where(fired < n, beta.ppf(1 - RISK, fired + 1, n - fired), 1.0)
    return low > BUDGET, high <= BUDGET


def first_look(ever: list[Looks]) -> str:
    """The median row of the first look that said so, over all streams; none where fewer than half do."""
    rows = [BATCH * (int(each.argmax()) + 1) if each.any() else np.inf for each in ever]
    middle = float(np.median(rows))
    return f"{middle:,.0f}" if np.isfinite(middle) else ""


def row(rate: float, streams: int) -> dict[str, str]:
    single, joint, naive = [], [], []
    labels = LABELS if rate in EDGE else 1
    for number in range(streams if rate in EDGE else streams // 5):
        values = (stream(number, f"watch {rate}").random((labels, ROWS)) < rate).astype(np.float64)
        found = [evidences(part) for part in values]
        single.append(looks(found[0], RISK))
        naive.append(clopper_pearson(values[0]))
        if labels > 1:
            each = [looks(part, RISK / LABELS) for part in found]
            joint.append(tuple(np.any([said[kind] for said in each], axis=0) for kind in (0, 1)))

    def share(said: Sequence[tuple[Looks, ...]], kind: int) -> str:
        return f"{np.mean([each[kind].any() for each in said]):.3f}" if said else ""

    return {
        "true rate": f"{rate:.2%}",
        "broken": share(single, 0),
        "kept": share(single, 1),
        "any of 3 broken": share(joint, 0),
        "any of 3 kept": share(joint, 1),
        "rows to broken": first_look([each[0] for each in single]),
        "rows to kept": first_look([each[1] for each in single]),
        "Clopper-Pearson: broken": share(naive, 0),
        "Clopper-Pearson: kept": share(naive, 1),
    }


def main(streams: int) -> None:
    error = float(np.sqrt(RISK * (1 - RISK) / streams))
    print(
        f"{streams:,} streams at 2% and 2.01%, a fifth of these elsewhere; simulation error of a share of .05 {error:.3f}.\n"
    )
    print(markdown_table(pd.DataFrame([row(rate, streams) for rate in RATES])))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
