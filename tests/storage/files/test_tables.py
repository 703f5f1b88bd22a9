"""Blocks of a Parquet table are the table."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from storage.files.tables import parquet_blocks, read_parquet, write_parquet


@pytest.mark.parametrize("rows", [0, 1, 200_000])
def test_blocks_of_a_table_are_all_of_it(tmp_path: Path, rows: int) -> None:
    table = pd.DataFrame(
        {
            "a": np.arange(rows),
            "b": np.arange(rows) / 2,
            "c": pd.array(["x", "y"] * rows, "str")[:rows],
            "d": True,
        }
    )
    write_parquet(tmp_path / "table.parquet", table)
    blocks = list(parquet_blocks(tmp_path / "table.parquet", ["c", "a"]))
    assert len(blocks) == max(1, -(-rows // 65_536))
    expected = read_parquet(tmp_path / "table.parquet", ["c", "a"])
    pd.testing.assert_frame_equal(pd.concat(blocks, ignore_index=True), expected)
