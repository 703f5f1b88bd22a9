"""What tests read of a decision, and one to publish."""

from collections.abc import Mapping
from typing import Any


def texts(decision: Mapping[str, Any]) -> list[str]:
    """Its reasons as sentences."""
    return [reason["text"] for reason in decision["reasons"]]


def decision_of(
    chosen: str | dict[str, str], control: str, reasons: list[str], **more: Any
) -> dict[str, Any]:
    return {
        "format": 1,
        "experiment": "x",
        "action": "keep",
        "grade": "holds",
        "chosen": chosen,
        "control": control,
        "better_than_chosen": [],
        "would_change": [],
        "reasons": [{"kind": "reason", "text": text} for text in reasons],
        "evidence": {},
        **more,
    }
