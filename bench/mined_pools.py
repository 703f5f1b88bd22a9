"""Does the guarantee hold over a mined pool in which texts repeat? `python -m bench.mined_pools [draws]`

Of some 1,400 clean rows the 600 with the highest scores are mined; budget .02, delta .1. *As it is*: every row counts.
*Unique mined*: repeats of the mined rows are dropped, the population is not. *Unique pool*: the pool loses them before it is
mined (`without_repeats`). `Zipf` texts stand in it as often as messages do.
"""

import sys

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from methods.budgets.calibration_sets import MinedRows, Moment, assemble, unique_texts
from methods.budgets.mined_pools import without_repeats
from methods.budgets.thresholds import guaranteed_threshold
from methods.statistics.streams import stream
from params.fpr_thresholds import CalibrationSource
from storage.files.markdown import markdown_table

ALPHA, DELTA, SEED = 0.02, 0.1, 1413
ROWS, TOP = 1400, 600
COPIES = ("once", "twice", "four times", "Zipf")


def pool(copies: str, rng: np.random.Generator) -> Moment:
    """Scores are uniform, so that a threshold t has a true rate per text of 1 - t."""
    if copies == "Zipf":
        times = np.minimum(rng.zipf(2.0, ROWS), 60)
        times = times[: int(np.searchsorted(np.cumsum(times), ROWS)) + 1]
    else:
        each = {"once": 1, "twice": 2, "four times": 4}[copies]
        times = np.full(ROWS // each, each)
    text = np.repeat(np.arange(len(times)), times)
    n = len(text)
    nothing = np.zeros(n, np.int64)
    scores = rng.random(len(times)).astype(np.float32)[text]
    return Moment(
        np.arange(n), np.full(n, "pool"), scores[:, None], np.zeros((n, 1), bool), text, nothing, nothing > 0
    )


def rate(mined: MinedRows) -> float:
    found = guaranteed_threshold(mined.rows.scores[:, 0], ALPHA, DELTA, population=mined.population)
    return 1 - found.threshold if np.isfinite(found.threshold) else 0.0


def rates(moment: Moment) -> NDArray[np.float64]:
    source = CalibrationSource(pool="pool", rows="mined", top=TOP)
    nobody = np.empty(0, np.int64)
    mined, once = (
        assemble(m, [source], nobody, False).mined[0] for m in (moment, without_repeats(moment, ["pool"]))
    )
    return np.array([rate(mined), rate(MinedRows(unique_texts(mined.rows), mined.population)), rate(once)])


def row(copies: str, draws: int) -> dict[str, str]:
    rng = stream(SEED, copies)
    found = np.array([rates(pool(copies, rng)) for _ in range(draws)])
    cells = {"each text stands": copies}
    for name, column in zip(("as it is", "unique mined", "unique pool"), found.T, strict=True):
        cells |= {
            f"risk, {name}": f"{(column > ALPHA).mean():.3f}",
            f"mean rate, {name}": f"{column.mean():.4f}",
        }
    return cells


def main(draws: int) -> None:
    sys.stdout.write(
        f"{draws} draws a row: a risk of .1 is known to {np.sqrt(DELTA * (1 - DELTA) / draws):.3f}.\n\n"
    )
    sys.stdout.write(markdown_table(pd.DataFrame([row(copies, draws) for copies in COPIES])) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
