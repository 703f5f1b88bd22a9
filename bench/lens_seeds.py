"""Does the interval of a variant against its control hold 0 where the two differ by the luck of their trainings alone?

    python -m bench.lens_seeds [draws] > table.md

Each draw has 200 stamps in 100 pairs. A training ranks them as they are, with noise of its own, and as well as its luck
has it: the shift of the positives is 1.5 plus `luck` times a standard normal.
"""

import sys

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.wald import wald_difference
from methods.shortcuts.seed_differences import seed_difference
from methods.statistics.streams import epoch_stream
from storage.files.markdown import markdown_table

LEVEL = 0.95
ROWS = 200
POSITIVE = np.arange(ROWS) % 2 == 0
GROUPS = np.arange(ROWS) // 2
SEEDS = (1, 2, 3, 5)
LUCK = (0.0, 0.15, 0.3, 0.5, 1.0)
SEED = 1


def trained(random: np.random.Generator, stamps: NDArray[np.float64], luck: float) -> NDArray[np.float64]:
    """Scores of one training."""
    return np.asarray(stamps + (1.5 + luck * random.normal()) * POSITIVE + 0.4 * random.normal(size=ROWS))


def held(seeds: int, luck: float, draws: int) -> dict[str, str]:
    ours = stamps_alone = 0
    for draw in range(draws):
        random = epoch_stream(SEED, f"{seeds} seeds, luck {luck}", draw)
        stamps = random.normal(size=ROWS)
        pairs = [(trained(random, stamps, luck), trained(random, stamps, luck)) for _ in range(seeds)]
        one, other = (np.stack(each) for each in zip(*pairs, strict=True))
        ours += not seed_difference(one, other, POSITIVE, GROUPS, LEVEL).excludes_zero
        ends = [wald_difference(*pair, POSITIVE, GROUPS, LEVEL) for pair in pairs]
        low, _, high = np.mean(ends, axis=0)
        stamps_alone += low <= 0 <= high
    return {
        "seeds": str(seeds), "luck": f"{luck:g}", "holds 0": f"{ours / draws:.3f}",
        "mean of the ends over stamps holds 0": f"{stamps_alone / draws:.3f}",
    }  # fmt: skip


def main(draws: int) -> None:
    print(f"{draws} draws, intervals of {LEVEL:.0%}; with one seed stamps alone are counted\n")
    print(markdown_table(pd.DataFrame([held(seeds, luck, draws) for seeds in SEEDS for luck in LUCK])))


if __name__ == "__main__":
    main(*(int(each) for each in (*sys.argv[1:], *("1000",)[len(sys.argv) - 1 :])))
