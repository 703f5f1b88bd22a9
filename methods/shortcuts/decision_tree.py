"""From graded gates to what to do next: a total function, so that no combination of grades is left to taste."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum, auto
from typing import Any, Literal

from methods.shortcuts.claims import Claim

Gates = Literal["placebo", "plan"]


class GateGrade(StrEnum):
    PASS = "PASS"
    WARN = "WARN"
    FAIL = "FAIL"


PASS, WARN, FAIL = GateGrade.PASS, GateGrade.WARN, GateGrade.FAIL


class Leaf(StrEnum):
    """The plan's, and what the plan leaves open or contradicts."""

    SUCCESS = auto()
    MONITOR = auto()
    TEST_MASKS = auto()
    CHOOSE_SCHEDULED = auto()
    CHOOSE_BY_SPREAD = auto()
    REDESIGN = auto()
    SHORTCUT = auto()
    NEEDS_GATE = auto()
    NEEDS_RANKING = auto()
    NEEDS_UNUSED = auto()
    NEEDS_UNKNOWN = auto()
    NEEDS_SIZES = auto()
    NEEDS_EVIDENCE = auto()
    NEEDS_MILDER = auto()

    @property
    def open(self) -> bool:
        return self.startswith("needs_")


SCHEDULED = "B3"


@dataclass(frozen=True)
class Grades:
    """One model and the data it learned from. None: that gate is undefined."""

    core: GateGrade | None
    radial: GateGrade | None
    reliance: GateGrade | None
    placebo: GateGrade | None
    theta_E: GateGrade | None
    auroc: GateGrade | None


@dataclass(frozen=True)
class MaskVariant:
    """A masked variant. spread: (low, value, high) of AUROC over Einstein radii, None where it is undefined.

    hidden: pixels that its mask hides of a stamp, in the mean over its training.
    """

    grades: Grades
    spread: tuple[float, float, float] | None
    hidden: float


@dataclass(frozen=True)
class Outcome:
    """leaf and why; the questions that led there with their answers; chosen: the variant, None where none is."""

    leaf: Leaf
    reason: Claim
    chosen: str | None
    path: tuple[Claim, ...] = ()

    @property
    def claims(self) -> tuple[Claim, ...]:
        """The leaf, its reason, and the path."""
        return Claim("leaf", {"name": self.leaf}), self.reason, *self.path


def grade_below(value: float, low: float, high: float, passes: float, fails: float) -> GateGrade:
    """PASS < passes, FAIL > fails, WARN between; an edge itself, or an interval that holds one, is WARN."""
    if not low <= value <= high or passes > fails:
        raise ValueError(
            f"expected low <= value <= high, got {low}, {value}, {high}; edges {passes}, {fails}"
        )
    if high < passes:
        return PASS
    return FAIL if low > fails else WARN


def grade_above(value: float, low: float, high: float, passes: float, fails: float) -> GateGrade:
    """PASS > passes, FAIL < fails, WARN between; an edge itself, or an interval that holds one, is WARN."""
    return grade_below(-value, -high, -low, -passes, -fails)


def worst(grades: Sequence[GateGrade | None]) -> GateGrade | None:
    if not grades or None in grades:
        return None
    return max((each for each in grades if each), key=list(GateGrade).index)


def decide(
    baseline: Grades, variants: Mapping[str, MaskVariant] | None, gates: Gates, name: str = "B1"
) -> Outcome:
    """Walk the tree for the baseline, and on into its masked variants where it asks for them.

    variants: None where they were not trained. gates: `placebo` judges variants by model gates alone; `plan` asks
    them to pass the core data gate too, which no mask can change.
    """
    found = _baseline(baseline, name)
    if found.leaf != Leaf.TEST_MASKS or not variants:
        return found
    chosen = _variants(variants, gates)
    return replace(chosen, path=(*found.path, *chosen.path))


def _baseline(grades: Grades, name: str) -> Outcome:
    path: list[Claim] = []

    def asks(question: str, yes: bool, *of: GateGrade | None) -> bool:
        path.append(Claim("asks", {"question": question, "grades": of, "yes": yes}))
        return yes

    def end(leaf: Leaf, chosen: str | None = None, **figures: Any) -> Outcome:
        return Outcome(leaf, Claim(leaf, figures), chosen, tuple(path))

    if asks("radial", grades.radial is FAIL, grades.radial):
        return end(Leaf.REDESIGN)
    if asks("auroc", grades.auroc is FAIL, grades.auroc):
        return end(Leaf.NEEDS_RANKING)
    undefined = [gate for gate, grade in vars(grades).items() if grade is None]
    if asks("undefined", bool(undefined)):
        return end(Leaf.NEEDS_GATE, gates=undefined)
    suspect = grades.core is FAIL or grades.reliance is FAIL
    if asks("core", suspect, grades.core, grades.reliance):
        unused = grades.reliance is PASS and grades.placebo is PASS
        return end(Leaf.NEEDS_UNUSED if asks("unused", unused) else Leaf.TEST_MASKS)
    if asks("placebo", grades.placebo is FAIL, grades.placebo):
        return end(Leaf.NEEDS_UNKNOWN)
    if asks("theta_E", grades.theta_E is FAIL, grades.theta_E):
        return end(Leaf.NEEDS_SIZES)
    watch = [gate for gate, grade in vars(grades).items() if grade is WARN]
    if asks("warn", bool(watch)):
        return end(Leaf.MONITOR, name, gates=watch)
    return end(Leaf.SUCCESS, name)


def _variants(variants: Mapping[str, MaskVariant], gates: Gates) -> Outcome:
    passing = {name: variant for name, variant in variants.items() if _passes(variant.grades, gates)}
    asked = ("reliance", "placebo", "theta_E", "auroc", *(("core",) if gates == "plan" else ()))
    path = tuple(
        Claim(
            "variant",
            {
                "name": name,
                "passes": name in passing,
                "grades": {gate: getattr(variant.grades, gate) for gate in asked},
            },
        )
        for name, variant in variants.items()
    )
    if SCHEDULED in passing:
        scheduled = Claim(Leaf.CHOOSE_SCHEDULED, {"name": SCHEDULED})
        return Outcome(Leaf.CHOOSE_SCHEDULED, scheduled, SCHEDULED, path)
    if passing:
        chosen, reason, contest = _by_spread(passing)
        return Outcome(Leaf.CHOOSE_BY_SPREAD, reason, chosen, (*path, *contest))
    if all(_shortcut(variant.grades, gates) for variant in variants.values()):
        core = gates == "plan" and all(variant.grades.core is not PASS for variant in variants.values())
        return Outcome(Leaf.SHORTCUT, Claim(Leaf.SHORTCUT, {"core": core}), None, path)
    freed = [name for name, variant in variants.items() if _too_much(variant.grades, gates)]
    if freed:
        return Outcome(Leaf.NEEDS_MILDER, Claim(Leaf.NEEDS_MILDER, {"names": freed}), None, path)
    return Outcome(Leaf.NEEDS_EVIDENCE, Claim(Leaf.NEEDS_EVIDENCE), None, path)


def _by_spread(passing: Mapping[str, MaskVariant]) -> tuple[str, Claim, tuple[Claim, ...]]:
    """(variant, reason, path): the least spread where its interval lies below all others; of those that it does not lie
    below, the one that hides least, for what cannot be told apart is not told apart by its place."""
    if len(passing) == 1:
        (only,) = passing
        return only, Claim("only_one", {"name": only}), ()
    least = min(passing, key=lambda name: (_value(passing[name]), name))
    alike = [name for name in passing if name == least or not _told_apart(passing[least], passing[name])]
    spreads = {name: variant.spread for name, variant in passing.items()}
    question = Claim("asks_spread", {"spreads": spreads, "yes": len(alike) == 1})
    if len(alike) == 1:
        return least, Claim("least_spread", {"name": least, "names": list(passing)}), (question,)
    chosen = min(alike, key=lambda name: (passing[name].hidden, name))
    figures = {"names": alike, "name": chosen}
    return chosen, Claim("hides_least", figures), (question, Claim("hides_least_of", figures))


def _told_apart(less: MaskVariant, more: MaskVariant) -> bool:
    return less.spread is not None and more.spread is not None and less.spread[2] < more.spread[0]


def _value(variant: MaskVariant) -> float:
    return float("inf") if variant.spread is None else variant.spread[1]


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
