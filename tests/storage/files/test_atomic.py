"""A path exists once it is complete, and what an earlier kill left behind goes away."""

from pathlib import Path

import numpy as np
import pytest

from storage.files.arrays import read_arrays, write_arrays
from storage.files.atomic import complete, complete_folder


def test_nothing_is_left_where_writing_fails(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), complete(tmp_path / "a") as partial:
        partial.write_text("half")
        raise RuntimeError
    with pytest.raises(RuntimeError), complete_folder(tmp_path / "b") as folder:
        (folder / "one").write_text("half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("old")
    with complete(path) as partial:
        partial.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"


def test_a_folder_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    for name in ("one", "two"):
        with complete_folder(tmp_path / "a") as folder:
            (folder / name).write_text(name)
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["two"]
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_what_a_killed_run_left_is_removed_by_the_next(tmp_path: Path) -> None:
    (tmp_path / ".a.123.partial").write_text("half")
    (tmp_path / ".b.123.partial").mkdir()
    with complete(tmp_path / "a") as partial:
        partial.write_text("whole")
    with complete_folder(tmp_path / "b"):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_the_same_arrays_are_the_same_bytes(tmp_path: Path) -> None:
    arrays = {"x": np.arange(5.0), "name": np.array(["a", "bc"])}
    for name in ("one.npz", "two.npz"):
        write_arrays(tmp_path / name, arrays)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    assert read_arrays(tmp_path / "one.npz")["name"].tolist() == ["a", "bc"]
