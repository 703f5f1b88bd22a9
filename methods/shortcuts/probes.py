"""Gates: can a simple model that sees only a shortcut tell positives from negatives? Where it can, there is a leak."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methods.lenses.geometry import rings as ring_numbers
from methods.lenses.masking import core_mask
from methods.shortcuts.claims import Claim
from methods.shortcuts.folds import grouped_folds
from methods.shortcuts.gate_results import FEWEST, FEWEST_GROUPS, FOLDS, GateResult, family_level, undefined
from methods.shortcuts.probe_models import Probe, logistic
from methods.statistics.auroc_intervals import ranked_groups
from methods.statistics.beta_bounds import share_interval
from methods.statistics.grouped_ranking import Groups
from methods.statistics.streams import epoch_stream

Features = NDArray[np.floating[Any]]
Bools = NDArray[np.bool_]
Index = NDArray[np.int64]
Floats = NDArray[np.float64]

LEVEL = 0.95

# Where there is nothing to find, what two folds have in common by chance counts twice, once for each that is held:
# the variance of the out-of-fold AUC is twice that of one model on rows of its own. Measured over 300 draws: 1.37 to
# 1.44 times the standard deviation for the logistic probe, 1.29 for trees. Where there is a leak, it is too wide.
CROSS_FITTED = 2.0


def gate_auc(
    features: Features,
    labels: Bools,
    groups: Groups,
    seed: int,
    probe: Probe = logistic,
    level: float = LEVEL,
    family: int = 1,
) -> GateResult:
    """Out-of-fold AUC of `probe` over five folds that keep groups (hosts) whole, with its interval by group.

    features (n, ...), labels (n,), groups (n,). The interval is that of one fixed model (Obuchowski) with CROSS_FITTED
    times its variance; family: gates that are judged together (Bonferroni). The seed deals groups to folds. One class, too few rows or groups,
    or scores without any spread are "undefined", never .5; broken input is a ValueError.
    """
    x, y = np.asarray(features), np.asarray(labels, bool)
    if len(x) != len(y) or len(y) != len(groups):
        raise ValueError(
            f"expected one label and group per row, got {len(x)} rows, {len(y)} labels, {len(groups)} groups"
        )
    if not np.isfinite(x).all():
        raise ValueError("features hold NaN or infinity; a gate has no answer for them")
    if lacking := _lacking(y, groups):
        return undefined(len(y), lacking)
    fold = grouped_folds(y, groups, seed)
    scores = np.empty(len(y))
    for number in range(FOLDS):
        held = fold == number
        if not (y[~held].any() and (~y[~held]).any()):
            return undefined(len(y), Claim("one_class_to_fit", {"fold": number}))
        scores[held] = probe(x[~held], y[~held], x[held], seed)
    if not np.isfinite(scores).all():
        raise ValueError("the probe gave scores that are not finite")
    if np.ptp(scores) <= 1e-9 * max(1.0, float(np.abs(scores).max())):
        return undefined(len(y), Claim("equal_scores"))
    found = ranked_groups(scores, y, groups)
    single, joint = (
        share_interval(found.area, CROSS_FITTED * found.variance, found.pairs, each)
        for each in (level, family_level(level, family))
    )
    return GateResult(
        found.area, float(single[0]), float(single[1]), float(joint[0]), float(joint[1]), len(y), "ok"
    )


def balanced_rows(labels: Bools, groups: Groups, n: int, seed: int) -> Index:
    """At most n rows, as many of each class, whole groups where a group holds both classes (pairs); shuffled."""
    y = np.asarray(labels, bool)
    _, member = np.unique(groups, return_inverse=True)
    order = epoch_stream(seed, "gate rows").permutation(int(member.max()) + 1)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    each = min(n // 2, int(y.sum()), int((~y).sum()))
    by_group = np.argsort(rank[member], kind="stable")
    taken = np.concatenate([by_group[y[by_group] == positive][:each] for positive in (True, False)])
    return np.asarray(epoch_stream(seed, "gate order").permutation(taken), np.int64)


def core_features(stamps: Features, radius: float = 5.0) -> Floats:
    """(n, bands * pixels): every pixel with r < radius, of stamps (n, bands, size, size)."""
    inside = core_mask(radius, stamps.shape[-1])
    return stamps[:, :, inside].reshape(len(stamps), -1).astype(np.float64)


def core_ring_features(stamps: Features, radius: float = 5.0) -> Floats:
    """(n, bands * rings * 4): mean, standard deviation, least and greatest of each ring with r < radius."""
    return _ring_statistics(stamps, int(np.ceil(radius)), ("mean", "std", "min", "max"))


def radial_features(raw: Features, residual: Features) -> Floats:
    """(n, bands * rings * 3): median profile of the raw stamps, mean and spread of each ring of the residual ones.

    Rings are r in [k, k + 1) for k up to half the stamp. The ring medians of residual stamps are zero by
    construction, so a gate on them would pass whatever the stamps hold.
    """
    rings = raw.shape[-1] // 2 + 1
    return np.concatenate(
        [_ring_statistics(raw, rings, ("median",)), _ring_statistics(residual, rings, ("mean", "std"))],
        axis=1,
    )


def _ring_statistics(stamps: Features, rings: int, names: Sequence[str]) -> Floats:
    size = stamps.shape[-1]
    ring = ring_numbers(size)
    columns = []
    for number in range(rings):
        pixels = stamps[:, :, ring == number].astype(np.float64)
        columns += [getattr(np, name)(pixels, axis=2) for name in names]
    return np.stack(columns, axis=2).reshape(len(stamps), -1)


def _lacking(labels: Bools, groups: Groups) -> Claim | None:
    """Why these rows cannot carry a gate; None where they can."""
    for positive, name in ((True, "positives"), (False, "negatives")):
        rows = labels == positive
        if (count := int(rows.sum())) < FEWEST:
            return Claim("few_rows", {"count": count, "name": name, "fewest": FEWEST})
        if (hosts := len(np.unique(np.asarray(groups)[rows]))) < FEWEST_GROUPS:
            return Claim("few_groups", {"groups": hosts, "name": name, "fewest": FEWEST_GROUPS})
    return None
