"""Judge every method on test, choose on the groups of dev alone, and write table, decision, report and plots."""

from pathlib import Path
from typing import Any

import numpy as np

from methods.calibration.evaluation import ConfidenceSettings
from methods.splits.group_split import single_groups
from params.speech_temperature import Compare
from storage.files.atomic import complete_folder
from storage.files.documents import read_json, write_json, write_text
from storage.files.inputs import InputError
from storage.files.tables import read_parquet, write_csv
from storage.speech.temperatures import read_temperature
from tasks.speech_temperature.comparison import plots, tables
from tasks.speech_temperature.comparison.choice import choice
from tasks.speech_temperature.comparison.decision import decision
from tasks.speech_temperature.comparison.evaluation import evaluations, load_runs
from tasks.speech_temperature.comparison.report import page


def main(
    params: Compare,
    clips: Path,
    prepared: Path,
    logits: dict[str, Path],
    seed: dict[str, Path],
    results: Path,
) -> None:
    facts, described = read_json(prepared), read_parquet(clips)
    there = _runs(facts, list(seed))
    pinned = [read_temperature(seed[run]) for run in there]
    seeds = [each.seed for each in pinned]
    methods = [each.method for each in pinned[0].methods]
    runs = load_runs([logits[run] for run in there], seeds, facts["labels"])
    by_option = evaluations(runs, pinned, ConfidenceSettings(**params.model_dump()))
    made = choice(runs.dev, methods, params)
    table = tables.option_table(by_option, made)
    conditions = tables.condition_tables(runs.test, by_option["none"], described, facts["labels"])
    lone = single_groups(
        described["split"], described["group"], np.array(facts["labels"])[described["label"]]
    )
    decided = decision(methods, made, table, pinned, lone, facts, params.alpha)
    with complete_folder(results) as folder:
        write_csv(folder / "table.csv", table)
        write_csv(folder / "seeds.csv", tables.seed_table(by_option, seeds))
        for name, found in conditions.items():
            write_csv(folder / ("errors.csv" if name == "group" else f"by_{name}.csv"), found)
        write_json(
            folder / "temperatures.json",
            [each.model_dump(mode="json", exclude={"methods"}) for each in pinned],
        )
        write_json(folder / "decision.json", decided)
        write_text(folder / "report.md", page(decided, table, pinned, facts, conditions, params.bins))
        plots.write_all(folder, by_option, runs, pinned, conditions, params)


def _runs(facts: dict[str, Any], matrix: list[str]) -> list[str]:
    """Those of the matrix that there are logits of."""
    if "runs" not in facts:
        return matrix
    there = [str(run) for run in facts["runs"]]
    if missing := [run for run in there if run not in matrix]:
        raise InputError(
            Path("params.yaml"), f"run {missing[0]} is not in the matrix of dvc.yaml, which has {', '.join(matrix)}; name "
            "the runs so, as in {42: 0}", field="speech_temperature.prepare.seeds",
        )  # fmt: skip
    return there
