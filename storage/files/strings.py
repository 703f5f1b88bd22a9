"""CSV that people read and write: fields as they stand, and floats that read back as the same floats."""

import csv
from pathlib import Path

import pandas as pd

from storage.files.atomic import complete
from storage.files.documents import read_text
from storage.files.inputs import InputError


def read_strings(path: Path) -> pd.DataFrame:
    rows = list(csv.reader(read_text(path).splitlines(keepends=True)))
    if len(rows) < 2:
        raise InputError(path, "holds no rows; expected a header and at least one row")
    for number, row in enumerate(rows, 1):
        if len(row) != len(rows[0]):
            raise InputError(path, f"expected {len(rows[0])} fields, got {len(row)}", row=number)
    return pd.DataFrame(rows[1:], columns=rows[0], dtype=str)


def write_exact_csv(path: Path, table: pd.DataFrame) -> None:
    """CSV that reads back as the same floats: for a pipeline's files that people open too."""
    with complete(path) as partial:
        table.to_csv(partial, index=False, lineterminator="\n")
