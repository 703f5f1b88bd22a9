"""Hashed word and character n-grams with one logistic regression per label: small, fast, without a vocabulary."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import normalize


@dataclass(frozen=True)
class NgramModel:
    """coefficients (labels, features) and intercepts (labels); NaN for a label that could not be fitted."""

    coefficients: NDArray[np.float32]
    intercepts: NDArray[np.float32]


def ngram_features(
    texts: list[str], buckets: int, word_ngrams: int, char_ngrams: tuple[int, int]
) -> "csr_matrix[Any]":
    """(rows, 2 * buckets) float32: hashed word n-grams beside hashed character n-grams, each row of length 1."""
    word = HashingVectorizer(
        n_features=buckets,
        ngram_range=(1, word_ngrams),
        norm="l2",
        token_pattern=r"(?u)\S+",
        dtype=np.float32,
    )
    char = HashingVectorizer(
        n_features=buckets, analyzer="char_wb", ngram_range=char_ngrams, norm="l2", dtype=np.float32
    )
    return normalize(csr_matrix(hstack([word.transform(texts), char.transform(texts)], dtype=np.float32)))


def fit_ngram_model(
    features: "csr_matrix[Any]", positive: NDArray[np.bool_], inverse_regularisation: float
) -> NgramModel:
    """One-vs-rest logistic regression, positive (rows, labels).

    A label with rows of one class only has no model: its coefficients are NaN, and so will its scores be.
    """
    labels = positive.shape[1]
    coefficients = np.full((labels, features.shape[1]), np.nan, np.float32)
    intercepts = np.full(labels, np.nan, np.float32)
    for label in range(labels):
        if positive[:, label].any() and not positive[:, label].all():
            fitted = LogisticRegression(C=inverse_regularisation, solver="liblinear", random_state=0).fit(
                features, positive[:, label]
            )
            coefficients[label], intercepts[label] = fitted.coef_[0], fitted.intercept_[0]
    return NgramModel(coefficients, intercepts)


def ngram_scores(model: NgramModel, features: "csr_matrix[Any]") -> NDArray[np.float32]:
    """(rows, labels) probabilities, NaN for a label without a model."""
    fitted = ~np.isnan(model.intercepts)
    scores = np.full((features.shape[0], len(model.intercepts)), np.nan, np.float32)
    logits = features @ model.coefficients[fitted].T.astype(np.float64) + model.intercepts[fitted]
    scores[:, fitted] = 1.0 / (1.0 + np.exp(-logits))
    return scores
