"""The page: the decision, then what every variant, gate and planted leak showed, with its terms."""

from collections.abc import Callable, Iterable
from itertools import pairwise
from operator import attrgetter
from typing import Any

import numpy as np
import pandas as pd

from methods.lenses.geometry import PIXEL_SCALE
from methods.shortcuts.evaluation import Estimate
from methods.shortcuts.gate_results import FINAL
from methods.shortcuts.grades import GradeEdges
from params.lens_shortcuts import Compare
from storage.lenses.manifests import IMAGE_HOST
from storage.lenses.stamps import ARCS, LEAK, PLACEBO, read_rows
from tasks.lens_shortcuts.comparison.choice import Confirmations, Differences, TreeChoice, letters
from tasks.lens_shortcuts.comparison.decision import outcome_words
from tasks.lens_shortcuts.comparison.evaluation import (
    FIGURES,
    TEST,
    PartEvaluation,
    VariantRun,
)  # fmt: skip
from tasks.lens_shortcuts.comparison.plots import GATES
from tasks.lens_shortcuts.model.undefined import why
from tasks.report.templates import render

Cell = tuple[Estimate, float | None, str]  # mean of seeds, their spread, why it is undefined
PLAN = {
    "core": (0.60, 0.65), "radial": (0.55, 0.60), "reliance": (0.03, 0.05), "theta_E_least": (0.80, 0.70),
    "theta_E_spread": (0.15, 0.20),
}  # fmt: skip
OURS = {"placebo": (0.55, 0.60), "auroc": (0.90, 0.90)}  # what the plan has no edges for


def page(
    decision: dict[str, Any],
    choice: TreeChoice,
    tested: Confirmations,
    against: Differences,
    gates: pd.DataFrame,
    params: Compare,
) -> str:
    return render(
        "tasks/lens_shortcuts/comparison/report.md.j2",
        decision=decision,
        choice=choice,
        recipe=choice.baseline.recipe,
        tested=tested,
        against=against,
        figures=figures,
        letters={run.name: letters(run, choice) for run in choice.trained},
        modes=sorted({run.mode: run for run in reversed(choice.trained)}.items()),
        paths={mode: outcome_words(outcome) for mode, outcome in choice.outcomes.items()},
        edges={name: (edges, _origin(name, edges)) for name, edges in vars(choice.rules).items()},
        test_edges=GradeEdges(params.test_auroc, params.test_auroc),
        families=_families(gates),
        curves=list(_curves(choice)),
        bins=list(_bins(choice)),
        pixel=PIXEL_SCALE,
        final=FINAL,
        **gate_tables(gates),
        pictures=any(name in read_rows(choice.baseline.stamps) for name in IMAGE_HOST),
    )


def figures(run: VariantRun, part: str) -> list[Cell]:
    return [_cell(run, part, attrgetter(name)) for name in FIGURES]


def gate_tables(gates: pd.DataFrame) -> dict[str, Any]:
    """gates: rows of those on arcs and placebo. leaks: a row a mode, split and gate, of each leak that gate's row."""
    planted = gates[gates["set"].str.startswith(LEAK)]
    return {
        "titles": GATES,
        "gates": gates[gates["set"].isin([ARCS, PLACEBO])].to_dict("records"),
        "leak_names": list(dict.fromkeys(planted["set"])),
        "leaks": [
            {str(row["set"]): row for row in rows.to_dict("records")}
            for _, rows in planted.groupby(["mode", "split", "gate"], sort=False)
        ],
    }


def _families(gates: pd.DataFrame) -> dict[str, dict[Any, int]]:
    """Gates that are judged together -> how many they are in each mode."""
    kinds = gates["set"].where(~gates["set"].str.startswith(LEAK), LEAK)
    sizes = {
        kind: gates[kinds == kind].groupby("mode", sort=False)["family"].first()
        for kind in (PLACEBO, ARCS, LEAK)
    }
    return {kind: of.to_dict() for kind, of in sizes.items() if len(of)}


def _curves(choice: TreeChoice) -> Iterable[dict[str, Any]]:
    """A row a set of positives and a hidden radius, a cell a variant."""
    for positives in ("curve", "far_curve"):
        for number, radius in enumerate(choice.baseline.recipe.radii):
            row = _by_variant(choice, attrgetter(positives), number)
            yield {"positives": positives, "radius": radius, **row}


def _bins(choice: TreeChoice) -> Iterable[dict[str, Any]]:
    edges = choice.baseline.recipe.theta_E_edges
    for number, (low, high) in enumerate(pairwise(edges)):
        row = _by_variant(choice, lambda part: [each.auroc for each in part.bins], number)
        yield {"low": low, "high": high, "last": high == edges[-1], **row}


def _by_variant(
    choice: TreeChoice, of: Callable[[PartEvaluation], list[Estimate]], number: int
) -> dict[str, Any]:
    def estimate(part: PartEvaluation) -> Estimate:
        return of(part)[number]

    counts = dict.fromkeys(estimate(run.over_seeds[TEST]).n for run in choice.trained)
    return {"n": "/".join(map(str, counts)), "cells": [_cell(run, TEST, estimate) for run in choice.trained]}


def _cell(run: VariantRun, part: str, of: Callable[[PartEvaluation], Estimate]) -> Cell:
    mean, values = of(run.over_seeds[part]), [of(getattr(seed, part)).value for seed in run.seeds]
    known = [value for value in values if value is not None]
    sd = float(np.std(known, ddof=1)) if 1 < len(known) == len(values) else None
    return mean, sd, why(mean)


def _origin(name: str, edges: GradeEdges) -> str:
    ends = edges.passes, edges.fails
    if OURS.get(name) == ends:
        return name
    return "plan" if PLAN.get(name) == ends else "params"
