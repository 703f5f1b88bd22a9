"""The page of lens_shortcuts: the decision, then what every variant, gate and planted leak showed, with its terms."""

from collections.abc import Iterable
from typing import Any

import pandas as pd

from methods.lenses.geometry import PIXEL_SCALE
from methods.shortcuts.decision_tree import Outcome
from params.lens_shortcuts import Compare
from storage.files.markdown import bullets, markdown_table
from storage.lenses.stamps import LEAK
from tasks.lens_shortcuts.comparison import figures as shown
from tasks.lens_shortcuts.comparison.choice import Decided
from tasks.lens_shortcuts.comparison.decision import NOBODY, Against, Tested
from tasks.lens_shortcuts.model.names import FINAL

UNREACHABLE = (
    "A mask cannot change a data gate, so with the plan's gates the leaf where B3 passes the core gate cannot be reached "
    "once that gate has failed."
)


def page(
    made: dict[str, Any],
    decided: Decided,
    tested: Tested,
    against: Against,
    gates: pd.DataFrame,
    bins: pd.DataFrame,
    curves: pd.DataFrame,
    params: Compare,
    pictures: bool,
) -> str:
    """made: the decision. pictures: hosts are pictures, with the noise that they came with."""
    recipe, network = decided.baseline.recipe, decided.baseline.recipe.network
    parts = [
        "# lens_shortcuts",
        "Can a network that finds strong lenses be trained so that it does not live on shortcuts (core brightness, radial "
        "profile), still works on every Einstein radius, and which variant earns full training?",
        f"**{made['chosen']}** earns it (control: {made['control']}). **{made['verdict']}**."
        if made["chosen"] != NOBODY
        else f"No variant earns it yet (control: {made['control']}): **{made['verdict']}**.",
        bullets(made["reasons"]),
        "## Variants",
        "On the report half of val, which the tree reads:",
        markdown_table(shown.variants(decided)),
        "Their grades by the edges below; Einstein radii as the worse of worst bin and spread:",
        markdown_table(shown.grades(decided)),
        "On test:",
        markdown_table(shown.tested_variants(decided, against)),
        "What these figures rest on:",
        markdown_table(shown.counts(decided)),
        f"ResNet18 of width {network.width} on {network.input} stamps, {network.epochs} epochs, seeds "
        f"{', '.join(map(str, recipe.seeds))}.",
        bullets(_terms(decided, against, params)),
        "## The choice on test",
        *_choice(made, tested),
        "## The path through the tree",
        *(_path(decided.outcomes[mode], mode, mode == decided.mode) for mode in decided.outcomes),
        f"{UNREACHABLE} Edges are half-open: a value on an edge, or an interval that holds one, is WARN.",
        markdown_table(shown.edges(decided, params)),
        f"Ours as well: reliance is undefined below an AUROC of {recipe.reliance_floor:g} (what ranks nothing relies on "
        f"nothing), and a bin of Einstein radii counts from {recipe.least_in_bin} positives on.",
        "## Data gates",
        markdown_table(shown.gates(gates)),
        f"Out-of-fold AUC over five folds that keep hosts and matched pairs whole; `{FINAL}` is the final gate, on all of its "
        "rows. The interval is widened for cross-fitting. *Finds* asks whether the interval that holds for a family of gates "
        f"together excludes .5; families of a mode are {shown.families(gates)}. *Sd over deals*: on train the folds are "
        "dealt anew by each seed; it is what the dealing alone does on the same stamps, no standard error, and the "
        "interval does not come from it. A data gate does not change over epochs: it is logged once; what is followed over "
        "epochs are the model gates (epochs.csv).",
        "## Planted leaks",
        *(planted_leaks(gates, pictures) if _has_leaks(gates) else ["The stamps hold no planted leak."]),
        "## Sensitivity to a hidden core (test)",
        markdown_table(shown.curves(curves, recipe.reliance_theta_E)),
        f"AUROC with so many pixels of {PIXEL_SCALE} arcsec hidden, each interval by itself. n: positives.",
        "## Einstein radii (test)",
        markdown_table(shown.bins(bins)),
        "Each bin's n positives against all negatives, so that the mean by count is the AUROC of all. Each interval by "
        "itself: the worst bin's above is wider, for it was picked.",
        "## Required and not required",
        bullets(
            f"{run.name} ({run.mask}): {run.status['status']}: {run.status['reason']}" for run in decided.runs
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _terms(decided: Decided, against: Against, params: Compare) -> Iterable[str]:
    recipe = decided.baseline.recipe
    far = f"{recipe.reliance_theta_E:g} arcsec"
    yield (
        "Report: the half of val whose hosts chose no epoch; on it the tree chooses the variant. The other half chose the "
        "epoch. Test chose nothing: it was scored once, with those weights."
    )
    yield (
        f"Reliance: AUROC minus AUROC with r < {recipe.reliance_radius:g} pixels hidden. Graded from {far} on: the mask "
        f"reaches {recipe.reliance_radius * PIXEL_SCALE:.2f} arcsec, so at all radii the figure also counts arcs that lie "
        "under it, which is no reliance on the core."
    )
    yield "Placebo: AUROC on the same stamps rendered without arcs; above .5 the model uses something else."
    yield (
        "Worst bin and spread (best minus worst bin) are picked from the same rows, and lean to the bad side: where all "
        "bins are alike the spread is still above 0. Their intervals hold whichever bins are picked."
    )
    yield (
        "Pairs won: positives above the negative of their pair (same host, or matched on PSF and depth); Wilson, at as many "
        "independent pairs as hosts that stand in several pairs leave."
    )
    yield (
        f"Intervals: {recipe.level:.0%}, by host, the two hosts of a matched pair as one. They are about these trainings on "
        "other stamps"
        + ("; of several seeds the mean of values and of ends." if len(recipe.seeds) > 1 else ".")
    )
    if against:
        family = (
            f"of all {len(against)} comparisons together (Bonferroni)" if len(against) > 1 else "by itself"
        )
        counted = (
            "trainings are counted as well as stamps."
            if len(recipe.seeds) > 1
            else "of one training each, so that no difference is told from the luck of it."
        )
        yield (
            f"Against {decided.baseline.name}: AUROC less the control's on the same stamps, the interval {family}; {counted}"
        )


def _choice(made: dict[str, Any], tested: Tested) -> list[str]:
    if not tested:
        return ["Nothing was chosen, so there is nothing to confirm."]
    return [
        f"{made['chosen']}, by the edges of val, and the AUROC that the plan asks of test:",
        markdown_table(shown.checked(tested)),
        "*Holds*: the whole interval stays clear of FAIL. *Does not hold*: all of it lies beyond. *Cannot tell*: it "
        "reaches over the edge, or is undefined. The choice holds where every gate does, and does not hold where one does not.",
    ]


def planted_leaks(gates: pd.DataFrame, pictures: bool) -> list[str]:
    notes = "* finds it: the interval of all gates of planted leaks together excludes .5."
    if pictures:
        notes += (
            " The hosts are pictures, and a brighter picture is multiplied noise and all: what finds bright_hosts may have "
            "found the noise."
        )
    return [markdown_table(shown.leaks(gates)), notes]


def _has_leaks(gates: pd.DataFrame) -> bool:
    return bool(gates["set"].str.startswith(LEAK).any())


def _path(outcome: Outcome, mode: str, decides: bool) -> str:
    title = f"**{mode} gates{' (these decide)' if decides else ''}: {outcome.leaf}.** {outcome.reason}."
    return f"{title}\n\n{bullets(outcome.path)}"
