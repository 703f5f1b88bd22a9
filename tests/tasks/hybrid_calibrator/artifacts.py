"""What prepare and features leave for one variant, made up: for tests of fit and compare."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from ruamel.yaml import YAML

from tests.imports import ROOT

CLASSES = ["bolt", "nut"]
SOURCES = {"yolo": True, "rfdetr": True, "sam": False}
BOX = ["x1", "y1", "x2", "y2"]


def steps_of(sources: Iterable[str]) -> dict[str, Any]:
    """The params of prepare and features, for these sources."""
    stated = YAML(typ="safe").load(ROOT / "params.yaml")["hybrid_calibrator"]
    named = {name: {**stated["prepare"]["sources"]["yolo"], "file": f"{name}.json"} for name in sources}
    return {"prepare": {**stated["prepare"], "sources": named}, "features": stated["features"]}


def write_variant(
    folder: Path,
    seed: int,
    images: int = 120,
    diffuse: float = 1.5,
    dense_columns: int = 64,
    informative: float = 1.0,
) -> None:
    """diffuse: what the embedding knows of a candidate, over all columns; informative: what raw scores know.

    Image 0 of each split has neither objects nor boxes, image 1 only objects, image 2 only boxes.
    """
    rng = np.random.default_rng(seed)
    parts = np.repeat([0, 0, 1, 2], -(-images // 4))[:images]
    split = np.array(["train", "tune", "report"])[parts]
    place = np.concatenate([np.arange((split == name).sum()) for name in ("train", "tune", "report")])
    truth = _truth(rng, images, place, split)
    raw = _raw(rng, images, place, split, truth, informative)
    table = raw.drop_duplicates("candidate").reset_index(drop=True)
    for name in SOURCES:
        own = raw[raw["source"] == name].groupby("candidate")["score"]
        known = own.max().reindex(table["candidate"])
        table[f"score:{name}"] = known.to_numpy() if SOURCES[name] else np.nan
        table[f"has:{name}"] = known.notna().to_numpy()
        table[f"count:{name}"] = own.size().reindex(table["candidate"], fill_value=0).to_numpy()
    positive = table["matched"] >= 0
    table = table.assign(positive=positive, ignored=False, candidate=np.arange(len(table)))
    direction = rng.normal(size=dense_columns) / np.sqrt(max(dense_columns, 1))
    shift = (positive.to_numpy(float) - 0.5)[:, None] * direction * diffuse * 2
    dense = (rng.normal(size=(len(table), dense_columns)) + shift).astype(np.float16)
    structured = np.column_stack(
        [table[f"{kind}:{name}"].to_numpy(np.float32) for name in SOURCES for kind in ("score", "has")]
    ).astype(np.float32)
    folder.mkdir(parents=True, exist_ok=True)
    columns = [
        *(f"score:{name}" for name in SOURCES),
        *(f"has:{name}" for name in SOURCES),
        "positive",
        "ignored",
    ]
    table[["candidate", "image", "split", "label", *BOX, "score", *columns, "matched"]].to_parquet(
        folder / "candidates.parquet"
    )
    raw[["image", "split", "label", *BOX, "score", "scored", "source", "candidate"]].to_parquet(
        folder / "raw.parquet"
    )
    truth.to_parquet(folder / "ground_truth.parquet")
    facts = {
        "status": "given",
        "classes": CLASSES,
        "sources": [
            {"name": name, "scored": scored, "classifier": f"{name}.npz" if dense_columns else None}
            for name, scored in SOURCES.items()
        ],
        "images": [
            {"id": int(i), "width": 400, "height": 300, "split": str(name)} for i, name in enumerate(split)
        ],
    }
    (folder / "prepared.json").write_text(json.dumps(facts))
    (folder / "features").mkdir(exist_ok=True)
    np.save(folder / "features" / "dense.npy", dense)
    np.save(folder / "features" / "structured.npy", structured)
    names: dict[str, Any] = {
        "dense": [f"clf_emb_rp::{i:04d}" for i in range(dense_columns)],
        "structured": [f"s{i}" for i in range(structured.shape[1])],
    }
    (folder / "features" / "manifest.json").write_text(json.dumps(names))


def _truth(rng: np.random.Generator, images: int, place: NDArray[Any], split: NDArray[Any]) -> pd.DataFrame:
    """Five objects an image on a grid, so that they never meet; every tenth image has a crowd as well."""
    records = []
    for image in range(images):
        if place[image] in (0, 2):
            continue
        for slot in rng.permutation(12)[:5]:
            x, y = 100.0 * (slot % 4), 100.0 * (slot // 4)
            records.append((image, split[image], int(rng.integers(2)), x, y, x + 50, y + 50, False, 2500.0))
        if image % 10 == 9:
            records.append((image, split[image], 0, 320.0, 200.0, 400.0, 300.0, True, 8000.0))
    return pd.DataFrame(records, columns=["image", "split", "label", *BOX, "crowd", "area"])


def _raw(
    rng: np.random.Generator,
    images: int,
    place: NDArray[Any],
    split: NDArray[Any],
    truth: pd.DataFrame,
    informative: float,
) -> pd.DataFrame:
    """Each object found by some sources; as many false boxes off the grid. One cluster is one candidate."""
    records, candidate = [], 0

    def found(image: int, label: int, x: float, y: float, hit: bool, row: int) -> None:
        nonlocal candidate
        seen = [name for name in SOURCES if rng.random() < (0.75 if hit else 0.45)]
        for name in seen:
            quality = informative * (1.2 if hit else -1.2) + rng.normal()
            score = float(1 / (1 + np.exp(-quality))) if SOURCES[name] else 0.0
            jitter = rng.uniform(-2, 2, 2)
            corners = (x + jitter[0], y + jitter[1], x + 50 + jitter[0], y + 50 + jitter[1])
            records.append(
                (
                    image,
                    split[image],
                    label,
                    *corners,
                    score,
                    SOURCES[name],
                    name,
                    candidate,
                    row if hit else -1,
                )
            )
        candidate += bool(seen)

    objects = truth[~truth["crowd"]]
    columns = (objects[name].tolist() for name in ("image", "label", "x1", "y1"))
    for row, image, label, x, y in zip(objects.index.tolist(), *columns, strict=True):
        if place[image] != 1:
            found(image, label, x, y, True, row)
    for image in range(images):
        if place[image] not in (0, 1):
            for _ in range(6):
                found(
                    image,
                    int(rng.integers(2)),
                    55.0 + 100 * rng.integers(3),
                    55.0 + 100 * rng.integers(2),
                    False,
                    -1,
                )
    names = ["image", "split", "label", *BOX, "score", "scored", "source", "candidate", "matched"]
    table = pd.DataFrame(records, columns=names)
    return table.sort_values(["image", "label", "candidate", "score"], ascending=[True, True, True, False])
