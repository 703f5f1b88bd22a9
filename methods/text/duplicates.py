"""Which texts are the same."""

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray


def duplicate_groups(texts: Sequence[Hashable]) -> NDArray[np.int64]:
    """One number per distinct text, in order of first appearance."""
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(text, len(numbers)) for text in texts], np.int64)
