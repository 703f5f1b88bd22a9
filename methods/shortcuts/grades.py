"""From figures with intervals to PASS, WARN and FAIL, by edges that were written down before the run."""

from dataclasses import dataclass

from methods.shortcuts.decision_tree import GateGrade, Grades, grade_above, grade_below, worst
from methods.shortcuts.evaluation import Estimate
from methods.shortcuts.gate_results import GateResult


@dataclass(frozen=True)
class GradeEdges:
    """PASS beyond `passes`, FAIL beyond `fails`, WARN between and on them."""

    passes: float
    fails: float


@dataclass(frozen=True)
class GradeRules:
    core: GradeEdges
    radial: GradeEdges
    reliance: GradeEdges
    placebo: GradeEdges
    theta_E_least: GradeEdges
    theta_E_spread: GradeEdges
    auroc: GradeEdges


@dataclass(frozen=True)
class ModelGates:
    """Of one model, on rows that chose nothing."""

    reliance: Estimate
    placebo: Estimate
    theta_E_least: Estimate
    theta_E_spread: Estimate
    auroc: Estimate


def grades(core: GateResult, radial: GateResult, model: ModelGates, rules: GradeRules) -> Grades:
    found = model_grades(model, rules)
    return Grades(
        core=gate_grade(core, rules.core),
        radial=gate_grade(radial, rules.radial),
        reliance=found["reliance"],
        placebo=found["placebo"],
        theta_E=worst([found["theta_E_least"], found["theta_E_spread"]]),
        auroc=found["auroc"],
    )


def model_grades(model: ModelGates, rules: GradeRules) -> dict[str, GateGrade | None]:
    """Of each figure of a model; None where it is undefined."""
    return {
        "auroc": _higher_is_better(model.auroc, rules.auroc),
        "placebo": _lower_is_better(_folded(model.placebo), rules.placebo),
        "reliance": _lower_is_better(model.reliance, rules.reliance),
        "theta_E_least": _higher_is_better(model.theta_E_least, rules.theta_E_least),
        "theta_E_spread": _lower_is_better(model.theta_E_spread, rules.theta_E_spread),
    }


def clear_of_fail(rules: GradeRules) -> GradeRules:
    """GradeRules that ask of each figure only on which side of its FAIL edge it lies: WARN where its interval holds the edge."""
    return GradeRules(**{name: GradeEdges(edges.fails, edges.fails) for name, edges in vars(rules).items()})


def gate_grade(gate: GateResult, edges: GradeEdges) -> GateGrade | None:
    """By .5 + |AUC - .5|: an AUC below .5 is a leak as well."""
    found = Estimate(gate.auc, gate.low, gate.high, gate.n, gate.status, gate.reason)
    return _lower_is_better(_folded(found), edges)


def _folded(found: Estimate) -> Estimate:
    if found.value is None or found.low is None or found.high is None:
        return found
    distances = abs(found.low - 0.5), abs(found.high - 0.5)
    low = 0.0 if found.low <= 0.5 <= found.high else min(distances)
    return Estimate(0.5 + abs(found.value - 0.5), 0.5 + low, 0.5 + max(distances), found.n)


def _lower_is_better(found: Estimate, edges: GradeEdges) -> GateGrade | None:
    if found.value is None or found.low is None or found.high is None:
        return None
    return grade_below(found.value, found.low, found.high, edges.passes, edges.fails)


def _higher_is_better(found: Estimate, edges: GradeEdges) -> GateGrade | None:
    if found.value is None or found.low is None or found.high is None:
        return None
    return grade_above(found.value, found.low, found.high, edges.passes, edges.fails)
