"""The sweep in tables: profiles, knobs, encoders and sizes, the best of each, and how large a difference has to be."""

from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from methods.calibration.calibration_error import width_bin
from methods.calibration.calibration_intervals import CalibrationErrorInterval, calibration_error_interval
from methods.heads.comparisons import KNOBS, Pair, cell, factor_pairs, family_pairs, knob_pairs, profile_pairs
from methods.heads.contrasts import Contrast, confirmation
from methods.heads.metrics import BINS
from methods.heads.noise import seed_spread
from methods.heads.specs import HeadSpec
from methods.statistics.group_intervals import group_mean_interval, group_share_interval
from params.head_sweep import Compare
from tasks.head_sweep.comparison.evaluation import PARTS, Part, SweepEvaluation
from tasks.report.templates import Reason, sentences

COSTS = ("flops", "first_phase_flops", "second_phase_flops", "evaluation_flops")
STILL, NOISE, ONE_SEED, NO_CELL = "changes no answer", "within noise", "one seed", "no cell"
BETTER, HELPS = ("better", "worse"), ("helps", "hurts")
Words = tuple[str, str]  # for a difference above 0, and below
Effect = tuple[dict[str, str], Sequence[Pair]]
PREFIX = {"validation": "validation_", "test": ""}
ENDS = {"": "delta", "_low": "low", "_high": "high"}
COLUMNS = {f"delta{end}": name for end, name in ENDS.items()} | {
    "delta_pairs": "pairs", "delta_error": "error", "delta_floor": "floor", "p": "p",
}  # fmt: skip


def tables(sweeps: Sequence[SweepEvaluation], params: Compare) -> dict[str, pd.DataFrame]:
    """By the names of their files. knobs are main effects: pairs of runs that differ in this knob alone, over everything
    else in the sweep. factors: families of encoders, encoders, sizes and smoothings against each other, pairs of runs
    alike in all else. recipes and best are of the dataset that decides."""
    recipes = _recipes(sweeps[0])
    return {
        "table": _stacked(_profiles(each, params) for each in sweeps),
        "runs": pd.DataFrame([record for each in sweeps for record in _runs(each)]),
        "knobs": _stacked(_effects(each, _knobs(each), HELPS) for each in sweeps),
        "factors": _stacked(_effects(each, _factors(each, params.families), BETTER) for each in sweeps),
        "recipes": recipes,
        "best": _best_of_each(recipes),
    }


def _profiles(sweep: SweepEvaluation, params: Compare) -> pd.DataFrame:
    """A row per profile: means over its runs, paired differences from the control and from `full`."""
    names = list(dict.fromkeys(sweep.profiles))
    beside = [profile_pairs(sweep.specs, sweep.profiles, name, sweep.control) for name in names]
    compared = [[] if name == sweep.control else pairs for name, pairs in zip(names, beside, strict=True)]
    beside_full = [
        [] if name == params.full else profile_pairs(sweep.specs, sweep.profiles, name, params.full)
        for name in names
    ]
    full = sweep.compared(beside_full, "test")
    records = []
    for profile, pairs, of_full in zip(names, beside, full, strict=True):
        own = [number for number, run in enumerate(sweep.runs) if run.profile == profile]
        cells = [cell(sweep.runs[i].spec) for i in own]
        control = sorted({number for _, number in pairs})
        records.append(
            {
                "dataset": sweep.dataset, "profile": profile, "runs": len(own), "cells": len(set(cells)),
                **_score(sweep, own, "test"),
                "control_macro_f1_fg": sweep.mean(control, "test")[0] if control else None,
                "seed_sd": seed_spread(sweep.test.scores[own], cells), **_score(sweep, own, "validation"),
                **{name: _mean(sweep, own, f"metrics.{name}")
                   for name in ("weighted_f1_fg", "macro_precision_fg", "macro_recall_fg")},
                **_figures(sweep, own, params),
                "ece_null": _mean(sweep, own, "ece_null"),
                **{f"delta_full{end}": getattr(of_full, name, None) for end, name in ENDS.items()},
                **_costs(sweep, own), "failed": sum(facts["profile"] == profile for facts in sweep.failed),
                "at_limit": sum(not sweep.runs[i].converged for i in own),
            }
        )  # fmt: skip
    table = _compared(sweep, pd.DataFrame(records), compared, BETTER)
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


def _effects(sweep: SweepEvaluation, effects: Iterable[Effect], words: Words) -> pd.DataFrame:
    filled = [(names, pairs) for names, pairs in effects if pairs]
    if not filled:
        return pd.DataFrame()
    records = pd.DataFrame([{"dataset": sweep.dataset, **names} for names, _ in filled])
    return _compared(sweep, records, [pairs for _, pairs in filled], words)


def _compared(
    sweep: SweepEvaluation, table: pd.DataFrame, families: Sequence[Sequence[Pair]], words: Words
) -> pd.DataFrame:
    """Beside each row its difference on both splits, all rows judged at once, and whether test confirms those that
    validation names."""
    for part in PARTS:
        found = sweep.compared(families, part)
        for name, of in COLUMNS.items():
            table[f"{PREFIX[part]}{name}"] = [_entry(each, of) for each in found]
        table[f"{PREFIX[part]}verdict"] = [verdict(each, words) for each in found]
    named = [k for k, word in enumerate(table["validation_verdict"]) if word in words]
    confirmed = dict(zip(named, sweep.compared([families[k] for k in named], "test"), strict=True))
    on_test = [
        confirmation(confirmed[k], above=word == words[0]) if k in confirmed else ""
        for k, word in enumerate(table["validation_verdict"])
    ]
    return table.assign(on_test=on_test)


def verdict(found: Contrast | None, words: Words) -> str:
    if found is None:
        return _words([NO_CELL])[0]
    if found.same:
        return STILL
    if found.floor is None:
        return ONE_SEED
    return words[0] if found.above else words[1] if found.below else NOISE


def _entry(found: Contrast | None, name: str) -> float | int | None:
    return getattr(found, name, 0 if name == "pairs" else None)


def _stacked(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    filled = [table for table in tables if len(table)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame()


# --- figures ------------------------------------------------------------------------------------------------------


def _score(sweep: SweepEvaluation, own: Sequence[int], part: Part) -> dict[str, float]:
    name = PREFIX[part] + "macro_f1_fg"
    return dict(zip((name, f"{name}_low", f"{name}_high"), sweep.mean(own, part), strict=True))


def _figures(sweep: SweepEvaluation, own: Sequence[int], params: Compare) -> dict[str, float | None]:
    """Means over runs with their intervals over test groups; of an ECE the reading, and the interval of what it is
    without its bias."""
    runs, member = [sweep.runs[i] for i in own], sweep.test.member
    correct = np.mean([run.correct for run in runs], axis=0)
    accuracy = group_share_interval(correct, member, sweep.level)
    loss = group_mean_interval(np.mean([run.nll for run in runs], axis=0), member, sweep.level)
    found = {f"{name}{end}": getattr(each, of) for name, each in (("accuracy", accuracy), ("nll", loss))
             for end, of in (("", "value"), ("_low", "low"), ("_high", "high"))}  # fmt: skip
    for name in ("ece", "ece_after_T"):
        each = ece_interval(sweep, own, name, params.resamples)
        found |= {
            name: each.reading, f"{name}_debiased": each.value, f"{name}_debiased_low": each.low,
            f"{name}_debiased_high": each.high,
        }  # fmt: skip
    return found


def ece_interval(
    sweep: SweepEvaluation, own: Sequence[int], name: str, resamples: int
) -> CalibrationErrorInterval:
    """Of the mean ECE of runs, which read the same test groups: bins of each run are bins of its own."""
    confidence = np.concatenate([sweep.runs[i].confidence[name] for i in own])
    correct = np.concatenate([sweep.runs[i].correct for i in own])
    run = np.repeat(np.arange(len(own)), sweep.test.rows)
    return calibration_error_interval(
        confidence, correct, np.tile(sweep.test.member, len(own)), width_bin(confidence, BINS) + BINS * run,
        sweep.level, resamples, sweep.seed,
    )  # fmt: skip


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
