"""The tables: a row a variant and seed, its epochs, its curve, its bins of Einstein radii."""

from collections.abc import Iterable
from typing import Any

import pandas as pd

from methods.shortcuts.evaluation import Estimate
from params.lens_shortcuts import Compare
from tasks.lens_shortcuts.comparison.choice import TreeChoice, difference, letters, ranks
from tasks.lens_shortcuts.comparison.evaluation import (
    FIGURES,
    REPORT,
    TEST,
    PartEvaluation,
    SeedEvaluation,
    VariantRun,
)  # fmt: skip
from tasks.lens_shortcuts.model.labelled_stamps import TRAINED
from tasks.lens_shortcuts.model.undefined import why


def table(choice: TreeChoice, params: Compare) -> pd.DataFrame:
    """Unprefixed figures are of the half of val that reports, test_ figures of test. test_delta: of this seed alone."""
    places = ranks(choice.trained, params.fewest_seeds)
    family = choice.rivals
    records: list[dict[str, Any]] = []
    for run in choice.runs:
        head = {"variant": run.name, "mode": run.mode, "mask": run.mask}
        if not run.trained:
            records.append(
                {**head, "seed": None, "status": run.status["status"], "why": run.status["reason"]}
            )
            continue
        for seed in run.seeds:
            place = places[run.name]
            records.append(
                {
                    **head,
                    "seed": seed.seed,
                    "status": TRAINED,
                    "why": run.status["reason"],
                    "rank": "not ranked" if place is None else place,
                    "best_epoch": seed.best_epoch,
                    "epochs": seed.epochs,
                    "select_auroc": seed.select_auroc,
                    **_figures(seed.report, ""),
                    **_figures(seed.test, "test_"),
                    **_ends("test_delta", _delta(run, seed, choice, params) if run in family else None),
                    "test_delta_comparisons": len(family) if run in family else None,
                    **letters(run, choice),
                }
            )
    return pd.DataFrame(records)


def _delta(run: VariantRun, seed: SeedEvaluation, choice: TreeChoice, params: Compare) -> Estimate | None:
    if seed.seed not in choice.baseline.status["seeds"]:
        return None
    found = difference(run, choice, [seed.seed], params.level)
    return Estimate(found.value, found.low, found.high, seed.test.positives)


def epochs(runs: Iterable[VariantRun]) -> pd.DataFrame:
    """Every epoch's record; model gates where they were looked at, bins of Einstein radii with their positives."""
    records = [
        {
            "variant": run.name,
            "seed": seed.seed,
            **{key: value for key, value in record.items() if key != "theta_E"},
            **{
                f"{name}_{each['low']:g}_{each['high']:g}": each[name]
                for each in record.get("theta_E", [])
                for name in ("auroc", "n")
            },
        }
        for run in runs
        for seed in run.seeds
        for record in seed.history
    ]
    return pd.DataFrame(records)


def bins(runs: Iterable[VariantRun]) -> pd.DataFrame:
    """AUROC by Einstein radius against all negatives; empty bins have no figure and say why."""
    return pd.DataFrame(
        [
            {**head, "low": each.low, "high": each.high, **_estimate(each.auroc)}
            for head, figures in _parts(runs)
            for each in figures.bins
        ]
    )


def curves(runs: Iterable[VariantRun]) -> pd.DataFrame:
    """AUROC with r < radius hidden, for all positives and those from the recipe's Einstein radius on."""
    records = []
    for run in runs:
        for head, figures in _parts([run]):
            for positives, curve in (("all", figures.curve), ("large", figures.far_curve)):
                for radius, found in zip(run.recipe.radii, curve, strict=True):
                    records.append({**head, "positives": positives, "radius": radius, **_estimate(found)})
    return pd.DataFrame(records)


def _parts(runs: Iterable[VariantRun]) -> Iterable[tuple[dict[str, Any], PartEvaluation]]:
    for run in runs:
        for seed in run.seeds:
            for part in (REPORT, TEST):
                yield {"variant": run.name, "seed": seed.seed, "part": part}, getattr(seed, part)


def _figures(figures: PartEvaluation, prefix: str) -> dict[str, Any]:
    row = {f"{prefix}{name}": getattr(figures, name) for name in ("positives", "negatives", "far_positives")}
    row[f"{prefix}pairs"] = figures.win_rate.n
    for name in FIGURES:
        row |= _ends(f"{prefix}{name}", getattr(figures, name))
    return row


def _ends(name: str, found: Estimate | None) -> dict[str, float | None]:
    ends = (None, None, None) if found is None else (found.value, found.low, found.high)
    return dict(zip((name, f"{name}_low", f"{name}_high"), ends, strict=True))


def _estimate(found: Estimate) -> dict[str, Any]:
    return {
        "positives_counted": found.n, "auroc": found.value, "auroc_low": found.low, "auroc_high": found.high,
        "status": found.status, "reason": why(found),
    }  # fmt: skip
