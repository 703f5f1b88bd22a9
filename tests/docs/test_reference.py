"""The reference says all there is: no key, column, verdict or command without words, and none that is not there."""

import csv
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import Field, create_model

from docs.sphinx.reference import columns, commands, decisions, models, params
from params.block import Block
from params.fpr_thresholds import Selection
from run_stage import params_model
from tasks.report.decision import Action, Decision, Grade
from tests.imports import ROOT

BESIDE = models.descriptions(ROOT)
TABLES = [*sorted(ROOT.glob("results/*/table.csv")), *sorted(ROOT.glob("studies/*/results/*/table.csv"))]


def blocks() -> Iterator[models.Model]:
    for path in sorted((ROOT / "params").glob("*.py")):
        for model in vars(import_module(f"params.{path.stem}")).values():
            if (
                isinstance(model, type)
                and issubclass(model, Block)
                and model.__module__ == f"params.{path.stem}"
            ):
                yield model


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_key_of_params_says_what_it_is_and_says_it_once() -> None:
    for model in blocks():
        name = f"{models.module_of(model)}.{model.__name__}"
        assert set(models.words(model, BESIDE)) == set(model.model_fields), name
        assert not models.stated_twice(model, BESIDE), name


def test_nothing_is_described_that_is_no_key() -> None:
    known = {(models.module_of(model), model.__name__): set(model.model_fields) for model in blocks()}
    for module, of in BESIDE.items():
        if module == models.ANY:
            assert set(of) <= set().union(*known.values())
            continue
        for model, keys in of.items():
            assert set(keys) <= known[module, model], f"{module}.{model}"


def test_every_block_has_its_section() -> None:
    pages = params.params_pages(ROOT)
    for name in params.experiments(ROOT):
        for key in params.blocks(ROOT, name):
            assert f"## `{key}`" in pages[f"params_{name}"]


def test_a_block_is_what_the_launcher_reads() -> None:
    """The reference takes it from a module's text, the launcher from its `main`."""
    module = import_module("tasks.head_sweep.plan")
    assert params.blocks(ROOT, "head_sweep")["head_sweep.plan"] == params_model(module.main)


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_column_says_what_it_is_and_what_its_words_mean(path: Path) -> None:
    words = columns.table_words(columns.files(ROOT)[path.parent.name])
    for row in rows(path):
        for name, value in row.items():
            entry = words.described(name)
            assert entry, f"{name} is not described"
            values = words.columns[entry].values
            assert not values or not value or value in values, f"{name} may not say {value!r}"


@pytest.mark.parametrize("experiment", params.experiments(ROOT))
def test_no_column_is_described_that_no_table_has(experiment: str) -> None:
    words = columns.table_words(columns.files(ROOT)[experiment])
    there = {words.described(name) for name in columns.header(ROOT, experiment)}
    assert there == set(words.columns)


def test_words_of_the_code_are_words_of_the_reference() -> None:
    """Those that no committed table happens to hold, too."""
    for name, column, module, constants in (
        ("fpr_thresholds", "verdict", "methods.budgets.evaluation", "HOLDS VIOLATES CANNOT_TELL SILENT"),
        ("speech_temperature", "verdict", "methods.calibration.evaluation", "BETTER WORSE SAME UNKNOWN"),
        ("hybrid_calibrator", "tier", "methods.detection.rows", "RAW DEDUPED SUPPRESSED FUSED CALIBRATED"),
        ("lens_shortcuts", "status", "tasks.lens_shortcuts.model.labelled_stamps", "TRAINED NOT_REQUIRED NOT_GIVEN"),
    ):  # fmt: skip
        of = {getattr(import_module(module), each) for each in constants.split()}
        assert set(columns.table_words(columns.files(ROOT)[name]).columns[column].values) == of, name


def test_every_action_grade_and_key_of_a_decision_says_what_it_means() -> None:
    words = decisions.decision_words(ROOT)
    assert list(words["action"]) == [each.value for each in Action]
    assert set(words["grade"]) == {each.value for each in Grade}
    assert list(words["key"]) == list(Decision.model_fields)
    page = decisions.decision_page(ROOT)
    assert all(
        f"| `{name}` | {text[:1].upper()}{text[1:]}" in page
        for of in words.values()
        for name, text in of.items()
    )


def test_every_command_and_each_of_its_options_has_a_help() -> None:
    page = commands.commands_page(ROOT)
    for module in commands.modules(ROOT):
        assert f"## `python -m flows.{module}`" in page
        parser = commands.parser_of(module)
        assert parser is not None or commands.question(module)
        assert not (parser and commands.unsaid(parser)), module


def test_every_deployment_and_each_field_of_its_form_is_described() -> None:
    page = commands.deployments_page(ROOT)
    for each in commands.deployments(ROOT):
        assert each["description"].strip()
        assert f"| `{each['name']}` |" in page
        assert set(each["parameters"]) <= set(commands.fields_of(each["entrypoint"]))
        assert all(commands.fields_of(each["entrypoint"]).values())


def test_an_altered_model_alters_the_reference() -> None:
    """A key that is added, and a bound that moves."""
    wider = create_model(
        "Selection", __base__=Selection, __module__=Selection.__module__, __doc__=f"{Selection.__doc__} patience: weeks to wait.",
        max_fpr=Annotated[float, Field(gt=0, lt=0.5)], patience=int,
    )  # fmt: skip
    before, after = ("\n".join(params.section(model, BESIDE, None)) for model in (Selection, wider))
    assert "| `max_fpr` |" in before
    assert "above 0, below 1 |" in before.split("| `max_fpr` |")[1].split("\n")[0]
    assert "above 0, below 0.5 |" in after.split("| `max_fpr` |")[1].split("\n")[0]
    assert "| `patience` | Weeks to wait. | whole number |" in after
    assert "patience" not in before


def test_a_docstring_names_keys_alone_and_together() -> None:
    class Both(Block):
        """A block of two. low, high: its ends, in metres; width and
        depth: of the box."""

        low: float
        high: float
        width: float
        depth: float
        other: float

    assert models.lead(Both) == "A block of two."
    ends, box = "its ends, in metres", "of the box"
    assert models.words(Both, {}) == {"low": ends, "high": ends, "width": box, "depth": box}


def test_cells_of_finished_runs_are_described() -> None:
    words = columns.table_words(columns.files(ROOT)["head_sweep-finished_runs"])
    assert {words.described(name) for name in ("score", "validation_delta_low", "p_holm")} == {
        "score",
        "delta",
        "p_holm",
    }
    assert words.described("colour") is None
