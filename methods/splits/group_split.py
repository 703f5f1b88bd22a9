"""Whole groups to splits with exact counts: solved as an integer programme, so that a split that exists is found."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from methods.statistics.streams import seeded

Floats = NDArray[np.float64]

TIE_BREAK = 1e-3  # the random draw between equally balanced splits weighs less than one row of imbalance
NODES = 200_000


@dataclass(frozen=True)
class Quota:
    """What one split has to hold, in all or per class; None where any number will do."""

    rows: int | Mapping[str, int] | None
    groups: int | Mapping[str, int] | None


@dataclass(frozen=True)
class _Counts:
    """Groups in sorted order; rows (groups, classes); leading (groups,): the class of most rows of each."""

    names: NDArray[np.str_]
    classes: list[str]
    rows: Floats
    leading: NDArray[np.int64]
    member: NDArray[np.int64]


def exact_group_split(
    groups: ArrayLike, labels: ArrayLike, quotas: Mapping[str, Quota], seed: int
) -> NDArray[np.str_]:
    """(rows,) the split of each row: no group in two splits, every quota met, classes as balanced within splits as
    can be, and among equally good splits one drawn by `seed`. ValueError where no such split exists."""
    found = _counts(groups, labels)
    _check_totals(found, quotas)
    names, k = list(quotas), len(quotas)
    g, c = found.rows.shape
    pairs = [(a, b) for a in range(c) for b in range(a)] if c > 1 else []
    width = g * k + k * len(
        pairs
    )  # one binary per (group, split), one imbalance per (split, pair of classes)
    lines: list[Floats] = []
    low: list[float] = []
    high: list[float] = []

    def constrain(line: Floats, at_least: float, at_most: float) -> None:
        lines.append(line)
        low.append(at_least)
        high.append(at_most)

    def over_groups(split: int, weight: Floats) -> Floats:
        line = np.zeros(width)
        line[np.arange(g) * k + split] = weight
        return line

    for group in range(g):
        line = np.zeros(width)
        line[group * k : (group + 1) * k] = 1
        constrain(line, 1, 1)
    for split, quota in enumerate(quotas.values()):
        for weight, wanted in _wanted(found, quota):
            constrain(over_groups(split, weight), wanted, wanted)
        for number, (a, b) in enumerate(pairs):
            gap = over_groups(split, found.rows[:, a] - found.rows[:, b])
            slack = np.zeros(width)
            slack[g * k + split * len(pairs) + number] = 1
            constrain(gap - slack, -np.inf, 0)
            constrain(gap + slack, 0, np.inf)

    rng = seeded(seed)
    cost = np.concatenate([TIE_BREAK * rng.random(g * k) / g, np.ones(k * len(pairs))])
    integral = np.concatenate([np.ones(g * k), np.zeros(k * len(pairs))])
    solved = milp(
        cost,
        integrality=integral,
        bounds=Bounds(0, np.concatenate([np.ones(g * k), np.full(k * len(pairs), np.inf)])),
        constraints=LinearConstraint(csr_array(np.array(lines)), np.array(low), np.array(high)),
        options={"node_limit": NODES, "mip_rel_gap": 1e-3},
    )
    if solved.x is None:
        raise ValueError(_impossible(found, quotas))
    chosen = solved.x[: g * k].reshape(g, k).argmax(axis=1)
    return np.asarray(np.array(names)[chosen][found.member])


def single_groups(splits: ArrayLike, groups: ArrayLike, labels: ArrayLike) -> list[tuple[str, str, str]]:
    """(split, class, group) where a class stands on one group alone: what is learnt there may be that group."""
    split, group, label = (np.asarray(column).astype(str) for column in (splits, groups, labels))
    lone = []
    for name in dict.fromkeys(split.tolist()):
        for of_class in np.unique(label):
            inside = np.unique(group[(split == name) & (label == of_class)])
            if len(inside) == 1:
                lone.append((name, str(of_class), str(inside[0])))
    return lone


def _counts(groups: ArrayLike, labels: ArrayLike) -> _Counts:
    names, member = np.unique(np.asarray(groups).astype(str), return_inverse=True)
    classes, label = np.unique(np.asarray(labels).astype(str), return_inverse=True)
    rows = np.zeros((len(names), len(classes)))
    np.add.at(rows, (member, label), 1)
    return _Counts(names, classes.tolist(), rows, rows.argmax(axis=1), member)


def _wanted(found: _Counts, quota: Quota) -> list[tuple[Floats, int]]:
    """(weight of each group, sum over the split's groups) for everything the quota states."""
    kinds = (
        (quota.rows, found.rows),
        (quota.groups, np.eye(len(found.classes))[found.leading]),
    )
    wanted: list[tuple[Floats, int]] = []
    for stated, weight in kinds:
        if isinstance(stated, Mapping):
            wanted += [(weight[:, found.classes.index(name)], n) for name, n in stated.items()]
        elif stated is not None:
            wanted.append((weight.sum(axis=1), stated))
    return wanted


def _check_totals(found: _Counts, quotas: Mapping[str, Quota]) -> None:
    for kind, there in (("rows", int(found.rows.sum())), ("groups", len(found.names))):
        stated = [getattr(quota, kind) for quota in quotas.values()]
        for quota in stated:
            if isinstance(quota, Mapping) and (unknown := sorted(set(quota) - set(found.classes))):
                raise ValueError(f"quotas name class(es) {unknown}; the rows have {found.classes}")
        if None not in stated:
            asked = sum(sum(q.values()) if isinstance(q, Mapping) else q for q in stated)
            if asked != there:
                raise ValueError(
                    f"the quotas ask for {asked} {kind}, there are {there}: every one has to go somewhere"
                )


def _impossible(found: _Counts, quotas: Mapping[str, Quota]) -> str:
    asked = "; ".join(f"{name}: {_said(q.rows)} rows, {_said(q.groups)} groups" for name, q in quotas.items())
    sizes = "; ".join(
        f"{name}: {', '.join(str(int(n)) for n in sorted(found.rows[found.leading == i].sum(axis=1), reverse=True))}"
        for i, name in enumerate(found.classes)
    )
    return f"no split of whole groups meets {asked}; rows per group are {sizes}"


def _said(stated: int | Mapping[str, int] | None) -> str:
    return "any" if stated is None else str(dict(stated) if isinstance(stated, Mapping) else stated)
