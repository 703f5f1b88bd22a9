"""Exported trees, heads and stamp networks beside the pipeline: how far scores differ, which decisions do, and seconds.

Candidates, embeddings and stamps are those that the default's and a study's artifacts hold, drawn again with noise until there
are enough. A decision is in the band where its score, or that of a candidate which it competes with, lies within 1e-5 of
what decides: there it may differ. `python -m bench.same_answers_onnx [--rows 100000] [--stamps 10000]`.
"""

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.special import expit

from bench.one_thread import restart_on_one_thread
from methods.detection.matching import paired_iou
from methods.lenses.batches import resident
from methods.lenses.preprocessing import CHANNELS
from methods.lenses.training import logits, restored
from methods.statistics.streams import seeded
from storage.files.documents import read_json, write_json
from storage.files.tensors import read_tensors
from tasks.head_sweep.use import export as heads
from tasks.head_sweep.use.apply import read_head
from tasks.hybrid_calibrator.use import export as candidates
from tasks.hybrid_calibrator.use.apply import NewCandidates, accepts, probabilities
from tasks.lens_shortcuts.use import export as stamps
from tests.serving.exports import loaded

BAND = 1e-5
STUDIES = {
    "default": Path(),
    "many-images": Path("studies/many-images"),
    "corrected-twice": Path("studies/corrected-twice"),
}


@dataclass(frozen=True)
class Comparison:
    """band: rows whose decision may differ; differ: those outside it that do; there and here: seconds."""

    name: str
    rows: int
    largest: float
    band: int | None
    differ_in_band: int | None
    differ: int | None
    there: float
    here: float

    def line(self) -> str:
        counts = (
            "none" if each is None else f"{each:,}" for each in (self.band, self.differ_in_band, self.differ)
        )
        seconds = (f"{each / self.rows * 1e5:.2f}" for each in (self.there, self.here))
        return " | ".join(
            ["", self.name, f"{self.rows:,}", f"{self.largest:.1e}", *counts, *seconds, ""]
        ).strip()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.same_answers_onnx", description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000, help="candidates, and embeddings")
    parser.add_argument("--stamps", type=int, default=10_000)
    parser.add_argument("--options", nargs="*", help="of hybrid_calibrator; default: each that was fitted")
    asked = parser.parse_args()
    restart_on_one_thread("bench.same_answers_onnx")
    torch.set_num_threads(1)
    print(
        f"| what | rows | largest difference | in the band ({BAND:g}) | of these differ | others differ | pipeline, s per 1e5 | serving |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        to = Path(folder)
        for study in ("default", "corrected-twice"):
            print(_embeddings(study, asked.rows, to / study).line(), flush=True)
        for study, variant in (("default", "nonwindow"), ("default", "window"), ("many-images", "nonwindow")):
            models = STUDIES[study] / candidates.FOLDER / variant / "models"
            for option in asked.options or read_json(models / "models.json")["options"]:
                print(_candidates(study, variant, option, asked.rows, to).line(), flush=True)
        if asked.stamps:
            print(_stamps(asked.stamps, to / "stamps").line(), flush=True)


def _embeddings(study: str, rows: int, to: Path) -> Comparison:
    root = STUDIES[study]
    head, service = read_head(root / heads.HEAD), loaded(heads.payload(root), "head_sweep", to)
    rng = seeded(1)
    centres = rng.normal(size=(len(head.classes), head.inputs))
    values = (centres[rng.integers(len(centres), size=rows)] + rng.normal(size=(rows, head.inputs))).astype(
        np.float32
    )
    there, expected = _timed(lambda: head.probabilities(values))
    here, found = _timed(lambda: service.probabilities(values))
    ranked = np.sort(expected, axis=1)
    band = ranked[:, -1] - ranked[:, -2] <= 2 * BAND
    differ = expected.argmax(axis=1) != found.argmax(axis=1)
    return _comparison(f"head, {study}: {head.spec.id}", expected, found, band, differ, there, here)


def _candidates(study: str, variant: str, option: str, rows: int, to: Path) -> Comparison:
    root = to / f"{study}_{variant}_{option}"
    folder = root / candidates.FOLDER
    there = STUDIES[study] / candidates.FOLDER
    shutil.copytree(there / variant / "models", folder / variant / "models", copy_function=shutil.copyfile)
    for name in ("prepared.json", "ground_truth.parquet"):
        shutil.copyfile(there / variant / name, folder / variant / name)
    shutil.copyfile(STUDIES[study] / "params.yaml", root / "params.yaml")
    pinned = {**read_json(there / "thresholds.json"), "chosen": {variant: option}}
    write_json(folder / "thresholds.json", pinned)
    service = loaded(candidates.payload(root), "hybrid_calibrator", root / "export")
    new = _drawn(there / variant, service.export.decision["sources"], rows)
    models = folder / variant / "models"

    columns = {
        "dense": new.dense, "structured": new.structured, "has": new.has, "label": np.array(service.classes)[new.label],
        "image": new.image, "box": new.boxes,
    }  # fmt: skip
    expected = probabilities(models, option, new)
    seconds, accepted = _timed(lambda: accepts(folder / "thresholds.json", models, variant, option, new))
    here, found = _timed(lambda: service.decide(columns))
    rule = service.rules[variant]
    band = _in_band(expected, new, rule.thresholds, rule.iou)
    differ = found["accepted"] != accepted
    name = f"candidates, {study} {variant}: {option}"
    return _comparison(name, expected, found["p_final"], band, differ, seconds, here)


def _drawn(folder: Path, sources: list[str], rows: int) -> NewCandidates:
    """Whole images, under new numbers, until there are enough; each time with other noise."""
    table = pd.read_parquet(folder / "candidates.parquet")
    dense, structured = (np.load(folder / "features" / f"{name}.npy") for name in ("dense", "structured"))
    has = table[[f"has:{name}" for name in sources]].to_numpy(bool)
    boxes, rng = table[["x1", "y1", "x2", "y2"]].to_numpy(np.float64), seeded(2)
    times = -(-rows // len(table))
    place = np.tile(np.arange(len(table)), times)[:rows]
    turn = np.repeat(np.arange(times), len(table))[:rows]
    noise = np.where(turn > 0, 0.01, 0.0)[:, None]
    spread = structured.std(axis=0)
    return NewCandidates(
        (dense[place] + noise * rng.normal(size=(rows, dense.shape[1]))).astype(np.float16),
        (structured[place] + noise * spread * rng.normal(size=(rows, structured.shape[1]))).astype(np.float32),
        has[place], table["label"].to_numpy(np.int64)[place],
        table["image"].to_numpy(np.int64)[place] + turn * (int(table["image"].max()) + 1), boxes[place],
    )  # fmt: skip


def _in_band(
    scores: NDArray[np.float64], new: NewCandidates, thresholds: NDArray[np.float64], iou: float | None
) -> NDArray[np.bool_]:
    """At the threshold, or of an image and class in which two that overlap have scores so near that either may go first."""
    band: NDArray[np.bool_] = np.abs(scores - thresholds[new.label]) <= BAND
    if iou is None:
        return band
    group = new.image * len(thresholds) + new.label
    order = np.lexsort((scores, group))
    first, second = order[:-1], order[1:]
    near = (group[first] == group[second]) & (scores[second] - scores[first] <= BAND)
    meet = paired_iou(new.boxes[first], new.boxes[second]) >= iou
    return band | np.isin(group, group[first[near & meet]])


def _stamps(rows: int, to: Path) -> Comparison:
    payload = stamps.payload(Path())
    service, stated = loaded(payload, "lens_shortcuts", to), payload.decision
    run = Path(stamps.FOLDER) / stated["mode"]
    pixels = np.concatenate(
        [np.load(run / "stamps" / f"arcs_{split}.npy") for split in ("train", "val", "test")]
    )
    rng = seeded(3)
    drawn = pixels[rng.integers(len(pixels), size=rows)]
    for start in range(0, rows, 500):
        part = drawn[start : start + 500]
        part[:] = part + rng.normal(0, 0.1, part.shape) * np.abs(part).mean(axis=(2, 3), keepdims=True)
    weights = read_tensors(run / "run" / f"seed_{service.seeds[0]}" / "best.safetensors")
    network = restored(
        CHANNELS[stated["input"]],
        stated["width"],
        {name: torch.from_numpy(each) for name, each in weights.items()},
        "cpu",
    )

    def scored_there() -> NDArray[np.float64]:
        seen = resident(drawn, np.zeros(rows, bool), stated["input"], "cpu")
        return np.asarray(expit(logits(network, seen)))

    there, expected = _timed(scored_there)
    here, found = _timed(lambda: service.scores(drawn))
    largest = float(np.abs(found - expected).max())
    return Comparison(f"stamps, default: {stated['variant']}", rows, largest, None, None, None, there, here)


def _comparison(
    name: str, expected: NDArray[np.float64], found: NDArray[np.float64], band: NDArray[np.bool_],
    differ: NDArray[np.bool_], there: float, here: float,
) -> Comparison:  # fmt: skip
    largest = float(np.abs(found - expected).max())
    return Comparison(
        name, len(expected), largest, int(band.sum()), int((differ & band).sum()), int((differ & ~band).sum()), there, here
    )  # fmt: skip


def _timed(run: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds."""
    start = time.process_time()
    made = run()
    return time.process_time() - start, made


if __name__ == "__main__":
    main()
