"""What a study of head_sweep makes of embeddings: which columns or arrays of each file are what, and under which names."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from storage.files.arrays import array_names, read_foreign_array, read_foreign_arrays
from storage.files.foreign import ForeignTable, read_foreign_table
from storage.files.formats import listed
from storage.files.inputs import InputError
from storage.heads.foreign_embeddings import FIELDS, NUMBERED, VALUES, read_embedding_file, rows_file
from tasks.intake.columns import Role, assigned, is_group, is_name, is_number, is_unique, unread
from tasks.intake.proposal import Proposal
from tasks.intake.rewriting import Rewriting, holds_lists

FAMILY = 16  # numbered columns of an embedding at least
OURS = (".safetensors", ".json")  # a form of our own, with our names
EMBEDDING = "embedding"
ROLES = [
    Role("id", ("id", "ids", "key", "name", "file", "filename", "path", "row"), is_unique, alone=True),
    Role(
        "group",
        (
            "group",
            "groups",
            "patient",
            "subject",
            "speaker",
            "writer",
            "photo",
            "photograph",
            "image",
            "scene",
        ),
        is_group,
        needed=False,
    ),
    Role("label", ("label", "labels", "class", "target", "category", "species", "y"), is_name, alone=True),
]


@dataclass(frozen=True)
class Encoder:
    """One file. rows: ids, labels and groups as a table. names: ours -> theirs; empty where all are ours already."""

    path: Path
    rows: ForeignTable
    roles: Mapping[str, str]
    width: int
    names: Mapping[str, str]
    unread: Sequence[str]

    @property
    def place(self) -> str:
        if not self.names or self.path.suffix in (".npz", ".npy"):
            return self.path.name
        return f"{self.path.name.partition('.')[0]}.parquet"

    def copied(self) -> dict[str, Path]:
        return {self.place: self.path} | ({self._beside: self.rows.path} if self._has_beside else {})

    def rewritten(self) -> dict[str, Rewriting]:
        if not self.names:
            return {}
        return {self._beside if self._has_beside else self.place: Rewriting(self.names)}

    @property
    def _has_beside(self) -> bool:
        return self.rows.path != self.path

    @property
    def _beside(self) -> str:
        return f"{self.path.stem}.parquet" if self.names else self.rows.path.name


def embeddings(files: Sequence[Path], stated: Mapping[str, str]) -> Proposal:
    """A file for each encoder. Raises InputError."""
    beside = [rows_file(path) for path in files if path.suffix in (".npy", ".safetensors")]
    given = [path for path in files if path not in beside]
    encoders = {_name(path): _encoder(path, stated) for path in given}
    if len(encoders) < len(given):
        raise InputError(files[0], "two files have the same name; an encoder is called as its file")
    first, names = next(iter(encoders.values())), list(encoders)
    groups = first.rows.text(first.roles["group"]).nunique() if "group" in first.roles else 0
    return Proposal(
        "own_embeddings",
        {place: file for each in encoders.values() for place, file in each.copied().items()},
        {
            "prepare.datasets.ours.files": [each.place for each in encoders.values()],
            "embed.encoders": {
                name: {"kind": "given", "dataset": "ours", "file": each.place} for name, each in encoders.items()
            },
            "plan.presets.own.0.encoders": names,
            "plan.presets.own.1.encoders": names,
            "compare.families": {name: name for name in names},
        },
        {
            "read as": ", ".join(f"{each.path.name} ({each.width} columns)" for each in encoders.values()),
            "rows": f"{len(first.rows.frame):,}",
            **first.roles,
            "encoders": listed(names),
            "classes": listed(sorted({text.strip() for text in first.rows.text(first.roles["label"])}), 12),
            "split": "whole groups at random: 20% test, 20% of the rest validate",
            "groups": f"{groups:,}, never split" if groups else "none: each row is its own",
        },
        list(dict.fromkeys(name for each in encoders.values() for name in each.unread)),
        {place: told for each in encoders.values() for place, told in each.rewritten().items()},
    )  # fmt: skip


def _name(path: Path) -> str:
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", path.name.partition(".")[0]).strip("_")
    return name if name[:1].isalpha() else f"encoder_{name}"


def _encoder(path: Path, stated: Mapping[str, str]) -> Encoder:
    if path.suffix in OURS:
        return _ours(path, stated)
    if path.suffix == ".npz":
        return _npz(path, stated)
    if path.suffix == ".npy":
        return _npy(path, stated)
    table = read_foreign_table(path)
    told = {role: column for role, column in stated.items() if role != EMBEDDING}
    prefix, values = _values(table, stated.get(EMBEDDING), list(told.values()))
    roles = _assigned(_only(table, table.without(values)), told)
    width = len(values) if prefix else len(table.frame[values[0]].iloc[0])
    ours = {f"e{number}": name for number, name in enumerate(values)} if prefix else {EMBEDDING: values[0]}
    plain = _are_ours(roles) and (
        values[0] in VALUES or (bool(prefix) and len(_families(table, list(roles.values()))) == 1)
    )
    used = [*roles.values(), *values]
    return Encoder(path, table, roles, width, {} if plain else {**roles, **ours}, unread(table, used))


def _ours(path: Path, stated: Mapping[str, str]) -> Encoder:
    if stated:
        raise InputError(
            path, "takes no --map: its JSON has ids, labels and groups, its tensor is embeddings"
        )
    read = read_embedding_file(path)
    frame = {"id": read.ids, "label": read.labels} | (
        {"group": read.groups} if read.groups != read.ids else {}
    )
    table = ForeignTable(rows_file(path), pd.DataFrame(frame), None, "JSON")
    width = read.values.shape[1]  # noqa: PD011 - no frame
    return Encoder(path, table, {name: name for name in frame}, width, {}, [])


def _npy(path: Path, stated: Mapping[str, str]) -> Encoder:
    if EMBEDDING in stated:
        raise InputError(path, "an npy has one array; --map says what the columns of the table beside it are")
    beside, values = rows_file(path), read_foreign_array(path)
    if not beside.exists():
        read_embedding_file(path)  # says what has to be there
    table = read_foreign_table(beside)
    roles = _assigned(table, stated)
    names = {} if _are_ours(roles) else roles
    return Encoder(path, table, roles, values.shape[-1], names, unread(table, list(roles.values())))


def _npz(path: Path, stated: Mapping[str, str]) -> Encoder:
    """Of an archive whose names are ours no other array is unpacked."""
    names = array_names(path)
    known = [
        name for name in (*VALUES, *(each for field in FIELDS.values() for each in field)) if name in names
    ]
    enough = (
        not stated and any(name in VALUES for name in known) and _has(known, "id") and _has(known, "label")
    )
    arrays = read_foreign_arrays(path, known if enough else names)
    lengths = {len(array) for array in arrays.values() if array.ndim == 1}
    matrices = [
        name
        for name, array in arrays.items()
        if array.ndim == 2 and array.dtype.kind == "f" and len(array) in lengths
    ]
    values = stated.get(EMBEDDING) or next((name for name in VALUES if name in matrices), "")
    values = values or (matrices[0] if len(matrices) == 1 else "")
    if values not in matrices:
        raise InputError(
            path, f"which array holds the embeddings (rows, columns)? it may be {listed(matrices) or 'none'}, there are "
            f"{listed(names)}: say it with --map {EMBEDDING}=<array>",
        )  # fmt: skip
    length, width = arrays[values].shape
    columns = {
        name: pd.Series(_text(array), dtype=object)
        for name, array in arrays.items()
        if array.shape == (length,) and array.dtype.kind in "Uiuf" + "S"
    }
    table = ForeignTable(path, pd.DataFrame(columns, index=pd.RangeIndex(length)), None, "npz")
    roles = _assigned(table, {role: name for role, name in stated.items() if role != EMBEDDING})
    plain = _are_ours(roles) and values in VALUES
    left = [name for name in names if name not in (values, *roles.values(), "model", "pooling", "transform")]
    return Encoder(path, table, roles, width, {} if plain else {**roles, "embeddings": values}, left)


def _text(array: "np.ndarray[tuple[int, ...], np.dtype[np.generic]]") -> list[object]:
    values: list[object] = array.tolist()
    return [each.decode(errors="replace") if isinstance(each, bytes) else each for each in values]


def _has(names: Sequence[str], field: str) -> bool:
    return any(name in names for name in FIELDS[field])


def _are_ours(roles: Mapping[str, str]) -> bool:
    return all(column in FIELDS[role] for role, column in roles.items())


def _assigned(table: ForeignTable, stated: Mapping[str, str]) -> dict[str, str]:
    """Columns that have our names are what they say, whatever they hold."""
    if EMBEDDING in stated:
        raise InputError(table.path, f"--map {EMBEDDING}: there is nothing to choose")
    own = {
        role: name
        for role, fields in FIELDS.items()
        if (name := next((each for each in fields if table.has(each)), None)) and name not in stated.values()
    }
    return assigned(table, ROLES, {**own, **stated})


def _only(table: ForeignTable, names: Sequence[str]) -> ForeignTable:
    return ForeignTable(table.path, table.frame[list(names)], table.lines, table.form)


def _families(table: ForeignTable, others: Sequence[str]) -> dict[str, list[str]]:
    """Prefix -> numbered columns of numbers, in the order of their numbers."""
    found: dict[str, dict[int, str]] = {}
    for column in table.without([*others, *(each for field in FIELDS.values() for each in field)]):
        if numbered := NUMBERED.fullmatch(column):
            found.setdefault(numbered[1], {})[int(numbered[2])] = column
    return {
        prefix: [columns[number] for number in sorted(columns)]
        for prefix, columns in found.items()
        if len(columns) > 1
    }


def _values(table: ForeignTable, told: str | None, others: Sequence[str]) -> tuple[str, list[str]]:
    """Prefix and columns of a family; "" and one column, of lists."""
    families, lists = (
        _families(table, others),
        [name for name in table.names if holds_lists(table.frame[name])],
    )
    if told is not None:
        if told in table.names:
            return "", [told]
        if told in families:
            return told, families[told]
        raise InputError(
            table.path, f"--map {EMBEDDING}={told}: neither a column of lists nor the beginning of numbered columns; there "
            f"are {listed([*lists, *(f'{prefix}0, {prefix}1, ...' for prefix in families)]) or listed(table.names)}",
        )  # fmt: skip
    if name := next((each for each in VALUES if table.has(each)), None):
        return "", [name]
    if len(lists) == 1:
        return "", lists
    large = [prefix for prefix, columns in families.items() if len(columns) >= FAMILY] or list(families)
    if len(large) == 1 and all(is_number(table, name) for name in families[large[0]][:1]):
        return large[0], families[large[0]]
    raise InputError(
        table.path, "which columns are the embedding? expected one column of lists, or numbered columns such as e0, e1, "
        f"...; there are {listed(table.names)}: say it with --map {EMBEDDING}=<column, or what numbered ones begin with>",
    )  # fmt: skip
