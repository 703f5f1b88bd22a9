"""What a recalibration is worth on groups it has not seen: fitted on the other groups of dev, judged on each in turn."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from methods.calibration.calibration_error import row_nll
from methods.calibration.method_differences import MethodDifference, method_differences
from methods.calibration.planned_groups import family_level, groups_at_level
from methods.calibration.recalibration import Method, apply, recalibrate
from methods.statistics.group_intervals import FEWEST, group_effects, group_mean_interval

Floats = NDArray[np.float64]
Index = NDArray[np.int64]
Names = NDArray[np.str_]

MOST_FOLDS = 10
POWER = 0.8
CHOSEN, NOT_DISTINGUISHABLE, CANNOT_TELL = "chosen", "not distinguishable", "cannot tell"


@dataclass(frozen=True)
class MethodChoice:
    """chosen and best are method numbers; nll (methods,) cross-fitted on dev, and differences to the control, of all
    methods at once: None where that cannot be done. needed: dev groups at which the best would be told from the control
    with a chance of `POWER`, if it is as good as it was seen to be; None where no number of them would, or no one knows.

    status: chosen, not distinguishable (the control stays), or cannot tell (too few groups, or one group alone holds
    `lone_class`: the control stays).
    """

    chosen: int
    best: int
    nll: tuple[float, ...] | None
    differences: tuple[MethodDifference, ...] | None
    groups: int
    status: str
    needed: int | None = None
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

    Of the methods that groups tell from the control, corrected for all that were compared with it, the one of least mean
    NLL is chosen, or an earlier one that cannot be told from it; else the control.
    """
    nll, count = tuple(losses.mean(axis=1).tolist()), len(np.unique(groups))
    best = int(np.argmin(nll))
    differences, _ = method_differences(losses, losses[0], groups, alpha, seed)
    found = MethodChoice(0, best, nll, tuple(differences), count, CANNOT_TELL)
    if count < FEWEST:
        return found
    told = [at for at, each in enumerate(differences) if each.value < 0 and (each.p or 0.0) <= alpha]
    if not told:
        return replace(found, status=NOT_DISTINGUISHABLE)
    least = min(told, key=lambda at: nll[at])
    chosen = next(at for at in told if at == least or _like(losses[at], losses[least], groups, alpha))
    return replace(found, chosen=chosen, status=CHOSEN)


def groups_to_tell(losses: Floats, groups: Names, alpha: float, seed: int) -> int | None:
    """`MethodChoice.needed`, of what `choose_method` is given."""
    effects = np.array([group_effects(each - losses[0], groups)[0] for each in losses])
    if effects.shape[1] < FEWEST:
        return None
    best = int(losses.mean(axis=1).argmin())
    size = groups_at_level(effects[best], family_level(effects, seed, alpha), seed, POWER)
    return None if size is None else max(size.n, effects.shape[1])


def _like(one: Floats, other: Floats, groups: Names, alpha: float) -> bool:
    return (group_mean_interval(one - other, groups, 1 - alpha).p or 0.0) > alpha


def without_folds(groups: Names, lone: int) -> MethodChoice:
    """Where no fold can be made: nothing was cross-fitted, and the control stays."""
    return MethodChoice(0, 0, None, None, len(np.unique(groups)), CANNOT_TELL, lone_class=lone)
