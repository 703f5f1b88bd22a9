"""What a head draws while it trains: one counter-based stream per (seed, purpose, epoch), the same in any company.

Purposes do not depend on other knobs, so that runs of one seed see the same rows, masks and mixtures wherever their
recipes agree: what differs between them is then the knob.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from methods.heads.specs import Sampler
from methods.statistics.streams import epoch_stream

Index = NDArray[np.int64]
Floats32 = NDArray[np.float32]


@dataclass(frozen=True)
class ClassRows:
    """Rows of train by class: `order` sorted by class, `start` (k + 1,) where each class begins."""

    order: Index
    start: Index

    @classmethod
    def of(cls, labels: Index, classes: int) -> "ClassRows":
        counts = np.bincount(labels, minlength=classes)
        return cls(np.argsort(labels, kind="stable"), np.concatenate([[0], np.cumsum(counts)]))

    @property
    def counts(self) -> Index:
        return np.diff(self.start)


def epoch_rows(rows: ClassRows, sampler: Sampler, seed: int, phase: str, epoch: int, batch: int) -> Index:
    """(steps, batch) rows of one epoch: steps are what it takes to see as many rows as train has.

    natural: a permutation, its beginning repeated to fill the last batch. balanced: a class, then one of its rows.
    """
    n = len(rows.order)
    steps = -(-n // batch)
    rng = epoch_stream(seed, f"{phase}/{sampler}", epoch)
    if sampler == "natural":
        return np.resize(rng.permutation(n), (steps, batch))
    drawn = rng.random((2, steps * batch))
    label = np.minimum((drawn[0] * len(rows.counts)).astype(np.int64), len(rows.counts) - 1)
    within = np.minimum((drawn[1] * rows.counts[label]).astype(np.int64), rows.counts[label] - 1)
    found: Index = rows.order[rows.start[label] + within].reshape(steps, batch)
    return found


def mixtures(
    alpha: float, seed: int, phase: str, epoch: int, shape: tuple[int, int]
) -> tuple[Index, Floats32]:
    """For (steps, batch): the place in the batch that each row is mixed with, and the share it keeps of itself."""
    rng = epoch_stream(seed, f"{phase}/mixup", epoch)
    partner = rng.random(shape).argsort(axis=1)
    return partner, rng.beta(alpha, alpha, shape).astype(np.float32)


class DropoutMasks:
    """Masks of one epoch, step by step: 0 or 1 / (1 - p), the chance in steps of 2^-16."""

    def __init__(self, rate: float, seed: int, phase: str, epoch: int) -> None:
        self._rng = epoch_stream(seed, f"{phase}/dropout", epoch)
        self._below = round(rate * 65536)
        self._kept = np.float32(65536 / (65536 - self._below))

    def draw(self, steps: int, batch: int, width: int) -> Floats32:
        """(steps, batch, width); how the steps are cut into calls changes nothing, as batch is a multiple of 16."""
        bits = self._rng.bit_generator.random_raw(steps * batch * width // 4).view(np.uint16)
        return ((bits >= self._below) * self._kept).reshape(steps, batch, width)


def uniform_weights(
    seed: int, purpose: str, inputs: int, outputs: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weights (inputs, outputs) and biases (outputs,) uniform in +-1 / sqrt(inputs), as torch.nn.Linear begins."""
    rng = epoch_stream(seed, purpose)
    bound = 1 / np.sqrt(inputs)
    return rng.uniform(-bound, bound, (inputs, outputs)), rng.uniform(-bound, bound, outputs)
