"""What a recalibration is worth on groups it has not seen: fitted on the other groups of dev, judged on each in turn."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from methods.calibration.calibration_error import row_nll
from methods.calibration.recalibration import Method, apply, recalibrate
from methods.statistics.group_statistics import FEWEST_GROUPS, SignFlip, sign_flip_test, sign_flip_tests

Floats = NDArray[np.float64]
Index = NDArray[np.int64]
Names = NDArray[np.str_]

MOST_FOLDS = 10
CHOSEN, NOT_DISTINGUISHABLE, CANNOT_TELL = "chosen", "not distinguishable", "cannot tell"


@dataclass(frozen=True)
class MethodChoice:
    """chosen and best are method numbers; nll (methods,) cross-fitted on dev, NaN where that cannot be done. test: best
    against the control, its p corrected for the other methods that could have been best.

    status: chosen, not distinguishable (the control stays), or cannot tell (too few groups, or one group alone holds
    `lone_class`: the control stays).
    """

    chosen: int
    best: int
    nll: Floats
    test: SignFlip
    status: str
    lone_class: int | None = None


def group_folds(groups: Names, labels: Index) -> Index:
    """(rows,) fold of each row: groups dealt out in turn, one group a fold where there are few.

    Of two classes, groups of the first come first, then those of both, then those of the second: so the groups that
    hold a class follow each other, and neighbours never share a fold. Of more, groups follow each other by the first
    class they hold. ValueError where one group alone holds one of two classes: without it nothing of that class would
    be left to fit on.
    """
    if (number := lone_class(groups, labels)) is not None:
        raise ValueError(f"class {number} has one group: leaving it out leaves none to fit on")
    names, member = np.unique(groups, return_inverse=True)
    holds = np.stack([np.isin(names, groups[labels == number]) for number in np.unique(labels)], axis=1)
    order = np.lexsort((holds[:, -1], holds.argmax(axis=1)))
    fold = np.empty(len(names), np.int64)
    fold[order] = np.arange(len(names)) % min(len(names), MOST_FOLDS)
    return fold[member]


def lone_class(groups: Names, labels: Index) -> int | None:
    """The first of two classes that one group alone holds; what is fitted to more needs no rows of each."""
    names = np.unique(labels)
    if len(names) > 2:
        return None
    return next((int(name) for name in names if len(np.unique(groups[labels == name])) < 2), None)


def cross_fitted_nll(method: Method, logits: Floats, labels: Index, folds: Index) -> Floats:
    """(rows,) NLL of each row under the method fitted without its fold."""
    losses = np.empty(len(labels))
    for fold in np.unique(folds):
        held = folds == fold
        fitted = recalibrate(method, logits[~held], labels[~held])
        losses[held] = row_nll(apply(fitted, logits[held]).probabilities, labels[held])
    return losses


def choose_method(losses: Floats, groups: Names, alpha: float, seed: int) -> MethodChoice:
    """losses (methods, rows): seed-averaged, cross-fitted; method 0 is the control.

    The least mean NLL is chosen where a sign-flip test by group tells it from the control's, corrected for all
    methods that were compared with it, else the control; an earlier method that cannot be told from the best, and can
    from the control, is kept instead of it.
    """
    nll = losses.mean(axis=1)
    best = int(nll.argmin())
    to_control = sign_flip_tests(list(losses - losses[0]), groups, seed)
    against = to_control[best]
    if against.groups < FEWEST_GROUPS:
        return MethodChoice(0, best, nll, against, CANNOT_TELL)
    if best == 0 or against.p is None or against.p > alpha:
        return MethodChoice(0, best, nll, against, NOT_DISTINGUISHABLE)
    for earlier in range(1, best):
        to_best = sign_flip_test(losses[earlier] - losses[best], groups, seed)
        found = to_control[earlier]
        if to_best.p is not None and to_best.p > alpha >= (found.p or 0) and found.difference < 0:
            return MethodChoice(earlier, best, nll, found, CHOSEN)
    return MethodChoice(best, best, nll, against, CHOSEN)


def without_folds(methods: int, groups: Names, lone: int) -> MethodChoice:
    """Where no fold can be made: nothing was cross-fitted, and the control stays."""
    test = SignFlip(float("nan"), None, len(np.unique(groups)))
    return MethodChoice(0, 0, np.full(methods, np.nan), test, CANNOT_TELL, lone)
