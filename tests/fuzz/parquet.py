"""Mutations of Parquet: stored indices, types, nulls, columns, and what its metadata says."""

import json
import struct
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tests.fuzz.mutations import Change, Mutation, NotApplicable, brief, odd_text, places_outside


def _frame(path: Path) -> pd.DataFrame:
    frame: pd.DataFrame = pq.read_table(path, use_threads=False).to_pandas()
    return frame


def _column(table: pa.Table, random: np.random.Generator) -> int:
    return int(random.integers(table.num_columns))


def _replaced(table: pa.Table, column: int, values: Any) -> pa.Table:
    return table.set_column(column, table.column_names[column], values)


def stored_index(path: Path, random: np.random.Generator) -> Change:
    """As pandas stores a frame that was shuffled, sorted, filtered and put together, or has an index of its own."""
    frame = _frame(path)
    shuffled = frame.sample(frac=1, random_state=int(random.integers(2**31)))
    what = str(random.choice(["shuffled", "repeated", "of times", "named", "of texts"]))
    match what:
        case "repeated":
            shuffled.index = shuffled.index // 2
        case "of times":
            shuffled.index = pd.date_range("2024-01-01", periods=len(frame))
        case "named":
            shuffled.index.name = "my_index"
        case "of texts":
            shuffled.index = shuffled.index.astype(str)
    shuffled.to_parquet(path)
    return Change(f"rows shuffled, with a stored index ({what})", "same")


def first_column_as_index(path: Path, random: np.random.Generator) -> Change:
    frame = _frame(path)
    name = frame.columns[0]
    if not isinstance(frame[name].iloc[0], str):
        raise NotApplicable
    frame.sample(frac=1, random_state=int(random.integers(2**31))).set_index(name).to_parquet(path)
    return Change(f"rows shuffled, {name} stored as the index", "same")


def rows_removed(path: Path, random: np.random.Generator) -> Change:
    frame = _frame(path)
    kept = frame[random.random(len(frame)) < random.choice([0.5, 0.95])]
    kept.to_parquet(path)
    return Change(f"{len(kept)} of {len(frame)} rows, the index stored", "subset", 0)


def columns_moved(path: Path, random: np.random.Generator) -> Change:
    table = pq.read_table(path, use_threads=False)
    pq.write_table(table.select(random.permutation(table.num_columns).tolist()), path)
    return Change("columns in another order", "same")


def unused_column(path: Path, random: np.random.Generator) -> Change:
    frame = _frame(path)
    kind = int(random.integers(4))
    values: Any = [
        [odd_text(random)[:1000] for _ in range(len(frame))],
        [[1, 2]] * len(frame),
        pd.Timestamp("2024-01-01"),
        [{"a": i} for i in range(len(frame))],
    ][kind]
    frame["my_remark"] = values
    frame.to_parquet(path)
    return Change(f"a column my_remark of kind {kind}", "same")


def laid_out_otherwise(path: Path, random: np.random.Generator) -> Change:
    table = pq.read_table(path, use_threads=False)
    options: list[dict[str, Any]] = [
        {"row_group_size": 3}, {"compression": "gzip"}, {"compression": "zstd"}, {"use_dictionary": False},
        {"version": "1.0"}, {"data_page_version": "2.0"}, {"store_schema": False}, {"write_statistics": False},
    ]  # fmt: skip
    option = options[random.integers(len(options))]
    pq.write_table(table, path, **option)
    return Change(f"written with {option}", "same")


def texts_as_categories(path: Path, random: np.random.Generator) -> Change:
    table = pq.read_table(path, use_threads=False)
    texts = [
        i
        for i, each in enumerate(table.schema.types)
        if pa.types.is_string(each) or pa.types.is_large_string(each)
    ]
    if not texts:
        raise NotApplicable
    column = texts[random.integers(len(texts))]
    values = table.column(column).cast(pa.string())
    other = [values.dictionary_encode(), values.cast(pa.large_string()), values.cast(pa.string_view())][
        random.integers(3)
    ]
    pq.write_table(_replaced(table, column, other), path)
    return Change(f"{table.column_names[column]} as {other.type}", "same")  # fmt: skip


def column_type(path: Path, random: np.random.Generator) -> Change:
    table = pq.read_table(path, use_threads=False)
    column = _column(table, random)
    n = table.num_rows
    types: dict[str, Callable[[], pa.Array]] = {
        "float32": lambda: table.column(column).cast(pa.float32(), safe=False),
        "float16": lambda: table.column(column).cast(pa.float16(), safe=False),
        "int64": lambda: table.column(column).cast(pa.int64(), safe=False),
        "uint8": lambda: table.column(column).cast(pa.uint8(), safe=False),
        "bool": lambda: table.column(column).cast(pa.bool_(), safe=False),
        "text": lambda: table.column(column).cast(pa.string()),
        "bytes": lambda: pa.array([b"\xff\x00"] * n),
        "decimals": lambda: pa.array([Decimal("0.50")] * n),
        "times": lambda: pa.array(np.arange(n).astype("datetime64[ns]")),
        "dates": lambda: pa.array(np.arange(n).astype("datetime64[D]")),
        "zoned times": lambda: pa.array(np.arange(n), pa.timestamp("us", "Asia/Tokyo")),
        "durations": lambda: pa.array(np.arange(n).astype("timedelta64[s]")),
        "lists": lambda: pa.array([[0.5]] * n),
        "ragged lists": lambda: pa.array([[0.5] * (i % 3) for i in range(n)]),
        "structures": lambda: pa.array([{"a": 1}] * n),
        "maps": lambda: pa.array([[("a", 1)]] * n, pa.map_(pa.string(), pa.int64())),
        "nulls": lambda: pa.nulls(n),
        "empty texts": lambda: pa.array([""] * n),
        "mixed-up numbers": lambda: pa.array([odd_text(random)[:1000] for _ in range(n)]),
    }
    name = str(random.choice(list(types)))
    try:
        pq.write_table(_replaced(table, column, types[name]()), path)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise NotApplicable from None
    return Change(f"{table.column_names[column]} as {name}", "damage")


def cell(path: Path, random: np.random.Generator) -> Change:
    table = pq.read_table(path, use_threads=False)
    column, row = _column(table, random), int(random.integers(table.num_rows))
    values = table.column(column).to_pylist()
    kind = table.schema.types[column]
    odd: list[Any] = [None]
    if pa.types.is_floating(kind):
        odd += [float("nan"), float("inf"), -1.0, 2.0, 1e300, -0.0]
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        odd += [odd_text(random) for _ in range(6)]
    elif pa.types.is_integer(kind):
        odd += [0, 1, 100]
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        odd += [[], values[row][:-1], [*values[row], *values[row][:1]], [None] * len(values[row])]
    values[row] = odd[random.integers(len(odd))]
    pq.write_table(_replaced(table, column, pa.array(values, kind)), path)
    return Change(f"row {row}, {table.column_names[column]} = {brief(values[row])}", "damage", 1)


def cell_of_another_row(path: Path, random: np.random.Generator) -> Change:
    table = pq.read_table(path, use_threads=False)
    column, row = _column(table, random), int(random.integers(table.num_rows))
    values = table.column(column).to_pylist()
    values[row] = values[random.integers(len(values))]
    pq.write_table(_replaced(table, column, pa.array(values, table.schema.types[column])), path)
    return Change(f"row {row}, {table.column_names[column]} = that of another row", "damage", 1)


def path_outside(path: Path, random: np.random.Generator) -> Change:
    table = pq.read_table(path, use_threads=False)
    column, row = _column(table, random), int(random.integers(table.num_rows))
    values = table.column(column).to_pylist()
    if not isinstance(values[row], str):
        raise NotApplicable
    values[row] = places_outside(values[row], path, random)
    pq.write_table(_replaced(table, column, pa.array(values)), path)
    return Change(f"row {row}, {table.column_names[column]} = {values[row]}", "refused")


def column_dropped(path: Path, random: np.random.Generator) -> Change:
    table = pq.read_table(path, use_threads=False)
    column = _column(table, random)
    pq.write_table(table.remove_column(column), path)
    return Change(f"no column {table.column_names[column]}", "damage")


def column_renamed(path: Path, random: np.random.Generator) -> Change:
    table = pq.read_table(path, use_threads=False)
    names = list(table.column_names)
    column = _column(table, random)
    names[column] = str(random.choice([*table.column_names, odd_text(random), "__index_level_0__"]))
    pq.write_table(table.rename_columns(names), path)
    return Change(f"{table.column_names[column]} is called {brief(names[column])}", "damage")


def column_twice(path: Path, random: np.random.Generator) -> Change:
    table = pq.read_table(path, use_threads=False)
    column = _column(table, random)
    other = table.column(column).take(pa.array(random.permutation(table.num_rows)))
    pq.write_table(table.append_column(table.column_names[column], other), path)
    return Change(f"column {table.column_names[column]} twice, shuffled", "refused")


def row_twice(path: Path, random: np.random.Generator) -> Change:
    table = pq.read_table(path, use_threads=False)
    row = int(random.integers(table.num_rows))
    pq.write_table(pa.concat_tables([table, table.slice(row, 1)]), path)
    return Change(f"row {row} twice", "damage", 2)


def no_rows(path: Path, random: np.random.Generator) -> Change:
    table = pq.read_table(path, use_threads=False)
    empty = [table.slice(0, 0), table.slice(0, 1), table.select([])][random.integers(3)]
    pq.write_table(empty, path)
    return Change(f"{empty.num_rows} row(s) of {empty.num_columns} columns", "damage")


def what_pandas_said(path: Path, random: np.random.Generator) -> Change:
    """The metadata that pandas would follow."""
    table = pq.read_table(path, use_threads=False)
    names = table.column_names
    texts: list[str] = [
        "", "null", "{}", "[]", "not json", json.dumps({"index_columns": [names[0]]}),
        json.dumps({"index_columns": ["none such"], "columns": [], "column_indexes": []}),
        json.dumps({"index_columns": [{"kind": "range", "start": 0, "stop": 10**12, "step": 1}], "columns": []}),
        json.dumps({"index_columns": names, "columns": [{"name": n, "field_name": n, "pandas_type": "x",
                    "numpy_type": "object", "metadata": None} for n in names], "column_indexes": []}),
    ]  # fmt: skip
    text = texts[random.integers(len(texts))]
    pq.write_table(table.replace_schema_metadata({"pandas": text}), path)
    return Change(f"pandas metadata {brief(text)}", "same")


def footer_lies(path: Path, random: np.random.Generator) -> Change:
    content = bytearray(path.read_bytes())
    length = int(random.choice([0, 1, 2**31 - 1, 2**32 - 1, len(content)]))
    content[-8:-4] = struct.pack("<L", length)
    path.write_bytes(content)
    return Change(f"a footer of {length} bytes", "damage")


def footer_flipped(path: Path, random: np.random.Generator) -> Change:
    content = bytearray(path.read_bytes())
    length = min(struct.unpack("<L", content[-8:-4])[0], len(content) - 12)
    place = len(content) - 8 - length + int(random.integers(max(length, 1)))
    content[place] ^= int(random.integers(1, 256))
    path.write_bytes(content)
    return Change(f"byte {place} of the footer flipped", "damage")


PARQUET: dict[str, Mutation] = {
    "stored index": stored_index,
    "stored index, once more": stored_index,
    "index of ids": first_column_as_index,
    "rows removed": rows_removed,
    "columns moved": columns_moved,
    "unused column": unused_column,
    "laid out otherwise": laid_out_otherwise,
    "categories": texts_as_categories,
    "type": column_type,
    "type, once more": column_type,
    "type, and again": column_type,
    "cell": cell,
    "cell, once more": cell,
    "cell of another row": cell_of_another_row,
    "path outside": path_outside,
    "column dropped": column_dropped,
    "header": column_renamed,
    "column twice": column_twice,
    "row twice": row_twice,
    "no rows": no_rows,
    "pandas metadata": what_pandas_said,
    "footer": footer_lies,
    "footer flipped": footer_flipped,
    "footer flipped, once more": footer_flipped,
}
