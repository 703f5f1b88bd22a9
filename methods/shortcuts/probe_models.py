"""The models that gates fit: what each scores on rows it was not fitted on."""

from typing import Any, Protocol

import numpy as np
import torch
import xgboost
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from torch import nn

from methods.lenses.masking import core_mask
from methods.statistics.streams import epoch_stream

Features = NDArray[np.floating[Any]]
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

REGULARISATION = 0.01  # C of the plan's probe
CORE_RADIUS = 7.0
_TREES: dict[str, Any] = {
    "objective": "binary:logistic",
    "tree_method": "hist",
    "max_depth": 3,
    "eta": 0.1,
    "subsample": 0.8,
    "colsample_bytree": 0.5,
    "max_bin": 64,
    "nthread": 1,
}
_ROUNDS = 60
_CNN_EPOCHS, _CNN_BATCH, _CNN_RATE, _CNN_DECAY = 8, 64, 3e-3, 1e-2


class Probe(Protocol):
    def __call__(self, fit: Features, positive: Bools, held: Features, seed: int) -> Floats:
        """(held rows,) scores of a model fitted on `fit`; higher is more positive."""


def logistic(fit: Features, positive: Bools, held: Features, seed: int) -> Floats:
    """L2 logistic regression, C = .01, on columns standardised by the rows it is fitted on."""
    mean, spread = fit.mean(axis=0), fit.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    model = LogisticRegression(C=REGULARISATION, max_iter=1000, random_state=seed)
    model.fit((fit - mean) / spread, positive)
    return np.asarray(model.decision_function((held - mean) / spread), np.float64)


def boosted(fit: Features, positive: Bools, held: Features, seed: int) -> Floats:
    """Sixty shallow trees: what is in the columns and no line finds."""
    train = xgboost.QuantileDMatrix(fit, label=positive, max_bin=_TREES["max_bin"], nthread=1)
    booster = xgboost.train({**_TREES, "seed": seed}, train, _ROUNDS)
    return np.asarray(booster.inplace_predict(held, predict_type="margin"), np.float64)


def core_network(fit: Features, positive: Bools, held: Features, seed: int) -> Floats:
    """A small convolutional network that sees r < 7 alone; stamps (rows, bands, size, size), standardised by band."""
    first, second = (cropped(stamps) for stamps in (fit, held))
    mean, spread = first.mean(axis=(0, 2, 3), keepdims=True), first.std(axis=(0, 2, 3), keepdims=True)
    hidden = ~core_mask(CORE_RADIUS, first.shape[-1])
    images, others = (
        torch.from_numpy(np.where(hidden, 0, (each - mean) / np.maximum(spread, 1e-12)).astype(np.float32))
        for each in (first, second)
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = _small_network(images.shape[1])
    rate = torch.optim.AdamW(network.parameters(), _CNN_RATE, weight_decay=_CNN_DECAY)
    target = torch.from_numpy(positive.astype(np.float32))
    network.train()
    for epoch in range(_CNN_EPOCHS):
        order = torch.from_numpy(epoch_stream(seed, "core network", epoch).permutation(len(images)))
        for start in range(0, len(order), _CNN_BATCH):
            rows = order[start : start + _CNN_BATCH]
            loss = nn.functional.binary_cross_entropy_with_logits(network(images[rows])[:, 0], target[rows])
            rate.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            rate.step()
    network.eval()
    with torch.inference_mode():
        scores = network(others)[:, 0]
    return np.asarray(scores.numpy(), np.float64)


def cropped(stamps: Features) -> NDArray[np.float32]:
    """All that `core_network` reads: the square around r < 7; what is already that small stays."""
    middle, reach = stamps.shape[-1] // 2, int(CORE_RADIUS)
    if stamps.shape[-1] <= 2 * reach + 1:
        return stamps.astype(np.float32)
    near = slice(middle - reach, middle + reach + 1)
    return stamps[..., near, near].astype(np.float32)


def _small_network(bands: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(bands, 12, 3, padding=1),
        nn.BatchNorm2d(12),
        nn.ReLU(),
        nn.MaxPool2d(2, ceil_mode=True),
        nn.Conv2d(12, 24, 3, padding=1),
        nn.BatchNorm2d(24),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(96, 1),
    )
