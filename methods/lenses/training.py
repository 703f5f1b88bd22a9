"""Train a stamp network so that a run cut off anywhere and resumed leaves the same bytes as one that was not."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from math import ceil
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from methods.lenses.batches import Resident, augmented, channel_statistics, masked
from methods.lenses.masking import Phase, mask_radii
from methods.lenses.network import StampNetwork, new_network
from methods.lenses.schedules import Schedule, learning_rate
from methods.statistics.streams import epoch_stream
from methods.training_place import Place
from methods.training_state import TrainingState

Index = NDArray[np.int64]
Floats = NDArray[np.float64]
Weights = dict[str, torch.Tensor]
Record = dict[str, Any]

FEWEST_BATCHES = 2  # in an epoch
_INFERENCE_BATCH = 256
_EPSILON, _BETA2 = 1e-8, 0.999


@dataclass(frozen=True)
class LensTraining:
    """patience: epochs without a better select AUROC that end the training, None for never.

    amp: the stages of the network in bfloat16 where it helps, in training alone; scores are made in float32.
    """

    width: int
    schedule: Schedule
    learning_rate: float
    weight_decay: float
    epochs: int
    batch: int
    patience: int | None
    amp: bool


@dataclass
class Progress:
    """records: one an epoch. best_value: the select AUROC of best_epoch (1 is the first; 0: none yet)."""

    epoch: int = 0
    best_epoch: int = 0
    best_value: float = float("-inf")
    records: list[Record] = field(default_factory=list)


@dataclass(frozen=True)
class LensModel:
    """Weights of the last epoch and of the best."""

    last: Weights
    best: Weights
    progress: Progress


Validate = Callable[[StampNetwork, int], tuple[float, Record]]


def train(
    data: Resident,
    phases: Sequence[Phase],
    training: LensTraining,
    seed: int,
    validate: Validate,
    place: Place | None = None,
) -> LensModel:
    """AdamW over shuffled batches; `validate` gives the value that chooses the best epoch, and what to record.

    Order, flips, turns and masks are functions of (seed, epoch, index): every variant of a seed meets the same ones.
    place: where every epoch is kept, and what an earlier run left there. ValueError where fewer than two batches can be
    made.
    """
    if len(data) < FEWEST_BATCHES * training.batch:
        raise ValueError(f"{len(data)} stamps make no two batches of {training.batch}")
    network = new_network(data.pixels.shape[1], training.width, seed)
    network = network.to(data.pixels.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    mean, spread = channel_statistics(data)
    network.mean.copy_(mean)
    network.spread.copy_(spread)
    optimizer = torch.optim.AdamW(
        network.parameters(), training.learning_rate, eps=_EPSILON, weight_decay=training.weight_decay
    )
    place, best = place or Place(), _copied(network)
    held = {**network.state_dict(), **{f"best.{name}": value for name, value in best.items()}}
    state = TrainingState(held, optimizer)
    made = Progress(**state.resume(place))
    patience = training.patience or training.epochs
    while made.epoch < training.epochs and made.epoch - made.best_epoch < patience:
        loss, rate = _epoch(network, optimizer, data, phases, training, seed, made.epoch)
        made.epoch += 1
        value, record = validate(network, made.epoch)
        made.records.append({"epoch": made.epoch, "learning_rate": rate, "train_loss": loss, **record})
        if value > made.best_value:
            made.best_epoch, made.best_value = made.epoch, value
            for name, weight in network.state_dict().items():
                best[name].copy_(weight)
        state.keep(place, **vars(made))
    return LensModel(_copied(network), best if made.best_epoch else {}, made)


def logits(network: StampNetwork, data: Resident, radius: float = 0.0) -> Floats:
    """(n,) float32 logits as float64, with r < radius hidden."""
    network.eval()
    found = []
    with torch.inference_mode():
        for start in range(0, len(data), _INFERENCE_BATCH):
            index = np.arange(start, min(start + _INFERENCE_BATCH, len(data)))
            images = data.batch(index)
            found.append(network(masked(images, np.full(len(index), radius))))
    return torch.cat(found).cpu().numpy().astype(np.float64)


def restored(channels: int, width: int, weights: Weights, device: str) -> StampNetwork:
    network = StampNetwork(channels, width)
    network.load_state_dict(weights)
    moved: StampNetwork = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return moved


def log_loss(logit: Floats, positive: NDArray[np.bool_]) -> float:
    """Mean binary cross-entropy of float logits."""
    return float(np.logaddexp(0.0, np.where(positive, -logit, logit)).mean())


def _epoch(
    network: StampNetwork, optimizer: torch.optim.AdamW, data: Resident, phases: Sequence[Phase],
    training: LensTraining, seed: int, epoch: int,
) -> tuple[float, float]:  # fmt: skip
    """(mean loss, last learning rate); a last batch of one stamp has no variance to normalise by, and is left out."""
    network.train()
    order = epoch_stream(seed, "order", epoch).permutation(len(data))
    batches = [order[start : start + training.batch] for start in range(0, len(order), training.batch)]
    if len(batches[-1]) < 2:
        batches.pop()
    per_epoch = ceil(len(order) / training.batch)
    total, count, rate = torch.zeros((), device=data.pixels.device), 0, 0.0
    for number, index in enumerate(batches):
        rate, beta = learning_rate(
            training.schedule, epoch * per_epoch + number, per_epoch * training.epochs, training.learning_rate
        )
        for group in optimizer.param_groups:
            group["lr"], group["betas"] = rate, (beta, _BETA2)
        radii = mask_radii(phases, seed, index, epoch, training.epochs)
        images = masked(augmented(data.batch(index), index, seed, epoch), radii)
        with _autocast(data, training.amp):
            made = network(images)
        target = data.labels[torch.from_numpy(index).to(data.labels.device)]
        loss = nn.functional.binary_cross_entropy_with_logits(made, target)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        total += loss.detach() * len(index)
        count += len(index)
    return float(total) / count, rate


def _copied(network: StampNetwork) -> Weights:
    return {
        name: value.detach().clone(memory_format=torch.contiguous_format)
        for name, value in network.state_dict().items()
    }


def trains_in_bfloat16(device: str, amp: bool) -> bool:
    """Where the device has units for it; an ordinary processor is several times slower with it."""
    return amp and device == "cuda" and torch.cuda.is_bf16_supported()


def _autocast(data: Resident, amp: bool) -> AbstractContextManager[Any]:
    device = data.pixels.device.type
    return torch.autocast(device, torch.bfloat16) if trains_in_bfloat16(device, amp) else nullcontext()
