"""The files that head_sweep reads: embeddings in every form, tables of finished runs, and pictures with boxes."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from safetensors.numpy import save_file

from params.ground_truth import CocoTruth
from params.head_sweep import BackgroundCrops, BoxCrops
from storage.detections.records import CORNERS
from storage.files.import_report import ImportReport
from storage.heads.finished_runs import read_run_table
from storage.heads.foreign_embeddings import read_embedding_file
from storage.heads.pictures import read_picture, write_picture
from tasks.head_sweep.model.crops import crops
from tests.fuzz.harness import Importer

ROWS, WIDTH = 30, 6
Writer = Callable[[Path, np.random.Generator], None]
Frame = pd.DataFrame


def rows(random: np.random.Generator) -> tuple[Frame, Any]:
    frame = pd.DataFrame(
        {
            "id": [f"crop {row}" for row in range(ROWS)],
            "group": [f"photo {row // 3}" for row in range(ROWS)],
            "label": random.choice(["cat", "dog", "__bg"], ROWS),
        }
    )
    return frame, random.normal(size=(ROWS, WIDTH)).astype(np.float32)


def npz(folder: Path, random: np.random.Generator) -> None:
    frame, values = rows(random)
    texts = {f"{name}s": frame[name].to_numpy(str) for name in frame}
    np.savez(folder / "a.npz", embeddings=values, **texts)  # type: ignore[arg-type]


def npy(folder: Path, random: np.random.Generator) -> None:
    frame, values = rows(random)
    np.save(folder / "a.npy", values)
    frame.to_csv(folder / "a.csv", index=False)


def numbered(folder: Path, random: np.random.Generator, suffix: str) -> None:
    frame, values = rows(random)
    table = frame.assign(**{f"e{place}": values[:, place].astype(np.float64) for place in range(WIDTH)})
    if suffix == "parquet":
        table.to_parquet(folder / "a.parquet")
    else:
        table.to_csv(folder / f"a.{suffix}", index=False)


def lists(folder: Path, random: np.random.Generator, suffix: str) -> None:
    frame, values = rows(random)
    table = frame.assign(embedding=values.astype(np.float64).tolist())
    if suffix == "parquet":
        table.to_parquet(folder / "a.parquet")
    else:
        table.to_json(folder / "a.jsonl", orient="records", lines=True)


def safetensors(folder: Path, random: np.random.Generator) -> None:
    frame, values = rows(random)
    save_file({"embeddings": values}, folder / "a.safetensors")
    card = {"model": "m", "pooling": "cls", "transform": "t", "dimension": WIDTH}
    (folder / "a.json").write_text(
        json.dumps({**card, **{f"{name}s": frame[name].tolist() for name in frame}})
    )


def read_embeddings(folder: Path, name: str) -> Mapping[str, object]:
    table = read_embedding_file(folder / name)
    values = table.values  # noqa: PD011 - no data frame
    columns = zip(table.ids, table.groups, table.labels, values.tolist(), strict=True)
    return {name: (label, group, *values) for name, group, label, values in columns}


def runs(random: np.random.Generator) -> Frame:
    places = [(profile, cell, seed) for profile in "abc" for cell in "xyz" for seed in range(3)]
    frame = pd.DataFrame(places, columns=["profile", "cell", "seed"])
    return frame.assign(val=random.random(len(places)).round(6), test=random.random(len(places)).round(6))


def write_runs(folder: Path, random: np.random.Generator, suffix: str) -> None:
    frame, path = runs(random), folder / f"runs.{suffix}"
    if suffix == "parquet":
        frame.to_parquet(path)
    elif suffix == "jsonl":
        frame.to_json(path, orient="records", lines=True)
    else:
        frame.to_csv(path, index=False)


def read_runs(folder: Path, suffix: str) -> Mapping[str, object]:
    read = read_run_table(
        folder / f"runs.{suffix}", "profile", ["cell"], [], "seed", "val", "test", "share", ImportReport()
    )
    return {f"{run.profile} {run.cell['cell']} {run.seed}": (run.validation, run.test) for run in read}


def boxes(folder: Path, random: np.random.Generator) -> None:
    (folder / "images").mkdir()
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number in range(4):
        name = f"{number}.png"
        write_picture(folder / "images" / name, random.integers(0, 256, (40, 50, 3), dtype=np.uint8))
        images.append({"id": number, "file_name": name, "width": 50, "height": 40})
        for _ in range(3):
            box = [*random.integers(0, 20, 2).tolist(), *random.integers(5, 18, 2).tolist()]
            place = {"id": len(annotations), "image_id": number, "category_id": 1 + len(annotations) % 2}
            annotations.append({**place, "bbox": box, "area": box[2] * box[3], "iscrowd": 0})
    categories = [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "boxes.json").write_text(json.dumps(content))


def read_boxes(folder: Path) -> Mapping[str, object]:
    """Rows by picture, label and box; of each picture its pixels, too."""
    background = BackgroundCrops(
        per_image=0, side=[0.1, 0.4], max_iou=0.0, max_inside=0.5, padding=0.1, max_share=0.4, seed=1
    )
    declared = BoxCrops(
        kind="crops", truth=CocoTruth(format="coco", file="boxes.json"), images="images", classes="all",
        unknown="refuse", background=background,
    )  # fmt: skip
    table = crops(declared, folder, ImportReport())
    pixels = {name: read_picture(folder / name).sum() for name in dict.fromkeys(table["image"])}
    return {
        f"{row['image']} {[row[side] for side in CORNERS]}": (row["label"], int(pixels[row["image"]]))
        for row in table.to_dict("records")
    }


def embeddings(name: str, write: Writer, file: str, **limits: Any) -> Importer:
    read = partial(read_embeddings, name=file)
    return Importer(f"head_sweep embeddings {name}", "head_sweep", write, read, **limits)


def finished(suffix: str, **limits: Any) -> Importer:
    write, read = partial(write_runs, suffix=suffix), partial(read_runs, suffix=suffix)
    return Importer(f"head_sweep finished runs {suffix}", "head_sweep", write, read, **limits)


IMPORTERS = [
    embeddings("npz", npz, "a.npz"),
    embeddings("npy", npy, "a.npy", without=frozenset({"rows shuffled"})),  # its rows go by their place
    embeddings("csv", partial(numbered, suffix="csv"), "a.csv"),
    embeddings("parquet columns", partial(numbered, suffix="parquet"), "a.parquet"),
    embeddings("parquet lists", partial(lists, suffix="parquet"), "a.parquet"),
    embeddings("jsonl", partial(lists, suffix="jsonl"), "a.jsonl"),
    embeddings("safetensors", safetensors, "a.safetensors"),
    finished("csv"),
    finished("parquet"),
    finished("jsonl"),
    Importer("head_sweep crops", "head_sweep", boxes, read_boxes),
]
