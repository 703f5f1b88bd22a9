"""The tables of the page as people read them: cells with intervals, of several seeds the mean and its spread."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from methods.decision_tree import Grade
from methods.stamp_evaluation import Estimate
from params.lens_shortcuts import Compare
from storage.stamps import ARCS, LEAK, PLACEBO
from tasks.lens_shortcuts.decided import Decided, mean_against_baseline
from tasks.lens_shortcuts.judged import TEST, Run, model_gates, over_seeds
from tasks.lens_shortcuts.plots import GATES


def variants(decided: Decided, params: Compare) -> pd.DataFrame:
    records = []
    for run in decided.runs:
        row: dict[str, Any] = {"variant": run.name, "stamps": run.mode, "mask": run.mask}
        row |= _variant_cells(run, decided, params) if run.trained else {"epoch": run.status["status"]}
        records.append(row)
    return pd.DataFrame(records).fillna("")


def _variant_cells(run: Run, decided: Decided, params: Compare) -> dict[str, str]:
    report, grades = model_gates(run), decided.grades[decided.mode][run.name]
    difference = mean_against_baseline(run, decided.baseline, params.level)
    return {
        "epoch": "/".join(str(seed.best_epoch) for seed in run.seeds),
        "AUROC report": _graded(report.auroc, grades.auroc),
        "placebo": _graded(report.placebo, grades.placebo),
        "reliance": _graded(report.reliance, grades.reliance),
        "worst bin": _cell(report.theta_E_least),
        "spread": _graded(report.theta_E_spread, grades.theta_E),
        "AUROC test": _cell(over_seeds(run.seeds, lambda seed: seed.test.auroc))
        + _sd([seed.test.auroc.value for seed in run.seeds]),
        "reliance test": _cell(over_seeds(run.seeds, lambda seed: seed.test.reliance)),
        "pairs won": _cell(over_seeds(run.seeds, lambda seed: seed.test.win_rate)),
        f"- {decided.baseline.name}": "" if difference is None else _cell(difference),
    }


def edges(decided: Decided) -> pd.DataFrame:
    higher = {"theta_E_least", "auroc"}
    return pd.DataFrame(
        [
            {
                "gate": name,
                "PASS": f"{'>' if name in higher else '<'} {edges.passes:g}",
                "FAIL": f"{'<' if name in higher else '>'} {edges.fails:g}",
            }
            for name, edges in vars(decided.rules).items()
        ]
    )


def gates(found: pd.DataFrame) -> pd.DataFrame:
    rows = found[found["set"].isin([ARCS, PLACEBO])]
    return pd.DataFrame(
        [
            {
                "stamps": row["mode"], "set": row["set"], "split": row["split"], "gate": GATES[row["gate"]],
                "n": row["n"], "AUC": _auc(row), "sd over seeds": _number(row["seed_sd"]), "finds": finds(row),
            }
            for row in rows.to_dict("records")
        ]
    )  # fmt: skip


def leaks(found: pd.DataFrame) -> pd.DataFrame:
    """A row a leak and mode; what each gate reads."""
    rows = found[found["set"].str.startswith(LEAK)]
    return pd.DataFrame(
        [
            {
                "stamps": mode, "leak": str(name).removeprefix(LEAK), "split": split, "n": of["n"].iloc[0],
                **{GATES[row["gate"]]: _auc(row, ends=False) + ("*" if finds(row) == "yes" else "")
                   for row in of.to_dict("records")},
            }
            for (mode, name, split), of in rows.groupby(["mode", "set", "split"], sort=False)
        ]
    )  # fmt: skip


def curves(found: pd.DataFrame) -> pd.DataFrame:
    of = found[found["part"] == TEST]
    return pd.DataFrame(
        [
            {
                "variant": variant, "positives": positives,
                **{"whole" if radius == 0 else f"r<{radius:g}": _over_seeds(at["auroc"])
                   for radius, at in rows.groupby("radius", sort=False)},
            }
            for (variant, positives), rows in of.groupby(["variant", "positives"], sort=False)
        ]
    )  # fmt: skip


def bins(found: pd.DataFrame) -> pd.DataFrame:
    of = found[found["part"] == TEST]
    return pd.DataFrame(
        [
            {
                "variant": variant,
                **{f"[{low:g}, {high:g})": (_over_seeds(at["auroc"]) or at["reason"].iloc[0])
                   + f" n={at['positives_counted'].iloc[0]}"
                   for (low, high), at in rows.groupby(["low", "high"], sort=False)},
            }
            for variant, rows in of.groupby("variant", sort=False)
        ]
    )  # fmt: skip


def _graded(found: Estimate, grade: Grade | None) -> str:
    return _cell(found) if grade is None else f"{_cell(found)} {grade}"


def _cell(found: Estimate) -> str:
    if found.value is None:
        return "undefined"
    return f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}]"


def _auc(row: Any, ends: bool = True) -> str:
    if row["status"] != "ok":
        return f"undefined: {row['reason']}"
    return f"{row['auc']:.3f}" + (f" [{row['low']:.3f}, {row['high']:.3f}]" if ends else "")


def finds(row: Any) -> str:
    return {"True": "yes", "False": "no"}.get(str(row["finds"]), "undefined")


def _over_seeds(values: "pd.Series[float]") -> str:
    """Mean over seeds; empty where one has no figure."""
    found = values.tolist()
    return "" if values.isna().any() else f"{np.mean(found):.3f}{_sd(found)}"


def _sd(values: Sequence[float | None]) -> str:
    """Of several seeds' figures."""
    known = [value for value in values if value is not None]
    return f" (sd {np.std(known, ddof=1):.3f})" if 1 < len(known) == len(values) else ""


def _number(value: Any) -> str:
    return "" if pd.isna(value) else f"{value:.3f}"
