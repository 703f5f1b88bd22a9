"""What an experiment's report is called."""

from pathlib import Path

from flows.studies.folder import repository
from params.block import read_block, read_params
from params.report import Page


def report_name(root: Path, name: str) -> str:
    """As the page over all experiments names it."""
    params = repository(root) / "params.yaml"
    stated = (read_params(params) or {}).get("report") if params.exists() else None
    shown = read_block(params, "report.page", Page).experiments.get(name) if stated else None
    return shown.report if shown else "report.md"
