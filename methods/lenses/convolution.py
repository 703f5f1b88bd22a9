"""A 3x3 convolution tap by tap: where stamps have shrunk to a few pixels, more than half of it is their padding.

oneDNN multiplies the padding, too, and finds the weights' gradient image by image. Forward and backward take a quarter
of its time at 512 channels of 2 x 2 pixels and .83 at 256 of 4 x 4 (batch 32, one thread; .33 and .91 at batch 128).
"""

from typing import Any

import torch
from torch import nn

LEAST_CHANNELS, LARGEST_SIDE = 256, 4  # of what goes tap by tap: others gain little
_SIDE = 3


class PaddedConvolution(nn.Conv2d):
    """3x3, one pixel of padding, no bias; the weights of torch.nn.Conv2d."""

    def __init__(self, channels: int, width: int, stride: int = 1) -> None:
        super().__init__(channels, width, _SIDE, stride=stride, padding=1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scores are left to torch's own kernels, and so is a GPU."""
        small = max(x.shape[2:]) <= LARGEST_SIDE and min(self.weight.shape[:2]) >= LEAST_CHANNELS
        if self.training and small and self.stride == (1, 1) and x.device.type == "cpu":
            return by_taps(x, self.weight)
        return super().forward(x)


def by_taps(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """(n, width, height, breadth) in channels-last order, as conv2d(x, weight, padding=1) has it.

    x (n, channels, height, breadth), weight (width, channels, 3, 3), fastest in channels-last order as well.
    """
    found: torch.Tensor = _Taps.apply(x, weight)
    return found


class _Taps(torch.autograd.Function):
    """Pixels lead in what is kept, (height, breadth, n, channels), so that a tap meets whole blocks of rows."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        pixels = x.permute(2, 3, 0, 1).contiguous()
        ctx.save_for_backward(pixels, weight)
        out = pixels.new_zeros(*pixels.shape[:3], len(weight))
        for row, column, here, there in _taps(*pixels.shape[:2]):
            out[here] += pixels[there] @ weight[:, :, row, column].T
        return out.permute(2, 3, 0, 1).contiguous(memory_format=torch.channels_last)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        pixels, weight = ctx.saved_tensors
        slope = gradients[0].permute(2, 3, 0, 1).contiguous()
        of_pixels, of_weight = torch.zeros_like(pixels), torch.empty_like(weight)
        for row, column, here, there in _taps(*pixels.shape[:2]):
            of_pixels[there] += slope[here] @ weight[:, :, row, column]
            rows = slope[here].reshape(-1, len(weight))
            torch.mm(rows.T, pixels[there].reshape(-1, weight.shape[1]), out=of_weight[:, :, row, column])
        return of_pixels.permute(2, 3, 0, 1).contiguous(memory_format=torch.channels_last), of_weight


def _taps(height: int, breadth: int) -> list[tuple[int, int, tuple[slice, slice], tuple[slice, slice]]]:
    """(row, column) of each tap, the pixels of the result that it reaches, and those that it reads there."""
    return [
        (row, column, (_part(height, row), _part(breadth, column)), (_part(height, 2 - row), _part(breadth, 2 - column)))
        for row in range(_SIDE)
        for column in range(_SIDE)
    ]  # fmt: skip


def _part(side: int, tap: int) -> slice:
    """Pixels of a line whose neighbour under this tap lies in the line."""
    return slice(max(0, 1 - tap), side - max(0, tap - 1))
