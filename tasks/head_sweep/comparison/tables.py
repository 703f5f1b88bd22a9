"""The sweep in tables: profiles, knobs, encoders and sizes, the best of each, and how large a difference has to be."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from methods.heads.comparisons import KNOBS, Pair, cell, factor_pairs, family_pairs, knob_pairs, profile_pairs
from methods.heads.noise import Difference, confirmation, holm, seed_spread
from methods.heads.specs import HeadSpec
from methods.statistics.intervals import percentile_interval
from params.head_sweep import Compare
from tasks.head_sweep.comparison.evaluation import PARTS, Judged, Part, Run

INTERVALS = ("accuracy", "nll", "ece", "ece_after_T")
COSTS = ("flops", "first_phase_flops", "second_phase_flops", "evaluation_flops")
STILL, NOISE, NOT_HOLM = "changes no answer", "within noise", "not after Holm"
BETTER, HELPS = ("better", "worse"), ("helps", "hurts")
Words = tuple[str, str]  # for a difference above 0, and below
PREFIX = {"validation": "validation_", "test": ""}


def profiles(judged: Sequence[Judged], params: Compare) -> pd.DataFrame:
    """A row per dataset and profile: means over its runs, paired differences from the control and from `full`."""
    return pd.concat([_profiles(each, params) for each in judged], ignore_index=True)


def _profiles(judged: Judged, params: Compare) -> pd.DataFrame:
    records, found = [], []
    for profile in dict.fromkeys(judged.profiles):
        own = [number for number, run in enumerate(judged.runs) if run.profile == profile]
        cells = [cell(judged.runs[i].spec) for i in own]
        pairs = profile_pairs(judged.specs, judged.profiles, profile, judged.control)
        found.append(Compared.of(judged, [] if profile == judged.control else pairs))
        beside = sorted({number for _, number in pairs})
        full = judged.against(profile, params.full, "test") if profile != params.full else None
        records.append(
            {
                "dataset": judged.dataset, "profile": profile, "runs": len(own), "cells": len(set(cells)),
                **_score(judged, own, "test"),
                "control_macro_f1_fg": judged.mean(beside, "test")[0] if beside else None,
                "seed_sd": seed_spread(judged.test.scores[own], cells), **_score(judged, own, "validation"),
                **{name: _mean(judged, own, _metric(name))
                   for name in ("weighted_f1_fg", "macro_precision_fg", "macro_recall_fg")},
                **{key: value for name in INTERVALS for key, value in _figure(judged, own, name).items()},
                "ece_null": _mean(judged, own, lambda run: run.ece_null),
                **found[-1].columns,
                **{f"delta_full{name}": value for name, value in _interval(full).items()},
                **costs(judged, own), "failed": sum(facts["profile"] == profile for facts in judged.failed),
            }
        )  # fmt: skip
    table = _said(pd.DataFrame(records), found, BETTER, params.alpha)
    table.loc[table["profile"] == judged.control, ["validation_verdict", "verdict"]] = "control"
    return table


def knobs(judged: Sequence[Judged], params: Compare) -> pd.DataFrame:
    """Main effects: pairs of runs that differ in this knob alone, over everything else in the sweep."""
    return _stacked(
        _effects(each, [({"knob": knob}, knob_pairs(each.specs, knob)) for knob in KNOBS], HELPS, params)
        for each in judged
    )


def factors(judged: Sequence[Judged], params: Compare) -> pd.DataFrame:
    """Families of encoders, encoders, sizes and smoothings against each other, pairs of runs alike in all else."""
    return _stacked(_effects(each, _factors(each, params.families), BETTER, params) for each in judged)


def _factors(judged: Judged, families: Mapping[str, str]) -> Iterable["Effect"]:
    specs = judged.specs
    encoders = list(dict.fromkeys(spec.encoder for spec in specs))
    for one, other, pairs in family_pairs(specs, {name: families[name] for name in encoders}):
        yield {"factor": "encoder family", "value": other, "against": one}, pairs
    sizes = {run.size: {"hidden": run.spec.hidden, "batch": run.spec.batch} for run in judged.runs}
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


def recipes(judged: Judged) -> pd.DataFrame:
    """A row per cell and profile, the best on inner validation first; test figures stand beside it and chose nothing."""
    groups: dict[str, list[int]] = {}
    for number, run in enumerate(judged.runs):
        groups.setdefault(run.recipe, []).append(number)
    records = []
    for name, own in groups.items():
        first = judged.runs[own[0]]
        records.append(
            {
                "recipe": name, "profile": first.profile, "encoder": first.spec.encoder, "size": first.size,
                "smoothing": first.spec.smoothing, "seeds": len(own), **_score(judged, own, "validation"),
                **_score(judged, own, "test"), **costs(judged, own), "tokens": first.spec.recipe,
                "control": first.profile == judged.control,
            }
        )  # fmt: skip
    table = pd.DataFrame(records).sort_values(  # of equal ones the control first, as the choice has it
        ["validation_macro_f1_fg", "control"], ascending=False, kind="stable", ignore_index=True
    )
    return table.drop(columns="control")


def best_of_each(judged: Judged) -> pd.DataFrame:
    """Of every encoder and profile the size and smoothing that inner validation likes best."""
    table = recipes(judged)
    return (
        table.drop_duplicates(["encoder", "profile"])
        .sort_values(["encoder", "profile"], kind="stable", ignore_index=True)
        .drop(columns="recipe")
    )


def noise(judged: Judged, table: pd.DataFrame) -> dict[str, float | int | None]:
    """What a difference has to exceed: of two single runs, and of two profiles over the cells they share."""
    once = list({spec.answers: number for number, spec in reversed(list(enumerate(judged.specs)))}.values())
    cells = [(judged.runs[i].profile, cell(judged.runs[i].spec)) for i in once]
    seed_sd = seed_spread(judged.test.scores[once], cells)
    own = table[table["dataset"] == judged.dataset]
    z = float(ndtri((1 + judged.level) / 2))
    named = own.loc[own["delta_floor"] > 0, "delta_floor"]
    return {
        "seed_sd_of_one_run": seed_sd,
        "test_groups": judged.test.groups,
        "group_sd_of_one_run": float(np.median(judged.test.draws.std(axis=1, ddof=1))),
        "floor_of_two_single_runs": None if seed_sd is None else z * seed_sd * float(np.sqrt(2)),
        "median_floor_of_profiles": float(named.median()) if len(named) else None,
    }


def costs(judged: Judged, own: Sequence[int]) -> dict[str, float]:
    """Mean FLOPs of runs, in all and by phase."""
    return {name: float(np.mean([judged.runs[i].facts[name] for i in own])) for name in COSTS}


# --- comparisons, on validation and on test -----------------------------------------------------------------------


@dataclass(frozen=True)
class Compared:
    """The same pairs on both splits; None where there is no pair."""

    validation: Difference | None
    test: Difference | None

    @classmethod
    def of(cls, judged: Judged, pairs: Sequence[Pair]) -> "Compared":
        return cls(judged.of_pairs(pairs, "validation"), judged.of_pairs(pairs, "test"))

    @property
    def columns(self) -> dict[str, Any]:
        validation, test = _columns(self.validation), _columns(self.test)
        return {**{f"validation_{name}": value for name, value in validation.items()}, **test}


Effect = tuple[dict[str, str], Sequence[Pair]]


def _effects(judged: Judged, effects: Iterable[Effect], words: Words, params: Compare) -> pd.DataFrame:
    records, found = [], []
    for names, pairs in effects:
        if pairs:
            found.append(Compared.of(judged, pairs))
            records.append({"dataset": judged.dataset, **names, **found[-1].columns})
    return _said(pd.DataFrame(records), found, words, params.alpha) if records else pd.DataFrame()


def _said(table: pd.DataFrame, found: Sequence[Compared], words: Words, alpha: float) -> pd.DataFrame:
    """Verdicts of both splits, and whether test confirms what validation names."""
    for part in PARTS:
        table = _verdicts(table, PREFIX[part], words, alpha)
    on_test: list[str] = []
    for verdict, each in zip(table["validation_verdict"], found, strict=True):
        if verdict in words:
            gain = each.test if verdict == words[0] or each.test is None else each.test.reversed
            on_test.append(confirmation(gain))
        else:
            on_test.append("")
    return table.assign(on_test=on_test)


def _verdicts(table: pd.DataFrame, prefix: str, words: Words, alpha: float) -> pd.DataFrame:
    """Holm over all comparisons with anything to compare; what changes no answer is said so and not counted."""
    columns = ("delta", "p", "delta_group_error", "delta_low", "delta_high", "delta_floor")
    delta, p, error, low, high, floor = (table[prefix + name].to_numpy(np.float64) for name in columns)
    still = (delta == 0) & (error == 0)
    adjusted = holm(np.where(still, np.nan, p))
    verdict = np.where(np.isnan(delta), "no cell in common", NOISE).astype(object)
    verdict[(np.abs(delta) > floor) & ((low > 0) | (high < 0))] = NOT_HOLM
    verdict[still] = STILL
    verdict[(adjusted < alpha) & (low > 0)] = words[0]
    verdict[(adjusted < alpha) & (high < 0)] = words[1]
    return table.assign(**{f"{prefix}p_holm": adjusted, f"{prefix}verdict": verdict})


def _columns(found: Difference | None) -> dict[str, Any]:
    return {
        **{f"delta{end}": value for end, value in _interval(found).items()},
        "delta_pairs": found.pairs if found else 0,
        "delta_group_error": found.group_error if found else None,
        "delta_seed_error": found.seed_error if found else None,
        "delta_floor": found.floor if found else None,
        "p": found.p if found else None,
    }


def _interval(found: Difference | None) -> dict[str, float | None]:
    if found is None:
        return {"": None, "_low": None, "_high": None}
    return {"": found.delta, "_low": found.low, "_high": found.high}


def _stacked(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    found = [table for table in tables if len(table)]
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame()


# --- figures ------------------------------------------------------------------------------------------------------


def _score(judged: Judged, own: Sequence[int], part: Part) -> dict[str, float]:
    name = PREFIX[part] + "macro_f1_fg"
    return dict(zip((name, f"{name}_low", f"{name}_high"), judged.mean(own, part), strict=True))


def _figure(judged: Judged, own: Sequence[int], name: str) -> dict[str, float]:
    """A mean over runs and its interval over test groups."""
    figure = (lambda run: run.ece_after) if name == "ece_after_T" else _metric(name)
    value = _mean(judged, own, figure)
    low, high = figure_interval(judged, own, name, value)
    return {name: value, f"{name}_low": low, f"{name}_high": high}


def figure_interval(judged: Judged, own: Sequence[int], name: str, value: float) -> tuple[float, float]:
    """Percentiles; of an ECE the basic interval, as resampling adds noise of its own to what cannot fall below 0."""
    drawn = np.mean([judged.runs[i].draws[name] for i in own], axis=0)
    low, high = (float(each) for each in percentile_interval(drawn, judged.level))
    return (max(0.0, 2 * value - high), 2 * value - low) if name.startswith("ece") else (low, high)


def _metric(name: str) -> Callable[[Run], float]:
    return lambda run: float(getattr(run.metrics, name))


def _mean(judged: Judged, own: Iterable[int], figure: Callable[[Run], float]) -> float:
    return float(np.mean([figure(judged.runs[i]) for i in own]))


# --- the table of runs --------------------------------------------------------------------------------------------


def runs(judged: Sequence[Judged]) -> pd.DataFrame:
    """A row per run; figures of a run that failed are empty."""
    records = []
    for each in judged:
        records += [_record(each, run.facts, number) for number, run in enumerate(each.runs)]
        records += [_record(each, facts, None) for facts in each.failed]
    return pd.DataFrame(records)


def _record(judged: Judged, facts: Mapping[str, Any], number: int | None) -> dict[str, Any]:
    spec = HeadSpec.parse(facts["id"])
    run = None if number is None else judged.runs[number]
    figures = run.metrics if run else None
    score = {f"{PREFIX[part]}macro_f1_fg{end}": None for part in PARTS for end in ("", "_low", "_high")}
    record: dict[str, Any] = {
        "id": facts["id"], "dataset": judged.dataset, "profile": facts["profile"], "encoder": spec.encoder,
        "size": facts["size"], "smoothing": spec.smoothing, "seed": spec.seed, "status": facts["status"],
        **(score if number is None else
           {**_score(judged, [number], "validation"), **_score(judged, [number], "test")}),
    }  # fmt: skip
    for name in ("weighted_f1_fg", "macro_precision_fg", "macro_recall_fg", "accuracy", "nll", "ece"):
        record[name] = getattr(figures, name) if figures else None
    return record | {
        "ece_null": run.ece_null if run else None,
        "ece_before_T": run.ece_before if run else None,
        "ece_after_T": run.ece_after if run else None,
        "T": run.fit.temperature if run else None,
        "T_status": run.fit.status if run else None,
        "rows": figures.rows if figures else None,
        **{
            name: facts[name]
            for name in ("best_epoch", "epochs", "steps", "second_phase_steps", "parameters", *COSTS)
        },
    }
