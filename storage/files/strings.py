"""CSV that people read and write: fields as they stand, and floats that read back as the same floats."""

import csv
from collections.abc import Collection
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
from numpy.typing import NDArray

from storage.files.atomic import complete
from storage.files.inputs import InputError, first_line

ROWS = 1 << 16  # formatted at once: text takes several times the floats


def read_exact_csv(path: Path, numbers: Collection[str]) -> pd.DataFrame:
    """Fields as text, those of the columns `numbers` as the floats that were written."""
    if not path.is_file():
        raise InputError(path, "no such file")
    with path.open(encoding="utf-8", newline="") as file:
        names = next(csv.reader(file), [])
    bad: list[tuple[int | None, str]] = []

    def ragged(row: pacsv.InvalidRow) -> str:
        bad.append((row.number, f"expected {row.expected_columns} fields, got {row.actual_columns}"))
        return "error"

    try:
        table = pacsv.read_csv(
            path,
            read_options=pacsv.ReadOptions(use_threads=False),
            parse_options=pacsv.ParseOptions(newlines_in_values=True, invalid_row_handler=ragged),
            convert_options=pacsv.ConvertOptions(
                column_types={name: pa.float64() if name in numbers else pa.string() for name in names},
                strings_can_be_null=False,
            ),
        )
    except pa.ArrowException as error:
        row, problem = bad[0] if bad else (None, f"not a table that can be read ({first_line(error)})")
        raise InputError(path, problem, row=row) from None
    if not len(table):
        raise InputError(path, "holds no rows; expected a header and at least one row")
    frame: pd.DataFrame = table.to_pandas()
    return frame


def write_exact_csv(path: Path, table: pd.DataFrame) -> None:
    """CSV that reads back as the same floats: for a pipeline's files that people open too."""
    floats = table.columns[table.dtypes == np.float64]
    with complete(path) as partial:
        for start in range(0, max(len(table), 1), ROWS):
            rows = table.iloc[start : start + ROWS]
            rows = rows.assign(**{name: _written(rows[name].to_numpy()) for name in floats})
            rows.to_csv(partial, index=False, header=not start, mode="a", lineterminator="\n")


def _written(values: NDArray[np.float64]) -> NDArray[np.object_]:
    """As Python writes them, the shortest text that reads back the same; "" for NaN."""
    written = np.asarray(pc.cast(pa.array(values), pa.string()).to_numpy(zero_copy_only=False), object)
    size = np.abs(values)
    plain = (size >= 1e-4) & (size < 1e10) & (values != np.rint(values))  # Arrow writes others another way
    written[~plain] = ["" if value != value else repr(value) for value in values[~plain].tolist()]
    return written
