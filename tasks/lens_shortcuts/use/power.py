"""How many test positives tell on which side of FAIL each gate of the chosen variant lies."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import ndtri

from methods.shortcuts.evaluation import Part
from methods.shortcuts.radius_extremes import spread_positives_at_power
from methods.statistics.auroc_intervals import ranked_groups
from methods.statistics.sample_sizes import SampleSize, auroc_pairs_at_power, scaled_size
from methods.statistics.streams import seeded
from params.lens_shortcuts import Compare
from storage.files.documents import read_json
from storage.files.inputs import InputError
from storage.lenses.stamps import ARCS
from tasks.lens_shortcuts.comparison.choice import GateConfirmation, confirmations, tree_choice
from tasks.lens_shortcuts.comparison.evaluation import TEST, VariantRun, load_runs
from tasks.planning.claims import Assumed, PlannedClaim, require_known, required
from tasks.report.templates import Reason, sentences

REASONS = "tasks/lens_shortcuts/comparison/reasons.j2"
PILOT = ("run", "stamps", "gates", "tree")  # files of the comparison that are read
ASSUMPTIONS = {
    "auroc": "true AUROC of the network",
    "placebo": "true AUROC on stamps whose arcs are turned off",
    "theta_E_least": "true AUROC of the worst bin of Einstein radii",
    "reliance": "true loss of AUROC where the core is hidden",
    "fails": "where FAIL begins, without a pilot",
}
POSITIVES = "test positives"
FAR = 4000  # positives of which the variance of normal scores is taken


def claims(params: Compare, files: dict[str, Any] | None, assumed: Assumed) -> list[PlannedClaim]:
    require_known(assumed, ASSUMPTIONS)
    if files is None:
        area, fails = (required(assumed, name, ASSUMPTIONS) for name in ("auroc", "fails"))
        size = partial(_areas, area, fails, normal_variance(area), FAR, 1.0, params.level)
        return [PlannedClaim(_said("auroc"), POSITIVES, 0, 2, {"value": area, "fails": fails}, size)]
    choice = tree_choice(load_runs(files["run"], files["stamps"]), files["gates"], read_json(files["tree"]))
    if choice.chosen is None:
        raise InputError(
            Path("--assume"), "the tree chooses no variant, so test has nothing to tell; change the data or the rule first"
        )  # fmt: skip
    return list(_of_run(choice.chosen, confirmations(choice, params), assumed))


def _of_run(run: VariantRun, tested: Any, assumed: Assumed) -> Iterator[PlannedClaim]:
    part = run.trainings(run.status["seeds"], ARCS, TEST)
    for name, each in tested.items():
        if name in assumed:
            each = replace(each, found=replace(each.found, value=assumed[name]))
        if each.found.value is not None and each.found.low is not None:
            figures = {"value": each.found.value, "fails": each.edges.fails}
            size = partial(gate_size, name, each, run, part)
            present = run.over_seeds[TEST].positives
            yield PlannedClaim(_said(name), POSITIVES, present, run.recipe.least_in_bin, figures, size)


def gate_size(
    name: str, each: GateConfirmation, run: VariantRun, part: Part, power: float
) -> SampleSize | None:
    """As the decision has it, of all Einstein radii, with as many negatives and bins as full as now."""
    found, of, recipe, fails = each.found, run.over_seeds[TEST], run.recipe, each.edges.fails
    if found.value is None or found.low is None or found.high is None:
        return None
    if name == "theta_E_spread":
        return spread_positives_at_power(
            part, recipe.theta_E_edges, of.bins, recipe.least_in_bin, fails, recipe.level, power
        )
    if found.variance is None:  # reliance, a difference
        half = found.high - found.value if fails > found.value else found.value - found.low
        needed = scaled_size(found.n, fails - found.value, half, recipe.level, power)
        return None if needed is None else SampleSize(ceil(needed / found.n * of.positives), power)
    if name == "placebo" and found.value < 0.5:
        fails = 1 - fails
    return _areas(
        found.value, fails, found.variance, found.pairs, of.positives / found.pairs, recipe.level, power
    )


def _areas(
    area: float,
    fails: float,
    variance: float,
    pairs: int,
    positives_a_pair: float,
    level: float,
    power: float,
) -> SampleSize | None:
    size = auroc_pairs_at_power(area, fails, variance, pairs, level, power)
    return None if size is None else SampleSize(ceil(size.n * positives_a_pair), size.power)


def normal_variance(area: float) -> float:
    """Of the AUROC of FAR positives and as many negatives with normal scores."""
    positive, groups = np.arange(2 * FAR) < FAR, np.arange(2 * FAR)
    scores = seeded(0).normal(size=2 * FAR) + positive * np.sqrt(2) * ndtri(area)
    return ranked_groups(scores, positive, groups).variance


def _said(name: str) -> str:
    return sentences(REASONS, [Reason("side_told", {"name": name})])[0]
