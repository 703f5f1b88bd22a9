"""Near-copies: exact Jaccard by brute force is the reference, and what is no copy stays apart."""

import numpy as np
import pytest

from methods.text.near_copies import jaccard, near_copy_groups, plain_text, shingle_sets

WORDS = "free money click here now win prize today offer hello friend how are you doing".split()


def sentences(count: int, seed: int) -> list[str]:
    random = np.random.default_rng(seed)
    made = [" ".join(random.choice(WORDS, 8)) for _ in range(count)]
    for row in range(count // 2):  # edits of earlier ones
        words = made[row].split()
        words[int(random.integers(8))] = str(random.choice(WORDS))
        made.append(" ".join(words))
    return made


def shingles(text: str) -> set[str]:
    padded = "\x02" * 4 + plain_text(text) + "\x02" * 4
    return {padded[at : at + 5] for at in range(len(padded) - 4)}


@pytest.mark.parametrize("least", [0.7, 0.8, 1.0])
def test_groups_are_those_of_all_pairs_compared(least: float) -> None:
    texts = sentences(120, seed=4)
    sets = [shingles(text) for text in texts]
    group = list(range(len(texts)))
    for a in range(len(texts)):
        for b in range(a):
            if len(sets[a] & sets[b]) / len(sets[a] | sets[b]) >= least:
                old, new = group[a], group[b]
                group = [new if each == old else each for each in group]
    found = near_copy_groups(texts, least)
    assert len(set(group)) < len(texts)
    np.testing.assert_array_equal(found[:, None] == found, np.array(group)[:, None] == np.array(group))


def test_the_index_is_that_of_the_sets() -> None:
    a, b = "free money click here", "free money click there"
    pairs = np.array([[0, 1]])
    expected = len(shingles(a) & shingles(b)) / len(shingles(a) | shingles(b))
    assert jaccard(shingle_sets([a, b]), pairs).tolist() == pytest.approx([expected])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("win 100 euro now!!!", "win 2500 euro now"),
        ("look here https://a.example/x?y=1", "look here www.b.example"),
        ("check out my channel", "check out my channel 😀"),
    ],
)
def test_numbers_addresses_and_signs_make_no_difference(one: str, other: str) -> None:
    assert near_copy_groups([one, "something else", other], 1.0).tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("one", "other"),
    [("https://a.example", "https://b.example"), ("12", "13"), ("😀", "😢"), ("yes", "no"), ("", "a")],
)
def test_texts_of_nothing_else_are_compared_as_they_stand(one: str, other: str) -> None:
    assert near_copy_groups([one, other, one], 0.8).tolist() == [0, 1, 0]


def test_a_text_sent_a_thousand_times_over_is_one_group() -> None:
    texts = [
        f"dear {name} you have won a prize in our great lottery, answer today"
        for name in map(chr, range(97, 123))
    ]
    assert set(near_copy_groups(texts * 40, 0.8)) == {0}
