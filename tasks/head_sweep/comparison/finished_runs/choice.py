"""The profile that validation names better than the control, and what test says of it; none where one score is all."""

from dataclasses import dataclass
from typing import Literal

import pandas as pd

from methods.heads.contrasts import Confirmation
from methods.heads.run_differences import RunDifference
from tasks.head_sweep.comparison.finished_runs.evaluation import FinishedEvaluation
from tasks.head_sweep.comparison.tables import BETTER


@dataclass(frozen=True)
class ProfileChoice:
    """best: of the profiles that are better after Holm the one that gains most; None where there is none, or nothing that
    may choose. gain, test: its differences from the control."""

    control: str
    best: str | None
    gain: RunDifference | None
    test: RunDifference | None
    chooses: bool

    @property
    def chosen(self) -> str:
        return self.best or self.control

    @property
    def verdict(self) -> Confirmation | Literal["not distinguishable"]:
        if not self.chooses:
            return "cannot tell"
        return run_confirmation(self.test) if self.best else "not distinguishable"


def profile_choice(evaluation: FinishedEvaluation, table: pd.DataFrame) -> ProfileChoice:
    if "validation" not in evaluation.parts:
        return ProfileChoice(evaluation.control, None, None, None, chooses=False)
    better = table[table["validation_verdict"] == BETTER[0]]
    if not len(better):
        judged = not table["validation_p"].isna().all()
        return ProfileChoice(evaluation.control, None, None, None, chooses=judged)
    best = str(better["profile"].iloc[int(better["validation_delta"].to_numpy().argmax())])
    gain, test = evaluation.difference(best, "validation"), evaluation.difference(best, "test")
    return ProfileChoice(evaluation.control, best, gain, test, chooses=True)


def run_confirmation(found: RunDifference | None) -> Confirmation:
    if found is None or not (found.above or found.below):
        return "cannot tell"
    return "holds" if found.above else "does not hold"
