"""What gates and trainings left, judged by one evaluator: the same figures for every variant and seed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from methods.lenses.masking import Phase
from methods.shortcuts.claims import Claim
from methods.shortcuts.decision_tree import Gates, Grades
from methods.shortcuts.evaluation import (
    Bin,
    Estimate,
    Part,
    core_reliance,
    pair_win_rate,
    radius_bins,
    ranking,
    sensitivity_curve,
)
from methods.shortcuts.evaluation import undefined as no_estimate
from methods.shortcuts.gate_results import CORE, FINAL, RADIAL, GateResult, undefined
from methods.shortcuts.grades import GradeEdges, GradeRules, ModelGates, grades
from methods.shortcuts.radius_extremes import least_bin, radius_spread
from params.lens_recipe import TrainRecipe
from params.lens_shortcuts import TreeThresholds
from storage.files.documents import read_json
from storage.files.inputs import InputError
from storage.files.tables import read_csv, read_parquet
from storage.lenses.stamps import ARCS, PLACEBO, has_set
from tasks.lens_shortcuts.model.labelled_stamps import TRAINED, StampSet, column, stamp_set
from tasks.report.figures import percent, significant

REPORT, TEST = "report", "test"  # the half of val that chose no epoch, and test
FIGURES = ("auroc", "placebo", "reliance", "reliance_all", "theta_E_least", "theta_E_spread", "win_rate")


@dataclass(frozen=True)
class PartEvaluation:
    """One model on one part, or the mean of several seeds; far: positives from recipe.reliance_theta_E on."""

    positives: int
    negatives: int
    far_positives: int
    auroc: Estimate
    curve: list[Estimate]
    far_curve: list[Estimate]
    reliance: Estimate
    reliance_all: Estimate
    bins: list[Bin]
    theta_E_least: Estimate
    theta_E_spread: Estimate
    win_rate: Estimate
    placebo: Estimate


@dataclass(frozen=True)
class SeedEvaluation:
    """best_epoch is the one that the select half chose, select_auroc its AUROC there."""

    seed: int
    best_epoch: int
    epochs: int
    select_auroc: float
    report: PartEvaluation
    test: PartEvaluation
    history: list[dict[str, Any]]


class VariantRun:
    """One variant as it was trained, or why it was not; its stamps are those of its mode."""

    def __init__(self, folder: Path, stamps: Mapping[str, Path]) -> None:
        """stamps: by mode."""
        self.folder = folder
        self.status: dict[str, Any] = read_json(folder / "status.json")
        self.name: str = self.status["variant"]
        self.mode: str = self.status["mode"]
        self.stamps = stamps[self.mode]
        self.trained = self.status["status"] == TRAINED
        self.recipe = TrainRecipe.model_validate(self.status["recipe"])

    @property
    def phases(self) -> list[Phase]:
        return [Phase(**each) for each in self.status["phases"]]

    @property
    def mask(self) -> str:
        phases = self.status["phases"]
        if not phases:
            return "none"
        return ", ".join(
            f"r<{significant(each['radius'], 6)} p={significant(each['probability'], 6)}"
            + (f" from {percent(each['start'], 0)}" if len(phases) > 1 else "")
            for each in phases
        )

    @cached_property
    def scores(self) -> pd.DataFrame:
        return read_parquet(self.folder / "scores.parquet")

    @cached_property
    def seeds(self) -> list[SeedEvaluation]:
        return [self._seed(seed) for seed in self.status["seeds"]]

    @cached_property
    def over_seeds(self) -> Mapping[str, PartEvaluation]:
        """Of report and test, means over seeds: these trainings on other stamps. Seeds add no stamps."""
        return {of: self._figures(self.status["seeds"], of) for of in (REPORT, TEST)}

    def trainings(self, seeds: Sequence[int], name: str, of: str) -> Part:
        """Scored by each of the seeds: logits (seeds, rows, radii)."""
        parts = [self.part(seed, name, of)[1] for seed in seeds]
        return replace(parts[0], logits=np.stack([each.logits for each in parts]))

    def part(self, seed: int, name: str, of: str) -> tuple[StampSet, Part, np.ndarray]:
        """(stamps, scored part, rows of the split that it holds) of `report` or `test`."""
        split = "val" if of == REPORT else of
        found = stamp_set(self.stamps, name, split)
        table = self.scores
        table = table[(table["seed"] == seed) & (table["set"] == name) & (table["split"] == split)]
        if len(table) != len(found.positive) or (table["row"].to_numpy() != np.arange(len(table))).any():
            raise InputError(
                self.folder / "scores.parquet",
                f"{len(table)} scores for {len(found.positive)} stamps of {name} {split}; train it again",
            )
        radii = self.recipe.radii if name == ARCS else self.recipe.radii[:1]
        part = found.part(table[[column(radius) for radius in radii]].to_numpy(np.float64))
        kept = ~table["selects"].to_numpy(bool)
        return found, part.only(kept), np.flatnonzero(kept)

    def _seed(self, seed: int) -> SeedEvaluation:
        folder = self.folder / f"seed_{seed}"
        facts = read_json(folder / "metrics.json")
        lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        return SeedEvaluation(
            seed, facts["best_epoch"], facts["epochs"], facts["select_auroc"], self._figures([seed], REPORT),
            self._figures([seed], TEST), [json.loads(line) for line in lines],
        )  # fmt: skip

    def _figures(self, seeds: Sequence[int], of: str) -> PartEvaluation:
        recipe = self.recipe
        part = self.trainings(seeds, ARCS, of)
        far = part.from_radius(recipe.reliance_theta_E)
        hidden = recipe.radii.index(recipe.reliance_radius)
        bins = radius_bins(part, recipe.theta_E_edges, recipe.level)
        placebo = no_estimate(Claim("no_placebo"))
        if has_set(self.stamps, PLACEBO, "val" if of == REPORT else of):
            placebo = ranking(self.trainings(seeds, PLACEBO, of), recipe.level)
        return PartEvaluation(
            int(part.positive.sum()),
            int((~part.positive).sum()),
            int(far.positive.sum()),
            ranking(part, recipe.level),
            sensitivity_curve(part, recipe.level),
            sensitivity_curve(far, recipe.level),
            core_reliance(far, hidden, recipe.reliance_floor, recipe.level),
            core_reliance(part, hidden, recipe.reliance_floor, recipe.level),
            bins,
            least_bin(part, recipe.theta_E_edges, bins, recipe.least_in_bin, recipe.level),
            radius_spread(part, recipe.theta_E_edges, bins, recipe.least_in_bin, recipe.level),
            pair_win_rate(part, recipe.level),
            placebo,
        )


def load_runs(run: Mapping[str, Path], stamps: Mapping[str, Path]) -> list[VariantRun]:
    """Variants in the order of their files; each with the stamps of its mode."""
    return [VariantRun(folder, stamps) for folder in run.values()]


def model_gates(run: VariantRun, of: str = REPORT) -> ModelGates:
    """On the report half of val, or on test."""
    found = run.over_seeds[of]
    return ModelGates(**{each.name: getattr(found, each.name) for each in fields(ModelGates)})


def grade_rules(thresholds: TreeThresholds) -> GradeRules:
    return GradeRules(**{name: GradeEdges(**edges) for name, edges in thresholds.model_dump().items()})


def graded(run: VariantRun, gates: Path, mode: Gates, rules: GradeRules) -> Grades:
    """The variant's model gates, and the data gates of its mode on the set that `mode` names."""
    name = PLACEBO if mode == "placebo" else ARCS
    return grades(data_gate(gates, name, CORE), data_gate(gates, name, RADIAL), model_gates(run), rules)


def data_gate(path: Path, name: str, gate: str) -> GateResult:
    """The gate on the whole of val; undefined where the set is not there."""
    table = read_csv(path)
    rows = table[(table["set"] == name) & (table["split"] == FINAL) & (table["gate"] == gate)]
    if rows.empty:
        return undefined(0)
    row = rows.iloc[0]
    if row["status"] != "ok":
        return undefined(int(row["n"]))
    auc, *ends = (float(row[key]) for key in ("auc", "low", "high", "family_low", "family_high"))
    return GateResult(auc, ends[0], ends[1], ends[2], ends[3], int(row["n"]), "ok")
