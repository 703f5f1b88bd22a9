"""A calibration set holds what was known and nothing that leaks."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pytest

from methods.budgets.calibration_sets import (
    UNKNOWN_TIME,
    Moment,
    ScoreCache,
    TimelineRows,
    assemble,
    moment_of,
    unique_texts,
)
from methods.splits.row_splits import Fold

NONE = np.empty(0, np.int64)


@dataclass(frozen=True)
class PoolRows:
    pool: str
    rows: Literal["all", "clean", "mined"] = "all"
    top: int | None = None


def moment(pool: list[str], scores: list[float], positive: list[int], **columns: list[int]) -> Moment:
    n = len(pool)
    return Moment(
        np.arange(n),
        np.array(pool),
        np.array(scores, np.float32)[:, np.newaxis],
        np.array(positive, bool)[:, np.newaxis],
        np.array(columns.get("group", list(range(n)))),
        np.array(columns.get("time", list(range(n)))),
        np.array(columns.get("in_sample", [0] * n), bool),
    )


def test_a_text_that_an_earlier_source_brought_joins_once() -> None:
    known = moment(["calib", "pool", "pool"], [0.1, 0.2, 0.3], [0, 0, 0], group=[7, 7, 8])
    built = assemble(known, [PoolRows("calib"), PoolRows("pool")], NONE, allow_in_sample=False)
    assert built.rows.row.tolist() == [0, 2]
    assert (built.counts[1].dropped_overlap, built.counts[1].kept) == (1, 1)


def test_repeats_within_a_source_are_traffic_but_count_once_in_a_guarantee() -> None:
    known = moment(["calib"] * 3, [0.1, 0.1, 0.2], [0, 0, 0], group=[7, 7, 8])
    built = assemble(known, [PoolRows("calib")], NONE, allow_in_sample=False)
    assert len(built.rows.row) == 3
    assert unique_texts(built.rows).row.tolist() == [0, 2]


def test_a_text_that_evaluates_never_calibrates() -> None:
    known = moment(["pool", "pool"], [0.1, 0.2], [0, 0], group=[1, 2])
    built = assemble(known, [PoolRows("pool")], np.array([2]), allow_in_sample=True)
    assert built.rows.row.tolist() == [0]
    assert built.counts[0].dropped_evaluation == 1


@pytest.mark.parametrize(("allow", "kept"), [(False, [1]), (True, [0, 1])])
def test_rows_the_model_trained_on_are_refused_unless_allowed(allow: bool, kept: list[int]) -> None:
    known = moment(["pool", "pool"], [0.1, 0.2], [0, 0], in_sample=[1, 0])
    built = assemble(known, [PoolRows("pool")], NONE, allow_in_sample=allow)
    assert built.rows.row.tolist() == kept
    assert built.counts[0].dropped_in_sample == (not allow)
    assert built.counts[0].kept_in_sample == allow


def test_clean_sources_leave_labelled_rows_out() -> None:
    known = moment(["pool"] * 3, [0.1, 0.2, 0.3], [0, 1, 0])
    assert assemble(known, [PoolRows("pool", "clean")], NONE, allow_in_sample=False).rows.row.tolist() == [
        0,
        2,
    ]


def test_mined_rows_are_the_top_clean_ones_and_ties_at_the_edge_stay_whole() -> None:
    known = moment(["pool"] * 5, [0.9, 0.5, 0.5, 0.1, 0.95], [0, 0, 0, 0, 1])
    built = assemble(known, [PoolRows("pool", "mined", 2)], NONE, allow_in_sample=False)
    assert sorted(built.mined[0].rows.row.tolist()) == [0, 1, 2]
    assert built.mined[0].population == 4


def test_mining_more_than_the_pool_holds_takes_it_whole() -> None:
    known = moment(["pool"] * 2, [0.9, 0.5], [0, 0])
    built = assemble(known, [PoolRows("pool", "mined", 9)], NONE, allow_in_sample=False)
    assert (len(built.mined[0].rows.row), built.mined[0].population) == (2, 2)


def base() -> tuple[TimelineRows, ScoreCache]:
    """Six rows on the axis (train 0-2, calib 3, holdout 4-5) and two pool rows; snapshots fitted on 1 and 3 rows."""
    rows = TimelineRows(
        pool=np.array(["train"] * 3 + ["calib"] + ["holdout"] * 2 + ["extra"] * 2),
        position=np.array([0, 1, 2, 3, 4, 5, -1, -1]),
        group=np.array([0, 1, 2, 3, 4, 0, 6, 7]),
        time=np.array([10, 20, 30, 40, 50, 60, 45, 55]),
        positive=np.zeros((8, 1), bool),
    )
    scores = np.stack([np.full((8, 1), 0.1), np.full((8, 1), 0.2)]).astype(np.float32)
    seen = np.array([[g in (0,) for g in rows.group], [g in (0, 1, 2) for g in rows.group]])
    return rows, ScoreCache(scores, seen, np.array([-1, 0, 0, -1, -1, -1, -1, -1]))


FOLD = Fold(1, (3, 4), (4, 6))


def test_a_moment_knows_no_pool_row_from_after_the_evaluation_began() -> None:
    known, _ = moment_of(*base(), FOLD)
    assert known.row[known.pool == "extra"].tolist() == [6]


def test_pool_rows_without_a_time_are_known_throughout() -> None:
    rows, cache = base()
    known, _ = moment_of(replace(rows, time=np.full(8, UNKNOWN_TIME)), cache, FOLD)
    assert known.row[known.pool == "extra"].tolist() == [6, 7]


def test_forward_chained_rows_carry_the_score_of_a_model_that_had_not_seen_them() -> None:
    known, _ = moment_of(*base(), FOLD)
    chained = known[known.pool == "forward_chained"]
    assert chained.row.tolist() == [1, 2]
    assert chained.scores[:, 0].tolist() == pytest.approx([0.1, 0.1])
    assert not chained.in_sample.any()
    assert known[known.pool == "train"].in_sample.all()


def test_a_row_whose_text_was_trained_or_tuned_on_does_not_evaluate() -> None:
    _, evaluation = moment_of(*base(), FOLD)
    assert evaluation.row.tolist() == [4]
