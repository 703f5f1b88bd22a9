"""Exports in scikit-learn's convention: a classifier around yours, which decides as the export does.

    from serving.sklearn_form import ExportedThresholds

    spam_filter = ExportedThresholds(fitted_model, "folder")
    spam_filter.predict(X)

It takes a model that is fitted, or fits a copy of one that is not, as FixedThresholdClassifier does. The model has to be
the one that was calibrated: fitted anew, its scores are others. Needs scikit-learn.
"""

from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import get_tags
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_is_fitted

from serving.errors import RecordError
from serving.folder import load


class _AroundClassifier(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):  # type: ignore[misc]
    """estimator: fitted or not. folder: of the export."""

    def __init__(self, estimator: Any, folder: str | Path) -> None:
        self.estimator = estimator
        self.folder = folder

    def fit(self, X: Any, y: Any, **fit_params: Any) -> Self:
        """A copy of the estimator; the export's decision stays as it is."""
        if type_of_target(y, input_name="y") == "multiclass":
            raise ValueError("Only binary classification is supported. The type of the target is multiclass.")
        self.estimator_ = clone(self.estimator).fit(X, y, **fit_params)
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(self.estimator_, name):
                setattr(self, name, getattr(self.estimator_, name))
        return self

    @property
    def _fitted(self) -> Any:
        if not hasattr(self, "estimator_"):
            try:
                check_is_fitted(self.estimator)
            except NotFittedError:
                check_is_fitted(self, "estimator_")  # in the words that people know
        return getattr(self, "estimator_", self.estimator)

    @property
    def classes_(self) -> Any:
        try:
            return self._fitted.classes_
        except NotFittedError as error:
            raise AttributeError("classes_") from error

    def __sklearn_is_fitted__(self) -> bool:
        try:
            return self._fitted is not None
        except NotFittedError:
            return False

    def __sklearn_tags__(self) -> Any:
        """Two classes, or several labels at once."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.sparse = get_tags(self.estimator).input_tags.sparse
        return tags


class ExportedThresholds(_AroundClassifier):
    """Predictions by the thresholds of an export. Of one label: the estimator's two classes; of several: 0 and 1 a label
    (rows, labels), in the order of the export's labels, which has to be the order of the estimator's outputs."""

    def predict_proba(self, X: Any) -> Any:
        return self._fitted.predict_proba(X)

    def predict(self, X: Any) -> NDArray[Any]:
        decision = load(self.folder)
        fired: NDArray[np.bool_] = decision.fired(self._scores(X))
        return (
            np.asarray(self.classes_)[fired[:, 0].astype(int)]
            if len(decision.labels) == 1
            else fired.astype(int)
        )

    def _scores(self, X: Any) -> NDArray[np.floating[Any]]:
        """(rows, labels): of the second class, where the estimator gives both."""
        given = self._fitted.predict_proba(X)
        if isinstance(given, list):  # of forests and neighbours: a pair of columns for each label
            return np.stack([np.asarray(each)[:, -1] for each in given], axis=1)
        scores = np.asarray(given)
        if scores.ndim == 1:
            return scores[:, None]
        return scores[:, 1:] if scores.shape[1] == 2 and len(load(self.folder).labels) == 1 else scores


class ExportedTextModel(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """The text model of an export, which needs no estimator and is fitted as it came: X are messages. Classes as of
    ExportedThresholds."""

    classes_ = np.array([0, 1])

    def __init__(self, folder: str | Path) -> None:
        self.folder = folder

    def fit(self, X: Any, y: Any = None) -> Self:
        """It stays as it is."""
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """(rows, 2) of one label, (rows, labels) of several."""
        scores: NDArray[np.float64] = load(self.folder).scores(list(X))
        return np.hstack([1 - scores, scores]) if scores.shape[1] == 1 else scores

    def predict(self, X: Any) -> NDArray[Any]:
        return ExportedThresholds(self, self.folder).predict(X)


class ExportedRecalibration(_AroundClassifier):
    """Probabilities by the recalibration of an export, of the estimator's logits (its `decision_function`). seed: which
    model's parameters, where the export has several."""

    def __init__(self, estimator: Any, folder: str | Path, seed: int | None = None) -> None:
        super().__init__(estimator, folder)
        self.seed = seed

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        probabilities: NDArray[np.float64] = load(self.folder).probabilities(self._logits(X), self.seed)
        return probabilities

    def predict(self, X: Any) -> NDArray[Any]:
        """What the export predicts, which need not be the likeliest."""
        predicted: NDArray[np.int64] = load(self.folder).predicted(self._logits(X), self.seed)
        return np.asarray(self.classes_)[predicted]

    def _logits(self, X: Any) -> NDArray[np.floating[Any]]:
        """(rows, classes); a margin between two classes is the second one's logit, the first one's is 0."""
        given = np.asarray(self._fitted.decision_function(X))
        logits = np.stack([np.zeros_like(given), given], axis=1) if given.ndim == 1 else given
        if logits.shape[1] != len(self.classes_):
            raise RecordError(
                f"expected a logit for each of {len(self.classes_)} classes, got {logits.shape[1]}"
            )
        return logits
