"""Embeddings of crops: one safetensors file per encoder, and beside it a JSON sidecar that says what its rows are.

An encoder that params.yaml does not name leaves a status in the sidecar, and no tensor.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from storage.files.atomic import complete
from storage.files.documents import read_foreign_json, read_json, write_json
from storage.files.inputs import InputError, shown
from storage.files.tensors import read_foreign_tensors, tensor_names

Values = NDArray[np.float32]

SPLITS = ("train", "validation", "test")
BACKGROUND = "__bg"  # what prepare calls background; embed makes __bg_0, __bg_1, ... of it
TENSOR = "embeddings"
STATUS = {"status": "not given"}


@dataclass(frozen=True)
class Card:
    """What made the values. transform: hash of everything done to the pixels; normalisation: its mean and std."""

    model: str
    pooling: str
    transform: str
    normalisation: Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class EmbeddingTable:
    """Embeddings as a user brings them: values (n, d) and an id, a group and a label for each row; no split yet."""

    ids: list[str]
    groups: list[str]
    labels: list[str]
    values: Values
    card: Card


@dataclass(frozen=True)
class Embeddings:
    """Rows of one dataset as one encoder sees them; every encoder of a dataset has the same rows in the same order.

    labels: a class, or `__bg_<i>` (clusters of this encoder, so they differ between encoders). split: train,
    validation or test, whole groups. values: float32 (n, d), finite, no row of norm 0.
    """

    encoder: str
    dataset: str
    ids: list[str]
    groups: list[str]
    labels: list[str]
    split: list[str]
    values: Values
    card: Card

    @property
    def classes(self) -> list[str]:
        """All of them, foreground first, each part sorted."""
        return [*self.foreground, *sorted({label for label in self.labels if is_background(label)})]

    @property
    def foreground(self) -> list[str]:
        return sorted({label for label in self.labels if not is_background(label)})

    def check(self, path: Path) -> None:
        """InputError for values that no head can use and for a group in two splits; `path` is named in it."""
        check_values(path, self.ids, self.values)
        _check_splits(path, self.groups, self.split)

    def relabelled(self, labels: list[str]) -> "Embeddings":
        return replace(self, labels=labels)


def is_background(label: str) -> bool:
    return label.startswith(BACKGROUND)


def write_embeddings(path: Path, embeddings: Embeddings) -> None:
    """`path` with the suffixes .safetensors and .json; the sidecar is written last."""
    embeddings.check(path)
    columns = EmbeddingTable(
        embeddings.ids, embeddings.groups, embeddings.labels, embeddings.values, embeddings.card
    )
    head = {"encoder": embeddings.encoder, "dataset": embeddings.dataset}
    _write(path, head, columns, {"split": embeddings.split})


def write_embedding_table(path: Path, table: EmbeddingTable) -> None:
    """The pair that `read_embedding_table` reads."""
    check_values(path, table.ids, table.values)
    _write(path, {}, table, {})


def read_embeddings(path: Path) -> Embeddings:
    """What `write_embeddings` wrote; `path` may have either suffix. InputError names file, row and field."""
    side = _sidecar(path)
    table = _table(path, side)
    for name in ("encoder", "dataset"):
        if not isinstance(side.get(name), str):
            raise InputError(
                path.with_suffix(".json"), f"expected text, got {shown(side.get(name))}", field=name
            )
    split = _texts(path, side, "split", len(table.ids))
    _check_splits(path, table.groups, split)
    return Embeddings(
        side["encoder"], side["dataset"], table.ids, table.groups, table.labels, split, table.values,
        table.card,
    )  # fmt: skip


def read_embedding_table(path: Path) -> EmbeddingTable:
    """A user's own pair: tensor `embeddings` (n, d) and a sidecar with model, pooling, transform, ids, groups, labels."""
    return _table(path, _sidecar(path))


def write_status(path: Path) -> None:
    """In place of embeddings, for an encoder that there is not."""
    with complete(path.with_suffix(".safetensors")) as partial:
        partial.write_bytes(save({}))
    write_json(path.with_suffix(".json"), STATUS)


def is_available(path: Path) -> bool:
    return bool(read_json(path.with_suffix(".json")) != STATUS)


def check_encoders(paths: Sequence[Path], embeddings: Sequence[Embeddings]) -> None:
    """No encoder twice, and the same rows in the same order for all encoders of a dataset."""
    first: dict[str, tuple[Path, Embeddings]] = {}
    seen: dict[str, Path] = {}
    for path, each in zip(paths, embeddings, strict=True):
        if each.encoder in seen:
            raise InputError(
                path, f"encoder {each.encoder!r} is in {seen[each.encoder]} already; each encoder counts once",
                field="encoder",
            )  # fmt: skip
        seen[each.encoder] = path
        other_path, other = first.setdefault(each.dataset, (path, each))
        for name in ("ids", "groups", "split"):
            if getattr(each, name) != getattr(other, name):
                raise InputError(
                    path, f"rows of dataset {each.dataset!r} differ from those in {other_path}; embed both again",
                    field=name,
                )  # fmt: skip


def _write(path: Path, head: Mapping[str, str], rows: EmbeddingTable, more: Mapping[str, list[str]]) -> None:
    with complete(path.with_suffix(".safetensors")) as partial:
        partial.write_bytes(save({TENSOR: np.ascontiguousarray(rows.values)}))
    columns = {"ids": rows.ids, "groups": rows.groups, "labels": rows.labels}
    write_json(
        path.with_suffix(".json"),
        {**head, "dimension": rows.values.shape[1], **asdict(rows.card), **columns, **more},
    )


def _sidecar(path: Path) -> Mapping[str, Any]:
    side_path = path.with_suffix(".json")
    side = read_foreign_json(side_path)
    if not isinstance(side, Mapping):
        raise InputError(side_path, f"expected an object, got {type(side).__name__}")
    return side


def _table(path: Path, side: Mapping[str, Any]) -> EmbeddingTable:
    ids, groups, labels = _columns(path, side)
    values = _tensor(path.with_suffix(".safetensors"))
    if len(values) != len(ids):
        raise InputError(
            path.with_suffix(".safetensors"),
            f"{len(values)} rows, but {len(ids)} ids in {path.with_suffix('.json').name}; write both from the same rows",
        )
    if (stated := side.get("dimension", values.shape[1])) != values.shape[1]:
        raise InputError(
            path.with_suffix(".json"),
            f"the sidecar says {shown(stated)}, the tensor has {values.shape[1]} columns; they are not a pair",
            field="dimension",
        )
    check_values(path, ids, values)
    return EmbeddingTable(ids, groups, labels, values, _card(path, side))


def _columns(path: Path, side: Mapping[str, Any]) -> tuple[list[str], list[str], list[str]]:
    """Rows without groups are each a group of their own."""
    ids = _texts(path, side, "ids", None)
    check_ids(path.with_suffix(".json"), ids, range(1, len(ids) + 1), "ids")
    groups = _texts(path, side, "groups", len(ids)) if "groups" in side else ids
    return ids, groups, _texts(path, side, "labels", len(ids))


def check_ids(path: Path, ids: Sequence[str], rows: Sequence[int], field: str = "id") -> None:
    seen: dict[str, int] = {}
    for row, name in zip(rows, ids, strict=True):
        if seen.setdefault(name, row) != row:
            raise InputError(
                path, f"id {shown(name)} was used by row {seen[name]} already ({len(ids) - len(set(ids))} such row(s) "
                "in all); ids tell rows apart", row=row, field=field,
            )  # fmt: skip


def _texts(path: Path, side: Mapping[str, Any], name: str, length: int | None) -> list[str]:
    listed = side.get(name)
    if not isinstance(listed, list) or not listed:
        raise InputError(
            path.with_suffix(".json"), "expected a list with a text for each row; there is none", field=name
        )
    for row, value in enumerate(listed, 1):
        if not isinstance(value, str) or not value:
            raise InputError(
                path.with_suffix(".json"), f"expected text, got {shown(value)}", row=row, field=name
            )
    if length is not None and len(listed) != length:
        raise InputError(
            path.with_suffix(".json"), f"{len(listed)} entries for {length} ids; one for each is needed", field=name
        )  # fmt: skip
    return listed


def _card(path: Path, side: Mapping[str, Any]) -> Card:
    for name in ("model", "pooling", "transform"):
        if not isinstance(side.get(name), str) or not side[name]:
            raise InputError(
                path.with_suffix(".json"),
                f"expected text, got {shown(side.get(name))}: which model, pooling and transform made these values",
                field=name,
            )
    normalisation = side.get("normalisation", {})
    if not isinstance(normalisation, Mapping) or not all(
        isinstance(part, list) and all(isinstance(x, int | float) and math.isfinite(x) for x in part)
        for part in normalisation.values()
    ):
        raise InputError(
            path.with_suffix(".json"), "expected lists of numbers under mean and std", field="normalisation"
        )
    return Card(side["model"], side["pooling"], side["transform"], dict(normalisation))


def _tensor(path: Path) -> Values:
    tensors = read_foreign_tensors(path, [TENSOR])
    if TENSOR not in tensors:
        raise InputError(path, f"expected a tensor {TENSOR!r}, found {shown(tensor_names(path))}")
    return matrix(path, tensors[TENSOR])


def matrix(path: Path, values: NDArray[Any]) -> Values:
    """float32 (n, d), or InputError."""
    if values.ndim != 2 or not values.size or not np.issubdtype(values.dtype, np.floating):
        raise InputError(
            path,
            f"expected floating-point numbers (rows, columns), got {shown(values.dtype)} {shown(values.shape)}",
        )
    with np.errstate(over="ignore"):  # what is too large for float32 is refused as infinity
        return np.ascontiguousarray(values, np.float32)


def check_values(path: Path, ids: Sequence[str], values: Values) -> None:
    """InputError for rows that no head can use: each kind with its number, and three of them by their ids."""
    squares = np.einsum("ij,ij->i", values, values, dtype=np.float64)
    bad = {"NaN or infinity": ~np.isfinite(squares), "norm 0, which has no direction": squares == 0}
    rows = {what: np.flatnonzero(which).tolist() for what, which in bad.items() if which.any()}
    if rows:
        kinds = [
            f"the embedding of {shown(ids[own[0]])} has {what} ({len(own)} row(s) in all"
            + (f", such as {', '.join(shown(ids[row]) for row in own[1:3])})" if len(own) > 1 else ")")
            for what, own in rows.items()
        ]
        raise InputError(
            path.with_suffix(".safetensors") if path.suffix == ".json" else path,
            f"{'; '.join(kinds)}; embed them again, or leave them out", row=next(iter(rows.values()))[0] + 1,
        )  # fmt: skip


def _check_splits(path: Path, groups: list[str], split: list[str]) -> None:
    home: dict[str, str] = {}
    for row, (group, name) in enumerate(zip(groups, split, strict=True), 1):
        if name not in SPLITS:
            raise InputError(
                path.with_suffix(".json"), f"unknown split {name!r}; expected {', '.join(SPLITS)}", row=row, field="split"
            )  # fmt: skip
        if home.setdefault(group, name) != name:
            raise InputError(
                path.with_suffix(".json"),
                f"group {group!r} stands in {home[group]} and {name}: what is learnt of it there would be tested on it "
                "here; keep each group in one split",
                row=row,
                field="split",
            )
