"""What a recalibration is worth on groups it has not seen: fitted on the other groups of dev, judged on each in turn."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from methods.calibration_error import row_nll
from methods.group_statistics import SignFlip, refusal, sign_flip_test
from methods.recalibration import Method, apply, recalibrate

Floats = NDArray[np.float64]
Index = NDArray[np.int64]
Names = NDArray[np.str_]

MOST_FOLDS = 10


@dataclass(frozen=True)
class Choice:
    """chosen and best are method numbers; nll (methods,) cross-fitted on dev. test: best against the control.

    status: chosen, not distinguishable (the control stays), or cannot tell (too few groups: the control stays).
    """

    chosen: int
    best: int
    nll: Floats
    test: SignFlip
    status: str


def group_folds(groups: Names, labels: Index) -> Index:
    """(rows,) fold of each row: groups of each class dealt out in turn, one group a fold where there are few.

    ValueError where a class has one group: without it nothing of that class would be left to fit on.
    """
    names, first, member = np.unique(groups, return_index=True, return_inverse=True)
    class_of = labels[first]
    for number in np.unique(labels):
        if np.count_nonzero(class_of == number) < 2:
            raise ValueError(f"class {number} has one group: leaving it out leaves none to fit on")
    order = np.argsort(class_of, kind="stable")
    fold = np.empty(len(names), np.int64)
    fold[order] = np.arange(len(names)) % min(len(names), MOST_FOLDS)
    return fold[member]


def cross_fitted_nll(method: Method, logits: Floats, labels: Index, folds: Index) -> Floats:
    """(rows,) NLL of each row under the method fitted without its fold."""
    losses = np.empty(len(labels))
    for fold in np.unique(folds):
        held = folds == fold
        fitted = recalibrate(method, logits[~held], labels[~held])
        losses[held] = row_nll(apply(fitted, logits[held]).probabilities, labels[held])
    return losses


def choose_method(losses: Floats, groups: Names, alpha: float, seed: int) -> Choice:
    """losses (methods, rows): seed-averaged, cross-fitted; method 0 is the control.

    The least mean NLL is chosen where a sign-flip test by group tells it from the control's, else the control; an
    earlier method that cannot be told from the best, and can from the control, is kept instead of it.
    """
    nll = losses.mean(axis=1)
    best = int(nll.argmin())
    against = sign_flip_test(losses[best] - losses[0], groups, seed)
    if against.refused:
        return Choice(0, best, nll, against, "cannot tell")
    if best == 0 or against.p is None or against.p > alpha:
        return Choice(0, best, nll, against, "not distinguishable")
    for earlier in range(1, best):
        to_best = sign_flip_test(losses[earlier] - losses[best], groups, seed)
        to_control = sign_flip_test(losses[earlier] - losses[0], groups, seed)
        if to_best.p is not None and to_best.p > alpha >= (to_control.p or 0) and to_control.difference < 0:
            return Choice(earlier, best, nll, to_control, "chosen")
    return Choice(best, best, nll, against, "chosen")


def without_folds(losses: Floats, groups: Names, reason: str) -> Choice:
    """Where no fold can be made: the control stays."""
    count = len(np.unique(groups))
    test = SignFlip(float("nan"), None, count, refusal(count) or reason)
    return Choice(0, 0, losses.mean(axis=1), test, "cannot tell")
