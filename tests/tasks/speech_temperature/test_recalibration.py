"""Logits that came in become a study's data: the runs that came, split by groups; clips and arrays are refused."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from storage.files.inputs import InputError
from tasks.speech_temperature.use.recalibration import later_data
from tests.imports import ROOT


def params(root: Path, example: str, **prepare: object) -> None:
    yaml = YAML(typ="safe")
    block = yaml.load(ROOT / "examples" / f"{example}.yaml")
    block["speech_temperature"]["prepare"] |= prepare
    with (root / "params.yaml").open("w") as file:
        yaml.dump(block, file)


def batch(path: Path, seed: str, group: str = "group") -> Path:
    path.write_text(f"label,logit_a,logit_b,{group},seed\na,1,0,x,{seed}\nb,0,1,y,{seed}\n")
    return path


def test_runs_that_came_in_and_groups_at_random(tmp_path: Path) -> None:
    params(tmp_path, "own_logits", seeds={42: 0, 123: 1, 456: 2}, split={"by": "column"}, conditions=["snr"])
    made = later_data(tmp_path, [batch(tmp_path / "a.csv", "0"), batch(tmp_path / "b.csv", "2")])
    assert made.settings == {
        "prepare.logits": "logits.parquet", "prepare.seeds": {42: 0, 456: 2}, "prepare.conditions": [],
        "prepare.split": {"by": "random", "dev": 0.5, "seed": 0},
    }  # fmt: skip
    assert made.write(tmp_path) == []


def test_files_with_groups_and_without_are_not_joined(tmp_path: Path) -> None:
    params(tmp_path, "own_logits")
    made = later_data(tmp_path, [batch(tmp_path / "a.csv", "0"), batch(tmp_path / "b.csv", "0", "speaker")])
    with pytest.raises(InputError, match=r"b\.csv: lacks column\(s\) group, which other files have"):
        made.write(tmp_path)


def test_clips_and_arrays_are_refused(tmp_path: Path) -> None:
    params(tmp_path, "own_logits")
    with pytest.raises(InputError, match="arrays are not joined, tables are"):
        later_data(tmp_path, [tmp_path / "a.npz"])
    params(tmp_path, "own_clips")
    with pytest.raises(InputError, match="the study begins with clips"):
        later_data(tmp_path, [batch(tmp_path / "a.csv", "0")])
