"""Messages that came in follow the study's own, which train; half of the later ones calibrates and half reports."""

import json
from pathlib import Path

import pandas as pd
import pytest
from ruamel.yaml import YAML

from storage.files.inputs import InputError
from tasks.fpr_thresholds.use.recalibration import later_data
from tests.imports import ROOT


def lines(path: Path, count: int, name: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [
        {"id": f"{name}{i}", "text": f"{name} {i}", "label": ["spam"] if i % 2 else []} for i in range(count)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def params(root: Path, split: dict[str, object]) -> None:
    yaml = YAML(typ="safe")
    block = yaml.load(ROOT / "examples" / "own_messages.yaml")
    block["fpr_thresholds"]["prepare"]["split"] = split
    with (root / "params.yaml").open("w") as file:
        yaml.dump(block, file)


def test_later_messages_calibrate_and_report_and_the_studys_own_train(tmp_path: Path) -> None:
    params(tmp_path, {"by": "time", "calibration": 0.15, "holdout": 0.2})
    folder = tmp_path / "data" / "fpr_thresholds"
    lines(folder / "messages.jsonl", 60, "old")
    batches = [lines(tmp_path / "a.jsonl", 15, "a"), lines(tmp_path / "b.jsonl", 25, "b")]
    made = later_data(tmp_path, batches)
    assert made.settings == {
        "prepare.messages": "messages.parquet", "prepare.split.calibration": 0.2, "prepare.split.holdout": 0.2
    }  # fmt: skip
    assert made.write(folder) == []
    rows = pd.read_parquet(folder / "messages.parquet")
    assert rows["id"].tolist() == [
        *(f"old{i}" for i in range(60)),
        *(f"a{i}" for i in range(15)),
        *(f"b{i}" for i in range(25)),
    ]
    assert [list(each) for each in rows["label"][:2]] == [[], ["spam"]]
    assert not (folder / "messages.jsonl").exists()


def test_a_random_split_stays_and_fasttext_lines_are_refused(tmp_path: Path) -> None:
    params(tmp_path, {"by": "random", "calibration": 0.15, "holdout": 0.2, "seed": 0})
    lines(tmp_path / "data" / "fpr_thresholds" / "messages.jsonl", 4, "old")
    assert later_data(tmp_path, [lines(tmp_path / "a.jsonl", 4, "a")]).settings == {
        "prepare.messages": "messages.parquet"
    }
    (tmp_path / "b.txt").write_text("__label__spam win\n")
    with pytest.raises(InputError, match=r"b\.txt: fastText lines are not joined"):
        later_data(tmp_path, [tmp_path / "b.txt"])
