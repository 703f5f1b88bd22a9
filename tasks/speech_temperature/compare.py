"""Judge every method on test, confirm the one that dev chose, and write table, decision, report and plots."""

from pathlib import Path

import numpy as np
from pydantic import TypeAdapter

from methods.calibration.cross_fitting import MethodChoice
from methods.calibration.evaluation import ConfidenceSettings
from methods.splits.group_split import single_groups
from params.speech_temperature import Compare
from storage.files.atomic import complete_folder
from storage.files.documents import read_json, write_json, write_text
from storage.files.tables import read_parquet, write_csv
from storage.speech.temperatures import read_calibration
from tasks.report.plots import Roles
from tasks.report.study_page import write_page
from tasks.speech_temperature.comparison import plots, report, tables
from tasks.speech_temperature.comparison.decision import DecisionBasis, decision
from tasks.speech_temperature.comparison.evaluation import (
    better_than,
    evaluations,
    groups_to_confirm,
    load_runs,
    runs_of,
    temperature_intervals,
)


def main(
    params: Compare,
    clips: Path,
    prepared: Path,
    logits: dict[str, Path],
    choice: Path,
    seed: dict[str, Path],
    results: Path,
    page: Path,
) -> None:
    facts, described = read_json(prepared), read_parquet(clips)
    there = runs_of(facts, list(seed))
    pinned = [read_calibration(seed[run]) for run in there]
    seeds = [each.seed for each in pinned]
    methods = [each.method for each in pinned[0].methods]
    runs = load_runs([logits[run] for run in there], seeds, facts["labels"])
    by_option = evaluations(runs, pinned, ConfidenceSettings(**params.model_dump()))
    made = TypeAdapter(MethodChoice).validate_python(read_json(choice))
    table = tables.option_table(by_option, made)
    conditions = tables.condition_tables(runs.test, by_option["none"], described, facts["labels"])
    chosen, others = methods[made.chosen], [name for name in by_option if name not in methods]
    basis = DecisionBasis(
        methods=methods,
        choice=made,
        rows=table.set_index("option").to_dict("index"),
        temperatures=dict(zip(there, temperature_intervals(runs, params.level), strict=True)),
        single_groups=single_groups(
            described["split"], described["group"], np.array(facts["labels"])[described["label"]]
        ),
        facts=facts,
        better=better_than(by_option, chosen, others, runs.test, 1 - params.level, params.seed),
        needed=groups_to_confirm(by_option, chosen, runs.test, params),
    )
    decided = decision(basis).model_dump(mode="json")
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
        write_text(folder / "report.md", report.page(decided, basis, pinned, conditions, params.bins))
        plots.write_all(folder, by_option, runs, pinned, conditions, params, Roles(chosen, methods[0]))
    write_page(
        page,
        "tasks/speech_temperature/comparison/page.html.j2",
        "tasks/speech_temperature/comparison/view.json",
        results,
    )
