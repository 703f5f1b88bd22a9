"""Which experiments params.yaml asks for, and which a walk has finished: only these are published."""

from collections.abc import Sequence
from pathlib import Path

from flows.walk.order import StageOutcome
from params.block import read_params

LAST = "_compare"  # the step that ends every experiment
PARAMS = "params.yaml"


def left_out(root: Path) -> list[str]:
    """Experiments of `tasks/` that params.yaml says nothing of; none where there is no such file."""
    if not (root / PARAMS).exists():
        return []
    asked = read_params(root / PARAMS) or {}
    return sorted(
        path.parent.name for path in (root / "tasks").glob("*/__init__.py") if path.parent.name not in asked
    )


def asked_for(root: Path, stages: list[str]) -> list[str]:
    """The stages without those of experiments that are left out."""
    absent = tuple(f"{name}_" for name in left_out(root))
    return [stage for stage in stages if not stage.startswith(absent)] if absent else stages


def finished(root: Path, outcomes: Sequence[StageOutcome]) -> list[str]:
    """Those that have all stages of theirs in the walk behind them, and their results in the folder."""
    behind = set(_of(outcomes)) - set(unfinished(outcomes))
    return sorted(name for name in behind if is_complete(root / "results" / name))


def unfinished(outcomes: Sequence[StageOutcome]) -> list[str]:
    """Those with a stage that failed, or was not run since another had failed."""
    return [name for name in _of(outcomes) if not all(each.succeeded for each in of(name, outcomes))]


def of(name: str, outcomes: Sequence[StageOutcome]) -> list[StageOutcome]:
    return [each for each in outcomes if each.stage.startswith(f"{name}_")]


def _of(outcomes: Sequence[StageOutcome]) -> list[str]:
    return sorted(each.stage.removesuffix(LAST) for each in outcomes if each.stage.endswith(LAST))


def is_complete(folder: Path) -> bool:
    return (folder / "table.csv").exists() and (folder / "decision.json").exists()
