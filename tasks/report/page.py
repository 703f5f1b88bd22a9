"""All decisions on one page: what was asked, what was chosen against what, whether it held, and why."""

from pathlib import Path

from params.report import Page
from storage.files.documents import read_json, write_text
from storage.files.inputs import InputError
from tasks.report.templates import render

PARAMS = Path("params.yaml")


def main(params: Page, decision: dict[str, Path], report: Path) -> None:
    if missing := sorted(set(params.experiments) ^ set(decision)):
        raise InputError(
            PARAMS,
            f"{missing[0]} stands either here or among the deps of report_page in dvc.yaml: name it in both or neither",
            field="report.page.experiments",
        )
    decisions = {name: read_json(decision[name]) for name in params.experiments}
    write_text(
        report, render("tasks/report/report.md.j2", experiments=params.experiments, decisions=decisions)
    )
