"""The decision and its reasons: every number comes from the tables."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from methods.heads.comparisons import cell
from methods.heads.contrast_sizes import ContrastErrors, groups_to_name, seeds_to_name
from methods.heads.contrasts import Contrast
from params.head_sweep import Compare
from storage.files.markdown import rounded
from tasks.head_sweep.comparison.choice import RecipeChoice, choose
from tasks.head_sweep.comparison.evaluation import PARTS, Part, SweepEvaluation
from tasks.head_sweep.comparison.tables import BETTER, HELPS, NOISE, STILL, ece_interval, noise, tables
from tasks.report.decision import POWER, Action, Decision, Grade, Requirement, stated
from tasks.report.templates import Reason, sentences

Toggles = list[dict[str, Any]]
SEEDS = 3  # from where on a gain of about nine points is shown with `POWER` (bench/head_choice.py)


@dataclass(frozen=True)
class SweepComparison:
    """Every run evaluated, the choice and the tables; the first sweep is of the dataset that decides."""

    params: Compare
    plan: Mapping[str, Any]
    sweeps: Sequence[SweepEvaluation]
    choice: RecipeChoice
    tables: Mapping[str, pd.DataFrame]

    @classmethod
    def of(
        cls, params: Compare, plan: Mapping[str, Any], sweeps: Sequence[SweepEvaluation]
    ) -> "SweepComparison":
        return cls(params, plan, sweeps, choose(sweeps[0]), tables(sweeps, params))

    @property
    def first(self) -> SweepEvaluation:
        return self.sweeps[0]

    def name(self, runs: Sequence[int]) -> str:
        return self.first.runs[runs[0]].recipe

    def of_first(self, name: str) -> pd.DataFrame:
        table = self.tables[name]
        return table[table["dataset"] == self.first.dataset] if len(table) else table


def decision(comparison: SweepComparison) -> dict[str, Any]:
    """decision.json; its grade says whether the choice holds on test."""
    choice, first, plan = comparison.choice, comparison.first, comparison.plan
    luck = noise(first, comparison.tables["table"])
    helpful, harmful = (_toggles(comparison, verdict) for verdict in HELPS)
    template = "tasks/head_sweep/comparison/reasons.j2"
    left_out = dict(zip(choice.left_out, sentences(template, choice.left_out.values()), strict=True))
    reasons = [
        *_choice(comparison), *_limits(comparison), *_few_rows(comparison), *_sweep(comparison),
        Reason("helpful_toggles", {"toggles": helpful}), Reason("harmful_toggles", {"toggles": harmful}),
        _noise(luck, comparison.params.level), _temperature(comparison), *_failures(comparison, left_out),
    ]  # fmt: skip
    return Decision(
        format=1,
        experiment="head_sweep",
        action=_action(choice),
        grade=Grade(choice.verdict) if choice.replaced else Grade.NOT_JUDGED,
        chosen=comparison.name(choice.chosen),
        control=comparison.name(choice.control),
        better_than_chosen=[],
        would_change=_requirements(comparison, luck["seed_sd_of_one_run"]),
        reasons=stated(template, reasons),
        evidence={
            "preset": plan["preset"],
            **{name: plan[name] for name in ("runs", "trainings", "forks", "post_hoc")},
            "failed": sum(len(each.failed) for each in comparison.sweeps),
            **{f"{part}_{name}": getattr(first.splits[part], name) for part in PARTS for name in ("rows", "groups")},
            "at_epoch_limit": len(_at_limit(comparison)),
            "challenger": comparison.name(choice.challenger) if choice.challenger else None,
            "compared_with": comparison.name(choice.against) if choice.against else None,
            "validation_macro_f1_fg": _estimate(first.mean(choice.chosen, "validation")),
            "control_validation_macro_f1_fg": _estimate(first.mean(choice.control, "validation")),
            "gain_on_validation": _gain(choice.gain),
            "gain_on_test": _gain(choice.test),
            "macro_f1_fg": _estimate(first.mean(choice.chosen, "test")),
            "control_macro_f1_fg": _estimate(first.mean(choice.control, "test")),
            "few_rows": {part: dict(first.scarce(part, comparison.params.few_rows)) for part in PARTS},
            "noise": _rounded(luck),
            "optional_toggles": helpful,
            "harmful_toggles": harmful,
            "left_out": left_out,
        },
    ).model_dump(mode="json")  # fmt: skip


def _action(choice: RecipeChoice) -> Action:
    if choice.replaced:
        return {"holds": Action.SHIP, "cannot tell": Action.COLLECT}.get(choice.verdict, Action.KEEP)
    return Action.COLLECT if choice.verdict == "one seed" else Action.KEEP


def _requirements(comparison: SweepComparison, luck: float | None) -> list[Requirement]:
    """Seeds, where there is one; else what would tell the challenger from the control of its cell, if its lead stays.
    luck: what a seed does to one run, as a standard deviation."""
    choice, first = comparison.choice, comparison.first
    if choice.verdict == "one seed":
        control = comparison.name(choice.control)
        return [
            Requirement(claim=f"a recipe > {control}", unit="seeds", present=1, needed=SEEDS, power=POWER)
        ]
    part: Part = "test" if choice.replaced else "validation"
    found = choice.test if choice.replaced else choice.gain
    if found is None or found.floor is None or choice.verdict in ("holds", "does not hold"):
        return []
    present = first.splits[part].groups
    claim = f"{comparison.name(choice.challenger)} > {comparison.name(choice.against)}"
    gain, error = max(found.delta, 0.0), found.error or 0.0
    if not error:
        return []
    errors = ContrastErrors(error, found.floor / error, present, found.pairs, luck or 0.0)
    groups = groups_to_name(errors, gain, found.pairs, POWER)
    sizes = [(f"{part} groups", present, groups)]
    if groups is None:  # what seeds do to a recipe stays, however many groups there are
        sizes.append(("seeds", found.pairs, seeds_to_name(errors, gain, present, POWER)))
    return [
        Requirement(claim=claim, unit=unit, present=there, needed=size.n if size else None, power=POWER)
        for unit, there, size in sizes
    ]


def _toggles(comparison: SweepComparison, verdict: str) -> Toggles:
    """Knobs of which inner validation says `verdict`, with both differences, and whether test confirms it."""
    own = comparison.of_first("knobs")
    return [
        {
            "knob": row["knob"],
            **{
                f"{part}{name}": rounded(row[f"{part}delta{end}"])
                for part in ("validation_", "")
                for name, end in (("delta", ""), ("low", "_low"), ("high", "_high"))
            },
            "on_test": row["on_test"],
        }
        for row in own.to_dict("records")
        if row["validation_verdict"] == verdict
    ]


def _choice(comparison: SweepComparison) -> Iterable[Reason]:
    choice, first = comparison.choice, comparison.first
    validation, test, control = first.validation, first.test, comparison.name(choice.control)
    split = {"rows": validation.rows, "groups": validation.groups}
    kept = {"control": control, "score": first.mean(choice.control, "validation")}
    if choice.gain is None or choice.test is None:
        seeds = max(len(own) for own in first.recipes.values())
        yield Reason(
            "one_seed" if choice.verdict == "one seed" else "nothing_to_compare",
            {**split, **kept, "seeds": seeds},
        )
        return
    pair = {"challenger": comparison.name(choice.challenger), "against": comparison.name(choice.against)}
    yield Reason("on_validation", {
        **split, **kept, **pair, "gain": choice.gain, "replaced": choice.replaced,
        "scores": [first.mean(own, "validation")[0] for own in (choice.challenger, choice.against)],
    })  # fmt: skip
    yield Reason("on_test", {
        **pair, "rows": test.rows, "groups": test.groups, "gain": choice.test, "replaced": choice.replaced,
        "scores": [first.mean(own, "test")[0] for own in (choice.challenger, choice.against)],
    })  # fmt: skip
    recipes = comparison.tables["recipes"]["macro_f1_fg"]
    if (above := int((recipes > float(test.scores[choice.chosen].mean())).sum())) > 0:
        yield Reason("higher_on_test", {"above": above, "recipes": len(recipes)})


def _at_limit(comparison: SweepComparison) -> list[tuple[str, int]]:
    """Runs that ended at their limit of epochs, and the limit."""
    runs = [run for each in comparison.sweeps for run in each.runs]
    return [(run.spec.id, run.spec.epochs) for run in runs if not run.converged]


def _limits(comparison: SweepComparison) -> Iterable[Reason]:
    if ended := _at_limit(comparison):
        runs = sum(len(each.runs) for each in comparison.sweeps)
        yield Reason("at_limit", {
            "ended": len(ended), "runs": runs, "names": [name for name, _ in ended[:3]],
            "epochs": max(epochs for _, epochs in ended),
        })  # fmt: skip


def _few_rows(comparison: SweepComparison) -> Iterable[Reason]:
    few = comparison.params.few_rows
    for part in PARTS:
        if classes := comparison.first.scarce(part, few):
            present = int((comparison.first.splits[part].classes > 0).sum())
            yield Reason("few_rows", {"split": part, "few": few, "classes": classes, "present": present})


def _sweep(comparison: SweepComparison) -> Iterable[Reason]:
    """Brings the choice in one cell and the differences over all cells together."""
    own, choice, first = comparison.of_first("table"), comparison.choice, comparison.first
    profiles = own[own["validation_verdict"].isin([*BETTER, NOISE])]
    if not len(profiles):
        return
    place = cell(first.runs[choice.chosen[0]].spec)
    better = []
    for row in profiles[profiles["validation_verdict"] == BETTER[0]].to_dict("records"):
        runs = [i for i, r in enumerate(first.runs) if r.profile == row["profile"] and cell(r.spec) == place]
        better.append({**row, "here": first.mean(runs, "validation")[0] if runs else None})
    worse = profiles.loc[profiles["validation_verdict"] == BETTER[1], "on_test"]
    yield Reason("sweep", {
        "recipe": comparison.name(choice.control), "score": first.mean(choice.control, "validation")[0],
        "control": first.control, "profiles": len(profiles), "better": better, "worse": len(worse),
        "held": int((worse == "holds").sum()),
    })  # fmt: skip
    if still := own.loc[own["verdict"] == STILL, "profile"].tolist():
        yield Reason("same_answers", {"profiles": still})


def _noise(luck: Mapping[str, float | int | None], level: float) -> Reason:
    if luck["seed_sd_of_one_run"] is None:
        return Reason("luck_unknown", {"groups": luck["test_groups"]})
    return Reason("noise", {"figures": luck, "level": level})


def _temperature(comparison: SweepComparison) -> Reason:
    """ECE on test without and with the fitted temperature: the reading, and without its bias."""
    own, resamples = comparison.choice.chosen, comparison.params.resamples
    before, after = (
        ece_interval(comparison.first, own, name, resamples) for name in ("ece_before_T", "ece_after_T")
    )
    return Reason("temperature", {"before": before, "after": after, "seeds": len(own)})


def _failures(comparison: SweepComparison, left_out: Mapping[str, str]) -> Iterable[Reason]:
    if diverged := [facts["id"] for each in comparison.sweeps for facts in each.failed]:
        yield Reason("diverged", {"runs": diverged})
    if left_out:
        yield Reason("left_out", {"whys": list(left_out.items())})


# --- numbers ------------------------------------------------------------------------------------------------------


def _estimate(values: tuple[float, float, float]) -> dict[str, Any]:
    return _rounded(dict(zip(("mean", "low", "high"), values, strict=True)))


def _gain(difference: Contrast | None) -> dict[str, Any] | None:
    return _rounded(asdict(difference)) if difference else None


def _rounded(figures: Mapping[str, Any]) -> dict[str, Any]:
    return {name: rounded(each) if isinstance(each, float) else each for name, each in figures.items()}
