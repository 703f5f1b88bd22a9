"""A mined pool without its repeats: one clean row a text, and a population of texts."""

import numpy as np

from methods.budgets.calibration_sets import Moment, assemble
from methods.budgets.mined_pools import without_repeats
from params.fpr_thresholds import CalibrationSource


def moment(pools: list[str], texts: list[int], positive: list[bool]) -> Moment:
    n = len(pools)
    scores = np.linspace(0.9, 0.1, n, dtype=np.float32)[:, None]
    zeros = np.zeros(n, np.int64)
    return Moment(
        np.arange(n), np.array(pools), scores, np.array(positive)[:, None], np.array(texts), zeros, zeros > 0
    )


ROWS = moment(
    ["pool", "pool", "pool", "pool", "calib", "calib", "pool", "other", "other"],
    [1, 1, 2, 2, 3, 3, 3, 1, 1],
    [True, False, False, False, False, False, False, False, False],
)


def test_the_first_clean_row_of_a_text_is_left_and_all_else_is() -> None:
    assert without_repeats(ROWS, ["pool"]).row.tolist() == [0, 1, 2, 4, 5, 6, 7, 8]
    assert without_repeats(ROWS, ["pool", "other"]).row.tolist() == [0, 1, 2, 4, 5, 6, 7]
    assert without_repeats(ROWS, []).row.tolist() == ROWS.row.tolist()


def test_twice_is_once() -> None:
    once = without_repeats(ROWS, ["pool"])
    assert without_repeats(once, ["pool"]).row.tolist() == once.row.tolist()


def test_the_population_counts_texts() -> None:
    sources = [CalibrationSource(pool="pool", rows="mined", top=2)]
    nobody = np.empty(0, np.int64)
    as_it_is, unique = (
        assemble(m, sources, nobody, False).mined[0] for m in (ROWS, without_repeats(ROWS, ["pool"]))
    )
    assert (as_it_is.population, unique.population) == (4, 3)
    assert unique.rows.group.tolist() == [1, 2]
