"""The figures of the page, and the page."""

from typing import Any

import pandas as pd

from methods.statistics.group_intervals import FEWEST
from storage.speech.logits import answer_names
from storage.speech.temperatures import SeedCalibration
from tasks.report.templates import render
from tasks.speech_temperature.comparison.decision import DecisionBasis

WORST_GROUPS = 5
MOST_ERRORS = 0.5


def page(
    decision: dict[str, Any], basis: DecisionBasis, pinned: list[SeedCalibration],
    conditions: dict[str, pd.DataFrame], bins: int,
) -> str:  # fmt: skip
    """conditions: of groups first, which tell whose answers are wrong."""
    groups, facts, choice = conditions["group"], basis.facts, basis.choice
    wrong = groups["clips"] * (1 - groups["accuracy"])
    share = float(wrong.max() / wrong.sum()) if wrong.sum() else 0.0
    most_wrong = {**groups.iloc[int(wrong.argmax())], "share": share, "explains": share > MOST_ERRORS}
    return render(
        "tasks/speech_temperature/comparison/report.md.j2",
        decision=decision,
        rows=basis.rows,
        on_dev=dict(
            zip(basis.methods, zip(choice.nll or (), choice.differences or (), strict=True), strict=False)
        ),
        temperatures=basis.temperatures,
        pinned=pinned,
        labels=dict(zip(answer_names(facts["labels"]), facts["labels"], strict=True)),
        given=facts["kind"] == "logits",
        noted=facts.get("noted", []),
        clips=facts["splits"],
        worst=groups.head(WORST_GROUPS).to_dict("records"),
        most_wrong=most_wrong,
        conditions={name: found for name, found in conditions.items() if name != "group"},
        bins=bins,
        fewest=FEWEST,
    )
