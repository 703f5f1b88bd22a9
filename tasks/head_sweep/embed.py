"""Embed every row of one encoder's dataset, shard by shard, and make classes of its background.

An encoder that params.yaml does not name leaves a status.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from methods.heads.background_classes import background_classes
from methods.images.crop_pixels import cut, fitted
from params.encoders import PixelEncoder, ReadyEncoder
from params.head_sweep import Embed
from storage.detections.records import CORNERS
from storage.files.finished import Finished
from storage.files.inputs import InputError, shown
from storage.files.places import declared
from storage.files.tables import read_parquet
from storage.heads.embeddings import BACKGROUND, STATUS, Card, Embeddings, write_embeddings, write_status
from storage.heads.foreign_embeddings import read_embedding_file, rows_file
from storage.heads.pictures import read_picture

if TYPE_CHECKING:
    from tasks.head_sweep.model.encoders import EncoderSetup

Values = NDArray[np.float32]

ENCODERS = "head_sweep.embed.encoders"
BAR = 30  # characters


def main(params: Embed | None, option: str, data: Path, rows: Path, embeddings: Path) -> None:
    if params is None or option not in params.encoders:
        named = ", ".join(params.encoders) if params else "none"
        sys.stdout.write(f"{option}: {STATUS['status']}, as head_sweep.embed.encoders names {named}\n")
        write_status(embeddings)
        return
    encoder = params.encoders[option]
    table = _rows(rows, encoder.dataset)
    finished = None
    if isinstance(encoder, ReadyEncoder):
        values, card = _ready(declared(data, encoder.file, f"{ENCODERS}.{option}.file"), table)
    else:
        from tasks.head_sweep.model.encoders import prepare_encoder  # noqa: PLC0415 - torch, which ready values do not need

        prepared = prepare_encoder(encoder)
        finished = _finished(params, encoder, option, prepared, data, rows, table)
        values, card = _encode(params, option, prepared, data, table, finished), prepared.card
    write_embeddings(embeddings, _with_background(params, option, embeddings, table, values, card))
    if finished:
        finished.forget()


def _rows(path: Path, dataset: str) -> pd.DataFrame:
    table = read_parquet(path)
    if dataset not in (known := table["dataset"].unique().tolist()):
        raise InputError(
            Path("params.yaml"), f"unknown dataset {dataset!r}; head_sweep.prepare.datasets has {known}",
            field=ENCODERS,
        )  # fmt: skip
    return table[table["dataset"] == dataset].reset_index(drop=True)


def _ready(path: Path, table: pd.DataFrame) -> tuple[Values, Card]:
    """The file's values in the order of the rows, by their ids; rows that prepare left out are not among them."""
    read = read_embedding_file(path)
    place = {name: row for row, name in enumerate(read.ids)}
    if missing := sorted(set(table["id"]) - set(place)):
        raise InputError(
            rows_file(path),
            f"{len(missing)} row(s) of the dataset are not there, the first is {shown(missing[0])}; name the file under "
            "head_sweep.prepare.datasets, too",
            field="ids",
        )
    return np.take(read.values, [place[name] for name in table["id"]], axis=0), read.card


def _finished(
    params: Embed, encoder: PixelEncoder, option: str, prepared: "EncoderSetup", data: Path, rows: Path,
    table: pd.DataFrame,
) -> Finished:  # fmt: skip
    """Everything that determines a shard: rows, pictures, encoder with the hash of its weights, transform, code."""
    if (table["image"] == "").any():
        raise InputError(
            Path("params.yaml"), f"dataset {encoder.dataset!r} has no pictures: its encoders are of kind given",
            field=ENCODERS,
        )  # fmt: skip
    facts: dict[str, Any] = {
        "encoder": encoder.model_dump(mode="json"),
        "transform": prepared.transform.digest,
        "shard": params.shard,
        "batch": params.batch,
    }
    inputs = [rows, *(data / name for name in sorted(set(table["image"])))]
    return Finished(f"head_sweep_embed@{option}", inputs, facts)


def _encode(
    params: Embed, option: str, prepared: "EncoderSetup", data: Path, table: pd.DataFrame, finished: Finished
) -> Values:
    shards: list[Values] = []
    embed = None
    for start in range(0, len(table), params.shard):
        part = table.iloc[start : start + params.shard]

        def compute(part: pd.DataFrame = part) -> dict[str, Values]:
            nonlocal embed
            embed = embed or prepared.load()
            crops = _crops(prepared, data, part)
            batches = [crops[at : at + params.batch] for at in range(0, len(crops), params.batch)]
            return {"values": np.concatenate([embed(batch) for batch in batches])}

        shards.append(finished.unit(f"shard_{start // params.shard:05d}", compute)["values"])
        sys.stdout.write(_progress(option, start + len(part), len(table)))
        sys.stdout.flush()
    return np.concatenate(shards)


def _crops(prepared: "EncoderSetup", data: Path, part: pd.DataFrame) -> NDArray[np.uint8]:
    """(n, size, size, 3); rows of one picture stand together, so each is read once."""
    crops = []
    for name, boxes in part.groupby("image", sort=False):
        picture = read_picture(data / str(name))
        crops += [
            fitted(cut(picture, box, prepared.transform.context), prepared.transform)
            for box in boxes[CORNERS].to_numpy(np.float64)
        ]
    return np.stack(crops)


def _progress(option: str, done: int, rows: int) -> str:
    filled = BAR * done // rows
    return f"{option} [{'#' * filled}{'.' * (BAR - filled)}] {done:,} of {rows:,} crops\n"


def _with_background(
    params: Embed, option: str, path: Path, table: pd.DataFrame, values: Values, card: Card
) -> Embeddings:
    columns = {name: table[name].astype(str).tolist() for name in ("id", "group", "label", "split")}
    bare = Embeddings(
        option, str(table["dataset"].iloc[0]), columns["id"], columns["group"], columns["label"], columns["split"],
        values, card,
    )  # fmt: skip
    bare.check(path)
    try:
        labels = background_classes(
            values, columns["label"], columns["split"], BACKGROUND, **params.background.model_dump()
        )
    except ValueError as error:
        raise InputError(
            Path("params.yaml"), f"{error}; ask for fewer", field="head_sweep.embed.background"
        ) from None
    return bare.relabelled(labels)
