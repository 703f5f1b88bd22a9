"""Tiny simulated data of head_sweep in a folder of its own, and the steps of the data side run on it."""

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd

from params.block import read_block
from params.head_sweep import Embed, Prepare
from params.simulated_crops import Simulate
from simulators import head_sweep as simulator
from storage.heads.embeddings import read_embeddings
from tasks.head_sweep import embed, prepare
from tests.imports import ROOT

STATED: dict[str, Any] = {
    step: read_block(ROOT / "params.yaml", f"head_sweep.{step}", model).model_dump()
    for step, model in (("prepare", Prepare), ("embed", Embed))
}
SIMULATED = read_block(ROOT / "params.yaml", "head_sweep.simulate", Simulate)
CROPS: dict[str, Any] = STATED["prepare"]["datasets"]["digits"]
RANDOM = STATED["embed"]["encoders"]["pixels"]
HOG = {
    "kind": "hog_colour", "dataset": "digits", "size": 32, "context": 0.0, "cell": 8, "orientations": 9,
    "colour_bins": 4,
}  # fmt: skip


class DataRun:
    """The files of one run in a folder of its own, which is also where it runs."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.data, self.out = folder, folder / "data", folder / "out"

    def block(self, model: Any, step: str, changes: dict[str, Any]) -> Any:
        path = self.folder / "params.yaml"
        path.write_text(json.dumps({"block": {**STATED[step], **changes}}))
        return read_block(path, "block", model)

    def prepare(self, **changes: Any) -> dict[str, Any]:
        params = self.block(Prepare, "prepare", changes)
        prepare.main(
            params,
            self.data,
            self.out / "rows.parquet",
            self.out / "prepared.json",
            self.out / "finished_runs.json",
        )
        facts: dict[str, Any] = json.loads((self.out / "prepared.json").read_text())
        return facts

    def crops(self, **changes: Any) -> dict[str, Any]:
        """Digits alone, with changes to their dataset."""
        facts: dict[str, Any] = self.prepare(datasets={"digits": {**CROPS, **changes}})["digits"]
        return facts

    @property
    def rows(self) -> pd.DataFrame:
        return pd.read_parquet(self.out / "rows.parquet")

    def embed(self, name: str, encoder: dict[str, Any], **changes: Any) -> Any:
        params = self.block(Embed, "embed", {"encoders": {name: encoder}, **changes})
        path = self.out / name / "embeddings.safetensors"
        embed.main(params, name, self.data, self.out / "rows.parquet", path)
        return read_embeddings(path)


def simulate(folder: Path) -> Path:
    changes = {
        "foreground": 900,
        "background": 300,
        "images": 90,
        "tail": 20.0,
        "digits": {"images": 40, "per_image": 5},
    }
    simulator.main(Simulate.model_validate({**SIMULATED.model_dump(), **changes}), folder / "data")
    return folder / "data"


def copied(data: Path, folder: Path) -> DataRun:
    shutil.copytree(data, folder / "data")
    return DataRun(folder)


def boxes_json(run: DataRun) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((run.data / "digits" / "boxes.json").read_text())
    return content


def edit_boxes(run: DataRun, content: dict[str, Any]) -> None:
    (run.data / "digits" / "boxes.json").write_text(json.dumps(content))
