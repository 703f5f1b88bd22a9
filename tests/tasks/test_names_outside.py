"""A name in params.yaml that leads out of the data folder is one error with its field, in every experiment."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from params import fpr_thresholds
from params.simulated_detections import Simulate
from simulators import hybrid_calibrator
from storage.files.inputs import InputError
from tasks.fpr_thresholds import prepare as fpr_prepare
from tasks.lens_shortcuts import prepare as lens_prepare
from tests.tasks.fpr_thresholds.test_own_rows import SCORES
from tests.tasks.head_sweep import files as heads
from tests.tasks.hybrid_calibrator import test_data as hybrid
from tests.tasks.lens_shortcuts import test_own as lenses
from tests.tasks.lens_shortcuts.data import manifest
from tests.tasks.speech_temperature import test_steps as speech

Case = Callable[[Path, str], Any]
MESSAGES = {
    "kind": "messages", "labels": ["crypto"], "messages": "m.jsonl", "pools": {}, "columns": None, "near_copies": None,
    "split": {"by": "time", "calibration": 0.1, "holdout": 0.1}, "untimed": "refuse",
}  # fmt: skip
RUNS = {
    "kind": "finished_runs", "better": "higher", "scale": "share",
    "columns": {"profile": "p", "cell": [], "luck": [], "seed": None, "validation": None, "test": "t"},
}  # fmt: skip
YOLO = {"format": "yolo", "folder": "labels", "classes": "c.txt", "images": "i.csv", "rows": "box"}


def fpr(field: str, value: Callable[[str], Any], stated: dict[str, Any]) -> Case:
    def run(folder: Path, name: str) -> None:
        params = speech.block(fpr_thresholds.Prepare, {**stated, field: value(name)}, folder)
        fpr_prepare.main(params, folder / "data", folder / "rows", folder / "prepared")

    return run


def head(**changes: Callable[[str], Any]) -> Case:
    def run(folder: Path, name: str) -> None:
        heads.DataRun(folder).crops(**{key: value(name) for key, value in changes.items()})

    return run


def detections(**changes: Callable[[str], Any]) -> Case:
    def run(folder: Path, name: str) -> None:
        hybrid.Run(folder).prepare(**{key: value(name) for key, value in changes.items()})

    return run


def source(key: str) -> Callable[[str], Any]:
    yolo = hybrid.STATED["prepare"]["sources"]["yolo"]
    return lambda name: {"yolo": {**yolo, key: name}}


def lens(field: str) -> Case:
    def run(folder: Path, name: str) -> None:
        table = manifest()[lenses.COLUMNS]
        table.to_csv(folder / "data" / "manifest.csv", index=False)
        params = lenses.own(**{field: name})
        lens_prepare.main(params, folder / "data", folder / "rows", folder / "prepared")

    return run


HEADS, BOXES = "head_sweep.prepare.datasets", "hybrid_calibrator.prepare"
CASES: dict[str, Case] = {
    "fpr_thresholds.prepare.messages": fpr("messages", str, MESSAGES),
    "fpr_thresholds.prepare.pools.more": fpr("pools", lambda name: {"more": name}, MESSAGES),
    "fpr_thresholds.prepare.scores": fpr("scores", str, SCORES),
    f"{HEADS}.images": head(images=str),
    f"{HEADS}.truth.file": head(truth=lambda name: {"format": "coco", "file": name}),
    f"{HEADS}.truth.classes": head(truth=lambda name: {**YOLO, "classes": name}),
    f"{HEADS}.files": lambda folder, name: heads.DataRun(folder).prepare(
        datasets={"own": {"kind": "embeddings", "files": [name], "classes": "all"}}
    ),
    f"{HEADS}.file": lambda folder, name: heads.DataRun(folder).prepare(datasets={"own": {**RUNS, "file": name}}),
    f"{BOXES}.ground_truth.folder": detections(
        ground_truth=lambda name: {"format": "voc", "folder": name, "first_pixel": 1}
    ),
    f"{BOXES}.split.file": detections(split=lambda name: {"by": "file", "file": name}),
    f"{BOXES}.sources.yolo.file": detections(sources=source("file")),
    f"{BOXES}.sources.yolo.classifier": detections(sources=source("classifier")),
    **{f"lens_shortcuts.prepare.{field}": lens(field) for field in ("manifest", "stamps", "placebo")},
    "speech_temperature.prepare.manifest": lambda folder, name: speech.Run.prepare(at(folder), manifest=name),
    "speech_temperature.prepare.logits": lambda folder, name: speech.Run.logits(at(folder), logits=name),
}  # fmt: skip


def at(folder: Path) -> speech.Run:
    run = object.__new__(speech.Run)
    run.folder, run.data = folder, folder / "data"
    return run


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Data of the experiments that read some before they come to the last of their names."""
    changes = {"images": {"train": 6, "tune": 4, "report": 4}, "embedding": 4}
    boxes = tmp_path_factory.mktemp("boxes") / "data"
    hybrid_calibrator.main(Simulate.model_validate({**hybrid.SIMULATED.model_dump(), **changes}), boxes)
    return {"head_sweep": heads.simulate(tmp_path_factory.mktemp("heads")), "hybrid_calibrator": boxes}


@pytest.fixture(params=["../outside.csv", "/outside.csv", "link.csv", "..\\outside.csv"])
def outside(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("field", CASES)
def test_a_name_that_leads_out_of_the_data_folder_is_refused_by_its_field(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, simulated: dict[str, Path], field: str, outside: str
) -> None:
    monkeypatch.chdir(tmp_path)
    data = tmp_path / "data"
    if given := simulated.get(field.split(".")[0]):
        shutil.copytree(given, data)
    for folder in (data, data / "nonwindow"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "link.csv").symlink_to(tmp_path / "outside.csv")
    (tmp_path / "outside.csv").write_text("id\n1\n")
    with pytest.raises(InputError) as refused:
        CASES[field](tmp_path, outside)
    message = str(refused.value)
    assert message.startswith(f"params.yaml, field {field}: "), message
    assert "\n" not in message
    assert (
        "is a link that leads out of" if outside == "link.csv" else "expected the name of a file"
    ) in message
