"""What an experiment has decided, in a line: said as soon as its last stage has ended."""

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from jinja2 import UndefinedError

from flows.studies.folder import study_name
from flows.walk.experiments import LAST, is_complete
from flows.walk.order import StageOutcome
from tasks.report.verdict import verdict


def headline(name: str, decision: Mapping[str, Any]) -> str:
    return f"{name}: {verdict(decision).headline} ({decision['grade']})"


def decided(root: Path, outcome: StageOutcome) -> str | None:
    """None where the stage decides nothing, or decided nothing anew."""
    experiment = outcome.stage.removesuffix(LAST)
    folder = root / "results" / experiment
    if experiment == outcome.stage or outcome.state not in ("ran", "restored") or not is_complete(folder):
        return None
    # A line that nobody asked for is worth no failure.
    with suppress(ValueError, TypeError, KeyError, UndefinedError):
        decision = json.loads((folder / "decision.json").read_text(encoding="utf-8"))
        return headline(study_name(root) or experiment, decision)
    return None
