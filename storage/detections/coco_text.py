"""COCO's JSON as text: one object a line, boxes as x, y, width, height with two decimals."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Index = NDArray[np.int64]
Floats = NDArray[np.float64]


def truth_text(
    images: int, size: tuple[int, int], classes: Sequence[str], image: Index, label: Index, box: Floats,
    crowd: NDArray[np.bool_],
) -> str:  # fmt: skip
    """Images of one size, numbered from 1 as are classes; box (n, 4) as corners."""
    annotations: list[dict[str, object]] = [
        {
            "id": row + 1,
            "image_id": int(image[row]) + 1,
            "category_id": int(label[row]) + 1,
            "bbox": xywh(box[row]),
            "area": round(float((box[row, 2:] - box[row, :2]).prod()), 2),
            "iscrowd": int(crowd[row]),
        }
        for row in range(len(image))
    ]
    parts: Mapping[str, list[dict[str, object]]] = {
        "images": [
            {"id": number, "file_name": f"{number:06d}.jpg", "width": size[0], "height": size[1]}
            for number in range(1, images + 1)
        ],
        "categories": [{"id": number, "name": name} for number, name in enumerate(classes, 1)],
        "annotations": annotations,
    }
    return "{" + ",\n".join(f'"{name}": {_lines(rows)}' for name, rows in parts.items()) + "}\n"


def results_text(rows: list[dict[str, object]]) -> str:
    return _lines(rows) + "\n"


def xywh(box: NDArray[np.floating[Any]]) -> list[float]:
    left, top, right, bottom = (round(float(edge), 2) for edge in box)
    return [left, top, round(right - left, 2), round(bottom - top, 2)]


def _lines(rows: list[dict[str, object]]) -> str:
    return "[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]"
