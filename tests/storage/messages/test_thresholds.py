"""The pinned threshold file: its JSON schema is the committed one, and infinity survives as JSON."""

import json
from pathlib import Path

import jsonschema
import pytest
from pydantic import ValidationError

from storage.messages.thresholds import (
    ADOPTED_SCHEMA,
    SCHEMA,
    Label,
    Shift,
    Thresholds,
    adopted,
    adopted_schema,
    read_thresholds,
    schema,
    write_adopted,
    write_thresholds,
)
from tests.imports import ROOT


def thresholds(value: float) -> Thresholds:
    label = Label(
        threshold=value,
        status="infeasible",
        certificate="needs 114 negatives, has 92: collect 22",
        negatives=92,
        texts=92,
        fired_texts=0,
        positives=169,
        mined=0,
        pool_size=0,
        allowed=0,
        needed=114,
        upper_bound=0.0247,
        low=None,
        high=None,
        selected_threshold=None,
        shift=Shift(gamma=1.0, threshold=value, status="infeasible"),
    )
    return Thresholds(option="N1", rule="guaranteed", alpha=0.02, delta=0.1, labels={"scam": label})


@pytest.mark.parametrize("value", [float("inf"), 0.5, 0.1 + 0.2])
def test_what_is_written_is_what_is_read_and_valid_by_the_schema(tmp_path: Path, value: float) -> None:
    write_thresholds(tmp_path / "t.json", thresholds(value))
    assert read_thresholds(tmp_path / "t.json") == thresholds(value)
    stored = json.loads((tmp_path / "t.json").read_text())
    jsonschema.validate(stored, json.loads((ROOT / SCHEMA).read_text()))
    assert (stored["labels"]["scam"]["threshold"] == "Infinity") == (value == float("inf"))


def test_the_committed_schema_is_that_of_the_code() -> None:
    assert json.loads((ROOT / SCHEMA).read_text()) == schema()
    assert json.loads((ROOT / ADOPTED_SCHEMA).read_text()) == adopted_schema()


def test_each_label_is_adopted_from_the_option_that_was_chosen_for_it(tmp_path: Path) -> None:
    made = adopted({"scam": thresholds(0.5)})
    assert (made.labels["scam"].option, made.labels["scam"].threshold) == ("N1", 0.5)
    write_adopted(tmp_path / "a.json", made)
    jsonschema.validate(json.loads((tmp_path / "a.json").read_text()), adopted_schema())


def test_an_infeasible_threshold_of_one_is_no_infinity() -> None:
    with pytest.raises(ValidationError):
        Thresholds.model_validate({**thresholds(1.0).model_dump(), "labels": {"scam": {"threshold": "inf"}}})


def test_the_pinned_files_of_the_default_are_valid() -> None:
    folder = ROOT / "artifacts" / "fpr_thresholds"
    if not folder.exists():
        pytest.skip("the default has not been run here")
    for path in (folder / "thresholds").glob("*.json"):
        jsonschema.validate(json.loads(path.read_text()), schema())
    jsonschema.validate(json.loads((folder / "adopted.json").read_text()), adopted_schema())
