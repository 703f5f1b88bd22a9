"""How long until a drift is found? `python -m bench.watch_delay [streams] [folder]`, beside MAPIE's RiskMonitoring.

A budget of 2%, risk .05 for both (RiskMonitoring spends half of its level on a reference, so it is given .1 and the
budget as its threshold; its bound is for both sides, of which one is used). Simulated: a rate of 1.5% that jumps after some rows. Real, with a folder that the wheel of
nannyml was unpacked to: who is employed, by a model of 2015, in Massachusetts until 2018, in the file's order.
"""

import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from mapie.exchangeability_testing import RiskMonitoring
from mapie.exchangeability_testing.bounds import GammaExponentialMixtureBound
from numpy.typing import NDArray

from methods.sequential.bets import extended, new_bets
from methods.sequential.mean_watch import new_watch, observed
from methods.sequential.promises import Observations
from methods.sequential.rank_watch import new_rank_watch, scored
from methods.statistics.streams import stream
from storage.files.markdown import markdown_table

BUDGET, RISK, BEFORE, AFTER = 0.02, 0.05, (0, 2_000, 10_000), 20_000
STEP = 50
RATES = (0.025, 0.03, 0.04, 0.06)
Floats = NDArray[np.float64]


def by_bets(fired: Floats, budget: float = BUDGET) -> int:
    """The row of the alarm; -1: none."""
    _, path = extended(new_bets(budget), fired)
    return first(path >= -np.log(RISK))


def by_mapie(fired: Floats, budget: float = BUDGET) -> int:
    """Its bound at every STEP-th row: RiskMonitoring computes all of them anew at each update, .1 ms each."""
    rows = np.arange(STEP, len(fired) + 1, STEP)
    mean = np.cumsum(fired) / np.arange(1, len(fired) + 1)
    spread = np.cumsum((fired - np.append(0.5, mean[:-1])) ** 2)
    bound = GammaExponentialMixtureBound(v_opt=1, c=1, alpha_opt=RISK / 2)
    for row in rows:
        if (
            mean[row - 1] > budget
            and mean[row - 1] - bound(v=float(spread[row - 1]), alpha=RISK / 2) / row > budget
        ):
            return int(row) - 1
    return -1


def first(there: NDArray[np.bool_]) -> int:
    return int(there.argmax()) if there.any() else -1


def simulated(streams: int) -> pd.DataFrame:
    rows = []
    for before in BEFORE:
        for rate in RATES:
            alarms: dict[str, list[int]] = {"here": [], "MAPIE": []}
            for number in range(streams):
                drawn = stream(number, f"delay {before} {rate}").random(before + AFTER)
                fired = (drawn < np.where(np.arange(len(drawn)) < before, 0.015, rate)).astype(np.float64)
                alarms["here"].append(by_bets(fired))
                alarms["MAPIE"].append(by_mapie(fired))
            row = {"rows at 1.5%": f"{before:,}", "then": f"{rate:.1%}"}
            for name, found in alarms.items():
                delays = [at - before + 1 for at in found if at >= before]
                late = [delays[i] if i < len(delays) else np.inf for i in range(streams)]
                middle = float(np.median(late))
                row[f"{name}: median rows"] = f"{middle:,.0f}" if np.isfinite(middle) else f"> {AFTER:,}"
                row[f"{name}: found"] = f"{len(delays) / streams:.2f}"
                row[f"{name}: before"] = f"{np.mean([0 <= at < before for at in found]):.2f}"
            rows.append(row)
    return pd.DataFrame(rows)


def real(folder: Path) -> pd.DataFrame:
    """Shares among later rows, each against what it was among the rows of 2015, and a tenth less."""
    data = folder / "nannyml" / "datasets" / "data"
    before = pd.read_parquet(data / "employment_MA_reference.pq")
    later = pd.read_parquet(data / "employment_MA_analysis.pq").merge(
        pd.read_parquet(data / "employment_MA_analysis_target.pq"), on="id"
    )
    negatives = before["predicted_probability"][before["employed"] == 0].to_numpy()
    threshold = float(np.quantile(negatives, 1 - BUDGET, method="higher"))
    rows = []
    for name, employed in (("fires at the 2% of 2015", [0]), ("is wrong", [0, 1]), ("is missed", [1])):
        bad, years = _bad(later[later["employed"].isin(employed)], name, threshold)
        reference = float(_bad(before[before["employed"].isin(employed)], name, threshold)[0].mean())
        for budget in (reference, 0.9 * reference):
            row = {"share that": name, "2015": f"{reference:.2%}", "budget": f"{budget:.2%}"}
            row |= {str(year): f"{bad[years == year].mean():.2%}" for year in np.unique(years)}
            for by, at in (("here", by_bets(bad, budget)), ("MAPIE", by_mapie(bad, budget))):
                row[by] = f"row {at + 1:,} of {len(bad):,}, in {years[at]}" if at >= 0 else "not broken"
            rows.append(row)
    calibrated = before["predicted_probability"].to_numpy(np.float64)
    scores = Observations(later["predicted_probability"].to_numpy(), later.index.to_numpy())
    moved = scored(new_rank_watch(calibrated), scores, "", RISK, 0)
    what = f"moved {moved.direction}, row {moved.moved.n:,} of {len(later):,}" if moved.moved else "not moved"
    print(f"scores, no label: {what}\n")
    return pd.DataFrame(rows)


def _bad(rows: pd.DataFrame, name: str, threshold: float) -> tuple[Floats, NDArray[np.int64]]:
    fires = rows["predicted_probability"] >= threshold
    bad = fires if name.startswith("fires") else rows["prediction"] != rows["employed"]
    return np.asarray(bad, np.float64), np.asarray(rows["year"], np.int64)


def cost() -> None:
    fired = (stream(0, "cost").random(1_000_000) < 0.015).astype(np.float64)
    start = time.process_time()
    observed(new_watch(BUDGET), Observations(fired, np.arange(len(fired))), "", RISK)
    print(f"a label, 1e6 rows: {time.process_time() - start:.1f} CPU seconds")
    start = time.process_time()
    scored(
        new_rank_watch(fired[:500]),
        Observations(stream(1, "cost").random(len(fired)), np.arange(len(fired))),
        "",
        RISK,
        0,
    )
    print(f"ranks of 1e6 scores: {time.process_time() - start:.1f} CPU seconds")
    few = len(fired) // 50
    start = time.process_time()
    monitor = RiskMonitoring("fpr", test_level=2 * RISK, threshold=BUDGET, warn=False)
    monitor.update(np.zeros(few, int), fired[:few].astype(int))
    print(
        f"RiskMonitoring, in one batch: {(time.process_time() - start) * len(fired) / few:.0f} CPU seconds, from 2e4 rows"
    )


def main(streams: int, folder: Path | None) -> None:
    warnings.simplefilter("ignore")
    cost()
    if folder is not None:
        print(markdown_table(real(folder)))
    print(f"\n{streams} streams a row.\n")
    print(markdown_table(simulated(streams)))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50, Path(sys.argv[2]) if len(sys.argv) > 2 else None)
