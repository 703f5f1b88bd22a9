"""From a box in a picture to the square of pixels an encoder sees; the recipe is part of what was embedded."""

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Transform:
    """What is done to each crop.

    context: added on every side, as a share of the box's sides, as far as the picture goes. fit: squash to
    size x size, or resize the shorter side to size / centre and take the middle. mean and std: of each channel, after
    pixels became 0 to 1.
    """

    size: int
    context: float
    fit: Literal["squash", "centre"]
    centre: float
    interpolation: Literal["bilinear", "bicubic"]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    @property
    def digest(self) -> str:
        text = json.dumps({"version": 1, **asdict(self)}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def cut(picture: Pixels, box: NDArray[np.float64], context: float) -> Pixels:
    """(h, w, 3) of picture (height, width, 3): every pixel that the box x1, y1, x2, y2 touches, at least one."""
    height, width = picture.shape[:2]
    margin = context * np.tile(box[2:] - box[:2], 2) * np.array([-1, -1, 1, 1])
    low = np.clip(np.floor(box + margin)[:2], 0, [width - 1, height - 1]).astype(int)
    high = np.clip(np.ceil(box + margin)[2:], low + 1, [width, height]).astype(int)
    return picture[low[1] : high[1], low[0] : high[0]]


def fitted(crop: Pixels, transform: Transform) -> Pixels:
    """(size, size, 3) of a crop (h, w, 3), filtered so that nothing aliases when it shrinks."""
    height, width = crop.shape[:2]
    resample = Image.Resampling[transform.interpolation.upper()]
    image, size = Image.fromarray(np.ascontiguousarray(crop)), transform.size
    if transform.fit == "squash":
        return np.asarray(image.resize((size, size), resample))
    shorter = int(size / transform.centre)
    wide, high = (int(shorter * side / min(height, width)) for side in (width, height))
    left, top = round((wide - size) / 2), round((high - size) / 2)
    resized = image.resize((wide, high), resample)
    return np.asarray(resized.crop((left, top, left + size, top + size)))


def normalised(pixels: Pixels, transform: Transform) -> Floats:
    """(n, 3, size, size) of pixels (n, size, size, 3)."""
    scaled = pixels.astype(np.float32) / np.float32(255)
    values = (scaled - np.array(transform.mean, np.float32)) / np.array(transform.std, np.float32)
    return np.ascontiguousarray(values.transpose(0, 3, 1, 2))
