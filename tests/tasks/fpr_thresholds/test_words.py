"""What certificates, diagnoses and reasons say, kind by kind."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from methods.budgets.diagnosis import Diagnosis
from methods.budgets.evidence import FoldEvidence
from methods.budgets.learnability import Help, OracleRecall
from methods.budgets.recipes import LabelThreshold
from methods.statistics.ranking import AurocInterval
from tasks.fpr_thresholds.comparison.decision import REASONS
from tasks.report.templates import Reason, sentences

ORACLE = OracleRecall(Help.NO, 1, 36, 0.125, 0.4)
CERTIFICATES = "tasks/fpr_thresholds/model/certificates.j2"


@pytest.mark.parametrize(
    ("status", "figures", "sentence"),
    [
        ("feasible", {"negatives": 200, "allowed": 4}, "4 of 200 negatives may fire"),
        ("at_mined_edge", {"negatives": 200, "allowed": 4}, "4 of 200 negatives may fire"),
        ("infeasible", {"negatives": 9}, "no threshold keeps 9 negatives within the budget"),
        ("infeasible", {"negatives": 92, "needed": 114}, "needs 114 negatives, has 92: collect 22"),
        (
            "infeasible",
            {"negatives": 114, "needed": 114},
            "no threshold keeps 114 negatives within the budget",
        ),
        (
            "feasible",
            {"negatives": 236, "needed": 114, "allowed": 1},
            "needs 114 negatives, has 236: allows 1 above it",
        ),
        ("undetermined", {"mined": 3, "needed": 9}, "the threshold lies below the 3 mined rows: mine more"),
        ("no positives", {}, "the calibration set has no positives of this label"),
        ("no negatives", {}, "the calibration set has no negatives of this label"),
    ],
)
def test_a_certificate_says_what_a_status_rests_on(
    status: str, figures: dict[str, Any], sentence: str
) -> None:
    counts = {
        "negatives": 0,
        "texts": 0,
        "fired_texts": 0,
        "positives": 0,
        "mined": 0,
        "pool_size": 0,
        "allowed": 0,
        "needed": None,
    }
    rest: dict[str, Any] = {"upper_bound": None, "selected_threshold": None, **counts, **figures}
    found = LabelThreshold(label="x", threshold=np.inf, status=status, **rest)
    assert sentences(CERTIFICATES, [Reason("certificate", {"found": found})]) == [sentence]


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("too little data", "only 7 rows of a class on one side: collect more before judging"),
        (
            "ranking",
            "no threshold can be shown to help this label: the best one within the budget catches 1 of 36 (at most "
            "12.5%), its AUROC is 0.546 [0.454, 0.639]; it needs a better model or better labels",
        ),
        (
            "shift",
            "AUROC moved from 0.596 to 0.546, by -0.050 [-0.197, +0.097]: recalibrate often, or retrain",
        ),
        (
            "offset",
            "no change of its ranking can be seen (AUROC -0.050 [-0.197, +0.097]), but its scores have moved "
            "(Kolmogorov-Smirnov p 0.0012): retune",
        ),
        (
            "none",
            "no change of its ranking can be seen (AUROC -0.050 [-0.197, +0.097]), and none of its scores (smaller of "
            "two Kolmogorov-Smirnov p 0.0012)",
        ),
    ],
)
def test_a_diagnosis_says_what_is_wrong_and_what_to_do(kind: str, sentence: str) -> None:
    before, after = AurocInterval(0.481, 0.596, 0.711), AurocInterval(0.454, 0.546, 0.639)
    found = Diagnosis(kind, 7, ORACLE, before, after, (-0.05, -0.197, 0.097), (), (), 0.00123, 0.3)
    assert sentences(REASONS, [Reason("diagnosis", {"found": found})]) == [sentence]


def test_a_diagnosis_without_both_classes_needs_no_auroc() -> None:
    found = Diagnosis("too little data", 0, ORACLE, None, None, None, (), (), 1.0, 1.0)
    assert sentences(REASONS, [Reason("diagnosis", {"found": found})])[0].startswith("only 0 rows")


def test_why_the_control_is_left_out_is_said_for_each_label_or_counted() -> None:
    its = FoldEvidence(9, 20, 9, 403, 8, 0.0223, 0.0115, 0.039, 0, 0, 1.0)
    few = {"control": "A", "budget": 0.02, "label": "x", "max_risk": 0.1}
    many = {"control": "A", "budget": 0.02, "labels": 7, "over": 4, "surely": 3}
    within = replace(its, false_positives=6)
    assert sentences(
        REASONS,
        [
            Reason("control_left_out_labels", many),
            Reason("control_left_out", {**few, "its": its, "risk": 0.4}),
            Reason("control_left_out", {**few, "its": within, "risk": 0.4}),
            Reason("control_left_out", {**few, "its": within, "risk": float("nan")}),
            Reason("control_left_out", {**few, "its": replace(within, caught=0), "risk": 0.4}),
        ],
    ) == [
        "the control A is left out for 7 labels: in the folds it is above 2.0% on 4 of them, on 3 by its one-sided bound",
        "the control A is left out for x: it fired on 9 of 403 negatives where 8 are allowed, a true rate of 1.1% to "
        "3.9%, more than 2.0% allows. That is a screen, not proof",
        "the control A is left out for x: it keeps 2.0% in the folds, but so few calibration rows leave a risk of 40% "
        "that it does not later, and 10% is allowed",
        "the control A is left out for x: its threshold never fires",
        "the control A is left out for x: it catches nothing",
    ]
