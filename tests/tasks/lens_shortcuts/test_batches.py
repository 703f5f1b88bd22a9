"""Too few stamps to train on are told by the field that says how many a batch has."""

import pytest

from methods.lenses.training import FEWEST_BATCHES
from storage.files.inputs import InputError
from tasks.lens_shortcuts.model import training


def test_fewer_than_two_batches_are_told_by_their_field() -> None:
    field = "lens_shortcuts.full.network.batch"
    training._require_batches(FEWEST_BATCHES * 36, 36, field)
    with pytest.raises(
        InputError, match=rf"params.yaml, field {field}: 72 stamps in train make no 2 batches of 40"
    ):
        training._require_batches(72, 40, field)
