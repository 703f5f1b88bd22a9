"""Hashed n-grams of clean texts and a logistic model of them, bit for bit as scikit-learn has them, by numpy alone.

A text is words between single blanks, so that each n-gram, of words or of characters, is a span of bytes of the texts
written one after the other.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Index = NDArray[np.int64]
Words = NDArray[np.uint32]
U32 = np.uint32
BLANK = 32
LONG = 32  # blocks of a span, from which on it is hashed by itself


@dataclass(frozen=True)
class Spans:
    """Bytes from `starts` to `ends` of a text, each of a row."""

    rows: Index
    starts: Index
    ends: Index


def ngram_probabilities(
    texts: Sequence[str],
    coefficients: NDArray[np.floating[Any]],
    intercepts: NDArray[np.floating[Any]],
    word_ngrams: int,
    char_ngrams: tuple[int, int],
) -> NDArray[np.float32]:
    """(rows, labels) of clean texts. coefficients (labels, 2 * buckets): of word n-grams, then of characters'."""
    buckets = coefficients.shape[1] // 2
    row, cell, value = _features(texts, buckets, word_ngrams, char_ngrams)
    scores = np.empty((len(texts), len(coefficients)), np.float32)
    for label, weights in enumerate(coefficients):
        logits = _sums(row, value.astype(np.float64) * weights[cell], len(texts)) + np.float64(
            intercepts[label]
        )
        # exp of a large number is infinite, and 1 / (1 + it) the 0 it should be
        with np.errstate(over="ignore"):
            scores[:, label] = 1.0 / (1.0 + np.exp(-logits))
    return scores


def _features(
    texts: Sequence[str], buckets: int, word_ngrams: int, char_ngrams: tuple[int, int]
) -> tuple[Index, Index, NDArray[np.float32]]:
    """Rows (ascending), cells (ascending in a row) and values: both kinds of length 1 in a row, then the row is."""
    data = np.frombuffer(f" {' '.join(texts)} ".encode(), np.uint8)
    first, last = _words(data)
    counts = np.array([text.count(" ") + bool(text) for text in texts], np.int64)
    rows = np.repeat(np.arange(len(texts)), counts)
    kinds = (_word_spans(rows, first, last, word_ngrams), _char_spans(data, rows, first, last, char_ngrams))
    signed = []
    for kind, several in enumerate(kinds):
        for spans in several:
            hashed = murmur3(data, spans.starts, spans.ends - spans.starts).astype(np.int64)
            key = (2 * spans.rows + kind) * buckets + np.abs(hashed) % buckets
            signed.append(2 * key + (hashed >= 0))
    keys = np.concatenate(signed)
    keys.sort()
    begins = np.flatnonzero(np.diff(keys // 2, prepend=-1))
    value = np.add.reduceat(keys % 2 * 2 - 1, begins) if len(keys) else keys
    cells = keys[begins] // 2
    row, cell = np.divmod(cells, 2 * buckets)
    return (
        row,
        cell,
        _normalised(row, _normalised(cells // buckets, value.astype(np.float32), 2 * len(texts)), len(texts)),
    )


def _words(data: NDArray[np.uint8]) -> tuple[Index, Index]:
    """The first byte of each word, and the first after it."""
    letter = data != BLANK
    return np.flatnonzero(letter[1:] & ~letter[:-1]) + 1, np.flatnonzero(letter[:-1] & ~letter[1:]) + 1


def _word_spans(rows: Index, first: Index, last: Index, most: int) -> Iterator[Spans]:
    """Of one to `most` words of a row that follow each other."""
    for n in range(1, most + 1):
        at = np.flatnonzero(rows[: max(len(rows) - n + 1, 0)] == rows[n - 1 :])
        yield Spans(rows[at], first[at], last[at + n - 1])


def _char_spans(
    data: NDArray[np.uint8], rows: Index, first: Index, last: Index, sizes: tuple[int, int]
) -> Iterator[Spans]:
    """Of so many characters within a word and a blank on each side; the whole of it, once, where that is shorter."""
    begins = np.append(np.flatnonzero((data & 0xC0) != 0x80), len(data))  # of characters, in UTF-8
    left = np.searchsorted(begins, first) - 1
    length = np.searchsorted(begins, last) + 1 - left
    for n in range(sizes[0], sizes[1] + 1):
        size = np.minimum(length, n)
        count = np.where(length < n, n == sizes[0], length - size + 1)
        steps = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        at = np.repeat(left, count) + steps
        yield Spans(np.repeat(rows, count), begins[at], begins[at + np.repeat(size, count)])


def _normalised(group: Index, value: NDArray[np.float32], groups: int) -> NDArray[np.float32]:
    """Of length 1 in each group, as scikit-learn rounds: squares in 32 bits, their sums in 64, in order."""
    lengths = np.sqrt(_sums(group, value * value, groups))
    lengths[lengths == 0] = 1
    return (value / lengths[group]).astype(np.float32)


def _sums(group: Index, values: NDArray[np.floating[Any]], groups: int) -> NDArray[np.float64]:
    """Of each group, one after the other: numpy's own sum is in another order, and has other last bits."""
    return np.asarray(np.bincount(group, values, groups), np.float64)


def murmur3(data: NDArray[np.uint8], starts: Index, lengths: Index) -> NDArray[np.int32]:
    """MurmurHash3 (x86, 32 bits, seed 0) of spans of bytes."""
    order = np.argsort(-lengths, kind="stable")  # those that go on are the first ones
    starts, lengths = starts[order], lengths[order]
    bytes_ = np.append(data, np.zeros(3, np.uint8)).astype(np.uint32)
    fours: Words = bytes_[:-3] | bytes_[1:-2] << U32(8) | bytes_[2:-1] << U32(16) | bytes_[3:] << U32(24)
    mixed = _mixed(fours)
    blocks = lengths // 4
    going = len(blocks) - np.cumsum(np.bincount(blocks[blocks < LONG], minlength=LONG))
    state = np.zeros(len(starts), np.uint32)
    for block, many in enumerate(going[going > 0].tolist()):
        state[:many] = _rotated(state[:many] ^ mixed[starts[:many] + 4 * block], 13) * U32(5) + U32(
            0xE6546B64
        )
    for span in range(going[-1]):  # few, each of many blocks
        state[span] = _long(
            int(state[span]), mixed[starts[span] : starts[span] + 4 * blocks[span] : 4][LONG:]
        )
    rest = np.flatnonzero(lengths % 4)
    tail = fours[starts[rest] + 4 * blocks[rest]] & ((1 << 8 * (lengths[rest] % 4)) - 1).astype(np.uint32)
    state[rest] ^= _mixed(tail)
    state ^= lengths.astype(np.uint32)
    state = (state ^ state >> U32(16)) * U32(0x85EBCA6B)
    state = (state ^ state >> U32(13)) * U32(0xC2B2AE35)
    hashed = np.empty(len(order), np.int32)
    hashed[order] = (state ^ state >> U32(16)).view(np.int32)
    return hashed


def _long(state: int, words: Words) -> int:
    """Whole numbers of Python's own step faster than arrays of one."""
    for word in words.tolist():
        state ^= word
        state = (state << 13 | state >> 19) * 5 + 0xE6546B64 & 0xFFFFFFFF
    return state


def _mixed(words: Words) -> Words:
    return _rotated(words * U32(0xCC9E2D51), 15) * U32(0x1B873593)


def _rotated(words: Words, by: int) -> Words:
    return words << U32(by) | words >> U32(32 - by)
