"""A convolution tap by tap is torch's."""

from collections.abc import Callable

import pytest
import torch
from torch.nn.functional import conv2d

from methods.lenses.convolution import LARGEST_SIDE, LEAST_CHANNELS, PaddedConvolution, by_taps
from methods.lenses.network import new_network

SIZES = [
    (1, 1, 1, 1, 1),
    (1, 3, 5, 2, 2),
    (4, 8, 16, 2, 2),
    (3, 5, 2, 4, 4),
    (2, 3, 4, 1, 2),
    (2, 4, 3, 5, 3),
]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_values_and_gradients_are_those_of_torchs_convolution(
    size: tuple[int, int, int, int, int], layout: torch.memory_format
) -> None:
    count, channels, width, height, breadth = size
    made = torch.Generator().manual_seed(1)
    images = torch.randn(count, channels, height, breadth, generator=made, dtype=torch.float64)
    weight = torch.randn(width, channels, 3, 3, generator=made, dtype=torch.float64)
    slope = torch.randn(count, width, height, breadth, generator=made, dtype=torch.float64)

    def found(convolution: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> list[torch.Tensor]:
        leaves = [each.clone(memory_format=layout).requires_grad_() for each in (images, weight)]
        out = convolution(*leaves)
        return [out.detach(), *torch.autograd.grad(out, leaves, slope)]

    for ours, theirs in zip(found(by_taps), found(lambda x, w: conv2d(x, w, padding=1)), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("channels", "side", "training"),
    [(LEAST_CHANNELS, LARGEST_SIDE + 1, True), (LEAST_CHANNELS - 8, 2, True), (LEAST_CHANNELS, 2, False)],
)
def test_narrow_ones_large_ones_and_scores_are_torchs_own_to_the_bit(
    channels: int, side: int, training: bool
) -> None:
    layer = PaddedConvolution(channels, channels).train(training)
    images = torch.randn(3, channels, side, side)
    assert torch.equal(layer(images), conv2d(images, layer.weight, padding=1))


def test_at_width_64_the_last_two_stages_train_tap_by_tap_with_torchs_gradients() -> None:
    made_stamps = torch.randn(8, 3, 63, 63, generator=torch.Generator().manual_seed(1))
    stamps = made_stamps.to(memory_format=torch.channels_last)
    ours, theirs = new_network(3, 64, 1), new_network(3, 64, 1)
    for module in theirs.modules():
        if isinstance(module, PaddedConvolution):
            module.__class__ = torch.nn.Conv2d  # type: ignore[assignment]
    made = [network(stamps).sum() for network in (ours, theirs)]
    for loss in made:
        loss.backward()
    slopes = [network.get_parameter("layer4.1.conv2.weight").grad for network in (ours, theirs)]
    assert slopes[0] is not None and slopes[1] is not None
    assert not torch.equal(slopes[0], slopes[1])
    torch.testing.assert_close(made[0], made[1], rtol=1e-4, atol=1e-5)
    for name, each in theirs.named_parameters():
        got = ours.get_parameter(name).grad
        assert got is not None and each.grad is not None
        # about 1e-5; a unit that lies at 0 may fall to either side
        assert (got - each.grad).norm() <= 0.03 * each.grad.norm(), name
