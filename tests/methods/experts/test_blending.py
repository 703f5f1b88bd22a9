"""Experts and blender against scikit-learn, and what stacking in-sample does instead."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from methods.calibration.isotonic import fit_curves
from methods.experts.blending import (
    LogisticExpert,
    clipped_logit,
    cross_fit,
    image_folds,
    log_losses,
    meta_features,
)
from methods.experts.boosting import BoostingExpert, BoostingSettings
from methods.experts.logistic_regression import Logistic, LogisticSettings, fit_logistic
from methods.experts.perceptron import PerceptronExpert, PerceptronSettings
from methods.statistics.ranking import auroc

LOGISTIC = LogisticSettings(0.5, 1e-7, 500)
BOOSTING = BoostingSettings(6, 0.1, 150, 0.8, 0.8, 10, 64, 1.0, 0.0, 3)
PERCEPTRON = PerceptronSettings(32, 0.01, 0.01, 0.2, 64, 60, 2, 3)
BLENDER = LogisticSettings(1.0, 1e-7, 500)


def data(seed: int = 0, rows: int = 900, width: int = 12) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    rng = np.random.default_rng(seed)
    features = (rng.normal(size=(rows, width)) * rng.uniform(0.1, 20, width) + 3).astype(np.float32)
    signal = (features - features.mean(axis=0)) / features.std(axis=0) @ rng.normal(size=width) / 2
    return features, signal + rng.logistic(size=rows) > 0.5


def test_the_fit_is_scikit_learns_on_standardised_features() -> None:
    features, positive = data()
    found = fit_logistic(features.astype(np.float64), positive, np.arange(900), LOGISTIC)
    scaler = StandardScaler().fit(features.astype(np.float64))
    theirs = LogisticRegression(C=0.5, tol=1e-9, max_iter=1000).fit(scaler.transform(features), positive)
    assert np.allclose(found.coefficients * scaler.scale_, theirs.coef_[0], atol=1e-4)
    p = theirs.predict_proba(scaler.transform(features))[:, 1]
    assert np.allclose(found.probabilities(features, np.arange(900)), p, atol=1e-4)


def test_chunks_of_a_memory_map_give_the_resident_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("methods.experts.logistic_regression.CHUNK", 128)
    features, positive = data()
    np.save(tmp_path / "dense.npy", features.astype(np.float16))
    mapped = np.load(tmp_path / "dense.npy", mmap_mode="r")
    rows = np.arange(0, 900, 2)
    resident = fit_logistic(mapped, positive, rows, LOGISTIC)
    streamed = fit_logistic(mapped, positive, rows, LOGISTIC, resident=0)
    assert streamed.coefficients.tobytes() == resident.coefficients.tobytes()


def test_constant_and_missing_features_leave_the_share_of_positives() -> None:
    positive = np.arange(100) % 4 == 0
    for features in (np.full((100, 3), 7.0, np.float16), np.empty((100, 0), np.float16)):
        found = fit_logistic(features, positive, np.arange(100), LOGISTIC)
        assert found.probabilities(features, np.arange(100)) == pytest.approx(0.25, abs=1e-4)
        assert not found.coefficients.any()


def test_folds_take_whole_images_and_differ_by_one_at_most() -> None:
    image = np.repeat(np.arange(23) * 7, 5)
    fold = image_folds(image, 4, 1)
    assert all(len(set(fold[image == name])) == 1 for name in np.unique(image))
    sizes = np.bincount(fold[::5])
    assert sizes.max() - sizes.min() <= 1
    assert (image_folds(image, 4, 1) == fold).all()


class Recorder:
    """An expert that remembers which rows it saw for which prediction."""

    def __init__(self) -> None:
        self.seen: list[tuple[set[int], set[int]]] = []

    def fit(self, rows: NDArray[np.int64], stop: NDArray[np.int64]) -> tuple[set[int], int]:
        return {*rows.tolist(), *stop.tolist()}, len(rows)

    def refit(self, rows: NDArray[np.int64], rounds: int) -> set[int]:
        return set(rows.tolist())

    def probabilities(self, model: set[int], rows: NDArray[np.int64]) -> NDArray[np.float64]:
        self.seen.append((model, set(rows.tolist())))
        return np.full(len(rows), 0.5)

    def arrays(self, model: set[int]) -> dict[str, NDArray[Any]]:
        return {"rows": np.array(sorted(model))}

    def model(self, arrays: dict[str, NDArray[Any]]) -> set[int]:
        return set(arrays["rows"].tolist())


def test_no_model_predicts_a_row_whose_image_it_was_fitted_or_stopped_on() -> None:
    image = np.repeat(np.arange(20), 6)
    rows, recorder = np.arange(0, 120, 2), Recorder()
    fold = image_folds(image[rows], 4, 2)
    found = cross_fit([recorder], np.arange(120) % 2 == 0, rows, fold, 4)
    predicted = set()
    for known, asked in recorder.seen:
        assert not set(image[sorted(known)]) & set(image[sorted(asked)])
        predicted |= asked
    assert predicted == set(rows.tolist())
    assert np.isfinite(found.out_of_fold).all()
    assert found.model == set(rows.tolist())


def test_a_finished_fold_is_not_fitted_again() -> None:
    features, positive = data(rows=200)
    expert, fold = LogisticExpert(features, positive, LOGISTIC), np.arange(200) % 4
    kept: dict[str, dict[str, NDArray[Any]]] = {}

    def memo(name: str, compute: Any) -> dict[str, NDArray[Any]]:
        if name not in kept:
            kept[name] = compute()
        return kept[name]

    first = cross_fit([expert], positive, np.arange(200), fold, 4, memo)
    kept["0_fold_2"]["p"] = np.full_like(kept["0_fold_2"]["p"], 0.123)
    again = cross_fit([expert], positive, np.arange(200), fold, 4, memo)
    assert (again.out_of_fold[fold == 2] == 0.123).all()
    assert (again.out_of_fold[fold != 2] == first.out_of_fold[fold != 2]).all()


def test_of_several_settings_the_one_that_predicts_best_out_of_fold_is_kept() -> None:
    features, positive = data(rows=600)
    rows, fold = np.arange(600), np.arange(600) % 4
    settings = [LogisticSettings(c, 1e-6, 300) for c in (1e-6, 0.5, 0.5)]
    experts = [LogisticExpert(features, positive, each) for each in settings]
    found = cross_fit(experts, positive, rows, fold, 4)
    losses = [log_losses(each.probabilities, positive).mean() for each in found.held_out]
    assert found.chosen == 1  # the earlier of equals
    assert losses[1] == losses[2] < losses[0]
    assert found.model.coefficients.tolist() == experts[1].refit(rows, 0).coefficients.tolist()


@pytest.mark.parametrize("kind", ["boosting", "perceptron"])
def test_a_model_comes_back_from_its_arrays(kind: str) -> None:
    features, positive = data(rows=300)
    rows = np.arange(300)
    expert: Any = (
        BoostingExpert((features,), positive, BOOSTING)
        if kind == "boosting"
        else PerceptronExpert(features, positive, PERCEPTRON)
    )
    model = expert.refit(rows, 5)
    again = expert.model(expert.arrays(model))
    assert expert.probabilities(again, rows).tobytes() == expert.probabilities(model, rows).tobytes()
    stored = expert.arrays(again)
    assert all(stored[name].tobytes() == value.tobytes() for name, value in expert.arrays(model).items())


def test_correlated_features_cost_few_iterations() -> None:
    """Condition number about 1e4: the sampled Hessian makes the problem round."""
    rng = np.random.default_rng(8)
    features = rng.normal(size=(4000, 5)) @ rng.normal(size=(5, 60)) + 0.03 * rng.normal(size=(4000, 60))
    positive = features @ rng.normal(size=60) / 8 + rng.logistic(size=4000) > 0
    few, many = (LogisticSettings(1.0, 1e-6, iterations) for iterations in (15, 500))
    short, long = (fit_logistic(features, positive, np.arange(4000), each) for each in (few, many))
    assert np.allclose(short.coefficients, long.coefficients, atol=1e-3)
    scaler = StandardScaler().fit(features)
    theirs = LogisticRegression(C=1.0, tol=1e-8, max_iter=5000).fit(scaler.transform(features), positive)
    assert np.allclose(long.coefficients * scaler.scale_, theirs.coef_[0], atol=1e-3)


@pytest.mark.parametrize("kind", ["boosting", "perceptron"])
def test_control_and_hybrids_stop_early_on_other_images(kind: str) -> None:
    """Labels of pure noise: every round past the first few only overfits."""
    rng = np.random.default_rng(1)
    features, positive = rng.normal(size=(400, 8)).astype(np.float32), rng.random(400) < 0.4
    expert: Any = (
        BoostingExpert((features,), positive, BOOSTING)
        if kind == "boosting"
        else PerceptronExpert(features, positive, PERCEPTRON)
    )
    found = cross_fit([expert], positive, np.arange(400), np.arange(400) % 4, 4)
    most = BOOSTING.rounds if kind == "boosting" else PERCEPTRON.epochs
    assert found.rounds < most / 3
    base = log_losses(np.full(400, positive.mean()), positive).mean()
    assert log_losses(found.out_of_fold, positive).mean() < base + 0.05


def test_a_perceptron_learns_what_no_plane_separates_and_repeats_itself() -> None:
    rng = np.random.default_rng(2)
    features = rng.normal(size=(1200, 4)).astype(np.float16)
    positive = np.asarray(features[:, 0] * features[:, 1] > 0)
    settings = PerceptronSettings(32, 0.01, 0.0, 0.0, 64, 40, 5, 3)
    expert = PerceptronExpert(features, positive, settings)
    model, rounds = expert.fit(np.arange(800), np.arange(800, 1000))
    held = np.arange(1000, 1200)
    assert auroc(expert.probabilities(model, held), positive[held]) > 0.95
    again, _ = PerceptronExpert(features, positive, settings).fit(np.arange(800), np.arange(800, 1000))
    assert again.hidden.tobytes() == model.hidden.tobytes()
    refitted = expert.refit(np.arange(800), rounds)
    assert refitted.hidden.tobytes() == model.hidden.tobytes()


def test_boosting_over_chunks_is_boosting_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    features, positive = data()
    expert = BoostingExpert((features[:, :5], features[:, 5:]), positive, BOOSTING)
    whole = expert.probabilities(expert.refit(np.arange(900), 20), np.arange(900))
    monkeypatch.setattr("methods.experts.boosting.CHUNK", 900)
    assert (expert.probabilities(expert.refit(np.arange(900), 20), np.arange(900)) == whole).all()
    monkeypatch.setattr("methods.experts.boosting.CHUNK", 200)
    chunked = expert.probabilities(expert.refit(np.arange(900), 20), np.arange(900))
    assert np.abs(chunked - whole).mean() < 0.05  # quantile sketches of chunks differ a little


def blend(
    image: NDArray[np.int64],
    dense: NDArray[Any],
    structured: NDArray[Any],
    positive: NDArray[np.bool_],
    in_sample: bool,
) -> tuple[Logistic, NDArray[np.float64]]:
    """The blender, and p_final of rows 600 on, which nothing was fitted on."""
    rows, every = np.arange(600), np.arange(len(positive))
    fold = image_folds(image[rows], 5, 1)
    experts: list[Any] = [
        LogisticExpert(dense, positive, LogisticSettings(1.0, 1e-6, 300)),
        BoostingExpert((structured,), positive, BOOSTING),
    ]
    columns = []
    for expert in experts:
        found = cross_fit([expert], positive, rows, fold, 5)
        p = expert.probabilities(found.model, every)
        if not in_sample:
            p[rows] = found.out_of_fold
        columns.append(p)
    meta = meta_features(columns[0], columns[1], np.ones((len(positive), 1), bool))
    blender = fit_logistic(meta, positive, rows, BLENDER)
    return blender, blender.probabilities(meta, np.arange(600, len(positive)))


def test_a_blender_fitted_on_in_sample_predictions_trusts_too_much() -> None:
    """The original's trap: coefficients about twice as large, and a far worse log-loss on other images."""
    rng = np.random.default_rng(4)
    rows = 3000
    dense = rng.normal(size=(rows, 60)).astype(np.float16)
    structured = rng.normal(size=(rows, 10)).astype(np.float32)
    signal = dense.astype(float) @ rng.normal(size=60) / 8 + np.abs(structured[:, 0]) + structured[:, 1] - 0.8
    positive = signal + rng.logistic(size=rows) > 0
    image = np.arange(rows) // 6
    honest, p = blend(image, dense, structured, positive, in_sample=False)
    trusting, q = blend(image, dense, structured, positive, in_sample=True)
    assert trusting.coefficients[:2].sum() > 1.7 * honest.coefficients[:2].sum()
    losses = [log_losses(each, positive[600:]).mean() for each in (p, q)]
    assert losses[1] > 1.15 * losses[0]


def test_shuffled_labels_leave_nothing_to_blend() -> None:
    rng = np.random.default_rng(6)
    coefficients, areas = [], []
    for _ in range(3):
        dense = rng.normal(size=(1800, 20)).astype(np.float16)
        structured = rng.normal(size=(1800, 6)).astype(np.float32)
        positive = rng.random(1800) < 0.4
        blender, p = blend(np.arange(1800) // 6, dense, structured, positive, in_sample=False)
        coefficients.append(blender.coefficients[:2])
        areas.append(auroc(p, positive[600:]))
    assert np.mean(areas) == pytest.approx(0.5, abs=0.03)
    assert np.abs(np.mean(coefficients, axis=0)).max() < 0.35


def test_logits_are_clipped() -> None:
    assert clipped_logit(np.array([0.0, 1.0])) == pytest.approx([-13.8155, 13.8155], abs=1e-3)


def test_isotonic_curves_are_per_class_and_monotone() -> None:
    rng = np.random.default_rng(7)
    p, label = rng.random(3000), rng.integers(0, 3, 3000)
    positive = np.where(label == 0, rng.random(3000) < p**2, rng.random(3000) < np.sqrt(p))
    positive[label == 2] = True
    curves = fit_curves(p, positive, label)
    grid = np.linspace(0, 1, 50)
    low, high, kept = (curves.probabilities(grid, np.full(50, name)) for name in range(3))
    assert (np.diff(low) >= 0).all()
    assert low[25] < 0.4 < 0.6 < high[25]
    assert (kept == grid).all()
