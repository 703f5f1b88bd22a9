"""A list of JSON objects as columns; each is checked once, and an error counts rows from 1."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.detections.masks import segmentation_box
from storage.files.import_report import EXAMPLES, ImportReport
from storage.files.inputs import InputError, shown

LARGEST = 1e12
Floats = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True)
class JsonRows:
    """kind: what the list holds, for errors; empty where the file is nothing but the list."""

    path: Path
    rows: list[Mapping[str, Any]]
    kind: str

    @classmethod
    def of(cls, path: Path, listed: Any, kind: str = "") -> "JsonRows":
        if not isinstance(listed, list):
            raise InputError(path, f"expected a list of {kind or 'results'}, got {type(listed).__name__}")
        rows = cls(path, listed, kind)
        for position, each in enumerate(listed):
            if not isinstance(each, Mapping):
                raise InputError(path, f"expected an object, got {shown(each)}", row=rows.row(position))
        return rows

    def __len__(self) -> int:
        return len(self.rows)

    def row(self, position: int) -> int | str:
        return f"{position + 1} of {self.kind}" if self.kind else position + 1

    def place(self, position: int) -> str:
        return f"row {self.row(position)}"

    def error(self, position: int, problem: str, name: str | None = None) -> InputError:
        return InputError(self.path, problem, row=self.row(position), field=name)

    def column(self, name: str) -> list[Any]:
        return [row.get(name) for row in self.rows]

    def numbers(self, name: str, values: list[Any] | None = None, per_row: int = 1) -> Floats:
        """Finite numbers; text, NaN, infinity and what is as good as infinite raise InputError.

        values: in place of the column, `per_row` of them for each row.
        """
        listed = self.column(name) if values is None else values
        if {*map(type, listed)} <= {int, float}:
            try:
                numbers = np.array(listed, np.float64)
            except OverflowError:
                numbers = np.array([np.nan])
            if (np.abs(numbers) < LARGEST).all():
                return numbers
        position = next(place for place, value in enumerate(listed) if not _is_finite(value))
        raise self.error(
            position // per_row,
            f"expected a finite number, got {shown(listed[position])}; mend or remove the row",
            name,
        )

    def boxes(self, report: ImportReport) -> Floats:
        """(n, 4) of bbox, where there is none around the segmentation (counted)."""
        boxes = self.column("bbox")
        for position, box in enumerate(boxes):
            if box is None:
                boxes[position] = box = segmentation_box(self.rows[position].get("segmentation"))
                if box is None:
                    raise self.error(
                        position,
                        "expected bbox [x, y, width, height] or a segmentation that is not empty",
                        "bbox",
                    )
                report.repair(self.path, "bbox is missing, taken around the segmentation")
            if not isinstance(box, list) or len(box) != 4:
                raise self.error(position, f"expected [x, y, width, height], got {shown(box)}", "bbox")
        return self.numbers("bbox", list(chain.from_iterable(boxes)), 4).reshape(-1, 4)

    def quotes(self, positions: Index, name: str) -> list[str]:
        """What the first of these rows say there: examples of a report."""
        return [
            f"{self.place(each)}: {shown(self.rows[each].get(name))}"
            for each in positions[:EXAMPLES].tolist()
        ]


def by_value(values: list[Any], find: Callable[[Any], Any]) -> list[Any]:
    """find(value) of each, asked once for each distinct value; 1, 1.0, True and "1" are distinct."""
    once = lru_cache(maxsize=None, typed=True)(find)
    return [find(value) if isinstance(value, list | dict) else once(value) for value in values]


def _is_finite(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < LARGEST
