"""A network of random filters: the seed is all there is to it."""

import numpy as np

from methods.images.crop_pixels import Transform
from methods.images.random_network import RandomNetwork

TRANSFORM = Transform(32, 0.0, "squash", 1.0, "bilinear", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
CROPS = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)


def test_the_seed_decides_the_weights() -> None:
    made = RandomNetwork(TRANSFORM, 8, 0).embed(CROPS)
    assert made.shape == (4, 8 * 16)
    assert made.dtype == np.float32
    assert np.array_equal(made, RandomNetwork(TRANSFORM, 8, 0).embed(CROPS))
    assert not np.allclose(made, RandomNetwork(TRANSFORM, 8, 1).embed(CROPS))


def test_a_plain_area_says_nothing() -> None:
    plain = np.full((1, 32, 32, 3), 200, np.uint8)
    assert np.allclose(RandomNetwork(TRANSFORM, 8, 0).embed(plain), 0, atol=1e-5)
