"""A name in params.yaml that leads out of the data folder is one error with its field, in every experiment."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from params import fpr_thresholds
from params.simulated_detections import Simulate
from simulators import hybrid_calibrator
from storage.files.inputs import InputError
from storage.files.places import declared, listed
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


def lens_hosts(folder: Path, name: str) -> None:
    table = manifest().assign(host_turn=0)
    table["host_image"] = pd.factorize(table["host_id"])[0]
    table.to_csv(folder / "data" / "manifest.csv", index=False)
    lens_prepare.main(
        lenses.IMAGES.model_copy(update={"hosts": name}),
        folder / "data",
        folder / "rows",
        folder / "prepared",
    )


def ready_encoder(folder: Path, name: str) -> None:
    run = heads.DataRun(folder)
    run.out.mkdir()
    pd.DataFrame({"dataset": ["own"]}).to_parquet(run.out / "rows.parquet")
    run.embed("other", {"kind": "given", "dataset": "own", "file": name})


def embeddings(folder: Path, name: str) -> None:
    heads.DataRun(folder).prepare(datasets={"own": {"kind": "embeddings", "files": [name], "classes": "all"}})


HEADS, BOXES = "head_sweep.prepare.datasets", "hybrid_calibrator.prepare"
CASES: dict[str, Case] = {
    "fpr_thresholds.prepare.messages": fpr("messages", str, MESSAGES),
    "fpr_thresholds.prepare.pools.more": fpr("pools", lambda name: {"more": name}, MESSAGES),
    "fpr_thresholds.prepare.scores": fpr("scores", str, SCORES),
    f"{HEADS}.images": head(images=str),
    f"{HEADS}.truth.file": head(truth=lambda name: {"format": "coco", "file": name}),
    f"{HEADS}.truth.folder": head(truth=lambda name: {**YOLO, "folder": name}),
    f"{HEADS}.truth.classes": head(truth=lambda name: {**YOLO, "classes": name}),
    f"{HEADS}.files": embeddings,
    "head_sweep.embed.encoders.other.file": ready_encoder,
    f"{HEADS}.file": lambda folder, name: heads.DataRun(folder).prepare(datasets={"own": {**RUNS, "file": name}}),
    f"{BOXES}.ground_truth.folder": detections(
        ground_truth=lambda name: {"format": "voc", "folder": name, "first_pixel": 1}
    ),
    f"{BOXES}.split.file": detections(split=lambda name: {"by": "file", "file": name}),
    f"{BOXES}.sources.yolo.file": detections(sources=source("file")),
    f"{BOXES}.sources.yolo.classifier": detections(sources=source("classifier")),
    **{f"lens_shortcuts.prepare.{field}": lens(field) for field in ("manifest", "stamps", "placebo")},
    "lens_shortcuts.prepare.hosts": lens_hosts,
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


FOUND: dict[str, tuple[str, str]] = {  # file that nobody names -> field, and the name there by which it is found
    "m.times": ("fpr_thresholds.prepare.messages", "m.txt"),
    "more.times": ("fpr_thresholds.prepare.pools.more", "more.txt"),
    "e.csv": (f"{HEADS}.files", "e.npy"),
    "e.json": (f"{HEADS}.files", "e.safetensors"),
    "e.safetensors": (f"{HEADS}.files", "e.json"),
    "e.parquet": ("head_sweep.embed.encoders.other.file", "e.npy"),
    "pictures/below/1.png": (f"{HEADS}.images", "pictures"),
    "xml/1.xml": (f"{BOXES}.ground_truth.folder", "xml"),
    "labels/1.txt": (f"{HEADS}.truth.folder", "labels"),
}  # fmt: skip


@pytest.mark.parametrize("found", FOUND)
def test_a_link_that_is_found_in_a_folder_or_beside_a_file_may_not_lead_out_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, simulated: dict[str, Path], found: str
) -> None:
    monkeypatch.chdir(tmp_path)
    field, name = FOUND[found]
    data, link = tmp_path / "data", tmp_path / "data" / found
    if given := simulated.get(field.split(".")[0]):
        shutil.copytree(given, data)
    link.parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "outside").write_text("id\n1\n")
    link.symlink_to(tmp_path / "outside")
    if link.parent == data:
        (data / name).write_bytes(b"")
    with pytest.raises(InputError) as refused:
        CASES[field](tmp_path, name)
    assert str(refused.value) == (
        f"params.yaml, field {field}: '{found}' is a link that leads out of data/, where nothing pins it; copy the file"
    )


def test_links_that_stay_or_that_nobody_finds_are_left_alone(tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "labels").mkdir(parents=True)
    (data / "labels" / "1.txt").symlink_to("../one.txt")
    for name in ("one.txt", "e[1].npy", "e[1].csv"):
        (data / name).write_text("0")
    for name in ("e1.csv", "e.csv", "other.txt"):
        (data / name).symlink_to(tmp_path / "outside")
    for name in ("one.txt", "e[1].npy", "missing.npy", "a" * 300):
        assert declared(data, name, "field") == data / name
    assert listed(data, "labels", "field") == data / "labels"
