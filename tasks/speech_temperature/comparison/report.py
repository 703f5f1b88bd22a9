"""The figures of the page, and the page."""

from typing import Any

import pandas as pd

from methods.statistics.group_statistics import FEWEST_GROUPS
from storage.speech.logits import answer_names
from storage.speech.temperatures import SeedTemperature
from tasks.report.templates import render

WORST_GROUPS = 5
MOST_ERRORS = 0.5


def page(
    decision: dict[str, Any], table: pd.DataFrame, pinned: list[SeedTemperature], facts: dict[str, Any],
    conditions: dict[str, pd.DataFrame], bins: int,
) -> str:  # fmt: skip
    """conditions: of groups first, which tell whose answers are wrong."""
    groups = conditions["group"]
    wrong = groups["clips"] * (1 - groups["accuracy"])
    share = float(wrong.max() / wrong.sum()) if wrong.sum() else 0.0
    most_wrong = {**groups.iloc[int(wrong.argmax())], "share": share, "explains": share > MOST_ERRORS}
    return render(
        "tasks/speech_temperature/comparison/report.md.j2",
        decision=decision,
        rows=table.set_index("option").to_dict("index"),
        pinned=pinned,
        labels=dict(zip(answer_names(facts["labels"]), facts["labels"], strict=True)),
        given=facts["kind"] == "logits",
        noted=facts.get("noted", []),
        clips=facts["splits"],
        worst=groups.head(WORST_GROUPS).to_dict("records"),
        most_wrong=most_wrong,
        conditions={name: found for name, found in conditions.items() if name != "group"},
        bins=bins,
        fewest=FEWEST_GROUPS,
    )
