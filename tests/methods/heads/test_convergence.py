"""When a training ends: by its validation loss, a share of its best epoch later where that is slow, or at its limit."""

import numpy as np

from methods.heads.specs import from_recipe
from methods.heads.sweep import head_data
from methods.heads.training import SLOW, train_lanes
from tests.methods.heads.test_training import world


def test_a_slow_training_waits_a_share_of_its_best_epoch() -> None:
    values, labels, _, split = world()
    data = head_data(values, labels, split, 5)
    specs = [from_recipe("e", 16, 16, 1, f"nat-mix0-lr{rate}") for rate in ("0p003", "0p03")]
    slow, fast = train_lanes(specs, [], data)
    for state in (slow, fast):
        assert state.status == "stopped early"
        assert state.epochs - state.best_epoch == max(6, int(np.ceil(SLOW * state.best_epoch)))
    assert slow.best_epoch > 6 / SLOW > fast.best_epoch


def test_one_that_reaches_its_limit_says_so() -> None:
    values, labels, _, split = world()
    state = train_lanes(
        [from_recipe("e", 0, 16, 1, "nat-mix0-ep3")], [], head_data(values, labels, split, 5)
    )[0]
    assert (state.status, state.epochs) == ("ran all epochs", 3)
