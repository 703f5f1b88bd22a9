"""Splits never let what comes later, or what belongs together, into what comes before."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from methods.splits.row_splits import (
    Sizes,
    chain_origins,
    expanding_folds,
    final_fold,
    forward_chain,
    group_split,
    like_the_last,
    random_order,
    rolling_folds,
    split_sizes,
    time_order,
)

quick = settings(derandomize=True, deadline=None)


def test_the_sizes_of_the_original() -> None:
    assert split_sizes(2619, 0.1, 0.1) == Sizes(2097, 261, 261)


@given(st.integers(10, 5000), st.floats(0.1, 0.45), st.floats(0.1, 0.45))
@quick
def test_the_slices_are_all_rows(rows: int, calibration: float, holdout: float) -> None:
    sizes = split_sizes(rows, calibration, holdout)
    assert sizes.train + sizes.calibration + sizes.holdout == rows == len(sizes.names)


def test_an_empty_slice_is_refused() -> None:
    with pytest.raises(ValueError, match="5 rows are too few"):
        split_sizes(5, 0.1, 0.3)


def test_rows_of_one_moment_are_ordered_by_id() -> None:
    assert time_order([2, 1, 1], ["a", "c", "b"]).tolist() == [2, 1, 0]


def test_the_same_seed_is_the_same_order() -> None:
    assert random_order(50, 3).tolist() == random_order(50, 3).tolist() != random_order(50, 4).tolist()


@given(
    st.lists(st.integers(0, 8), min_size=2, max_size=60).filter(lambda g: len(set(g)) > 1),
    st.floats(0.05, 0.95),
)
@quick
def test_a_group_is_on_one_side(groups: list[int], share: float) -> None:
    taken = group_split(groups, share, 1)
    assert taken.any()
    assert not taken.all()
    for group in set(groups):
        assert len(set(taken[np.array(groups) == group].tolist())) == 1


def test_origins_end_where_train_ends() -> None:
    assert chain_origins(2097, 261, 8).tolist() == [270, 531, 792, 1053, 1314, 1575, 1836, 2097]


def test_an_origin_without_rows_before_it_is_refused() -> None:
    with pytest.raises(ValueError, match="need more than 2000 training rows, there are 2000"):
        chain_origins(2000, 500, 5)


def test_no_row_is_scored_by_a_model_that_has_seen_it_or_its_future() -> None:
    origins = chain_origins(100, 20, 4)
    chain = forward_chain(np.arange(-2, 130), origins, 100)
    for position, snapshot in zip(range(-2, 130), chain, strict=True):
        if snapshot >= 0:
            assert origins[snapshot] <= position < 100
            assert snapshot == len(origins) - 1 or position < origins[snapshot + 1]
        else:
            assert position < origins[0] or position >= 100


def test_rolling_folds_end_before_the_holdout_and_never_look_ahead() -> None:
    sizes = split_sizes(2619, 0.1, 0.1)
    origins = chain_origins(sizes.train, sizes.calibration, 8)
    folds = rolling_folds(origins, sizes, 4)
    assert [fold.snapshot for fold in folds] == [3, 4, 5, 6]
    for fold in folds:
        assert origins[fold.snapshot] == fold.calibration[0]
        assert fold.calibration[1] == fold.evaluation[0]
        assert fold.evaluation[1] <= sizes.before_holdout
    assert folds[-1].evaluation == (2097, 2358)


def test_more_folds_than_origins_allow_are_refused() -> None:
    with pytest.raises(ValueError, match="4 folds need 5 origins, there are 4"):
        rolling_folds(chain_origins(100, 10, 4), Sizes(100, 10, 10), 4)


def test_expanding_folds_stay_inside_calibration() -> None:
    folds = expanding_folds(Sizes(10, 8, 5), 3)
    assert [fold.calibration for fold in folds] == [(10, 12), (10, 14), (10, 16)]
    assert [fold.evaluation for fold in folds] == [(12, 14), (14, 16), (16, 18)]
    with pytest.raises(ValueError, match="too few for 3 folds"):
        expanding_folds(Sizes(10, 2, 5), 3)


def test_the_final_fold_reports_on_the_holdout() -> None:
    fold = final_fold(Sizes(10, 8, 5), 3)
    assert (fold.snapshot, fold.calibration, fold.evaluation) == (2, (10, 18), (18, 23))


def test_the_chain_keeps_models_that_were_fitted_on_enough() -> None:
    origins, chain = np.array([10, 20, 30, 40]), np.array([-1, 0, 1, 1, 2, 3])
    assert like_the_last(chain, origins, 3, 0.5).tolist() == [-1, -1, 1, 1, 2, 3]
    assert like_the_last(chain, origins, 3, 0.51).tolist() == [-1, -1, -1, -1, 2, 3]
    assert like_the_last(chain, origins, 1, 1.0).tolist() == [-1, -1, 1, 1, 2, 3]
    assert like_the_last(chain, origins, 3, 0.0).tolist() == chain.tolist()
