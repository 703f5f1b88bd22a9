"""What a head draws while it trains."""

import numpy as np
import pytest

from methods.heads.draws import DropoutMasks
from methods.statistics.streams import epoch_stream


@pytest.mark.parametrize(
    ("rate", "batch", "width"), [(0.1, 16, 1), (0.1, 64, 37), (0.5, 512, 8), (1e-6, 16, 3)]
)
def test_dropout_masks_are_the_bytes_of_their_stream_however_the_steps_are_cut(
    rate: float, batch: int, width: int
) -> None:
    masks = DropoutMasks(rate, 7, "train", 3)
    drawn = np.concatenate([masks.draw(steps, batch, width) for steps in (1, 2, 1)])
    read = epoch_stream(7, "train/dropout", 3).bytes(2 * drawn.size)
    below = round(rate * 65536)
    kept = np.frombuffer(read, np.uint16).reshape(drawn.shape) >= below
    assert drawn.dtype == np.float32
    np.testing.assert_array_equal(drawn, np.where(kept, np.float32(65536 / (65536 - below)), np.float32(0)))
