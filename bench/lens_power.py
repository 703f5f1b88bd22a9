"""How many test positives decide on which side of its edge the spread over Einstein radii lies, and do they?

    python -m bench.lens_power [draws]

Normal scores, as many negatives as positives, bins as full as those of the default. *Says*: the power that
`spread_positives_at_power` states at its size, the bins' AUROCs being known; *decides*: how often `radius_spread` then does.
*As it was*: the half-width of one draw's spread on 300 positives, shrunk with the root until it reaches the edge. *At 3,000*: of 3,000.
"""

import sys
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.lens_radii import EDGES, LEVEL, Truth, drawn
from methods.shortcuts.evaluation import Part, radius_bins
from methods.shortcuts.radius_extremes import radius_spread, spread_positives_at_power
from methods.statistics.sample_sizes import scaled_size
from storage.files.markdown import markdown_table
from tasks.report.decision import POWER

FAILS, PRESENT, PLANNED, LEAST = 0.20, 300, 3000, 10
EXACT = 20_000  # positives, whose bins are as good as known
SEEN = Truth("seen of the default's B1", 0, [0.819, 0.871, 0.894, 0.952, 0.973, 0.993])
TRUTHS = (
    SEEN,
    Truth("its spread a fifth less", 0, [0.853, 0.871, 0.894, 0.952, 0.973, 0.993]),
    Truth("a spread of .24", 0, [0.753, 0.871, 0.894, 0.952, 0.973, 0.993]),
)


def part(truth: Truth, positives: int, draw: int) -> Part:
    """Tens of positives, which the bins' shares divide."""
    return drawn(replace(truth, rows=20 * -(-positives // 10)), draw)


def decides(truth: Truth, positives: int, draws: int) -> float:
    below = max(truth.auroc) - min(truth.auroc) < FAILS
    hits = 0
    for draw in range(draws):
        some = part(truth, positives, draw)
        found = radius_spread(some, EDGES, radius_bins(some, EDGES, LEVEL), LEAST, LEVEL)
        low, high = found.low or 0.0, found.high or 0.0
        hits += high < FAILS if below else low > FAILS
    return hits / draws


def as_it_was(truth: Truth) -> int | None:
    some = part(truth, PRESENT, 0)
    found = radius_spread(some, EDGES, radius_bins(some, EDGES, LEVEL), LEAST, LEVEL)
    spread = max(truth.auroc) - min(truth.auroc)
    half = (found.high or 0.0) - (found.value or 0.0)
    if spread > FAILS:
        half = (found.value or 0.0) - (found.low or 0.0)
    return scaled_size(PRESENT, FAILS - spread, half, LEVEL, 0.5)


def row(truth: Truth, draws: int) -> dict[str, str]:
    known = part(truth, EXACT, 0)
    size = spread_positives_at_power(
        known, EDGES, radius_bins(known, EDGES, LEVEL), LEAST, FAILS, LEVEL, POWER
    )
    if size is None:
        raise ValueError(truth.name)
    was = as_it_was(truth)
    return {
        "truth": truth.name, "spread": f"{max(truth.auroc) - min(truth.auroc):.3f}", "as it was": str(was),
        "it decides": f"{decides(truth, was or 1, draws):.3f}", "positives": str(size.n), "says": f"{size.power:.3f}",
        "decides": f"{decides(truth, size.n, draws):.3f}",
        f"at {PLANNED:,}": f"{decides(truth, PLANNED, draws):.3f}",
    }  # fmt: skip


def main(draws: int) -> None:
    error: NDArray[np.float64] = np.sqrt(POWER * (1 - POWER) / np.float64(draws))
    print(f"Edge {FAILS:g}, wanted {POWER:.0%}, {draws} draws, simulation error {error:.3f}\n")
    print(markdown_table(pd.DataFrame([row(truth, draws) for truth in TRUTHS])))


if __name__ == "__main__":
    main(*(int(each) for each in (*sys.argv[1:], *("60",)[len(sys.argv) - 1 :])))
