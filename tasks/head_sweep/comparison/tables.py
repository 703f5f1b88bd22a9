"""The sweep in tables: profiles, knobs, encoders and sizes, the best of each, and how large a difference has to be."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from methods.heads.comparisons import KNOBS, Pair, cell, factor_pairs, family_pairs, knob_pairs, profile_pairs
from methods.heads.noise import Difference, confirmation, holm, seed_spread
from methods.heads.specs import HeadSpec
from methods.statistics.intervals import percentile_interval
from params.head_sweep import Compare
from tasks.head_sweep.comparison.evaluation import PARTS, Part, SweepEvaluation
from tasks.report.templates import Reason, sentences

INTERVALS = ("accuracy", "nll", "ece", "ece_after_T")
COSTS = ("flops", "first_phase_flops", "second_phase_flops", "evaluation_flops")
STILL, NOISE, NOT_HOLM, NO_CELL = "changes no answer", "within noise", "not after Holm", "no cell"
BETTER, HELPS = ("better", "worse"), ("helps", "hurts")
Words = tuple[str, str]  # for a difference above 0, and below
Effect = tuple[dict[str, str], Sequence[Pair]]
PREFIX = {"validation": "validation_", "test": ""}
ENDS = {"": "delta", "_low": "low", "_high": "high"}
COLUMNS = {f"delta{end}": name for end, name in ENDS.items()} | {
    "delta_pairs": "pairs", "delta_group_error": "group_error", "delta_seed_error": "seed_error",
    "delta_floor": "floor", "p": "p",
}  # fmt: skip


def tables(sweeps: Sequence[SweepEvaluation], params: Compare) -> dict[str, pd.DataFrame]:
    """By the names of their files. knobs are main effects: pairs of runs that differ in this knob alone, over everything
    else in the sweep. factors: families of encoders, encoders, sizes and smoothings against each other, pairs of runs
    alike in all else. recipes and best are of the dataset that decides."""
    recipes = _recipes(sweeps[0])
    return {
        "table": _stacked(_profiles(each, params) for each in sweeps),
        "runs": pd.DataFrame([record for each in sweeps for record in _runs(each)]),
        "knobs": _stacked(_effects(each, _knobs(each), HELPS, params) for each in sweeps),
        "factors": _stacked(
            _effects(each, _factors(each, params.families), BETTER, params) for each in sweeps
        ),
        "recipes": recipes,
        "best": _best_of_each(recipes),
    }


def _profiles(sweep: SweepEvaluation, params: Compare) -> pd.DataFrame:
    """A row per profile: means over its runs, paired differences from the control and from `full`."""
    records, differences = [], []
    for profile in dict.fromkeys(sweep.profiles):
        own = [number for number, run in enumerate(sweep.runs) if run.profile == profile]
        cells = [cell(sweep.runs[i].spec) for i in own]
        pairs = profile_pairs(sweep.specs, sweep.profiles, profile, sweep.control)
        differences.append(PairedDifferences.of(sweep, [] if profile == sweep.control else pairs))
        beside = sorted({number for _, number in pairs})
        beside_full = profile_pairs(sweep.specs, sweep.profiles, profile, params.full)
        full = sweep.of_pairs(beside_full, "test") if profile != params.full else None
        records.append(
            {
                "dataset": sweep.dataset, "profile": profile, "runs": len(own), "cells": len(set(cells)),
                **_score(sweep, own, "test"),
                "control_macro_f1_fg": sweep.mean(beside, "test")[0] if beside else None,
                "seed_sd": seed_spread(sweep.test.scores[own], cells), **_score(sweep, own, "validation"),
                **{name: _mean(sweep, own, f"metrics.{name}")
                   for name in ("weighted_f1_fg", "macro_precision_fg", "macro_recall_fg")},
                **{key: value for name in INTERVALS for key, value in _figure(sweep, own, name).items()},
                "ece_null": _mean(sweep, own, "ece_null"),
                **differences[-1].columns,
                **{f"delta_full{end}": getattr(full, name, None) for end, name in ENDS.items()},
                **_costs(sweep, own), "failed": sum(facts["profile"] == profile for facts in sweep.failed),
            }
        )  # fmt: skip
    table = verdicts(pd.DataFrame(records), differences, BETTER, params.alpha)
    table.loc[table["profile"] == sweep.control, ["validation_verdict", "verdict"]] = "control"
    return table


def _knobs(sweep: SweepEvaluation) -> Iterable[Effect]:
    return [
        ({"knob": name}, knob_pairs(sweep.specs, knob))
        for name, knob in zip(_words(KNOBS), KNOBS, strict=True)
    ]


def _words(kinds: Iterable[str]) -> list[str]:
    """What a cell says of each kind."""
    cells = (Reason("cell", {"kind": kind}) for kind in kinds)
    return sentences("tasks/head_sweep/comparison/reasons.j2", cells)


def _factors(sweep: SweepEvaluation, families: Mapping[str, str]) -> Iterable[Effect]:
    specs = sweep.specs
    encoders = list(dict.fromkeys(spec.encoder for spec in specs))
    for one, other, pairs in family_pairs(specs, {name: families[name] for name in encoders}):
        yield {"factor": "encoder family", "value": other, "against": one}, pairs
    sizes = {run.size: {"hidden": run.spec.hidden, "batch": run.spec.batch} for run in sweep.runs}
    values: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
        "encoder": {name: {"encoder": name} for name in encoders},
        "size": sizes,
        "smoothing": {f"{x:g}": {"smoothing": x} for x in sorted({spec.smoothing for spec in specs})},
    }
    for factor, named in values.items():
        names = {tuple(value.items()): name for name, value in named.items()}
        for first, second, pairs in factor_pairs(specs, list(named.values())):
            one, other = (names[tuple(value.items())] for value in (first, second))
            yield {"factor": factor, "value": other, "against": one}, pairs


def _recipes(sweep: SweepEvaluation) -> pd.DataFrame:
    """A row per cell and profile, the best on inner validation first; test figures stand beside it and chose nothing."""
    records = []
    for name, own in sweep.recipes.items():
        first = sweep.runs[own[0]]
        records.append(
            {
                "recipe": name, "profile": first.profile, "encoder": first.spec.encoder, "size": first.size,
                "smoothing": first.spec.smoothing, "seeds": len(own), **_score(sweep, own, "validation"),
                **_score(sweep, own, "test"), **_costs(sweep, own), "tokens": first.spec.recipe,
                "control": first.profile == sweep.control,
            }
        )  # fmt: skip
    table = pd.DataFrame(records).sort_values(  # of equal ones the control first, as the choice has it
        ["validation_macro_f1_fg", "control"], ascending=False, kind="stable", ignore_index=True
    )
    return table.drop(columns="control")


def _best_of_each(recipes: pd.DataFrame) -> pd.DataFrame:
    """Of every encoder and profile the size and smoothing that inner validation likes best."""
    return (
        recipes.drop_duplicates(["encoder", "profile"])
        .sort_values(["encoder", "profile"], kind="stable", ignore_index=True)
        .drop(columns="recipe")
    )


def noise(sweep: SweepEvaluation, table: pd.DataFrame) -> dict[str, float | int | None]:
    """What a difference has to exceed: of two single runs, and of two profiles over the cells they share."""
    once = list({spec.answers: number for number, spec in reversed(list(enumerate(sweep.specs)))}.values())
    cells = [(sweep.runs[i].profile, cell(sweep.runs[i].spec)) for i in once]
    seed_sd = seed_spread(sweep.test.scores[once], cells)
    own = table[table["dataset"] == sweep.dataset]
    z = float(ndtri((1 + sweep.level) / 2))
    named = own.loc[own["delta_floor"] > 0, "delta_floor"]
    return {
        "seed_sd_of_one_run": seed_sd,
        "test_groups": sweep.test.groups,
        "group_sd_of_one_run": float(np.median(sweep.test.draws.std(axis=1, ddof=1))),
        "floor_of_two_single_runs": None if seed_sd is None else z * seed_sd * float(np.sqrt(2)),
        "median_floor_of_profiles": float(named.median()) if len(named) else None,
    }


def _costs(sweep: SweepEvaluation, own: Sequence[int]) -> dict[str, float]:
    """Mean FLOPs of runs, in all and by phase."""
    return {name: float(np.mean([sweep.runs[i].facts[name] for i in own])) for name in COSTS}


# --- comparisons, on validation and on test -----------------------------------------------------------------------


@dataclass(frozen=True)
class PairedDifferences:
    """The same pairs on both splits; None where there is no pair."""

    validation: Difference | None
    test: Difference | None

    @classmethod
    def of(cls, sweep: SweepEvaluation, pairs: Sequence[Pair]) -> "PairedDifferences":
        return cls(sweep.of_pairs(pairs, "validation"), sweep.of_pairs(pairs, "test"))

    @property
    def columns(self) -> dict[str, Any]:
        validation, test = _columns(self.validation), _columns(self.test)
        return {**{f"validation_{name}": value for name, value in validation.items()}, **test}


def _effects(
    sweep: SweepEvaluation, effects: Iterable[Effect], words: Words, params: Compare
) -> pd.DataFrame:
    records, differences = [], []
    for names, pairs in effects:
        if pairs:
            differences.append(PairedDifferences.of(sweep, pairs))
            records.append({"dataset": sweep.dataset, **names, **differences[-1].columns})
    return verdicts(pd.DataFrame(records), differences, words, params.alpha) if records else pd.DataFrame()


def verdicts(
    table: pd.DataFrame, differences: Sequence[PairedDifferences], words: Words, alpha: float
) -> pd.DataFrame:
    """Verdicts of both splits, and whether test confirms what validation names."""
    for part in PARTS:
        table = _part_verdicts(table, PREFIX[part], words, alpha)
    on_test = [
        confirmation(each.test.reversed if each.test and verdict == words[1] else each.test)
        if verdict in words
        else ""
        for verdict, each in zip(table["validation_verdict"], differences, strict=True)
    ]
    return table.assign(on_test=on_test)


def _part_verdicts(table: pd.DataFrame, prefix: str, words: Words, alpha: float) -> pd.DataFrame:
    """Holm over all comparisons with anything to compare; what changes no answer is said so and not counted."""
    columns = ("delta", "p", "delta_group_error", "delta_low", "delta_high", "delta_floor")
    delta, p, error, low, high, floor = (table[prefix + name].to_numpy(np.float64) for name in columns)
    still = (delta == 0) & (error == 0)
    adjusted = holm(np.where(still, np.nan, p))
    verdict = np.where(np.isnan(delta), _words([NO_CELL])[0], NOISE).astype(object)
    verdict[(np.abs(delta) > floor) & ((low > 0) | (high < 0))] = NOT_HOLM
    verdict[still] = STILL
    verdict[(adjusted < alpha) & (low > 0)] = words[0]
    verdict[(adjusted < alpha) & (high < 0)] = words[1]
    return table.assign(**{f"{prefix}p_holm": adjusted, f"{prefix}verdict": verdict})


def _columns(difference: Difference | None) -> dict[str, Any]:
    return {
        column: getattr(difference, name, 0 if name == "pairs" else None) for column, name in COLUMNS.items()
    }


def _stacked(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    filled = [table for table in tables if len(table)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame()


# --- figures ------------------------------------------------------------------------------------------------------


def _score(sweep: SweepEvaluation, own: Sequence[int], part: Part) -> dict[str, float]:
    name = PREFIX[part] + "macro_f1_fg"
    return dict(zip((name, f"{name}_low", f"{name}_high"), sweep.mean(own, part), strict=True))


def _figure(sweep: SweepEvaluation, own: Sequence[int], name: str) -> dict[str, float]:
    """A mean over runs and its interval over test groups."""
    value = _mean(sweep, own, "ece_after" if name == "ece_after_T" else f"metrics.{name}")
    low, high = figure_interval(sweep, own, name, value)
    return {name: value, f"{name}_low": low, f"{name}_high": high}


def figure_interval(
    sweep: SweepEvaluation, own: Sequence[int], name: str, value: float
) -> tuple[float, float]:
    """Percentiles; of an ECE the basic interval, as resampling adds noise of its own to what cannot fall below 0."""
    drawn = np.mean([sweep.runs[i].draws[name] for i in own], axis=0)
    low, high = (float(each) for each in percentile_interval(drawn, sweep.level))
    return (max(0.0, 2 * value - high), 2 * value - low) if name.startswith("ece") else (low, high)


def _mean(sweep: SweepEvaluation, own: Iterable[int], attribute: str) -> float:
    return float(np.mean([attrgetter(attribute)(sweep.runs[i]) for i in own]))


# --- the table of runs --------------------------------------------------------------------------------------------


def _runs(sweep: SweepEvaluation) -> list[dict[str, Any]]:
    """A row per run; figures of a run that failed are empty."""
    records = [_record(run.facts, _run_figures(sweep, number)) for number, run in enumerate(sweep.runs)]
    return records + [_record(facts, {"dataset": sweep.dataset}) for facts in sweep.failed]


def _record(facts: Mapping[str, Any], figures: Mapping[str, Any]) -> dict[str, Any]:
    spec = HeadSpec.parse(facts["id"])
    return {
        "id": facts["id"], "dataset": figures["dataset"], "profile": facts["profile"], "encoder": spec.encoder,
        "size": facts["size"], "smoothing": spec.smoothing, "seed": spec.seed, "status": facts["status"], **figures,
        **{name: facts[name]
           for name in ("best_epoch", "epochs", "steps", "second_phase_steps", "parameters", *COSTS)},
    }  # fmt: skip


def _run_figures(sweep: SweepEvaluation, number: int) -> dict[str, Any]:
    run = sweep.runs[number]
    names = ("weighted_f1_fg", "macro_precision_fg", "macro_recall_fg", "accuracy", "nll", "ece")
    return {
        "dataset": sweep.dataset, **_score(sweep, [number], "validation"), **_score(sweep, [number], "test"),
        **{name: getattr(run.metrics, name) for name in names},
        "ece_null": run.ece_null, "ece_before_T": run.ece_before, "ece_after_T": run.ece_after,
        "T": run.fit.temperature, "T_status": run.fit.status, "rows": run.metrics.rows,
    }  # fmt: skip
