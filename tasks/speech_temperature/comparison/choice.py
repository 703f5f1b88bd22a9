"""Which method dev chooses, by cross-fitted NLL over its groups alone, and whether test bears the choice out."""

from typing import cast

import numpy as np

from methods.calibration.cross_fitting import (
    CHOSEN,
    MethodChoice,
    choose_method,
    cross_fitted_nll,
    group_folds,
    lone_class,
    without_folds,
)
from methods.calibration.evaluation import BETTER, UNKNOWN, WORSE
from methods.calibration.recalibration import Method
from params.speech_temperature import Compare
from tasks.speech_temperature.comparison.evaluation import SplitLogits


def choice(dev: SplitLogits, methods: list[str], params: Compare) -> MethodChoice:
    if (lone := lone_class(dev.groups, dev.labels)) is not None:
        return without_folds(len(methods), dev.groups, lone)
    folds = group_folds(dev.groups, dev.labels)
    losses = [
        np.mean([cross_fitted_nll(cast(Method, method), z, dev.labels, folds) for z in dev.logits], axis=0)
        for method in methods
    ]
    return choose_method(np.array(losses), dev.groups, params.alpha, params.seed)


def verdict(choice: MethodChoice, on_test: str) -> str:
    """Of the choice, by what test says of the method chosen; where nothing was chosen, why."""
    if choice.status != CHOSEN:
        return choice.status
    return {BETTER: "holds", WORSE: "does not hold"}.get(on_test, UNKNOWN)
