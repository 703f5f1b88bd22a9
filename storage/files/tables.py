"""Tables: Parquet for the pipeline, CSV with few digits for people and for git."""

import re
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from storage.files.atomic import complete
from storage.files.documents import SIGNIFICANT_DIGITS

UNNAMED_INDEX = re.compile(r"__index_level_\d+__")  # what pandas calls the index of a frame in a Parquet file


def write_parquet(path: Path, table: pd.DataFrame) -> None:
    with complete(path) as partial:
        table.to_parquet(partial, index=False)


def read_parquet(path: Path) -> pd.DataFrame:
    return pd.read_parquet(path)


def read_columns(path: Path) -> pd.DataFrame:
    """A Parquet file of a user's: its columns, a named index among them, and rows by position.

    pandas stores the index of a shuffled, filtered or sorted frame with the file; whatever is aligned by it later
    would give rows other rows' values.
    """
    table = pq.read_table(path)
    unnamed = [name for name in table.column_names if UNNAMED_INDEX.fullmatch(name)]
    columns: pd.DataFrame = table.drop_columns(unnamed).to_pandas(ignore_metadata=True)
    return columns


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Floats keep six significant digits: below that, machines may differ and nobody reads."""
    with complete(path) as partial:
        table.to_csv(partial, index=False, float_format=f"%.{SIGNIFICANT_DIGITS}g", lineterminator="\n")


def read_csv(path: Path) -> pd.DataFrame:
    return pd.read_csv(path)
