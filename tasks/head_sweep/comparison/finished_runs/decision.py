"""The decision over finished runs and its reasons."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from methods.heads.run_differences import RunDifference
from params.head_sweep import CompareFinished
from storage.files.markdown import rounded
from tasks.head_sweep.comparison.finished_runs.choice import ProfileChoice, profile_choice
from tasks.head_sweep.comparison.finished_runs.evaluation import FinishedEvaluation
from tasks.head_sweep.comparison.finished_runs.tables import noise, profile_table
from tasks.head_sweep.comparison.tables import BETTER, ONE_SEED
from tasks.report.decision import Action, Decision, Grade, stated
from tasks.report.templates import Reason

ACTIONS = {"holds": Action.SHIP, "cannot tell": Action.COLLECT}


@dataclass(frozen=True)
class FinishedComparison:
    params: CompareFinished
    evaluation: FinishedEvaluation
    choice: ProfileChoice
    table: pd.DataFrame

    @classmethod
    def of(cls, params: CompareFinished, evaluation: FinishedEvaluation) -> "FinishedComparison":
        table = profile_table(evaluation, params.alpha)
        return cls(params, evaluation, profile_choice(evaluation, table), table)

    @property
    def first_verdict(self) -> str:
        """The column of the verdicts that count: validation's where there are any."""
        return "validation_verdict" if "validation" in self.evaluation.parts else "verdict"

    @property
    def others(self) -> pd.DataFrame:
        return self.table[self.table["profile"] != self.evaluation.control]

    def rows(self, verdict: str) -> list[dict[Any, Any]]:
        """Of profiles with this verdict, the largest difference first."""
        prefix = self.first_verdict.removesuffix("verdict")
        own = self.table[self.table[self.first_verdict] == verdict]
        order = own[f"{prefix}delta"].abs().sort_values(ascending=False, kind="stable").index
        return [
            {**row, "first_delta": row[f"{prefix}delta"], "first_low": row[f"{prefix}delta_low"],
             "first_high": row[f"{prefix}delta_high"]}
            for row in own.loc[order].to_dict("records")
        ]  # fmt: skip


def finished_decision(comparison: FinishedComparison) -> dict[str, Any]:
    """decision.json; its grade says whether the choice holds on test, where there are two scores."""
    choice, evaluation = comparison.choice, comparison.evaluation
    luck = noise(evaluation, comparison.table)
    reasons = [*_advice(comparison), *_differences(comparison), *_limits(comparison, luck)]
    return Decision(
        format=1,
        experiment="head_sweep",
        action=ACTIONS.get(choice.verdict, Action.KEEP),
        grade=Grade.NOT_JUDGED if choice.verdict == "not distinguishable" else Grade(choice.verdict),
        chosen=choice.chosen,
        control=choice.control,
        better_than_chosen=[],
        would_change=[],
        reasons=stated("tasks/head_sweep/comparison/finished_runs/reasons.j2", reasons),
        evidence={
            "dataset": evaluation.dataset,
            "runs": len(evaluation.sweep.runs),
            "profiles": len(evaluation.profiles),
            "cells": len(evaluation.cells),
            "seeds": len(evaluation.seeds),
            "scores": list(evaluation.parts),
            "better_is": evaluation.sweep.better,
            "scale": evaluation.sweep.scale,
            "gain_on_validation": _figures(choice.gain),
            "gain_on_test": _figures(choice.test),
            "group_intervals": "not given",
            "noise": {
                name: rounded(value) if value is not None else None for name, value in luck.items()
            },
            **{
                word: [row["profile"] for row in comparison.rows(verdict)]
                for word, verdict in zip(BETTER, BETTER, strict=True)
            },
            "missing_pairs": {
                row["profile"]: row["missing"]
                for row in comparison.others.to_dict("records")
                if row["missing"]
            },
        },
    ).model_dump(mode="json")  # fmt: skip


def _advice(comparison: FinishedComparison) -> Iterable[Reason]:
    choice, evaluation = comparison.choice, comparison.evaluation
    scale = evaluation.sweep.scale
    if choice.best:
        yield Reason("best", {
            "best": choice.best, "control": choice.control, "gain": choice.gain, "test": choice.test,
            "verdict": choice.verdict, "scale": scale,
        })  # fmt: skip
    elif comparison.others["p"].isna().all() and (comparison.others["verdict"] == ONE_SEED).any():
        yield Reason("one_seed", {"control": choice.control, "cells": len(evaluation.cells)})
    elif "validation" in evaluation.parts:
        yield Reason("none_better", {"control": choice.control, "profiles": len(comparison.others)})
    else:
        yield Reason("one_score", {"control": choice.control})


def _differences(comparison: FinishedComparison) -> Iterable[Reason]:
    evaluation = comparison.evaluation
    better, worse = (comparison.rows(verdict) for verdict in BETTER)
    others, first_p = comparison.others, comparison.first_verdict.replace("verdict", "p")
    if others[first_p].notna().any():
        yield Reason("differences", {
            "better": better, "worse": worse, "profiles": int(others[first_p].notna().sum()), "control": evaluation.control,
            "split": evaluation.parts[0], "scale": evaluation.sweep.scale,
        })  # fmt: skip
    else:
        ahead = others[others["delta"] > 0].sort_values("cells_above", ascending=False, kind="stable")
        cells = {name: len({run.place[0] for run, _ in evaluation.pairs(name)}) for name in ahead["profile"]}
        yield Reason(
            "ahead", {"rows": ahead.to_dict("records"), "cells": cells, "scale": evaluation.sweep.scale}
        )


def _limits(comparison: FinishedComparison, luck: dict[str, float | None]) -> Iterable[Reason]:
    evaluation = comparison.evaluation
    yield Reason("no_groups")
    if luck["seed_sd_of_one_run"] is not None:
        yield Reason("noise", {"figures": luck, "level": evaluation.level, "scale": evaluation.sweep.scale})
    missing = [row for row in comparison.others.to_dict("records") if row["missing"]]
    if missing:
        yield Reason("missing", {"rows": missing, "control": evaluation.control})


def _figures(difference: RunDifference | None) -> dict[str, Any] | None:
    if difference is None:
        return None
    return {
        name: rounded(value) if isinstance(value, float) else value
        for name, value in asdict(difference).items()
    }
