"""One evaluator: counts, rates with intervals, and verdicts that admit when one cannot tell."""

from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from methods.budgets.choice import Decisions, OptionChoice, Resampling, choose_for_label, choose_whole
from methods.budgets.comparison import BudgetSettings, OptionResult, option_decisions, option_results
from methods.budgets.diagnosis import diagnose
from methods.budgets.evaluation import (
    any_label_rate,
    budget_bounds,
    budget_verdict,
    confusion,
    counted_at_most,
    joint_verdict,
    precision_at,
    rate,
    worst_ratio,
)
from methods.budgets.evidence import budget_risk, fold_evidence
from methods.budgets.learnability import HelpRule, LabelRows
from methods.budgets.rate_verdicts import BudgetPromise, HoldoutRows, rate_verdicts
from serving.rules.thresholds import fires

RANDOM = np.random.default_rng(1)


def test_a_row_fires_at_its_threshold_in_the_precision_of_the_scores() -> None:
    scores = np.array([[0.1], [0.3]], np.float32)
    assert fires(scores, np.array([float(np.float32(0.3))])).tolist() == [[False], [True]]
    assert not fires(scores, np.array([np.inf])).any()
    assert not fires(np.array([[np.nan]], np.float32), np.array([0.0])).any()


def test_counts_are_all_decisions() -> None:
    fired, positive = RANDOM.random((50, 3)) < 0.4, RANDOM.random((50, 3)) < 0.3
    counts = confusion(fired, positive)
    assert (counts.tp + counts.fp + counts.fn + counts.tn).tolist() == [50, 50, 50]
    assert counts.tp.tolist() == [
        sum(f and p for f, p in zip(fired[:, i], positive[:, i], strict=True)) for i in range(3)
    ]


def test_duplicates_widen_the_interval() -> None:
    single = rate(5, np.arange(50), 0.95)
    doubled = rate(10, np.repeat(np.arange(50), 2), 0.95)
    assert single == doubled
    assert rate(0, np.empty(0, np.int64), 0.95).value is None


@given(st.integers(0, 100), st.integers(1, 100), st.floats(0.01, 0.5))
@settings(derandomize=True)
def test_a_verdict_needs_its_whole_bound_on_one_side(false_positives: int, more: int, target: float) -> None:
    n = false_positives + more
    lower, upper = budget_bounds(np.arange(n) < false_positives, np.arange(n), target, 0.95)
    assert lower <= false_positives / n <= upper
    verdict = budget_verdict(lower, upper, target)
    assert (verdict == "holds") == (upper <= target)
    assert (verdict == "violates") == (lower > target)


def test_no_rows_cannot_tell() -> None:
    assert (
        budget_verdict(*budget_bounds(np.empty(0, bool), np.empty(0, np.int64), 0.02, 0.95), 0.02)
        == "cannot tell"
    )


@pytest.mark.parametrize(
    ("verdicts", "joint"),
    [
        (["holds", "holds"], "holds"),
        (["holds", "cannot tell"], "cannot tell"),
        (["never fires", "cannot tell", "holds"], "never fires"),
        (["violates", "never fires"], "violates"),
        ([], "cannot tell"),
    ],
)
def test_a_joint_verdict_is_the_worst_one(verdicts: list[str], joint: str) -> None:
    assert joint_verdict(verdicts) == joint


def test_precision_at_the_share_of_the_sample_is_the_plain_precision() -> None:
    fired, positive = np.array([1, 1, 1, 0, 1], bool), np.array([1, 1, 0, 1, 0], bool)
    clean = np.array([0, 0, 1, 0, 1], bool)
    assert precision_at(0.4, fired, positive, clean) == pytest.approx(0.5)
    cleaner = precision_at(0.95, fired, positive, clean)
    assert cleaner is not None
    assert cleaner < 0.1
    assert precision_at(0.4, np.zeros(5, bool), positive, clean) is None


def test_any_label_counts_clean_rows_once() -> None:
    fired, positive = np.array([[1, 1], [0, 1], [1, 0]], bool), np.array([[0, 0], [0, 0], [1, 0]], bool)
    assert any_label_rate(fired, positive)[0] == 2


def test_gamma_is_the_worst_fold_and_never_relaxes() -> None:
    positive = np.zeros((100, 1), bool)
    folds = [(np.arange(100)[:, np.newaxis] < k, positive) for k in (1, 6)]
    assert worst_ratio(folds, 0.02, any_label=False).tolist() == pytest.approx([3.0])
    assert worst_ratio(folds[:1], 0.02, any_label=False).tolist() == [1.0]
    assert worst_ratio(folds, 0.02, any_label=True).tolist() == pytest.approx([3.0])


SETTINGS = BudgetSettings(0.95, 0.9, 500, 1)
SPEAKS = np.zeros(2, bool)


def holdout(rows: int = 400) -> HoldoutRows:
    positive = RANDOM.random((rows, 2)) < np.array([0.4, 0.2])
    return HoldoutRows(positive, np.arange(rows))


def results(
    fired: NDArray[np.bool_], control: NDArray[np.bool_], rows: HoldoutRows, promise: BudgetPromise
) -> list[OptionResult]:
    """What stands in the table, and that the short way to recall, rate and verdict says the same."""
    option, base = option_decisions([fired, control], rows, SETTINGS)
    made = option_results(option, base, rows, promise, SETTINGS)
    brief = [asdict(each) for each in rate_verdicts(fired, rows, promise, SETTINGS.level)]
    assert brief == [{name: getattr(row, name) for name in ("recall", "fpr", "verdict")} for row in made]
    return made


def test_the_control_against_itself_differs_by_exactly_nothing() -> None:
    rows = holdout()
    fired = rows.positive & (RANDOM.random(rows.positive.shape) < 0.7)
    for row in results(fired, fired, rows, BudgetPromise(0.02, False, SPEAKS)):
        assert (row.delta_recall, row.delta_fpr) == (0, 0)
        assert row.delta_recall_low in (0, None)
        assert row.recall_p in (1, None)


def test_pooled_rows_add_up() -> None:
    rows = holdout()
    fired = RANDOM.random(rows.positive.shape) < 0.3
    a, b, micro, macro = results(fired, ~fired, rows, BudgetPromise(0.02, False, SPEAKS))
    assert a.tp is not None and b.tp is not None and a.recall is not None and b.recall is not None
    assert micro.tp == a.tp + b.tp
    assert macro.recall == pytest.approx((a.recall + b.recall) / 2)
    assert micro.recall_low is not None and micro.recall is not None and micro.recall_high is not None
    assert micro.recall_low < micro.recall < micro.recall_high


def test_a_label_that_can_never_fire_gets_no_pass() -> None:
    rows = holdout()
    nothing = np.zeros_like(rows.positive)
    made = results(nothing, nothing, rows, BudgetPromise(0.02, False, np.array([True, False])))
    assert [row.verdict for row in made] == ["never fires", "holds", "never fires", "never fires"]


def test_an_any_label_option_is_judged_on_its_own_promise() -> None:
    positive = np.zeros((1000, 2), bool)
    positive[:100, 0] = positive[100:200, 1] = True
    rows = HoldoutRows(positive, np.arange(1000))
    fired = np.zeros_like(positive)
    fired[200:215, 0] = fired[215:230, 1] = True
    apart = results(fired, fired, rows, BudgetPromise(0.03, False, SPEAKS))
    joint = results(fired, fired, rows, BudgetPromise(0.02, True, SPEAKS))
    assert apart[0].verdict == "holds"
    assert {row.verdict for row in joint} == {"violates"}


def folds(recalls: list[float], fprs: list[float], rows: int = 2000) -> Decisions:
    """Options that catch nested shares of the positives and fire on nested shares of the negatives."""
    positive = (np.arange(rows) % 2 == 0)[:, np.newaxis]
    rank = np.arange(rows)[:, np.newaxis] // 2 / (rows / 2)
    fired = [np.where(positive, rank < r, rank < f) for r, f in zip(recalls, fprs, strict=True)]
    return Decisions(np.stack(fired), positive, np.arange(rows))


RESAMPLING = Resampling(0.95, 500, 1)


def choice_of(
    decisions: Decisions, max_fpr: float = 0.02, candidates: list[bool] | None = None
) -> OptionChoice:
    those = np.ones(len(decisions.fired), bool) if candidates is None else np.array(candidates)
    return choose_for_label(decisions, 0, max_fpr, those, RESAMPLING)


def pick(decisions: Decisions, candidates: list[bool] | None = None) -> int:
    return choice_of(decisions, candidates=candidates).chosen


def test_the_highest_recall_within_the_budget_is_chosen() -> None:
    assert pick(folds([0.5, 0.6, 0.7, 0.9], [0.01, 0.01, 0.019, 0.03])) == 2


def test_an_earlier_option_that_cannot_be_told_apart_is_kept() -> None:
    decisions = folds([0.5, 0.7, 0.7], [0.01, 0.01, 0.01])
    assert pick(decisions) == 1
    swapped = decisions.fired.copy()
    swapped[2, :4] = ~swapped[2, :4] & decisions.positive[:4]
    assert pick(Decisions(swapped, decisions.positive, decisions.group)) == 1


def test_without_an_option_in_the_budget_the_control_stays() -> None:
    choice = choice_of(folds([0.5, 0.7], [0.05, 0.06]))
    assert (choice.chosen, choice.best) == (0, None)


def test_what_is_no_candidate_is_not_chosen_however_good_it_looks() -> None:
    assert pick(folds([0.5, 0.6, 0.9], [0.01, 0.01, 0.01]), [True, True, False]) == 1


def test_labels_choose_for_themselves_and_a_whole_option_needs_all_of_them() -> None:
    easy, hard = folds([0.5, 0.7, 0.6], [0.01, 0.01, 0.01]), folds([0.3, 0.9, 0.6], [0.01, 0.03, 0.01])
    both = Decisions(
        np.concatenate([easy.fired, hard.fired], axis=2),
        np.concatenate([easy.positive, hard.positive], axis=1),
        easy.group,
    )
    every = np.ones(3, bool)
    assert [choose_for_label(both, label, 0.02, every, RESAMPLING).chosen for label in (0, 1)] == [1, 2]
    assert choose_whole(both, np.ones(2, bool), 0.02, every, RESAMPLING).chosen == 2
    assert choose_whole(both, np.array([True, False]), 0.04, every, RESAMPLING).chosen == 1


def test_a_control_that_breaks_the_budget_is_not_kept_for_being_simple() -> None:
    assert pick(folds([0.7, 0.7], [0.05, 0.01])) == 1


def test_an_option_that_never_fires_is_no_choice() -> None:
    assert pick(folds([0.5, 0.0], [0.05, 0.0])) == 0


def test_an_option_that_fires_on_negatives_alone_is_no_choice() -> None:
    assert pick(folds([0.5, 0.0], [0.05, 0.01])) == 0


def test_the_rival_is_the_best_of_the_others_and_its_lead_the_paired_difference() -> None:
    choice = choice_of(folds([0.5, 0.7, 0.6], [0.01, 0.01, 0.01]))
    assert (choice.chosen, choice.rival) == (1, 2)
    assert choice.lead is not None
    assert (
        0 < choice.lead[0] < 0.1 < choice.lead[1] < 0.15
    )  # nested decisions: far less than each recall varies


def test_what_an_option_did_is_counted_beside_the_control() -> None:
    found = fold_evidence(folds([0.5, 0.7], [0.03, 0.01]), 1, 0, 0.02, 0.95)
    assert (found.caught, found.positives, found.false_positives, found.negatives) == (700, 1000, 10, 1000)
    assert (found.allowed, found.only_this_option_fired, found.only_the_control_fired) == (20, 0, 20)
    assert found.lower_bound < 0.01 == found.fpr < found.upper_bound
    assert found.mcnemar_p == pytest.approx(2**-19)


def test_the_risk_that_rows_leave_is_that_of_the_guarantee() -> None:
    assert budget_risk(0, 114, 0.02) <= 0.1 < budget_risk(0, 113, 0.02)
    assert budget_risk(0, 45, 0.02) == pytest.approx(0.98**45)
    assert np.isnan(budget_risk(0, 0, 0.02))


def test_a_text_that_repeats_counts_no_more_often_than_lets_the_budget_hold() -> None:
    group = np.concatenate([np.arange(960), np.full(40, 1000)])
    fired = group == 3
    assert budget_bounds(fired, group, 0.02, 0.95)[1] <= 0.02
    assert counted_at_most(np.arange(50), 0.02, 0.95) == 1


RULE = HelpRule(0.02, 0.1, 0.95)


def scores_of(n: int, gap: float, moved: float = 0.0) -> LabelRows:
    positive = np.arange(n) % 3 == 0
    logits = RANDOM.normal(size=n) + gap * positive + moved
    return LabelRows((1 / (1 + np.exp(-logits))).astype(np.float32), positive, np.arange(n))


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        (scores_of(2000, 2.0), scores_of(2000, 2.0), "none"),
        (scores_of(2000, 2.0), scores_of(2000, 2.0, moved=0.5), "offset"),
        (scores_of(2000, 2.0), scores_of(2000, 1.4), "shift"),
        (scores_of(300, 0.0), scores_of(300, 0.0), "ranking"),
        (scores_of(300, 2.0), scores_of(20, 2.0), "too little data"),
    ],
)
def test_a_label_is_diagnosed_by_what_was_done_to_it(before: LabelRows, after: LabelRows, kind: str) -> None:
    found = diagnose(before, after, RULE)
    assert found.kind == kind
    assert found.change is not None
    assert (found.fewest < 10) == (kind == "too little data")
    assert kind not in ("none", "offset") or found.change[1] <= 0 <= found.change[2]
