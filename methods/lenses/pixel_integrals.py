"""Mean brightness of pixels, sampled finely only where a pixel's centre and its neighbours do not say enough.

A pixel's mean over s x s midpoints is its centre's value plus h^2/24 (1 - 1/s^2) times the Laplacian, up to fourth
order in the pixel h. Where the Laplacian from the nearest pixels agrees with that from the next ones, that order is
small too, and one sample does what s^2 samples would. Everywhere else, and next to it, all s^2 samples are taken.
"""

from collections.abc import Callable

import torch
from torch import Tensor

Brightness = Callable[[Tensor, Tensor, Tensor], Tensor]  # (row of the batch, x, y), broadcast together

NEGLIGIBLE = 2e-6  # of the brightest pixel: the disagreement below which a pixel is not sampled finely


def pixel_means(
    brightness: Brightness,
    singular_x: Tensor,
    singular_y: Tensor,
    size: int,
    scale: float,
    supersampling: int,
    negligible: float = NEGLIGIBLE,
) -> Tensor:
    """(rows, size, size) float64: mean brightness over s x s midpoints of each pixel; x grows along the last axis.

    The grid is centred on (0, 0); `scale` is the side of a pixel, size is odd. The pixels about (singular_x,
    singular_y) of a row, where brightness has no Laplacian, are always sampled finely; `negligible` 0 does so to all.
    """
    device = singular_x.device
    row = torch.arange(len(singular_x), device=device)
    # Two pixels more on each side, so that every pixel has neighbours.
    offset = (torch.arange(size + 4, dtype=torch.float64, device=device) - size // 2 - 2) * scale
    wide = brightness(row[:, None, None], offset[None, None, :], offset[None, :, None])
    centre = wide[:, 2:-2, 2:-2]
    if supersampling == 1:
        return centre.contiguous()
    across, along = wide[:, 2:-2], wide[:, :, 2:-2]
    near_x = across[..., 3:-1] + across[..., 1:-3] - 2 * centre
    near_y = along[:, 3:-1] + along[:, 1:-3] - 2 * centre
    far_x = across[..., 4:] + across[..., :-4] - 2 * centre
    far_y = along[:, 4:] + along[:, :-4] - 2 * centre
    share = (1 - supersampling**-2) / 24
    laplacian = (near_x + near_y) * (4 / 3) - (far_x + far_y) / 12
    means = torch.add(centre, laplacian, alpha=share)
    brightest = centre.abs().amax(dim=(1, 2), keepdim=True)
    doubt = (far_x / 4 - near_x).abs_() + (far_y / 4 - near_y).abs_()
    rough = doubt * share >= negligible * brightest
    middle = offset[2:-2]
    close_x = (middle - singular_x[:, None]).abs() <= scale
    close_y = (middle - singular_y[:, None]).abs() <= scale
    rough |= close_y[:, :, None] & close_x[:, None, :]
    at, i, j = torch.nonzero(with_neighbours(rough), as_tuple=True)
    within = (
        (torch.arange(supersampling, dtype=torch.float64, device=device) + 0.5) / supersampling - 0.5
    ) * scale
    dx, dy = within.repeat(supersampling), within.repeat_interleave(supersampling)
    x, y = middle[j][:, None] + dx, middle[i][:, None] + dy
    means[at, i, j] = brightness(at[:, None], x, y).mean(dim=1)
    return means


def with_neighbours(chosen: Tensor) -> Tensor:
    """chosen (rows, n, n) of bool, and the eight pixels about each."""
    tall = chosen.clone()
    tall[:, 1:] |= chosen[:, :-1]
    tall[:, :-1] |= chosen[:, 1:]
    found = tall.clone()
    found[:, :, 1:] |= tall[:, :, :-1]
    found[:, :, :-1] |= tall[:, :, 1:]
    return found
