"""Do verdicts over cells keep their level where cells share luck? `python -m bench.shared_luck [draws]`

Profiles that are all as good, over eight cells of three seeds: four of an encoder and size, each at two smoothings, whose
runs see the same batches. On the default's heads (seed 2711) the luck of a profile against the control correlates between
the two by .53 on validation and by .19 on test (20 pairs of two degrees of freedom each), and between other cells by -.06 and
-.08. *Own*: luck is taken to be each run's own. *Shared*: as `methods.heads.contrasts` has it. Named: the share of draws in
which any profile is named as better or worse; .05 is allowed.
"""

import sys

import numpy as np
import pandas as pd

from methods.statistics.simultaneous import simultaneous_differences
from methods.statistics.streams import stream
from storage.files.markdown import markdown_table

PROFILES, PAIRS, SMOOTHINGS, SEEDS, GROUPS, RESAMPLES, LEVEL = 7, 4, 2, 3, 77, 300, 0.95
LUCK, OF_GROUPS, OF_ROWS = 0.022, 0.015, 0.006


def named(correlation: float, draws: int) -> tuple[float, float]:
    rng = stream(2711, f"luck {correlation}")
    shape = (PROFILES, PAIRS, SMOOTHINGS, SEEDS)
    runs = int(np.prod(shape))
    number = np.arange(runs).reshape(shape)
    recipes, unit = number // SEEDS, np.broadcast_to(number[:, :, :1, :], shape)
    contrasts = np.zeros((PROFILES - 1, runs))
    for profile in range(1, PROFILES):
        contrasts[profile - 1, number[profile].ravel()] = 1 / number[0].size
        contrasts[profile - 1, number[0].ravel()] = -1 / number[0].size
    wrong = np.zeros(2)
    for each in range(draws):
        common = np.broadcast_to(rng.normal(size=(PROFILES, PAIRS, 1, SEEDS)), shape)
        luck = np.sqrt(correlation) * common + np.sqrt(1 - correlation) * rng.normal(size=shape)
        true = 0.75 + LUCK * luck.ravel()
        seen = true + OF_GROUPS * rng.normal() + OF_ROWS * rng.normal(size=runs)
        drawn = (
            seen[:, None]
            + OF_GROUPS * rng.normal(size=RESAMPLES)
            + OF_ROWS * rng.normal(size=(runs, RESAMPLES))
        )
        for kind, shared in enumerate((None, unit.ravel())):
            found = simultaneous_differences(
                seen, drawn, recipes.ravel(), contrasts, GROUPS, LEVEL, each, shared
            )
            wrong[kind] += bool(((found.low > 0) | (found.high < 0)).any())
    return float(wrong[0] / draws), float(wrong[1] / draws)


def main(draws: int) -> None:
    print(f"{draws} draws a row: .05 is known to {np.sqrt(0.05 * 0.95 / draws):.3f}.\n")
    rows = []
    for correlation in (0.0, 0.3, 0.55, 0.8, 1.0):
        own, shared = named(correlation, draws)
        rows.append(
            {"correlation": f"{correlation:g}", "named: own": f"{own:.3f}", "named: shared": f"{shared:.3f}"}
        )
    print(markdown_table(pd.DataFrame(rows)))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 400)
