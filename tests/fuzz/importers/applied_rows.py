"""The files that an exported decision is applied to: rows in blocks, all candidates of some images, and stamps."""

import tempfile
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
from astropy.io import fits

from methods.text.ngrams import NgramModel
from serving import load
from serving.fields import Field, columns
from serving.folder import Decider
from serving.stamps import StampScorer
from storage.files import row_streams
from storage.files.inputs import InputError
from storage.files.row_streams import row_blocks
from tasks.hybrid_calibrator.use import input_files as candidate_files
from tasks.intake.application import apply_to_rows
from tasks.lens_shortcuts.use import input_files as stamp_files
from tests.fuzz.harness import Importer
from tests.serving.exports import texts_export, thresholds_export

ROWS, AT_ONCE = 40, 16
SIZE, BANDS = 8, ("g", "r", "z")
Apply = Callable[[Decider, Path, Path], int]


@cache
def thresholds() -> Decider:
    with tempfile.TemporaryDirectory() as folder:
        decider: Decider = load(thresholds_export(Path(folder), {"spam": 0.5, "scam": 0.25}))
    return decider


@cache
def messages() -> Decider:
    """By a text model of few n-grams."""
    random = np.random.default_rng(3)
    model = NgramModel(random.normal(size=(2, 512)).astype(np.float32), np.zeros(2, np.float32))
    with tempfile.TemporaryDirectory() as folder:
        ngrams = {"word_ngrams": 2, "char_ngrams": [2, 3]}
        decider: Decider = load(texts_export(Path(folder), {"spam": 0.5, "scam": 0.25}, model, ngrams))
    return decider


class Totals:
    """The sum of a row's numbers: what it answers is of that row and no other."""

    def __init__(self, *fields: Field) -> None:
        self.export: Any = SimpleNamespace(inputs=fields, instead=())

    def decide(self, inputs: Any, /) -> dict[str, Any]:
        found = columns(self.export.inputs, inputs)
        numbers = [values.astype(np.float64) for values in found.values() if values.dtype.kind != "U"]
        with np.errstate(over="ignore"):
            sums = [values.sum(axis=tuple(range(1, values.ndim))) for values in numbers]
            return {"total": np.sum(sums, axis=0)}


class Planes:
    """In the place of a network: the sum over a stamp."""

    def run(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        totals = inputs["stamps"].astype(np.float64).sum(axis=(1, 2, 3))
        return {"score": totals, "logits": totals[:, None], "noise": np.ones((len(totals), len(BANDS)))}


def embedding() -> Decider:
    return Totals(Field("embedding", "number", (3,)))


def acceptance() -> Decider:
    return Totals(
        Field("dense", "number", (4,)), Field("structured", "number", (3,)), Field("has", "boolean", (2,)),
        Field("label", "string", values=("bolt", "nut")), Field("image", "integer", minimum=0), Field("box", "number", (4,)),
    )  # fmt: skip


def scorer() -> Decider:
    made = object.__new__(StampScorer)
    made.export = SimpleNamespace(inputs=(Field("stamp", "number", (3, SIZE, SIZE)),), instead=())  # type: ignore[assignment]
    made.bands, made.size, made.seeds, made.sees_residuals = BANDS, SIZE, (1,), True
    made._model = Planes()  # type: ignore[assignment]
    return made


# --- files ------------------------------------------------------------------------------------------------------


def scores(random: np.random.Generator) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": [f"message {row}" for row in range(ROWS)],
            "score:spam": random.random(ROWS),
            "score:scam": random.random(ROWS).round(3),
        }
    )


def texts(random: np.random.Generator) -> pd.DataFrame:
    words = np.array(["win", "Straße", "e\u0301te\u0301", "🙂", '"so"', "漢字,", "lunch"])
    said = [" ".join(random.choice(words, random.integers(0, 9))) for _ in range(ROWS)]
    return pd.DataFrame({"id": [f"message {row}" for row in range(ROWS)], "text": said})


def write_rows(
    of: Callable[[np.random.Generator], pd.DataFrame], suffix: str, folder: Path, random: np.random.Generator
) -> None:
    table, path = of(random), folder / f"rows.{suffix}"
    if suffix == "parquet":
        table.to_parquet(path, row_group_size=AT_ONCE)
    elif suffix == "jsonl":
        table.to_json(path, orient="records", lines=True, double_precision=15)
    elif suffix == "npz":
        np.savez(path, **{name: np.array(table[name].tolist()) for name in table})  # type: ignore[arg-type]
    else:
        table.to_csv(path, index=False, sep="\t" if suffix == "tsv" else ",")


def write_lists(suffix: str, folder: Path, random: np.random.Generator) -> None:
    lists = random.normal(size=(ROWS, 3)).round(6).tolist()
    table = pd.DataFrame({"id": [f"crop {row}" for row in range(ROWS)], "embedding": lists})
    if suffix == "parquet":
        table.to_parquet(folder / "rows.parquet")
    else:
        table.to_json(folder / "rows.jsonl", orient="records", lines=True)


def write_candidates(folder: Path, random: np.random.Generator) -> None:
    corners = random.random((ROWS, 2)) * 50
    np.savez(
        folder / "rows.npz", id=np.arange(ROWS), dense=random.normal(size=(ROWS, 4)).astype(np.float16),
        structured=random.normal(size=(ROWS, 3)), has=random.random((ROWS, 2)) < 0.5,
        label=random.choice(["bolt", "nut"], ROWS), image=np.arange(ROWS) // 4, box=np.hstack([corners, corners + 9]),
    )  # fmt: skip


def write_stamps(folder: Path, random: np.random.Generator) -> None:
    np.save(folder / "rows.npy", random.normal(size=(12, 3, SIZE, SIZE)).astype(np.float32))


def write_fits(folder: Path, random: np.random.Generator) -> None:
    (folder / "cutouts").mkdir()
    for row in range(6):
        stamp = random.normal(size=(3, SIZE, SIZE)).astype(np.float32)
        fits.PrimaryHDU(stamp).writeto(folder / "cutouts" / f"{row}.fits")


# --- what is decided of them ------------------------------------------------------------------------------------


def read(
    apply: Apply, decider: Callable[[], Decider], source: str, target: str, key: str, folder: Path
) -> Mapping[str, object]:
    """Of the file that is written, which stands beside its source meanwhile; by small blocks."""
    written = folder / f"decided.{target}"
    with mock.patch.object(row_streams, "ROWS", AT_ONCE):
        try:
            count = apply(decider(), folder / source, written)
            rows = [
                row for block in row_blocks(written) for row in records(block.columns, folder / source, key)
            ]
        finally:
            written.unlink(missing_ok=True)
    assert len(rows) == count, f"{len(rows)} rows were written, {count} decided"
    return dict(rows)


def records(columns: Mapping[str, Any], source: Path, key: str) -> list[tuple[str, object]]:
    """What another file would say of the row is left out: remarks, how a number is written."""
    if not columns:
        return []
    if key not in columns:
        raise InputError(source, f"there is no {key}, by which rows are compared")
    names = sorted(name for name in columns if name.startswith(("fires:", "total", "score")))
    values = [[_plain(value) for value in _list(columns[name])] for name in names]
    return list(zip(map(str, _list(columns[key])), zip(*values, strict=True), strict=True))


def _list(column: Any) -> list[Any]:
    if isinstance(column, list):
        return column
    values: list[Any] = column.tolist() if isinstance(column, np.ndarray) else column.to_pylist()
    return values


def _plain(value: object) -> object:
    try:
        return float(value) if isinstance(value, str | float | int) else value
    except ValueError:
        return {"true": 1.0, "false": 0.0}.get(str(value), value)


def importer(
    name: str, write: Any, apply: Apply, decider: Callable[[], Decider], source: str, target: str, key: str = "id",
    **limits: Any,
) -> Importer:  # fmt: skip
    reader = partial(read, apply, decider, source, target, key)
    return Importer(f"applied {name}", "serving", write, reader, **limits)


def rows(source: str, target: str, **limits: Any) -> Importer:
    name, write = f"rows {source} into {target}", partial(write_rows, scores, source)
    return importer(name, write, apply_to_rows, thresholds, f"rows.{source}", target, **limits)


def text_rows(source: str, target: str, **limits: Any) -> Importer:
    name, write = f"texts {source} into {target}", partial(write_rows, texts, source)
    return importer(name, write, apply_to_rows, messages, f"rows.{source}", target, **limits)


def lists(suffix: str) -> Importer:
    name, write = f"lists {suffix}", partial(write_lists, suffix)
    return importer(name, write, apply_to_rows, embedding, f"rows.{suffix}", suffix)


BY_PLACE = frozenset({"rows shuffled"})  # its rows go by their place
WHOLE = frozenset({"unused column"})  # of an npz every array goes into the output
IMPORTERS = [
    rows("csv", "csv"),
    rows("csv", "parquet"),
    rows("tsv", "jsonl"),
    rows("jsonl", "jsonl"),
    rows("parquet", "parquet"),
    rows("npz", "csv", may_refuse=WHOLE),
    text_rows("csv", "csv"),
    text_rows("jsonl", "parquet"),
    text_rows("parquet", "jsonl"),
    text_rows("npz", "csv", may_refuse=WHOLE),
    lists("jsonl"),
    lists("parquet"),
    importer(
        "candidates npz", write_candidates, candidate_files.FORMATS[".npz"], acceptance, "rows.npz", "jsonl",
        may_refuse=WHOLE,
    ),
    importer(
        "stamps npy", write_stamps, stamp_files.FORMATS[".npy"], scorer, "rows.npy", "csv", "row", without=BY_PLACE
    ),
    importer("stamps fits", write_fits, stamp_files.FORMATS[""], scorer, "cutouts", "csv", "file"),
]  # fmt: skip
