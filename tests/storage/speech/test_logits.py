"""Logits and pinned temperatures: what is refused at the edge, and what reads back exactly."""

import json
from pathlib import Path

import jsonschema
import numpy as np
import pandas as pd
import pytest

from storage.files.inputs import InputError
from storage.speech.logits import (
    logit_array,
    read_logits,
    read_predictions,
    read_split_logits,
    write_predictions,
    write_split_logits,
)
from storage.speech.temperatures import (
    SCHEMA,
    MethodFit,
    SeedTemperature,
    read_temperature,
    schema,
    write_temperature,
)
from tests.imports import ROOT

LABELS = ["SPEECH", "NONSPEECH"]
HEADER = "clip,group,label,logit_A,logit_B,seed,split"


def written(tmp_path: Path, *rows: str, header: str = HEADER) -> Path:
    path = tmp_path / "logits.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        (["a,g,MUSIC,1,2,0,dev"], r"row 2, field label: unknown label 'MUSIC'"),
        (["a,g,SPEECH,x,2,0,dev"], "row 2, field logit_A: expected a finite number, got 'x'"),
        (["a,g,SPEECH,1,inf,0,dev"], "field logit_B: expected a finite number"),
        (
            ["a,g,SPEECH,1,2,0,dev", "b,g,SPEECH,1,2,0,test"],
            "row 3, field split: group 'g' stands in dev and test",
        ),
        (["a,g,SPEECH,1,2,0,valid"], "unknown split 'valid'; expected train, dev, test"),
        (
            ["a,g,SPEECH,1,2,0,dev", "a,g,SPEECH,1,2,0,dev"],
            "row 3, field clip: clip 'a' was given for seed 0 already",
        ),
        (["a,g,SPEECH,1,2,0"], "row 2: expected 7 fields, got 6"),
        ([], "holds no rows"),
    ],
)
def test_a_broken_file_is_refused_by_its_place(tmp_path: Path, rows: list[str], complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        read_logits(written(tmp_path, *rows), LABELS, 1.0)


def test_missing_columns_are_named(tmp_path: Path) -> None:
    path = written(tmp_path, "a,g,SPEECH,1,0,dev", header="clip,group,label,logit_A,seed,split")
    with pytest.raises(InputError, match=r"column\(s\) \['logit_B'\] are missing"):
        read_logits(path, LABELS, 1.0)


def test_logits_that_were_scaled_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"divided by a temperature of 1\.5"):
        read_logits(written(tmp_path, "a,g,SPEECH,1,2,0,dev"), LABELS, 1.5)
    path = written(
        tmp_path, "a,g,SPEECH,1,2,0,dev,1", "b,h,SPEECH,1,2,0,dev,2", header=HEADER + ",temperature"
    )
    with pytest.raises(
        InputError, match="row 3, field temperature: these logits were divided by a temperature of 2"
    ):
        read_logits(path, LABELS, 1.0)


def test_split_logits_read_back_to_the_last_digit(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(4, 2)) * [1e-8, 1e5]
    rows = pd.DataFrame({"clip": list("abcd"), "group": list("gghh"), "label": [0, 1, 0, 1], "seed": 42})
    rows["split"] = ["dev", "dev", "test", "test"]
    rows[["logit_A", "logit_B"]] = values
    write_split_logits(tmp_path, rows, LABELS, "seed_42")
    back = [read_split_logits(tmp_path, "seed_42", split, LABELS) for split in ("dev", "test")]
    assert np.array_equal(np.concatenate([logit_array(table) for table in back]), values)
    assert back[0]["label"].tolist() == [0, 1]
    assert (tmp_path / "seed_42_dev.csv").read_text().splitlines()[0] == HEADER


def test_predictions_are_gathered_by_any_pattern(tmp_path: Path) -> None:
    table = pd.DataFrame({"clip": ["a", "b"], "group": ["g", "h"], "label": [0, 1]})
    p = np.array([[0.9, 0.1], [0.6, 0.4]])
    for seed in (1, 2):
        write_predictions(tmp_path / f"seed_{seed}_dev_calibrated.csv", table, LABELS, p, np.array([0, 0]))
    found = read_predictions(tmp_path, "seed_*_dev_*.csv")
    assert found["file"].unique().tolist() == ["seed_1_dev_calibrated", "seed_2_dev_calibrated"]
    assert found["correct"].tolist() == [1, 0, 1, 0]
    assert list(found.columns[:8]) == [
        "clip", "group", "label", "prediction", "correct", "confidence", "prob_A", "prob_B",
    ]  # fmt: skip
    with pytest.raises(InputError, match="no file matches 'x_"):
        read_predictions(tmp_path, "x_*.csv")


@pytest.mark.parametrize("temperature", [1.7, float("inf")])
def test_a_pinned_temperature_reads_back_and_follows_its_schema(tmp_path: Path, temperature: float) -> None:
    pinned = SeedTemperature(
        seed=42, method="temperature", temperature=temperature, status="fitted", rows=72, groups=4, nll_before=1.0,
        nll_after=0.5, labels=LABELS,
        methods=[MethodFit(method="temperature", status="fitted", parameters={"temperature": [temperature]})],
    )  # fmt: skip
    write_temperature(tmp_path / "seed_42.json", pinned)
    assert read_temperature(tmp_path / "seed_42.json") == pinned
    jsonschema.validate(
        json.loads((tmp_path / "seed_42.json").read_text()), json.loads((ROOT / SCHEMA).read_text())
    )


def test_the_committed_schema_is_that_of_the_code() -> None:
    assert json.loads((ROOT / SCHEMA).read_text()) == schema()
