"""Thresholds of classes as a step of a Roboflow workflow: its inference keeps what reaches the threshold of its class."""

from collections.abc import Mapping
from typing import Any

FILTER = "roboflow_core/per_class_confidence_filter@v1"  # keeps confidence >= threshold, thresholds in [0, 1]
MOST = 1.0  # of a class that never fires, and of one without a threshold


def class_filter(thresholds: Mapping[str, float], model: str = "model") -> dict[str, Any]:
    """The step's JSON definition; `model` is the name of the step whose predictions it takes."""
    return {
        "type": FILTER,
        "name": "thresholds",
        "predictions": f"$steps.{model}.predictions",
        "class_thresholds": {name: min(threshold, MOST) for name, threshold in thresholds.items()},
        "default_threshold": MOST,
    }
