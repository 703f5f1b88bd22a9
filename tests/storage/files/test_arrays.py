"""Parts of an npz are those of the whole."""

from pathlib import Path

import numpy as np
import pytest

from storage.files.arrays import array_rows, read_arrays, write_arrays


@pytest.mark.parametrize("shape", [(3, 5), (1, 4), (2, 0), (0, 4), (2, 3, 4)])
@pytest.mark.parametrize("kind", [np.float64, np.int32, bool])
def test_rows_of_an_array_are_those_of_all(tmp_path: Path, shape: tuple[int, ...], kind: type) -> None:
    whole: np.ndarray = np.arange(np.prod(shape)).reshape(shape).astype(kind)
    write_arrays(tmp_path / "some.npz", {"before": np.ones(9), "whole": whole, "after": np.zeros(2)})
    rows = list(array_rows(tmp_path / "some.npz", "whole"))
    assert len(rows) == len(whole)
    for found, row in zip(rows, whole, strict=True):
        assert found.dtype == row.dtype and found.shape == row.shape
        assert found.tolist() == row.tolist()


def test_what_is_wanted_is_read_where_it_is_there(tmp_path: Path) -> None:
    write_arrays(tmp_path / "some.npz", {"a": np.arange(2), "b": np.arange(3)})
    assert {*read_arrays(tmp_path / "some.npz")} == {"a", "b"}
    assert {name: each.tolist() for name, each in read_arrays(tmp_path / "some.npz", ["b", "c"]).items()} == {
        "b": [0, 1, 2]
    }
