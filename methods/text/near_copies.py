"""Texts that differ in little: Jaccard index of their character shingles, pairs sought by MinHash (Broder 1997)."""

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components
from sklearn.feature_extraction.text import HashingVectorizer

from methods.statistics.streams import seeded
from methods.text.duplicates import duplicate_groups

SHINGLE = 5  # characters
BUCKETS = 2**22
BANDS, ROWS = (
    32,
    4,
)  # pairs of Jaccard .7 meet in a band with probability .9998, of .6 with .988, of .3 with .23
EDGE = "\x02" * (SHINGLE - 1)
URL = re.compile(r"(https?://|www\.)\S+")
DIGITS = re.compile(r"\d+")
NO_WORD = re.compile(r"[\W_]+")
PLACEHOLDERS = {"url", "0"}

Index = NDArray[np.int64]


def near_copy_groups(texts: list[str], least: float) -> Index:
    """One number per text, in order of first appearance; texts share it if a chain of pairs with a Jaccard index of at
    least `least` joins them. texts are clean (`clean_text`)."""
    plain = [plain_text(text) for text in texts]
    different = list(dict.fromkeys(plain))
    shingles = shingle_sets(different)
    pairs = _candidates(shingles)
    pairs = pairs[jaccard(shingles, pairs) >= least - 1e-12]
    edges = csr_matrix((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), shape=[len(different)] * 2)
    component = connected_components(edges, directed=False)[1]
    return duplicate_groups(component[duplicate_groups(plain)].tolist())


def plain_text(text: str) -> str:
    """Web addresses and numbers as one word each, no punctuation; the text itself where no other word is left."""
    plain = NO_WORD.sub(" ", DIGITS.sub("0", URL.sub(" url ", text))).strip()
    return text if PLACEHOLDERS.issuperset(plain.split()) else plain


def shingle_sets(texts: list[str]) -> "csr_matrix[Any]":
    """(texts, BUCKETS) of 0 and 1; every text has at least one shingle."""
    shingles = HashingVectorizer(
        analyzer="char", ngram_range=(SHINGLE, SHINGLE), n_features=BUCKETS, binary=True, norm=None,
        alternate_sign=False, lowercase=False, dtype=np.int32,
    )  # fmt: skip
    return csr_matrix(shingles.transform([EDGE + text + EDGE for text in texts]))


def jaccard(shingles: "csr_matrix[Any]", pairs: Index) -> NDArray[np.float64]:
    sizes = np.diff(shingles.indptr)
    common = np.asarray(shingles[pairs[:, 0]].multiply(shingles[pairs[:, 1]]).sum(axis=1)).ravel()
    return np.asarray(common / (sizes[pairs[:, 0]] + sizes[pairs[:, 1]] - common))


def _candidates(shingles: "csr_matrix[Any]") -> Index:
    """(pairs, 2) that share all rows of a band: each with the first of its bucket and with the one before, so that a
    text sent a thousand times over gives a thousand pairs, not a million."""
    stream = seeded(0)
    pairs = [np.empty((0, 2), np.int64)]
    for _ in range(BANDS):
        band = np.stack([_least_hashes(shingles, *stream.integers(2**32, size=2)) for _ in range(ROWS)])
        order = np.lexsort(band)
        starts = np.append(True, (np.diff(band[:, order], axis=1) != 0).any(axis=0))
        head = order[np.maximum.accumulate(np.where(starts, np.arange(len(order)), 0))]
        for other in (head, np.roll(order, 1)):
            pairs.append(np.stack([other[~starts], order[~starts]], axis=1))
    return np.unique(np.sort(np.concatenate(pairs), axis=1), axis=0)


def _least_hashes(shingles: "csr_matrix[Any]", factor: int, offset: int) -> NDArray[np.uint32]:
    """The least of each row's shingles in a random order: multiply, add, and mix of 32 bits."""
    hashed = shingles.indices.astype(np.uint32) * np.uint32(factor | 1) + np.uint32(offset)
    hashed ^= hashed >> np.uint32(16)
    hashed *= np.uint32(0x45D9F3B)
    hashed ^= hashed >> np.uint32(16)
    return np.minimum.reduceat(hashed, shingles.indptr[:-1])
