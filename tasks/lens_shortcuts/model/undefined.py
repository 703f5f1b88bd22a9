"""Why a figure is undefined, as tables and the page say it."""

from methods.shortcuts.evaluation import Estimate
from methods.shortcuts.gate_results import GateResult
from tasks.report.templates import Reason, sentences


def why(found: Estimate | GateResult) -> str:
    """Empty where it is defined."""
    reasons = [] if found.reason is None else [Reason(*found.reason)]
    return "".join(sentences("tasks/lens_shortcuts/model/undefined.j2", reasons))
