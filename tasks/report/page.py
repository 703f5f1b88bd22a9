"""All decisions on one page: what was asked, what was chosen against what, whether it held, and why."""

from pathlib import Path

import pandas as pd

from params.report import Page
from storage.files.documents import read_json, write_text
from storage.files.inputs import InputError
from storage.files.markdown import bullets, markdown_table

PARAMS = Path("params.yaml")


def main(params: Page, decision: dict[str, Path], report: Path) -> None:
    if missing := sorted(set(params.experiments) ^ set(decision)):
        raise InputError(
            PARAMS,
            f"{missing[0]} stands either here or among the deps of report_page in dvc.yaml: name it in both or neither",
            field="report.page.experiments",
        )
    made = {name: read_json(decision[name]) for name in params.experiments}
    overview = pd.DataFrame(
        [
            [
                f"[{name}](#{name})",
                shown.question,
                *(made[name][key] for key in ("chosen", "control", "verdict")),
            ]
            for name, shown in params.experiments.items()
        ],
        columns=["experiment", "question", "chosen", "control", "verdict"],
    )
    sections = [
        f"## {name}\n\n**{shown.question}** Chosen: {made[name]['chosen']}. Verdict: *{made[name]['verdict']}*.\n\n"
        f"{bullets(made[name]['reasons'])}\n\n![{shown.picture}]({name}/{shown.picture})\n\n"
        f"[report]({name}/{shown.report}) · [table]({name}/table.csv) · [decision]({name}/decision.json)"
        for name, shown in params.experiments.items()
    ]
    head = (
        "# What the experiments decided\n\n"
        "A split that chose never reports: *holds*, *does not hold* and *cannot tell* are said of rows that chose nothing.\n\n"
        f"{markdown_table(overview)}"
    )
    write_text(report, "\n\n".join([head, *sections]) + "\n")
