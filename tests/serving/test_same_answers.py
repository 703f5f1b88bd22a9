"""What `bench.same_answers` counts on a million rows is nothing on a few thousand, in every way in."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.same_answers import (
    THRESHOLDS,
    hard_logits,
    hard_scores,
    recalibration_answers,
    threshold_answers,
    under_switches,
)
from methods.calibration.recalibration import METHODS
from serving.rules.thresholds import fires


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("rows", [0, 3000])
def test_thresholds_decide_alike_everywhere(tmp_path: Path, rows: int, dtype: Any) -> None:
    answers = list(threshold_answers(tmp_path, hard_scores(rows, dtype), files=rows > 0))
    assert len(answers) == (10 if rows else 6)
    assert {way: differing for way, differing, *_ in answers if differing} == {}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("method", METHODS)
def test_recalibrations_give_the_same_bits_everywhere(tmp_path: Path, method: Any, dtype: Any) -> None:
    answers = list(recalibration_answers(tmp_path, method, hard_logits(2000, dtype), files=method == "platt"))
    assert {way: differing for way, differing, *_ in answers if differing} == {}


def test_the_rows_are_hard_to_get_right() -> None:
    scores, thresholds = hard_scores(1000, np.float64), np.array(list(THRESHOLDS.values()))
    strictly = (scores > thresholds) & (thresholds < np.inf)
    assert 0.05 < (strictly != fires(scores, thresholds))[:, :3].mean() < 0.2
    assert np.isinf(scores).any()
    assert not fires(scores, thresholds)[:, 3].any()


def test_a_stage_s_cpu_switches_change_no_probability_by_more_than_the_last_digits(tmp_path: Path) -> None:
    _, most = under_switches(tmp_path, hard_logits(2000, np.float64).astype(np.float64))
    assert most < 1e-15
