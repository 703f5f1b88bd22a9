"""One encoder's rows as heads are trained on them: unit length, plain and standardised by the train rows."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from methods.heads.lanes import padded_rows

Floats = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True)
class HeadData:
    """Rows of one dataset as one encoder sees them, L2-normalised. labels in 0..classes-1, foreground first.

    plain and standard: the train rows as they are and standardised by their own mean and spread; the same of
    validation rows, padded to a multiple of 16 with zeros.
    """

    train: tuple[Tensor, Tensor]
    validation: tuple[Tensor, Tensor]
    train_labels: Index
    validation_labels: Index
    classes: int
    mean: Floats
    spread: Floats

    @classmethod
    def of(
        cls, embeddings: NDArray[np.floating], labels: Index, train: Index, validation: Index, classes: int,
        dtype: torch.dtype, device: torch.device,
    ) -> "HeadData":  # fmt: skip
        unit = unit_rows(embeddings)
        mean, spread = unit[train].mean(axis=0), unit[train].std(axis=0)
        spread = np.where(spread > 0, spread, 1.0)

        def tensors(rows: Floats) -> tuple[Tensor, Tensor]:
            versions = (rows, (rows - mean) / spread)
            first, second = (torch.tensor(each, dtype=dtype, device=device) for each in versions)
            return first, second

        plain = padded_rows(unit[validation])
        padded = tensors(plain)
        padded[1][len(validation) :] = 0
        return cls(tensors(unit[train]), padded, labels[train], labels[validation], classes, mean, spread)


def unit_rows(embeddings: NDArray[np.floating]) -> Floats:
    rows = np.asarray(embeddings, np.float64)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))
