"""A small convolutional network of random weights: two layers of random filters already tell shapes apart
(Jarrett et al., ICCV 2009), and nothing has to be learnt or loaded."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from methods.images.crop_pixels import Transform, normalised
from methods.statistics.streams import stream

KERNEL, POOLED = 5, 4  # the last maps are averaged to POOLED x POOLED


class RandomNetwork:
    def __init__(self, transform: Transform, channels: int, seed: int) -> None:
        self.transform = transform
        random = stream(seed, "random network")
        self.layers = nn.Sequential(
            _filters(random, 3, channels), nn.ReLU(), nn.MaxPool2d(2),
            _filters(random, channels, channels), nn.ReLU(), nn.AdaptiveAvgPool2d(POOLED), nn.Flatten(),
        )  # fmt: skip

    def embed(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(n, channels * 16) of crops (n, size, size, 3)."""
        with torch.inference_mode():
            values = self.layers(torch.from_numpy(normalised(pixels, self.transform)))
        return np.asarray(values.numpy())


def _filters(random: np.random.Generator, before: int, after: int) -> nn.Conv2d:
    """Each of unit norm and, so that plain areas say nothing, of mean 0."""
    weights = random.normal(size=(after, before, KERNEL, KERNEL))
    weights -= weights.mean(axis=(2, 3), keepdims=True)
    weights /= np.sqrt((weights**2).sum(axis=(1, 2, 3), keepdims=True))
    layer = nn.Conv2d(before, after, KERNEL, padding=KERNEL // 2, padding_mode="replicate", bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(weights.astype(np.float32)))
    return layer
