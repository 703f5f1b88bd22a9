"""Hashes, n-grams, lengths and sums are scikit-learn's, to the last bit."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.utils import murmurhash3_32

from methods.text.ngrams import NgramModel, ngram_features, ngram_scores
from serving.rules.clean_text import clean_text
from serving.rules.ngrams import murmur3, ngram_probabilities

SIZES: list[tuple[int, tuple[int, int]]] = [
    (1, (1, 1)),
    (2, (2, 5)),
    (3, (1, 3)),
    (4, (4, 4)),
    (1, (3, 8)),
    (7, (2, 3)),
]
# A character of each length in UTF-8, marks that join, case that grows, and what Unicode counts as blanks.
SIGNS = list("aZ0,. \t\x00\x1c\x85\xa0éßİΣ\u0301\u200d\u3000漢字🙂👍🏽\U00010400")
MESSY = st.lists(st.text(st.sampled_from(SIGNS), max_size=40) | st.text(max_size=20), max_size=6)


def model(buckets: int, labels: int = 3) -> NgramModel:
    random = np.random.default_rng(buckets)
    weights = random.normal(size=(labels, 2 * buckets), scale=3).astype(np.float32)
    return NgramModel(weights, random.normal(size=labels).astype(np.float32))


def assert_same_bits(texts: list[str], buckets: int, words: int, chars: tuple[int, int]) -> None:
    fitted = model(buckets)
    made = ngram_probabilities(texts, fitted.coefficients, fitted.intercepts, words, chars)
    wanted = (
        ngram_scores(fitted, ngram_features(texts, buckets, words, chars))
        if texts
        else np.empty((0, 3), np.float32)
    )
    assert made.dtype == wanted.dtype == np.float32
    np.testing.assert_array_equal(made, wanted)


@given(st.lists(st.binary(max_size=70) | st.binary(min_size=120, max_size=140), max_size=20))
@settings(deadline=None)
def test_the_hash_is_murmur3(spans: list[bytes]) -> None:
    lengths = np.array([len(each) for each in spans], np.int64)
    data = np.frombuffer(b"".join(spans), np.uint8)
    made = murmur3(data, np.cumsum(lengths) - lengths, lengths)
    assert made.tolist() == [murmurhash3_32(each, 0) for each in spans]


@given(MESSY, st.sampled_from(SIZES), st.sampled_from([1, 7, 256, 65536]))
@settings(deadline=None, max_examples=300)
def test_scores_of_any_text_are_scikit_learns(texts: list[str], sizes: Any, buckets: int) -> None:
    """Few buckets: n-grams meet in one, add up or cancel."""
    assert_same_bits([clean_text(text) for text in texts], buckets, *sizes)


@pytest.mark.parametrize("sizes", SIZES)
def test_texts_that_are_very_long(sizes: tuple[int, tuple[int, int]]) -> None:
    assert_same_bits(["x" * 20_000, "", "ab 🙂 " * 4000 + "end", "a"], 4096, *sizes)


def test_a_score_beyond_what_numbers_hold_is_0_or_1() -> None:
    scores = ngram_probabilities(
        ["a"], np.zeros((2, 512), np.float32), np.array([1e9, -1e9], np.float32), 1, (1, 2)
    )
    assert scores.tolist() == [[1, 0]]
