"""Every option on the holdout by one evaluator, and why thresholds fail on a label."""

from dataclasses import dataclass
from itertools import compress

import numpy as np

from methods.budgets.better_options import BetterRecall, better_for_label, better_whole
from methods.budgets.calibration_sets import Moment
from methods.budgets.choice import Decisions
from methods.budgets.comparison import BudgetSettings, OptionResult, option_decisions, option_results
from methods.budgets.diagnosis import Diagnosis, diagnose
from methods.budgets.evaluation import VIOLATES, Bools, counted_at_most
from methods.budgets.learnability import HelpRule, LabelRows
from methods.budgets.rate_verdicts import (
    BudgetPromise,
    HoldoutRows,
    RateVerdict,
    label_bounds,
    label_verdicts,
    rate_verdicts,
)
from params.fpr_thresholds import Compare
from serving.rules.thresholds import fires
from storage.messages.thresholds import Thresholds


@dataclass(frozen=True)
class RecipeEvaluation:
    """On each label, then micro and macro. shifted is at the thresholds for target / gamma, selected (None: nothing
    was mined) at those of the mined rows alone. gammas: of the labels on which anything fired in the folds."""

    option: Thresholds
    results: list[OptionResult]
    shifted: list[RateVerdict]
    selected: list[RateVerdict] | None
    gammas: dict[str, float]

    @property
    def thresholds(self) -> list[float]:
        return [entry.threshold for entry in self.option.labels.values()]

    @property
    def by_label(self) -> dict[str, OptionResult]:
        return dict(zip(self.option.labels, self.results, strict=False))

    @property
    def micro(self) -> OptionResult:
        return self.results[-2]


def evaluate(
    options: list[Thresholds], holdout: Moment, folds: Decisions, params: Compare
) -> list[RecipeEvaluation]:
    """The first option is the control."""
    rows = HoldoutRows(holdout.positive, holdout.group)
    settings = BudgetSettings(params.level, params.clean_share, params.resamples, params.seed)

    def verdicts(option: Thresholds, thresholds: list[float]) -> list[RateVerdict]:
        fired = fires(holdout.scores, np.array(thresholds))
        return rate_verdicts(fired, rows, _promise(option, thresholds), settings.level)

    of_options = [[entry.threshold for entry in option.labels.values()] for option in options]
    made = option_decisions([fires(holdout.scores, np.array(each)) for each in of_options], rows, settings)
    evaluations = []
    for option, thresholds, decisions, fired in zip(options, of_options, made, folds.fired, strict=True):
        entries = option.labels.values()
        selected = [entry.selected_threshold for entry in entries if entry.selected_threshold is not None]
        any_fired = fired.any(axis=0) | (
            option.rule == "any_label" and fired.any()
        )  # one rate for all labels
        gammas = [(label, entry.shift.gamma) for label, entry in option.labels.items()]
        evaluations.append(
            RecipeEvaluation(
                option,
                option_results(decisions, made[0], rows, _promise(option, thresholds), settings),
                verdicts(option, [entry.shift.threshold for entry in entries]),
                verdicts(option, selected) if len(selected) == len(entries) else None,
                dict(compress(gammas, any_fired)),
            )
        )
    return evaluations


def _promise(option: Thresholds, thresholds: list[float]) -> BudgetPromise:
    return BudgetPromise(option.alpha, option.rule == "any_label", np.isinf(thresholds))


@dataclass(frozen=True)
class Combination:
    """One option a label, held against the budget of the rule. results: as of a RecipeEvaluation; clean: rows; broken:
    labels whose budget is broken for sure, by bounds that hold for all labels at once (Bonferroni)."""

    labels: list[str]
    results: list[OptionResult]
    clean: int
    broken: list[str]

    @property
    def by_label(self) -> dict[str, OptionResult]:
        return dict(zip(self.labels, self.results, strict=False))

    @property
    def micro(self) -> OptionResult:
        return self.results[-2]


def combine(
    options: list[Thresholds], chosen: dict[str, int], holdout: Moment, params: Compare
) -> Combination:
    """chosen: the number of the option of each label; option 0 is the control."""
    rows = HoldoutRows(holdout.positive, holdout.group)
    settings = BudgetSettings(params.level, params.clean_share, params.resamples, params.seed)
    thresholds, before = (
        np.array([options[number].labels[label].threshold for label, number in picked.items()])
        for picked in (chosen, dict.fromkeys(chosen, 0))
    )
    ours, control = option_decisions(
        [fires(holdout.scores, at) for at in (thresholds, before)], rows, settings
    )
    any_label = params.selection.risk_of == "any_label"
    promise = BudgetPromise(params.selection.max_fpr, any_label, np.isinf(thresholds))
    results = option_results(ours, control, rows, promise, settings)
    at_once = 1 - (1 - params.level) / len(chosen)
    bounds = label_bounds(ours.fired, rows, params.selection.max_fpr, at_once)
    verdicts = label_verdicts(ours.fired, bounds, rows, promise, at_once)
    broken = [label for label, verdict in zip(chosen, verdicts, strict=True) if verdict == VIOLATES]
    return Combination(list(chosen), results, int(rows.clean.sum()), broken)


def better_options(
    options: list[Thresholds],
    chosen: dict[str, int],
    eligible: dict[str, Bools],
    holdout: Moment,
    params: Compare,
) -> dict[str, list[BetterRecall]]:
    """By label, or of all together where any label's fire counts: options that were no candidates, better on the
    holdout. eligible: of each label that something could be chosen for, (options,)."""
    labels, budget = list(options[0].labels), params.selection.max_fpr
    thresholds = np.array([[entry.threshold for entry in option.labels.values()] for option in options])
    fired = np.stack([fires(holdout.scores, row) for row in thresholds])
    rows = Decisions(fired, holdout.positive, holdout.group)
    picked = fired[[chosen[label] for label in labels], :, np.arange(len(labels))].T
    if params.selection.risk_of == "any_label":
        which, others = np.isin(labels, list(eligible)), ~np.any(list(eligible.values()), axis=0)
        better = better_whole(rows, which, picked, others, budget, params.level) if eligible else []
        return {"any label": better} if better else {}
    each_level = 1 - (1 - params.level) / max(len(eligible), 1)
    found = {
        label: better_for_label(rows, i, picked[:, i], ~eligible[label], budget, each_level)
        for i, label in enumerate(labels)
        if label in eligible
    }
    return {label: better for label, better in found.items() if better}


def diagnoses(known: Moment, holdout: Moment, labels: list[str], params: Compare) -> dict[str, Diagnosis]:
    calibration = known[known.pool == "calib"]
    rule = help_rule(params)
    return {
        label: diagnose(_of_label(calibration, i), _of_label(holdout, i), rule)
        for i, label in enumerate(labels)
    }


def capped_texts(holdout: Moment, labels: list[str], params: Compare) -> dict[str, int]:
    """Of each label whose negatives hold a text more often than it counts in the bounds: how often it counts."""
    capped = {}
    for label, positive in zip(labels, holdout.positive.T, strict=True):
        groups = holdout.group[~positive]
        most = counted_at_most(groups, params.selection.max_fpr, params.level)
        if groups.size and np.unique_counts(groups).counts.max() > most:
            capped[label] = most
    return capped


def help_rule(params: Compare) -> HelpRule:
    return HelpRule(params.selection.max_fpr, params.selection.least_recall, params.level)


def _of_label(moment: Moment, column: int) -> LabelRows:
    return LabelRows(moment.scores[:, column], moment.positive[:, column], moment.group)
