"""ResNet18 for stamps of any number of channels, at any width from 8; standardisation is part of the network.

Its block is written out: importing torchvision costs every stage that trains more than importing torch does.
"""

import torch
from torch import nn

from methods.lenses.convolution import PaddedConvolution

# Below the 8 channels of an AVX2 register, oneDNN's backward of channels-last convolutions writes past its buffers
# (torch 2.14.1 and 2.15.0: the heap is corrupt within two steps at each width from 1 to 7, and clean at 8 to 16).
LEAST_WIDTH = 8
_STAGES = 4


class ResidualBlock(nn.Module):
    """torchvision's BasicBlock, under the same names: two 3x3 convolutions beside `downsample`, or beside the input."""

    def __init__(self, channels: int, width: int, stride: int, downsample: nn.Module | None) -> None:
        super().__init__()
        self.conv1 = PaddedConvolution(channels, width, stride)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = PaddedConvolution(width, width)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = downsample

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        out += x if self.downsample is None else self.downsample(x)
        return self.relu(out)  # type: ignore[no-any-return]


class StampNetwork(nn.Module):
    """torchvision's ResNet18 with `width` channels in its first stage (64 there), and one logit.

    At width 64 and 3 channels the parameters have torchvision's names and shapes, but for the last layer's rows.
    mean, spread (channels,): what standardises the input, set from the training stamps. ValueError below LEAST_WIDTH.
    """

    mean: torch.Tensor
    spread: torch.Tensor

    def __init__(self, channels: int, width: int) -> None:
        if width < LEAST_WIDTH:
            raise ValueError(f"a network of width {width}: kernels are safe from width {LEAST_WIDTH} on")
        super().__init__()
        self.register_buffer("mean", torch.zeros(channels, 1, 1))
        self.register_buffer("spread", torch.ones(channels, 1, 1))
        self.conv1 = nn.Conv2d(channels, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        sizes = [width * 2**stage for stage in range(_STAGES)]
        self.layer1 = _stage(width, sizes[0], 1)
        self.layer2 = _stage(sizes[0], sizes[1], 2)
        self.layer3 = _stage(sizes[1], sizes[2], 2)
        self.layer4 = _stage(sizes[2], sizes[3], 2)
        self.fc = nn.Linear(sizes[3], 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, stamps: torch.Tensor) -> torch.Tensor:
        """Stamps (n, channels, size, size) of any float type -> float32 logits (n,), also under autocast.

        bfloat16 keeps 8 bits: logits rounded to it tie where their stamps do not, and a ranking counts ties as halves.
        """
        features = self.features(stamps)
        with torch.autocast(features.device.type, enabled=False):
            return self.fc(features)[:, 0]  # type: ignore[no-any-return]

    def features(self, stamps: torch.Tensor) -> torch.Tensor:
        """float32 (n, 8 x width), whatever the stages before were computed in."""
        x = (stamps.float() - self.mean) / self.spread
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        pooled: torch.Tensor = x.float().mean(dim=(2, 3))
        return pooled


def new_network(channels: int, width: int, seed: int) -> StampNetwork:
    """The same weights for the same seed, whatever was drawn before."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return StampNetwork(channels, width)


def _stage(channels: int, width: int, stride: int) -> nn.Sequential:
    downsample = None
    if stride != 1 or channels != width:
        downsample = nn.Sequential(
            nn.Conv2d(channels, width, 1, stride=stride, bias=False), nn.BatchNorm2d(width)
        )
    return nn.Sequential(
        ResidualBlock(channels, width, stride, downsample), ResidualBlock(width, width, 1, None)
    )
