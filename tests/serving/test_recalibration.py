"""Probabilities are those of the pipeline, for the model of each seed."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.special

from methods.calibration.recalibration import METHODS, apply, recalibrate
from serving import RecordError, load
from tests.serving.exports import recalibration_export

RANDOM = np.random.default_rng(5)
LOGITS = RANDOM.normal(0, 6, (400, 2))
LABELS = (LOGITS[:, 1] - LOGITS[:, 0] + RANDOM.normal(0, 4, 400) > 0).astype(np.int64)
CLASSES = ("SPEECH", "NONSPEECH")


def rows_of(logits: Any, **others: Any) -> dict[str, Any]:
    return {f"logit:{name}": logits[:, place] for place, name in enumerate(CLASSES)} | others


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_method_does_to_logits_what_the_pipeline_does(tmp_path: Path, method: Any, dtype: Any) -> None:
    fits = {seed: recalibrate(method, LOGITS * seed, LABELS) for seed in (1, 2)}
    parameters = {
        seed: {name: list(each) for name, each in fit.parameters.items()} for seed, fit in fits.items()
    }
    decision = load(recalibration_export(tmp_path, method, parameters))
    logits = np.concatenate([LOGITS, [[0.0, 0.0], [1e3, -1e3], [-1e3, 1e3]]]).astype(dtype)
    seeds = np.arange(len(logits)) % 2 + 1
    decided = decision.decide(rows_of(logits, seed=seeds))
    for seed, fit in fits.items():
        wanted = apply(fit, logits[seeds == seed])
        for place, name in enumerate(CLASSES):
            assert (decided[f"probability:{name}"][seeds == seed] == wanted.probabilities[:, place]).all()
        assert decided["predicted"][seeds == seed].tolist() == [CLASSES[each] for each in wanted.predicted]
        asked = seed if decision.asks_for_seed else None
        assert (decision.probabilities(logits[seeds == seed], asked) == wanted.probabilities).all()
        assert (decision.predicted(logits[seeds == seed], asked) == wanted.predicted).all()


def test_the_arithmetic_is_that_of_scipy(tmp_path: Path) -> None:
    decision = load(recalibration_export(tmp_path, "temperature", {1: {"temperature": [2.5]}}))
    assert (decision.probabilities(LOGITS) == scipy.special.softmax(LOGITS / 2.5, axis=1)).all()
    slope = load(recalibration_export(tmp_path, "platt", {1: {"slope": [0.3], "intercept": [-0.2]}}))
    expected = scipy.special.expit(0.3 * (LOGITS[:, 1] - LOGITS[:, 0]) - 0.2)
    np.testing.assert_array_max_ulp(slope.probabilities(LOGITS)[:, 1], expected, 2)


def test_none_is_the_softmax_and_asks_for_no_seed(tmp_path: Path) -> None:
    decision = load(recalibration_export(tmp_path, "none", {1: {}, 2: {}}))
    decided = decision.decide(rows_of(LOGITS))
    assert (decided["probability:SPEECH"] == scipy.special.softmax(LOGITS, axis=1)[:, 0]).all()
    assert "this export changes nothing" in (tmp_path / "exported" / "card.md").read_text()


def test_an_infinite_temperature_makes_all_classes_alike(tmp_path: Path) -> None:
    decision = load(recalibration_export(tmp_path, "temperature", {1: {"temperature": [np.inf]}}))
    assert (decision.probabilities(LOGITS) == 0.5).all()
    assert decision.predicted(LOGITS).tolist() == LOGITS.argmax(axis=1).tolist()


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        (rows_of(LOGITS), "field seed: is missing"),
        (rows_of(LOGITS, seed=np.full(400, 7)), "row 1, field seed: 7 is not known; expected one of 1, 2"),
        (rows_of(LOGITS, seed=np.full(400, 1.5)), "row 1, field seed: expected a whole number, got 1.5"),
        (rows_of(np.full((3, 2), np.inf), seed=[1, 1, 1]), "row 1, field logit:SPEECH: inf is not finite"),
        (rows_of(np.full((3, 2), np.nan), seed=[1, 1, 1]), "row 1, field logit:SPEECH: nan is no number"),
        (rows_of(LOGITS, **{"logit:MUSIC": LOGITS[:, 0]}), "field logit:MUSIC: there is no such class"),
    ],
)
def test_what_is_no_logit_of_these_models_is_refused(tmp_path: Path, inputs: Any, says: str) -> None:
    two = {1: {"temperature": [2.0]}, 2: {"temperature": [3.0]}}
    with pytest.raises(RecordError) as error:
        load(recalibration_export(tmp_path, "temperature", two)).decide(inputs)
    assert str(error.value).startswith(says)


def test_an_array_of_other_classes_is_refused(tmp_path: Path) -> None:
    decision = load(recalibration_export(tmp_path, "temperature", {1: {"temperature": [2.0]}}))
    with pytest.raises(RecordError, match=r"expected logits \(rows, 2\), got \(3, 3\)"):
        decision.probabilities(np.zeros((3, 3)))
    assert decision.decide(rows_of(np.empty((0, 2))))["predicted"].tolist() == []
