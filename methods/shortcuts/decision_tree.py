"""From graded gates to what to do next: a total function, so that no combination of grades is left to taste."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

Gates = Literal["placebo", "plan"]


class Grade(StrEnum):
    PASS = "PASS"
    WARN = "WARN"
    FAIL = "FAIL"


PASS, WARN, FAIL = Grade.PASS, Grade.WARN, Grade.FAIL

# The plan's leaves
SUCCESS = "success"
MONITOR = "acceptable with monitoring"
TEST_MASKS = "test masking variants"
CHOOSE_SCHEDULED = "choose B3"
CHOOSE_BY_SPREAD = "choose B2 or B4 by spread"
REDESIGN = "stop for data redesign"
SHORTCUT = "stop as shortcut"
PLAN_LEAVES = (SUCCESS, MONITOR, TEST_MASKS, CHOOSE_SCHEDULED, CHOOSE_BY_SPREAD, REDESIGN, SHORTCUT)

# What the plan leaves open or contradicts
NEEDS_GATE = "undecided: needs a gate that is defined"
NEEDS_RANKING = "undecided: needs a model that ranks"
NEEDS_UNUSED = "undecided: needs the core leak explained"
NEEDS_UNKNOWN = "undecided: needs the unknown shortcut found"
NEEDS_SIZES = "undecided: needs every Einstein radius"
NEEDS_EVIDENCE = "undecided: needs more evidence on the variants"
NEEDS_MILDER = "undecided: needs a milder mask"
OPEN_LEAVES = (
    NEEDS_GATE, NEEDS_RANKING, NEEDS_UNUSED, NEEDS_UNKNOWN, NEEDS_SIZES, NEEDS_EVIDENCE, NEEDS_MILDER,
)  # fmt: skip

SCHEDULED = "B3"


@dataclass(frozen=True)
class Grades:
    """One model and the data it learned from. None: that gate is undefined."""

    core: Grade | None
    radial: Grade | None
    reliance: Grade | None
    placebo: Grade | None
    theta_E: Grade | None
    auroc: Grade | None


@dataclass(frozen=True)
class Variant:
    """A masked variant. spread: (low, value, high) of AUROC over Einstein radii, None where it is undefined.

    hidden: pixels that its mask hides of a stamp, in the mean over its training.
    """

    grades: Grades
    spread: tuple[float, float, float] | None
    hidden: float


@dataclass(frozen=True)
class Outcome:
    """leaf and why; the questions that led there with their answers; chosen: the variant, None where none is."""

    leaf: str
    reason: str
    chosen: str | None
    path: tuple[str, ...] = field(default=())


def grade_below(value: float, low: float, high: float, passes: float, fails: float) -> Grade:
    """PASS < passes, FAIL > fails, WARN between; an edge itself, or an interval that holds one, is WARN."""
    if not low <= value <= high or passes > fails:
        raise ValueError(
            f"expected low <= value <= high, got {low}, {value}, {high}; edges {passes}, {fails}"
        )
    if high < passes:
        return PASS
    return FAIL if low > fails else WARN


def grade_above(value: float, low: float, high: float, passes: float, fails: float) -> Grade:
    """PASS > passes, FAIL < fails, WARN between; an edge itself, or an interval that holds one, is WARN."""
    return grade_below(-value, -high, -low, -passes, -fails)


def worst(grades: Sequence[Grade | None]) -> Grade | None:
    if not grades or None in grades:
        return None
    return max((each for each in grades if each), key=list(Grade).index)


def decide(
    baseline: Grades, variants: Mapping[str, Variant] | None, gates: Gates, name: str = "B1"
) -> Outcome:
    """Walk the tree for the baseline, and on into its masked variants where it asks for them.

    variants: None where they were not trained. gates: `placebo` judges variants by model gates alone; `plan` asks
    them to pass the core data gate too, which no mask can change.
    """
    found = _baseline(baseline, name)
    if found.leaf != TEST_MASKS or not variants:
        return found
    chosen = _variants(variants, gates)
    return Outcome(chosen.leaf, chosen.reason, chosen.chosen, (*found.path, *chosen.path))


def _baseline(grades: Grades, name: str) -> Outcome:
    path: list[str] = []

    def asked(question: str, yes: bool) -> bool:
        path.append(f"{question}: {'yes' if yes else 'no'}")
        return yes

    def leaf(outcome: str, reason: str, chosen: str | None = None) -> Outcome:
        return Outcome(outcome, reason, chosen, tuple(path))

    if asked(f"radial gate FAIL? ({grades.radial or 'undefined'})", grades.radial is FAIL):
        return leaf(REDESIGN, "the radial profile alone tells the classes apart; no training repairs that")
    if asked(f"AUROC FAIL? ({grades.auroc or 'undefined'})", grades.auroc is FAIL):
        return leaf(
            NEEDS_RANKING,
            "the model ranks worse than is asked of it; what it relies on is asked of one that ranks",
        )
    undefined = [gate for gate, grade in vars(grades).items() if grade is None]
    if asked("is a gate undefined?", bool(undefined)):
        return leaf(NEEDS_GATE, f"undefined: {', '.join(undefined)}; a gate without an answer passes nothing")
    suspect = grades.core is FAIL or grades.reliance is FAIL
    if asked(f"core gate or reliance FAIL? ({grades.core}, {grades.reliance})", suspect):
        if asked("does the model leave the core alone?", grades.reliance is PASS and grades.placebo is PASS):
            return leaf(
                NEEDS_UNUSED,
                "the core tells the classes apart, but the model does not use it: masks take away nothing, the plan "
                "asks for them all the same",
            )
        return leaf(TEST_MASKS, "the core tells the classes apart, or the model relies on it")
    if asked(f"placebo AUROC FAIL? ({grades.placebo})", grades.placebo is FAIL):
        return leaf(
            NEEDS_UNKNOWN,
            "the model ranks stamps without arcs, by something that is neither core nor profile",
        )
    if asked(f"Einstein radii FAIL? ({grades.theta_E})", grades.theta_E is FAIL):
        return leaf(NEEDS_SIZES, "some Einstein radii are not found; the plan says nothing of that cell")
    warned = [gate for gate, grade in vars(grades).items() if grade is WARN]
    if asked("is anything WARN?", bool(warned)):
        return leaf(MONITOR, f"nothing fails; watch {', '.join(warned)}", name)
    return leaf(SUCCESS, "every gate passes", name)


def _variants(variants: Mapping[str, Variant], gates: Gates) -> Outcome:
    path: list[str] = []
    passing = [name for name, variant in variants.items() if _passes(variant.grades, gates)]
    for name, variant in variants.items():
        answer = "passes" if name in passing else "does not pass"
        path.append(f"{name} {answer} ({_judged(variant.grades, gates)})")
    if SCHEDULED in passing:
        return Outcome(CHOOSE_SCHEDULED, f"{SCHEDULED} passes its gates", SCHEDULED, tuple(path))
    if passing:
        chosen, reason, told = _by_spread({name: variants[name] for name in passing})
        return Outcome(CHOOSE_BY_SPREAD, reason, chosen, (*path, *told))
    if all(_shortcut(variant.grades, gates) for variant in variants.values()):
        reason = "every variant fails a shortcut gate" + (
            "; no mask can change the core data gate, so in the plan's mode no variant can pass it"
            if gates == "plan" and all(variant.grades.core is not PASS for variant in variants.values())
            else ""
        )
        return Outcome(SHORTCUT, reason, None, tuple(path))
    freed = [name for name, variant in variants.items() if _too_much(variant.grades, gates)]
    if freed:
        return Outcome(
            NEEDS_MILDER,
            f"{', '.join(freed)} leaves the shortcut, but no longer ranks well enough, or not at every Einstein radius",
            None,
            tuple(path),
        )
    return Outcome(NEEDS_EVIDENCE, "no variant passes, and not all of them fail", None, tuple(path))


def _by_spread(passing: Mapping[str, Variant]) -> tuple[str, str, tuple[str, ...]]:
    """(variant, reason, path): the least spread where its interval lies below all others; of those that it does not lie
    below, the one that hides least, for what cannot be told apart is not told apart by its place."""
    if len(passing) == 1:
        (only,) = passing
        return only, f"{only} is the only one that passes", ()
    least = min(passing, key=lambda name: (_value(passing[name]), name))
    alike = [name for name in passing if name == least or not _told_apart(passing[least], passing[name])]
    figures = ", ".join(f"{name} {_written(variant.spread)}" for name, variant in passing.items())
    question = f"is the least spread over Einstein radii below the others? ({figures})"
    if len(alike) == 1:
        return (
            least,
            f"{least} has the least spread over Einstein radii of {', '.join(passing)}",
            (f"{question}: yes",),
        )
    chosen = min(alike, key=lambda name: (passing[name].hidden, name))
    reason = (
        f"the spreads over Einstein radii of {' and '.join(alike)} are not distinguishable; of these {chosen} hides least "
        "of a stamp"
    )
    return (
        chosen,
        reason,
        (f"{question}: no, not distinguishable", f"hides least of {', '.join(alike)}: {chosen}"),
    )


def _told_apart(less: Variant, more: Variant) -> bool:
    return less.spread is not None and more.spread is not None and less.spread[2] < more.spread[0]


def _value(variant: Variant) -> float:
    return float("inf") if variant.spread is None else variant.spread[1]


def _written(spread: tuple[float, float, float] | None) -> str:
    return "undefined" if spread is None else f"{spread[1]:.3f} [{spread[0]:.3f}, {spread[2]:.3f}]"


def _passes(grades: Grades, gates: Gates) -> bool:
    return _free(grades, gates) and grades.theta_E in (PASS, WARN) and grades.auroc in (PASS, WARN)


def _free(grades: Grades, gates: Gates) -> bool:
    """Of the shortcuts, as far as this mode asks."""
    core = gates == "placebo" or grades.core is PASS
    return core and grades.reliance is PASS and grades.placebo in (PASS, WARN)


def _too_much(grades: Grades, gates: Gates) -> bool:
    """Free of the shortcuts, at a price that is known to be too high."""
    return _free(grades, gates) and FAIL in (grades.theta_E, grades.auroc)


def _shortcut(grades: Grades, gates: Gates) -> bool:
    return grades.reliance is FAIL or grades.placebo is FAIL or (gates == "plan" and grades.core is FAIL)


def _judged(grades: Grades, gates: Gates) -> str:
    names = ("reliance", "placebo", "theta_E", "auroc", *(("core",) if gates == "plan" else ()))
    return ", ".join(f"{name} {getattr(grades, name) or 'undefined'}" for name in names)
