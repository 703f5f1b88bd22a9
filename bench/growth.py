"""Cost against size of every step, from data of a user's: `python -m bench.growth [experiment...]`.

An axis makes data at three sizes, each four times the one before, as studies of a clone that is thrown away, and runs
their stages one by one. A step that costs a + b n^k has k = log4((c3 - c2) / (c2 - c1)), whatever it costs to start.
"""

import csv
import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from flows.pinned import graph
from flows.studies.inside import inside

ROOT = Path(__file__).parents[1]
FACTOR = 4
STEEP = 1.1  # an exponent above it is named
TOLD = 0.5  # CPU seconds that two sizes have to differ by: imports alone differ by .3 from run to run


@dataclass(frozen=True)
class Axis:
    """make: files into a folder, and what `flows.study new` is told of them. keyword: which of its sizes grows."""

    experiment: str
    counted: str
    least: int
    make: Callable[..., list[str]]
    keyword: str
    fixed: Mapping[str, int] = field(default_factory=dict)

    @property
    def sizes(self) -> list[int]:
        return [self.least * FACTOR**power for power in range(3)]


@dataclass(frozen=True)
class Cost:
    cpu: float  # seconds
    memory: float  # MB, at its most


def scores(folder: Path, rows: int, labels: int = 1) -> list[str]:
    random = np.random.default_rng(0)
    truth = random.random((rows, labels)) < 0.2
    found = 1 / (1 + np.exp(-random.normal(np.where(truth, 1.5, -2.0), 1.2)))
    times = np.datetime64("2024-01-01T00:00:00") + np.arange(rows) * np.timedelta64(1, "m")
    names = [f"l{place}" for place in range(labels)]
    with (folder / "scores.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["id", "collected_at", *(f"score:{n}" for n in names), *(f"label:{n}" for n in names)])
        for row in range(rows):
            table.writerow([row, times[row], *found[row], *truth[row].astype(int)])
    return [str(folder / "scores.csv")]


def logits(folder: Path, rows: int, classes: int = 3, groups: int = 60) -> list[str]:
    random = np.random.default_rng(0)
    labels, group = random.integers(classes, size=rows), np.arange(rows) % groups
    values = random.normal(0, 2, (rows, classes)) + 3 * np.eye(classes)[labels]
    split = np.where(group % 3 == 0, "test", "dev")
    np.savez(
        folder / "logits.npz", logits=values, label=labels, split=split,
        clip=np.array([f"c{row}" for row in range(rows)]), group=np.array([f"g{each}" for each in group]),
    )  # fmt: skip
    return [str(folder / "logits.npz")]


def embeddings(folder: Path, rows: int, classes: int = 5) -> list[str]:
    random = np.random.default_rng(0)
    labels = np.arange(rows) % classes
    centres = random.normal(0, 1, (classes, 32))
    np.savez(
        folder / "embeddings.npz", embedding=(centres[labels] + random.normal(0, 1.5, (rows, 32))).astype(np.float32),
        id=np.array([f"e{row}" for row in range(rows)]), label=np.array([f"k{each}" for each in labels]),
        group=np.array([f"g{row // 10}" for row in range(rows)]),
    )  # fmt: skip
    return [str(folder / "embeddings.npz"), "--set", *SHORT_HEADS]


# Two epochs of the control alone, whatever the rows would ask for.
SHORT_HEADS = [
    "plan.profiles.base=bal-mix0p1-ep2",
    "plan.profiles.linear=bal-mix0p1-ep2",
    "plan.presets.own.0.profiles=[base]",
    "plan.presets.own.1.profiles=[linear]",
]


def runs(folder: Path, seeds: int) -> list[str]:
    random = np.random.default_rng(0)
    with (folder / "runs.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["profile", "cell", "seed", "validation", "test"])
        for profile in range(12):
            for cell in range(4):
                for seed in range(seeds):
                    table.writerow([f"p{profile}", f"c{cell}", seed, *random.normal(70 + profile / 10, 1, 2)])
    return [str(folder / "runs.csv"), "--map", "profile=profile", "cell=cell", "control=p0"]


def detections(folder: Path, images: int, boxes: int = 30, classes: int = 5) -> list[str]:
    random, objects = np.random.default_rng(0), 6

    def drawn(count: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        sides = random.uniform(30, 150, (count, 2))
        return np.hstack([random.uniform(0, 1, (count, 2)) * ([1280, 960] - sides), sides])

    found: dict[str, list[dict[str, object]]] = {"first": [], "second": [], "third": []}
    truth: list[dict[str, object]] = []
    for image in range(1, images + 1):
        there, kinds = drawn(objects), random.integers(1, classes + 1, objects)
        for box, kind in zip(there.round(1).tolist(), kinds.tolist(), strict=True):
            truth.append({"id": len(truth) + 1, "image_id": image, "category_id": kind, "bbox": box,
                          "area": box[2] * box[3], "iscrowd": 0})  # fmt: skip
        for rows in found.values():
            seen = random.random(objects) < 0.85
            every = np.vstack([there[seen] + random.normal(0, 3, (seen.sum(), 4)), drawn(boxes - seen.sum())])
            every[:, :2] = np.clip(every[:, :2], 0, [1100, 800])
            labels = np.append(kinds[seen], random.integers(1, classes + 1, boxes - seen.sum())).tolist()
            certain = np.append(random.normal(1.5, 1, seen.sum()), random.normal(-2.5, 1, boxes - seen.sum()))
            for box, label, score in zip(
                every.round(2).tolist(), labels, (1 / (1 + np.exp(-certain))).tolist(), strict=True
            ):
                rows.append({"image_id": image, "category_id": label, "bbox": box, "score": score})
    pictures = [
        {"id": each, "file_name": f"{each}.jpg", "width": 1280, "height": 960}
        for each in range(1, images + 1)
    ]
    names = [{"id": each, "name": f"k{each}"} for each in range(1, classes + 1)]
    (folder / "ground_truth.json").write_text(
        json.dumps({"images": pictures, "annotations": truth, "categories": names})
    )
    for name, rows in found.items():
        (folder / f"{name}.json").write_text(json.dumps(rows))
    return [str(each) for each in sorted(folder.glob("*.json"))]


def stamps(folder: Path, count: int) -> list[str]:
    random = np.random.default_rng(0)
    y, x = np.mgrid[-31:32, -31:32]
    with (folder / "lenses.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(
            ["stamp", "split", "label", "mode", "host_id", "pair_id", "theta_E", "psf_bin", "depth_bin"]
        )
        pixels = np.empty((count, 3, 63, 63), np.float32)
        for place in range(count):
            split, arc = ("train", "train", "val", "test")[place // 2 % 4], place % 2
            theta = random.uniform(0.6, 2.9)
            ring = np.exp(-(((np.hypot(x, y) - theta / 0.262) / 1.5) ** 2)) * (x > 0) * arc
            pixels[place] = 3 * np.exp(-np.hypot(x, y) / random.uniform(2.5, 5)) + 0.5 * ring
            table.writerow([f"s{place}", split, arc, "unpaired", f"h{place}", "", theta if arc else "", 0, 0])
    pixels += random.normal(0, 0.05, pixels.shape).astype(np.float32)
    np.savez(folder / "stamps.npz", pixels=pixels, stamp=np.array([f"s{place}" for place in range(count)]))
    return [str(folder / "lenses.csv"), str(folder / "stamps.npz"), "--set", "train.recipe.network.width=8",
            "train.recipe.network.epochs=2", "gates.network_seeds=0", "mask.force_variants=false"]  # fmt: skip


AXES = [
    Axis("fpr_thresholds", "rows", 10_000, scores, "rows"),
    Axis("fpr_thresholds", "labels", 2, scores, "labels", {"rows": 4_000}),
    Axis("speech_temperature", "rows", 10_000, logits, "rows"),
    Axis("speech_temperature", "classes", 4, logits, "classes", {"rows": 10_000}),
    Axis("speech_temperature", "groups", 60, logits, "groups", {"rows": 20_000}),
    Axis("head_sweep", "rows", 8_000, embeddings, "rows"),
    Axis("head_sweep", "classes", 4, embeddings, "classes", {"rows": 3_200}),
    Axis("head_sweep", "finished runs", 4, runs, "seeds"),
    Axis("hybrid_calibrator", "images", 100, detections, "images"),
    Axis("hybrid_calibrator", "boxes of an image", 20, detections, "boxes", {"images": 100}),
    Axis("hybrid_calibrator", "classes", 4, detections, "classes", {"images": 200}),
    Axis("lens_shortcuts", "stamps", 800, stamps, "count"),
]


def costs(clone: Path, axis: Axis, size: int) -> Iterator[tuple[str, Cost]]:
    """Of each stage, in the order in which they can run."""
    with tempfile.TemporaryDirectory() as scratch:
        # In a process of its own: the memory of this one counts as that of those it starts.
        with ProcessPoolExecutor(1) as maker:
            told = maker.submit(axis.make, Path(scratch), **{axis.keyword: size}, **axis.fixed).result()
        new = ["-m", "flows.study", "new", "grown", "--experiment", axis.experiment, "--data"]
        _run([*new, *told], clone)
    study = clone / "studies" / "grown"
    with inside(study):
        names = [stage.name for stage in graph.stages(study)]
    for name in names:
        step, _, option = name.removeprefix(f"{axis.experiment}_").partition("@")
        command = ["../../run_stage.py", f"{axis.experiment}.{step}", *([option] if option else [])]
        yield name.removeprefix(f"{axis.experiment}_"), _run(command, study)
    _run(["-m", "flows.study", "remove", "grown", "--yes"], clone)


def _run(arguments: Sequence[str], folder: Path) -> Cost:
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen([sys.executable, *arguments], cwd=folder, stdout=said, stderr=said)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise SystemExit(f"{' '.join(arguments)}: {said.read().decode()}")
    return Cost(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def exponent(small: float, middle: float, large: float) -> float | None:
    """None where the sizes cost too much the same to tell."""
    if middle - small < TOLD or large - middle < TOLD:
        return None
    return math.log((large - middle) / (middle - small), FACTOR)


def main(asked: Sequence[str]) -> None:
    axes = [axis for axis in AXES if not asked or axis.experiment in asked]
    steep = []
    print("| experiment | of | sizes | step | CPU s | exponent | MB, of the largest |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as scratch:
        clone = Path(scratch) / "clone"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        for axis in axes:
            found = [dict(costs(clone, axis, size)) for size in axis.sizes]
            sizes = " / ".join(f"{size:,}" for size in axis.sizes)
            for step in found[0]:
                of = [each[step] for each in found]
                k = exponent(*(each.cpu for each in of))
                told = "-" if k is None else f"{k:.2f}"
                if k is not None and k > STEEP:
                    steep.append(f"{axis.experiment}.{step} over {axis.counted}: {k:.2f}")
                seconds = " / ".join(f"{each.cpu:.1f}" for each in of)
                print(
                    f"| {axis.experiment} | {axis.counted} | {sizes} | {step} | {seconds} | {told} | {of[-1].memory:.0f} |",
                    flush=True,
                )
    print("\nSteeper than n^1.1: " + ("; ".join(steep) or "none") + ".")


if __name__ == "__main__":
    main(sys.argv[1:])
