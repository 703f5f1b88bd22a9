"""Columns as records: what a service answers."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.fields import INFINITIES

_NAMES = {value: name for name, value in INFINITIES.items()}


def records(columns: Mapping[str, NDArray[Any]]) -> list[dict[str, Any]]:
    """One dict a row, of Python's own values; JSON can hold all of them: infinities are text."""
    lists = {name: _plain(column) for name, column in columns.items()}
    return [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]


def _plain(column: NDArray[Any]) -> list[Any]:
    values: list[Any] = column.tolist()
    if column.ndim == 1 and column.dtype.kind == "f" and np.isinf(column).any():
        return [_NAMES.get(value, value) for value in values]
    return values
