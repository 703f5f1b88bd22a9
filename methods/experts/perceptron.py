"""A small multilayer perceptron as dense expert: trained in torch, stopped by other images, kept as arrays."""

from dataclasses import dataclass
from math import inf

import numpy as np
import torch
from numpy.typing import NDArray

from methods.experts.blending import Arrays, Perceptron, log_losses
from methods.experts.logistic_regression import Bools, Features, Floats, Index, moments
from methods.statistics.streams import seeded


@dataclass(frozen=True)
class PerceptronSettings:
    """`patience` epochs without a better log-loss on the stop rows end the training, `epochs` end it anyway."""

    hidden: int
    learning_rate: float
    weight_decay: float
    dropout: float
    batch: int
    epochs: int
    patience: int
    seed: int


@dataclass(frozen=True)
class PerceptronExpert:
    features: Features
    positive: Bools
    settings: PerceptronSettings

    def fit(self, rows: Index, stop: Index) -> tuple[Perceptron, int]:
        """The model of the best epoch, and its number."""
        training = _PerceptronTraining(self, rows)
        lowest, best, found = inf, 0, training.model()
        for epoch in range(1, self.settings.epochs + 1):
            training.epoch()
            model = training.model()
            loss = float(log_losses(self.probabilities(model, stop), self.positive[stop]).mean())
            if loss < lowest:
                lowest, best, found = loss, epoch, model
            elif epoch - best >= self.settings.patience:
                break
        return found, best

    def refit(self, rows: Index, rounds: int) -> Perceptron:
        training = _PerceptronTraining(self, rows)
        for _ in range(rounds):
            training.epoch()
        return training.model()

    def probabilities(self, model: Perceptron, rows: Index) -> Floats:
        return model.probabilities(self.features, rows)

    def arrays(self, model: Perceptron) -> Arrays:
        return {name: np.asarray(value) for name, value in vars(model).items()}

    def model(self, arrays: Arrays) -> Perceptron:
        weights = dict(arrays)
        bias = float(weights.pop("output_bias"))
        return Perceptron(**weights, output_bias=bias)


class _PerceptronTraining:
    """Weights, optimiser and order of rows: all from one seed, whatever ran before."""

    def __init__(self, expert: PerceptronExpert, rows: Index) -> None:
        self.expert, self.rows = expert, rows
        self.mean, self.scale = moments(expert.features, rows)
        settings = expert.settings
        self.random = seeded(settings.seed)
        width = expert.features.shape[1]
        self.hidden = self._parameter((width, settings.hidden), width)
        self.hidden_bias = self._parameter((settings.hidden,), 0)
        self.output = self._parameter((settings.hidden,), settings.hidden)
        share = float(np.clip(expert.positive[rows].mean(), 1e-6, 1 - 1e-6))
        self.output_bias = torch.tensor(np.log(share / (1 - share)), dtype=torch.float32, requires_grad=True)
        weights = [self.hidden, self.hidden_bias, self.output, self.output_bias]
        self.optimiser = torch.optim.AdamW(
            weights, lr=settings.learning_rate, weight_decay=settings.weight_decay
        )

    def epoch(self) -> None:
        settings = self.expert.settings
        order = self.random.permutation(self.rows)
        for at in range(0, len(order), settings.batch):
            batch = np.sort(order[at : at + settings.batch])
            block = (self.expert.features[batch].astype(np.float64) - self.mean) / self.scale
            target = torch.from_numpy(self.expert.positive[batch].astype(np.float32))
            active = torch.relu(torch.from_numpy(block.astype(np.float32)) @ self.hidden + self.hidden_bias)
            if settings.dropout:
                kept = self.random.random(active.shape, dtype=np.float32) >= settings.dropout
                active = active * torch.from_numpy(kept / np.float32(1 - settings.dropout))
            loss = torch.nn.functional.binary_cross_entropy_with_logits(
                active @ self.output + self.output_bias, target
            )
            self.optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimiser.step()

    def model(self) -> Perceptron:
        return Perceptron(
            self.mean,
            self.scale,
            _array(self.hidden),
            _array(self.hidden_bias),
            _array(self.output),
            float(self.output_bias.detach()),
        )

    def _parameter(self, shape: tuple[int, ...], inputs: int) -> torch.Tensor:
        """He's initialisation; zeros for a bias."""
        spread = np.sqrt(2 / inputs) if inputs else 0.0
        values = self.random.standard_normal(shape, dtype=np.float32) * np.float32(spread)
        return torch.from_numpy(values).requires_grad_()


def _array(tensor: torch.Tensor) -> NDArray[np.float32]:
    return tensor.detach().numpy().copy()
