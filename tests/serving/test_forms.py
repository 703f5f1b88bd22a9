"""The same decisions as scikit-learn's classifiers and MLflow's models."""

from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest import SkipTest
from warnings import catch_warnings

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import make_classification, make_multilabel_classification
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.utils.estimator_checks import estimator_checks_generator

from serving import RecordError, load
from serving.mlflow_form import _load_pyfunc
from serving.rules.thresholds import fires
from serving.sklearn_form import ExportedRecalibration, ExportedThresholds
from tests.serving.exports import recalibration_export, thresholds_export

INF = float("inf")


class Scores(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A model whose scores are its inputs."""

    classes_ = np.array([0, 1])

    def fit(self, X: Any, y: Any = None) -> "Scores":
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict_proba(self, X: Any) -> Any:
        return X

    decision_function = predict_proba


def test_one_label_is_what_a_fixed_threshold_gives(tmp_path: Path) -> None:
    X, y = make_classification(400, random_state=1)
    names = np.array(["ham", "spam"])[y]
    model = LogisticRegression().fit(X, names)
    at = float(np.sort(model.predict_proba(X)[:, 1])[300])  # a tie with a row
    ours = ExportedThresholds(model, thresholds_export(tmp_path, {"spam": at}))
    theirs = FixedThresholdClassifier(
        model, threshold=at, pos_label="spam", response_method="predict_proba"
    ).fit(X, names)
    assert (ours.predict(X) == theirs.predict(X)).all()
    assert ours.classes_.tolist() == ["ham", "spam"]
    assert ours.score(X, names) == theirs.score(X, names)


@pytest.mark.parametrize("model", [OneVsRestClassifier(LogisticRegression()), KNeighborsClassifier(7)])
def test_several_labels_are_decided_each_by_its_own(tmp_path: Path, model: Any) -> None:
    X, y = make_multilabel_classification(300, n_classes=3, random_state=1)
    thresholds = {"a": 0.3, "b": 3 / 7, "c": INF}
    ours = ExportedThresholds(model, thresholds_export(tmp_path, thresholds)).fit(X, y)
    given = ours.predict_proba(X)
    pairs = given if isinstance(given, list) else [np.stack([1 - each, each], axis=1) for each in given.T]
    scores: NDArray[np.float64] = np.array([each[:, 1] for each in pairs], np.float64).T
    assert (ours.predict(X) == fires(scores, np.array(list(thresholds.values())))).all()
    assert ours.predict(X)[:, 0].any()
    assert not ours.predict(X)[:, 2].any()


def test_scores_at_the_threshold_infinite_or_narrow(tmp_path: Path) -> None:
    thresholds = {"a": 0.5, "b": float(np.float32(0.3)), "c": INF}
    ours = ExportedThresholds(Scores(), thresholds_export(tmp_path, thresholds))
    for dtype in (np.float32, np.float64):
        scores: NDArray[np.floating[Any]] = np.array([[0.5, 0.3, INF], [INF, -INF, 1], [0, 1, 0.5]], dtype)
        assert (ours.predict(scores) == fires(scores, np.array(list(thresholds.values())))).all()
    assert ours.predict(np.empty((0, 3))).shape == (0, 3)
    with pytest.raises(RecordError, match=r"row 1, field score:b: nan is no number"):
        ours.predict(np.array([[0.1, np.nan, 0.1]]))
    with pytest.raises(RecordError, match=r"expected scores \(rows, 3\)"):
        ours.predict(np.zeros((2, 2)))


def test_a_model_is_fitted_before_it_is_asked(tmp_path: Path) -> None:
    folder = thresholds_export(tmp_path, {"spam": 0.5})
    X, y = make_classification(100, random_state=1)
    ours = ExportedThresholds(LogisticRegression(), folder)
    with pytest.raises(NotFittedError):
        ours.predict(X)
    assert not hasattr(ours, "classes_")
    assert ours.fit(X, y).predict(X).shape == (100,)
    assert clone(ours).get_params()["folder"] == folder
    with pytest.raises(NotFittedError):
        clone(ours).predict(X)


def test_scikit_learn_s_own_checks_pass(tmp_path: Path) -> None:
    ours = ExportedThresholds(LogisticRegression(), str(thresholds_export(tmp_path, {"spam": 0.5})))
    run = 0
    for estimator, check in estimator_checks_generator(ours):
        with suppress(SkipTest), catch_warnings(action="ignore"):
            check(estimator)
            run += 1
    assert run > 40


@pytest.mark.parametrize("method", ["temperature", "platt", "threshold"])
def test_a_recalibrated_classifier(tmp_path: Path, method: str) -> None:
    named = {"temperature": [3.0], "slope": [0.4], "intercept": [0.1], "threshold": [1.5]}
    folder = recalibration_export(tmp_path, method, {1: named})
    X, y = make_classification(300, random_state=1)
    model = LogisticRegression().fit(X, y)
    margin = model.decision_function(X)
    ours, logits = ExportedRecalibration(model, folder), np.stack([np.zeros_like(margin), margin], axis=1)
    assert (ours.predict_proba(X) == load(folder).probabilities(logits)).all()
    assert (ours.predict(X) == load(folder).predicted(logits)).all()
    assert (ExportedRecalibration(Scores(), folder).predict_proba(logits) == ours.predict_proba(X)).all()


def test_a_seed_says_whose_parameters(tmp_path: Path) -> None:
    folder = recalibration_export(
        tmp_path, "temperature", {1: {"temperature": [1.0]}, 2: {"temperature": [INF]}}
    )
    logits = np.array([[0.0, 2.0]])
    assert (ExportedRecalibration(Scores(), folder, seed=2).predict_proba(logits) == 0.5).all()
    with pytest.raises(RecordError, match=r"field seed: is missing; expected one of 1, 2"):
        ExportedRecalibration(Scores(), folder).predict_proba(logits)
    with pytest.raises(RecordError, match=r"expected a logit for each of 2 classes, got 3"):
        ExportedRecalibration(Scores(), folder, seed=1).predict_proba(np.zeros((2, 3)))


def test_mlflow_s_loader_gives_a_model_that_predicts_frames(tmp_path: Path) -> None:
    """What mlflow.pyfunc calls: `_load_pyfunc(data_path)`, then `predict(frame, params)`."""
    model = _load_pyfunc(str(thresholds_export(tmp_path, {"a": 0.5, "b": 0.25})))
    frame = pd.DataFrame({"score:b": [0.25, 0.2], "id": ["x", "y"], "score:a": [0.4, 0.5]}, index=[7, 9])
    decided = model.predict(frame, params=None)
    assert decided.to_dict("list") == {"fires:a": [False, True], "fires:b": [True, False]}
    assert decided.index.tolist() == [7, 9]
    assert model.predict({"score:a": [1.0], "score:b": [0.0]})["fires:a"].tolist() == [True]
