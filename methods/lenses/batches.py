"""Stamps on the device that trains: preprocessed once, kept as float16, augmented and masked there."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from methods.lenses.masking import core_mask
from methods.lenses.preprocessing import CHANNELS, Preprocessing, preprocess
from methods.statistics.streams import uniforms

Index = NDArray[np.int64]
Floats = NDArray[np.float64]
Pixels = NDArray[np.floating[Any]]

_CHUNK = 1024  # stamps preprocessed at a time: the memory-mapped file is never held whole


@dataclass(frozen=True)
class Resident:
    """pixels (n, channels, size, size) float16 and labels (n,) float32, both on the device."""

    pixels: torch.Tensor
    labels: torch.Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def batch(self, index: Index) -> torch.Tensor:
        rows = torch.from_numpy(index).to(self.pixels.device)
        return self.pixels[rows].float().contiguous(memory_format=torch.channels_last)


def resident(stamps: Pixels, labels: NDArray[np.bool_], kind: Preprocessing, device: str) -> Resident:
    """Preprocess chunk by chunk straight onto the device; 2 bytes a pixel are all that stays."""
    n, _, height, width = stamps.shape
    pixels = torch.empty((n, CHANNELS[kind], height, width), dtype=torch.float16, device=device)
    for start in range(0, n, _CHUNK):
        part = preprocess(np.asarray(stamps[start : start + _CHUNK]), kind)
        pixels[start : start + _CHUNK] = torch.from_numpy(part.astype(np.float16)).to(device)
    return Resident(pixels, torch.from_numpy(labels.astype(np.float32)).to(device))


def channel_statistics(data: Resident) -> tuple[torch.Tensor, torch.Tensor]:
    """(mean, standard deviation) of each channel, (channels, 1, 1) float32, summed in float64."""
    channels, count = data.pixels.shape[1], 0
    total, squares = torch.zeros((2, channels), dtype=torch.float64, device=data.pixels.device)
    for start in range(0, len(data), _CHUNK):
        x = data.pixels[start : start + _CHUNK].double()
        count += x.shape[0] * x.shape[2] * x.shape[3]
        total += x.sum(dim=(0, 2, 3))
        squares += (x * x).sum(dim=(0, 2, 3))
    mean = total / count
    spread = (squares / count - mean**2).clamp_min(1e-12).sqrt()
    return mean.float()[:, None, None], spread.float()[:, None, None]


def augmented(images: torch.Tensor, index: Index, seed: int, epoch: int) -> torch.Tensor:
    """Each image flipped with probability .5 and turned by one of four quarter turns: (seed, index, epoch) decide."""
    drawn = uniforms(seed, "augment", epoch, index, 2)
    for flip in (False, True):
        for turns in range(4):
            rows = np.flatnonzero(((drawn[:, 0] < 0.5) == flip) & ((drawn[:, 1] * 4).astype(int) == turns))
            if len(rows) and (flip or turns):
                at = torch.from_numpy(rows).to(images.device)
                part = images[at]
                part = part.flip(-1) if flip else part
                images[at] = torch.rot90(part, turns, (-2, -1))
    return images


def masked(images: torch.Tensor, radii: Floats) -> torch.Tensor:
    """Pixels with r < radii[i] of image i set to 0: the residual of a round galaxy, or the sky."""
    for radius in np.unique(radii[radii > 0]):
        rows = torch.from_numpy(np.flatnonzero(radii == radius)).to(images.device)
        hidden = torch.from_numpy(core_mask(float(radius), images.shape[-1])).to(images.device)
        images[rows] = images[rows].masked_fill(hidden, 0.0)
    return images
