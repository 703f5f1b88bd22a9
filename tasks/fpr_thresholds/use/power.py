"""How many negatives tell whether a budget is kept, and how many positives whether a threshold helps at all."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import bdtr, bdtrc, ndtr, ndtri
from scipy.stats import hypergeom

from methods.budgets.learnability import FEWEST_POSITIVES, HelpRule
from methods.budgets.thresholds import false_positive_budget
from methods.statistics.intervals import lower_bound, upper_bound
from methods.statistics.sample_sizes import SampleSize, fewest_that_decide, negatives_at_power
from methods.statistics.streams import seeded
from params.fpr_thresholds import Compare
from storage.files.documents import read_json
from tasks.fpr_thresholds.comparison.evaluation import help_rule
from tasks.planning.claims import Assumed, PlannedClaim, require_known, required
from tasks.report.templates import Reason, sentences

REASONS = "tasks/fpr_thresholds/comparison/reasons.j2"
PILOT = ("results",)  # files of the comparison that are read
ASSUMPTIONS = {
    "rate": "true false-positive rate, of all labels, or of one as rate.LABEL",
    "caught": "share of the positives that the best threshold within the budget catches, or caught.LABEL",
    "negatives": "negatives for each positive, where positives are planned",
}
NEGATIVES, POSITIVES = "distinct negatives", "fold positives"
DRAWS, SEED, MOST = 4000, 0, 10**6
A_LABEL = "a label"


def claims(params: Compare, files: dict[str, Any] | None, assumed: Assumed) -> list[PlannedClaim]:
    require_known(assumed, ASSUMPTIONS)
    if files is None:
        return list(_of_label(params, A_LABEL, {}, assumed))
    evidence = read_json(Path(files["results"]) / "decision.json")["evidence"]["labels"]
    return [claim for label, each in evidence.items() for claim in _of_label(params, label, each, assumed)]


def _of_label(params: Compare, label: str, pilot: dict[str, Any], assumed: Assumed) -> Iterator[PlannedClaim]:
    holdout, oracle = pilot.get("holdout"), pilot.get("oracle")
    own = {name: assumed.get(f"{name}.{label}", assumed.get(name)) for name in ASSUMPTIONS}
    rate = own["rate"]
    if holdout is None or pilot.get("adopted") or rate is not None:
        present = holdout["negatives"] if holdout else 0
        if rate is None:
            rate = (
                _seen(holdout["false_positives"], present)
                if holdout
                else required(assumed, "rate", ASSUMPTIONS)
            )
        yield budget_claim(_said("budget_held", label), rate, params.selection.max_fpr, params.level, present)
    if oracle is not None or own["caught"] is not None:
        seen = oracle["caught"] / max(oracle["positives"], 1) if oracle else 0.0
        share = seen if own["caught"] is None else own["caught"]
        present = oracle["positives"] if oracle else 0
        ratio = own["negatives"] or (_ratio(pilot) if oracle else 1.0)
        yield help_claim(_said("threshold_helps", label), share, ratio, help_rule(params), present)


def budget_claim(claim: str, rate: float, budget: float, level: float, present: int) -> PlannedClaim:
    """Exact, for rows that are no copies of each other."""

    def exact(n: int) -> float:
        counts = np.arange(n + 1)
        if rate > budget:
            return float(bdtrc(np.count_nonzero(lower_bound(counts, n, level) <= budget) - 1, n, rate))
        held = int(np.count_nonzero(upper_bound(counts, n, level) <= budget))
        return float(bdtr(held - 1, n, rate)) if held else 0.0

    size = partial(_negatives, rate, budget, level)
    return PlannedClaim(claim, NEGATIVES, present, 1, {"rate": rate, "budget": budget}, size, exact)


def _negatives(rate: float, budget: float, level: float, power: float) -> SampleSize | None:
    return negatives_at_power(rate, budget, level, power)


def help_claim(claim: str, share: float, ratio: float, rule: HelpRule, present: int) -> PlannedClaim:
    chance = partial(help_chance, share, ratio, rule)

    def size(power: float) -> SampleSize | None:
        return fewest_that_decide(chance, power, FEWEST_POSITIVES, MOST)

    figures = {"caught": share, "least": rule.least_recall}
    return PlannedClaim(claim, POSITIVES, present, FEWEST_POSITIVES, figures, size, chance)


def help_chance(share: float, ratio: float, rule: HelpRule, positives: int) -> float:
    """That `oracle_recall` says what is true of scores that are normal for both answers, of which positives a threshold at
    the budget's true quantile catches `share`; ratio: negatives for each positive. The quantile of the negatives that the
    rows have is beta distributed, so nothing but two numbers is drawn for each set of rows."""
    negatives = max(round(ratio * positives), 1)
    allowed = false_positive_budget(negatives, rule.max_fpr)
    if min(positives, negatives) < FEWEST_POSITIVES or allowed >= negatives:
        return 0.0
    rng = seeded(SEED)
    beyond = rng.beta(allowed + 1, negatives - allowed, DRAWS)
    apart = ndtri(np.clip(share, 1e-9, 1 - 1e-9)) - ndtri(rule.max_fpr)
    caught = rng.binomial(positives, ndtr(apart + ndtri(beyond)))
    if share < rule.least_recall:
        return float((upper_bound(caught, positives, rule.level) < rule.least_recall).mean())
    everything = positives + negatives
    p = hypergeom.sf(caught - 1, everything, positives, np.minimum(caught + allowed, everything))
    return float(((p <= 1 - rule.level) & (caught >= rule.least_recall * positives)).mean())


def _seen(fired: int, rows: int) -> float:
    """With half a false positive more, as in the decision."""
    return (fired + 0.5) / (rows + 1)


def _ratio(pilot: dict[str, Any]) -> float:
    """Negatives for each positive, as the holdout has them."""
    holdout = pilot["holdout"]
    return float(holdout["negatives"] / max(holdout["positives"], 1))


def _said(claim: str, label: str) -> str:
    return sentences(REASONS, [Reason(claim, {"label": label})])[0]
