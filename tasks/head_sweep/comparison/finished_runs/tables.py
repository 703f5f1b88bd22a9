"""A row per profile and a row per run."""

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from methods.heads.noise import holm
from methods.heads.run_differences import RunDifference
from tasks.head_sweep.comparison.evaluation import Part
from tasks.head_sweep.comparison.finished_runs.evaluation import FinishedEvaluation, score
from tasks.head_sweep.comparison.tables import BETTER, NOISE, ONE_SEED, PREFIX

VIEW = {  # what a terminal shows of the table
    "columns": [
        *({"title": name, "value": name} for name in ("dataset", "profile", "runs", "score")),
        {"title": "against control", "value": "delta", "interval": ["delta_low", "delta_high"]},
        *({"title": name, "value": name} for name in ("pairs", "verdict")),
    ],
    "runs": {
        "file": "runs.csv", "group": ["dataset", "profile"], "id": "id", "score": "score",
        "floor": "noise.floor_of_two_single_runs",
    },
    "chart": {
        "row": "profile", "panel": "dataset", "ends_at": " @ ",
        "figures": [
            {
                "title": "against the control", "value": "delta", "interval": ["delta_low", "delta_high"],
                "reference": 0.0, "named": "right of 0: better",
            },
        ],
    },
}  # fmt: skip
NOT_HOLM, NO_SPREAD, SAME, NO_PAIR = "not after Holm", "no spread", "same scores", "no pair"


def profile_table(evaluation: FinishedEvaluation, alpha: float) -> pd.DataFrame:
    """Means over a profile's runs, and paired differences from the control with their verdicts."""
    records = []
    places = {run.place for run in evaluation.runs(evaluation.control)}
    for profile in evaluation.profiles:
        own, pairs = evaluation.runs(profile), evaluation.pairs(profile)
        found = {part: evaluation.difference(profile, part) for part in evaluation.parts}
        records.append(
            {
                "dataset": evaluation.dataset, "profile": profile, "runs": len(own),
                "cells": len({run.place[0] for run in own}), "seeds": len({run.seed for run in own}),
                "pairs": len(pairs), "missing": len(places) - len(pairs),
                **{f"{PREFIX[part]}score": _mean([score(run, part) for run in own]) for part in evaluation.parts},
                "control_score": _mean([other.test for _, other in pairs]), "seed_sd": evaluation.seed_sd(own),
                **{name: value for part in evaluation.parts for name, value in _columns(found[part], part).items()},
            }
        )  # fmt: skip
    table = pd.DataFrame(records)
    for part in evaluation.parts:
        table = _verdicts(table, PREFIX[part], evaluation.control, alpha)
    return table


def run_table(evaluation: FinishedEvaluation) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "id": "/".join((run.profile, *run.cell.values(), run.seed)), "dataset": evaluation.dataset,
                "profile": run.profile, **{f"cell_{name}": value for name, value in run.cell.items()},
                "seed": run.seed,
                **{f"{PREFIX[part]}score": score(run, part) for part in evaluation.parts},
            }
            for run in evaluation.sweep.runs
        ]
    )  # fmt: skip


def noise(evaluation: FinishedEvaluation, table: pd.DataFrame) -> dict[str, float | None]:
    """What a difference of two runs, and of two profiles, has to exceed on test, as far as seeds tell."""
    spread = evaluation.seed_sd(evaluation.sweep.runs)
    z = float(ndtri((1 + evaluation.level) / 2))
    floors = table.loc[table["delta_floor"] > 0, "delta_floor"]
    return {
        "seed_sd_of_one_run": spread,
        "floor_of_two_single_runs": None if spread is None else z * spread * float(np.sqrt(2)),
        "median_floor_of_profiles": float(floors.median()) if len(floors) else None,
    }


def _columns(difference: RunDifference | None, part: Part) -> dict[str, Any]:
    names = {
        "delta": "delta", "delta_low": "low", "delta_high": "high", "delta_floor": "floor",
        "delta_seed_error": "error", "freedom": "freedom", "cells_above": "cells_above", "p": "p",
    }  # fmt: skip
    values = {column: getattr(difference, name, None) for column, name in names.items()}
    return {f"{PREFIX[part]}{column}": np.nan if value is None else value for column, value in values.items()}


def _verdicts(table: pd.DataFrame, prefix: str, control: str, alpha: float) -> pd.DataFrame:
    """Holm over all profiles that have a p."""
    columns = ("delta", "p", "delta_low", "delta_high", "freedom", "delta_seed_error")
    delta, p, low, high, freedom, error = (table[prefix + name].to_numpy(np.float64) for name in columns)
    adjusted = holm(p)
    verdict = np.full(len(table), NOISE, dtype=object)
    verdict[(low > 0) | (high < 0)] = NOT_HOLM
    verdict[(adjusted < alpha) & (low > 0)] = BETTER[0]
    verdict[(adjusted < alpha) & (high < 0)] = BETTER[1]
    verdict[np.isnan(error)] = NO_SPREAD
    verdict[np.isnan(freedom)] = ONE_SEED
    verdict[(delta == 0) & (error == 0)] = SAME
    verdict[np.isnan(delta)] = NO_PAIR
    verdict[table["profile"] == control] = "control"
    return table.assign(**{f"{prefix}p_holm": adjusted, f"{prefix}verdict": verdict})


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None
