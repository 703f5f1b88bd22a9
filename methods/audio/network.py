"""A small convolutional network over log-mel frames: trained in seconds, one logit per answer."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from torch import nn

from methods.statistics.streams import seeded
from methods.training_place import Place
from methods.training_state import TrainingState

Floats = NDArray[np.float64]
Features = NDArray[np.float32]
Index = NDArray[np.int64]

EPOCHS_BETWEEN = 5  # of a run that is kept, so that a killed one goes on


@dataclass(frozen=True)
class AcousticTraining:
    """shift, mask: the largest share of frames that a clip is moved by, and of frames or bands that are blanked."""

    channels: int
    epochs: int
    batch: int
    learning_rate: float
    weight_decay: float
    dropout: float
    shift: float
    mask: float


@dataclass(frozen=True)
class AcousticModel:
    """weights by name, as the network and its normalisation need them; losses: mean per epoch."""

    weights: dict[str, torch.Tensor]
    losses: list[float]


class AcousticNetwork(nn.Module):
    mean: torch.Tensor
    spread: torch.Tensor

    def __init__(self, mels: int, channels: int, dropout: float) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(mels, 1))
        self.register_buffer("spread", torch.ones(mels, 1))
        widths = [1, channels, 2 * channels, 4 * channels]
        blocks: list[nn.Module] = []
        for before, after in pairwise(widths):
            blocks += [
                nn.Conv2d(before, after, 3, padding=1, bias=False),
                nn.BatchNorm2d(after),
                nn.ReLU(),
                nn.AvgPool2d(2),
            ]
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(2 * widths[-1], 2))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(clips, 2) of features (clips, mels, frames)."""
        maps = self.blocks(((features - self.mean) / self.spread)[:, None]).mean(dim=2)
        logits: torch.Tensor = self.head(torch.cat([maps.mean(dim=2), maps.amax(dim=2)], dim=1))
        return logits


def train_network(
    features: Features, labels: Index, training: AcousticTraining, seed: int, place: Place | None = None
) -> AcousticModel:
    """features (clips, mels, frames). The seed decides weights, order, augmentation and dropout.

    place: where every fifth epoch is kept, and what an earlier run left there.
    """
    place = place or Place()
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(seed)
    rng = seeded(seed)
    network = AcousticNetwork(features.shape[1], training.channels, training.dropout)
    network.mean.copy_(
        torch.from_numpy(features.mean(axis=(0, 2), dtype=np.float64).astype(np.float32))[:, None]
    )
    network.spread.copy_(
        torch.from_numpy(features.std(axis=(0, 2), dtype=np.float64).astype(np.float32))[:, None]
    )
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=training.learning_rate, weight_decay=training.weight_decay
    )
    steps = training.epochs * -(-len(labels) // training.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, training.learning_rate, total_steps=steps)
    targets = torch.from_numpy(labels)
    state = TrainingState(network.state_dict(), optimiser, schedule, rng)
    losses: list[float] = state.resume(place).get("losses", [])
    network.train()
    while len(losses) < training.epochs:
        total = 0.0
        order = rng.permutation(len(labels))
        for start in range(0, len(order), training.batch):
            rows = order[start : start + training.batch]
            batch = torch.from_numpy(_augmented(features[rows], training, rng))
            loss = nn.functional.cross_entropy(network(batch), targets[rows])
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
            total += float(loss.detach()) * len(rows)
        losses.append(total / len(order))
        if len(losses) % EPOCHS_BETWEEN == 0:
            state.keep(place, losses=losses)
    return AcousticModel({name: value.contiguous() for name, value in network.state_dict().items()}, losses)


def network_logits(weights: dict[str, torch.Tensor], features: Features) -> Floats:
    """(clips, 2) in evaluation mode."""
    channels = weights["blocks.0.weight"].shape[0]
    network = AcousticNetwork(features.shape[1], channels, 0.0)
    network.load_state_dict(weights)
    network.eval()
    with torch.no_grad():
        return np.asarray(network(torch.from_numpy(features)).numpy(), np.float64)


def logistic_logits(train: Floats, labels: Index, every: Floats, inverse_regularisation: float) -> Floats:
    """(clips, 2), -m/2 and m/2 of a logistic regression's margin m on standardised columns: the baseline."""
    mean, spread = train.mean(axis=0), np.maximum(train.std(axis=0), 1e-9)
    model = LogisticRegression(C=inverse_regularisation, max_iter=2000).fit((train - mean) / spread, labels)
    margin = model.decision_function((every - mean) / spread)
    return np.stack([-margin / 2, margin / 2], axis=1)


def _augmented(features: Features, training: AcousticTraining, rng: np.random.Generator) -> Features:
    """Moved in time (what leaves on one side enters on the other), one stretch of frames and one of bands blanked."""
    made = features.copy()
    _, mels, frames = features.shape
    for clip in made:
        clip[:] = np.roll(clip, int(rng.uniform(-training.shift, training.shift) * frames), axis=1)
        middle = clip.mean()
        for axis, size in ((0, mels), (1, frames)):
            width = int(rng.uniform(0, training.mask) * size)
            start = int(rng.integers(0, size - width + 1))
            np.moveaxis(clip, axis, 0)[start : start + width] = middle
    return made
