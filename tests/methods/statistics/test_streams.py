"""Every way from a seed to numbers gives the numbers that it gave when data and results were pinned."""

import numpy as np
import pytest

from methods.statistics.streams import epoch_stream, keyed_stream, seeded, stream, uniforms

# as drawn before the ways stood in one module
SEEDED = [0.468817486956, 0.426145836239]
STREAM = [0.184840410582, 0.432792618827]
KEYED = [0.721703792571, 0.03609766433]
EPOCH = [0.379771231278, 0.304421905694]


def first(random: np.random.Generator) -> list[float]:
    return [round(float(value), 12) for value in random.random(2)]


def test_the_numbers_stay() -> None:
    assert first(seeded(7)) == SEEDED
    assert first(stream(7, "rows")) == STREAM
    assert first(keyed_stream(7, "rows")) == KEYED
    assert first(epoch_stream(7, "rows", 3)) == EPOCH


def test_purposes_seeds_and_epochs_have_streams_of_their_own() -> None:
    drawn = [
        first(each)
        for each in (
            seeded(1), seeded(2), stream(1, "a"), stream(1, "b"), stream(2, "a"), keyed_stream(1, "a"),
            epoch_stream(1, "a"), epoch_stream(1, "a", 1), epoch_stream(1, "b"), epoch_stream(2, "a"),
        )
    ]  # fmt: skip
    assert len({tuple(each) for each in drawn}) == len(drawn)


def test_an_item_has_its_numbers_in_any_company() -> None:
    some, all_of_them = (uniforms(3, "mask", 1, index, 2) for index in (np.array([4, 1]), np.arange(9)))
    np.testing.assert_array_equal(some, all_of_them[[4, 1]])
    assert uniforms(3, "mask", 1, np.array([], np.int64), 2).shape == (0, 2)


@pytest.mark.parametrize(("seed", "epoch"), [(-1, 0), (0, -1)])
def test_seeds_and_epochs_are_counted_from_0(seed: int, epoch: int) -> None:
    with pytest.raises(ValueError, match="at least 0"):
        epoch_stream(seed, "rows", epoch)
