"""Which method dev chooses, by cross-fitted NLL over its groups alone, and what test says of the choice."""

from dataclasses import replace

import numpy as np

from methods.calibration.cross_fitting import (
    CHOSEN,
    MethodChoice,
    choose_method,
    cross_fitted_nll,
    group_folds,
    groups_to_tell,
    lone_class,
    without_folds,
)
from methods.calibration.evaluation import BETTER, WORSE
from methods.calibration.recalibration import Method
from methods.statistics.group_intervals import FEWEST
from params.speech_temperature import Calibrate
from tasks.report.decision import Action, Grade
from tasks.speech_temperature.comparison.evaluation import SplitLogits


def method_choice(dev: SplitLogits, methods: list[Method], params: Calibrate) -> MethodChoice:
    if (lone := lone_class(dev.groups, dev.labels)) is not None:
        return without_folds(dev.groups, lone)
    folds = group_folds(dev.groups, dev.labels)
    losses = np.array(
        [
            np.mean([cross_fitted_nll(method, z, dev.labels, folds) for z in dev.logits], axis=0)
            for method in methods
        ]
    )
    made = choose_method(losses, dev.groups, params.alpha, params.seed)
    if made.status == CHOSEN:
        return made
    return replace(made, needed=groups_to_tell(losses, dev.groups, params.alpha, params.seed))


def verdict(choice: MethodChoice, on_test: str) -> tuple[Action, Grade]:
    """on_test: what test says of the chosen method against the control."""
    if choice.status == CHOSEN:
        grade = {BETTER: Grade.HOLDS, WORSE: Grade.FAILS}.get(on_test, Grade.CANNOT_TELL)
        action = {Grade.HOLDS: Action.SHIP, Grade.FAILS: Action.KEEP}.get(grade, Action.COLLECT)
        return action, grade
    none_better = choice.nll is not None and choice.best == 0 and choice.groups >= FEWEST
    return (Action.KEEP if none_better else Action.COLLECT), Grade.NOT_JUDGED
