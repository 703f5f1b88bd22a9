"""The default text model: learns what can be learned, and says where it cannot."""

import numpy as np
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LogisticRegression

from methods.text.ngrams import fit_ngram_model, ngram_features, ngram_scores

TEXTS = ["free btc now", "buy btc", "hello you", "see you soon", "btc free", "you and me"]
POSITIVE = np.array([[1, 0], [1, 0], [0, 0], [0, 0], [1, 0], [0, 0]], bool)


def test_scores_equal_scikit_learns_probabilities() -> None:
    features = ngram_features(TEXTS, 1024, 2, (2, 3))
    reference = LogisticRegression(C=3.0, solver="liblinear", random_state=0).fit(features, POSITIVE[:, 0])
    scores = ngram_scores(fit_ngram_model(features, POSITIVE, 3.0), features)
    np.testing.assert_allclose(scores[:, 0], reference.predict_proba(features)[:, 1], rtol=1e-5)


def test_a_label_with_one_class_only_has_no_scores() -> None:
    features = ngram_features(TEXTS, 1024, 2, (2, 3))
    assert np.isnan(ngram_scores(fit_ngram_model(features, POSITIVE, 1.0), features)[:, 1]).all()


def test_features_are_word_and_character_grams_of_unit_length() -> None:
    features = ngram_features(TEXTS, 1024, 1, (2, 2))
    np.testing.assert_allclose(np.sqrt(features.multiply(features).sum(axis=1)), 1.0, rtol=1e-6)
    words = HashingVectorizer(
        n_features=1024, norm="l2", token_pattern=r"(?u)\S+", dtype=np.float32
    ).transform(TEXTS)
    np.testing.assert_allclose(features[:, :1024].toarray() * np.sqrt(2), words.toarray(), rtol=1e-6)
