"""Of many labels that all keep their budget some are above it by chance; only what none of them explains is broken."""

import json
from pathlib import Path

import numpy as np
import pytest

from methods.budgets.calibration_sets import Moment
from methods.budgets.evaluation import VIOLATES
from params.block import read_block
from params.fpr_thresholds import Compare
from storage.messages.thresholds import Label, Shift, Thresholds
from tasks.fpr_thresholds.comparison.evaluation import combine

ROWS, LABELS = 400, [f"l{number}" for number in range(40)]


def option() -> Thresholds:
    label = Label(
        threshold=0.5, status="feasible", certificate="", negatives=1, texts=1, fired_texts=0, positives=1, mined=0,
        pool_size=0, allowed=0, needed=None, upper_bound=None, low=None, high=None, selected_threshold=None,
        shift=Shift(gamma=1.0, threshold=0.5, status="feasible"),
    )  # fmt: skip
    return Thresholds(
        option="A", rule="empirical", alpha=0.02, delta=None, labels=dict.fromkeys(LABELS, label)
    )


def holdout(rates: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> Moment:
    """Negatives of each label fire at its rate; the first row is a positive of all."""
    scores = (np.random.default_rng(5).random((ROWS, len(LABELS))) < rates).astype(float)
    positive = np.zeros((ROWS, len(LABELS)), bool)
    positive[0] = True
    rows = np.arange(ROWS)
    return Moment(rows, np.full(ROWS, "holdout"), scores, positive, rows, rows, np.zeros(ROWS, bool))


@pytest.fixture
def params(tmp_path: Path) -> Compare:
    selection = {"max_fpr": 0.02, "least_recall": 0.1, "max_risk": 0.1, "risk_of": "each_label"}
    block = {
        "selection": selection, "advice": [], "level": 0.95, "clean_share": 0.9, "resamples": 100, "seed": 1,
    }  # fmt: skip
    path = tmp_path / "params.yaml"
    path.write_text(json.dumps({"block": block}))
    made: Compare = read_block(path, "block", Compare)
    return made


def test_what_chance_explains_is_not_broken_and_what_it_does_not_is(params: Compare) -> None:
    rates = np.full(len(LABELS), 0.02)
    rates[-1] = 0.12
    found = combine([option()], dict.fromkeys(LABELS, 0), holdout(rates), params)
    above = [label for label in LABELS if found.by_label[label].verdict == VIOLATES]
    assert len(above) > 1
    assert found.broken == [LABELS[-1]]
