"""Tables: Parquet for the pipeline, CSV with few digits for people and for git."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from pyarrow.parquet import ParquetFile

from storage.files.atomic import complete
from storage.files.documents import SIGNIFICANT_DIGITS


def write_parquet(path: Path, table: pd.DataFrame) -> None:
    with complete(path) as partial:
        table.to_parquet(partial, index=False)


def read_parquet(path: Path, columns: list[str] | None = None) -> pd.DataFrame:
    """columns: those that are read; all where none are named."""
    return pd.read_parquet(path, columns=columns)


def parquet_blocks(path: Path, columns: list[str]) -> Iterator[pd.DataFrame]:
    """Some rows at a time, and at least one block, which may have no row."""
    with ParquetFile(path) as file:
        if not file.metadata.num_rows:
            yield file.read(columns).to_pandas()
        for batch in file.iter_batches(columns=columns):
            yield batch.to_pandas()


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Floats keep six significant digits: below that, machines may differ and nobody reads."""
    with complete(path) as partial:
        table.to_csv(partial, index=False, float_format=f"%.{SIGNIFICANT_DIGITS}g", lineterminator="\n")


def read_csv(path: Path) -> pd.DataFrame:
    return pd.read_csv(path)
