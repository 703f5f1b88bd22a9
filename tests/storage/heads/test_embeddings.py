"""Embeddings on disk: what goes in comes out, and what no head can use is refused by name."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from storage.files.inputs import InputError
from storage.heads.embeddings import (
    Card,
    Embeddings,
    EmbeddingTable,
    check_encoders,
    read_embedding_table,
    read_embeddings,
    write_embedding_table,
    write_embeddings,
)

CARD = Card("m", "cls", "0" * 64, {"mean": [0.5], "std": [0.25]})
MADE = Embeddings(
    encoder="narrow",
    dataset="crops",
    ids=["a", "b", "c", "d"],
    groups=["i1", "i1", "i2", "i3"],
    labels=["dog", "__bg_0", "cat", "dog"],
    split=["train", "train", "validation", "test"],
    values=np.arange(1, 13, dtype=np.float32).reshape(4, 3),
    card=CARD,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_embeddings(tmp_path / "embeddings.safetensors", MADE)
    return tmp_path / "embeddings.safetensors"


def edit(path: Path, **changes: Any) -> None:
    side = path.with_suffix(".json")
    side.write_text(json.dumps({**json.loads(side.read_text()), **changes}))


@pytest.mark.parametrize("suffix", [".safetensors", ".json"])
def test_what_is_written_is_read(path: Path, suffix: str) -> None:
    read = read_embeddings(path.with_suffix(suffix))
    assert np.array_equal(read.values, MADE.values)
    assert read.values.dtype == np.float32
    assert replace(read, values=MADE.values) == MADE
    assert read.classes == ["cat", "dog", "__bg_0"]
    assert read.foreground == ["cat", "dog"]


def test_twice_is_the_same_bytes(path: Path, tmp_path: Path) -> None:
    write_embeddings(tmp_path / "again.json", MADE)
    for suffix in (".safetensors", ".json"):
        assert (tmp_path / "again").with_suffix(suffix).read_bytes() == path.with_suffix(suffix).read_bytes()


def test_a_users_pair_needs_no_split_and_may_be_of_half_precision(tmp_path: Path) -> None:
    labelled = EmbeddingTable(MADE.ids, MADE.groups, MADE.labels, MADE.values, CARD)
    write_embedding_table(tmp_path / "given.safetensors", labelled)
    save_file({"embeddings": MADE.values.astype(np.float16)}, tmp_path / "given.safetensors")
    assert np.array_equal(read_embedding_table(tmp_path / "given.json").values, MADE.values)


@pytest.mark.parametrize(
    ("bad", "said"),
    [(np.nan, "'c' has NaN or infinity"), (np.inf, "'c' has NaN or infinity"), (0.0, "'c' has norm 0")],
)
def test_a_row_without_a_direction_is_named(path: Path, bad: float, said: str) -> None:
    values = MADE.values.copy()
    values[2] = bad
    with pytest.raises(InputError, match=f"row 3: the embedding of {said}"):
        write_embeddings(path, replace(MADE, values=values))
    save_file({"embeddings": values}, path)
    with pytest.raises(InputError, match=f"row 3: the embedding of {said}"):
        read_embeddings(path)


def test_a_group_in_two_splits_is_refused(path: Path) -> None:
    with pytest.raises(InputError, match="group 'i1' stands in train and test"):
        write_embeddings(path, replace(MADE, split=["train", "test", "validation", "test"]))
    edit(path, split=["train", "test", "validation", "test"])
    with pytest.raises(InputError, match=r"embeddings.json, row 2, field split: group 'i1'"):
        read_embeddings(path)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"dimension": 4}, "field dimension: the sidecar says 4, the tensor has 3 columns"),
        ({"ids": ["a", "b", "c"]}, "3 ids"),
        ({"ids": ["a", "b", "b", "d"]}, "row 3, field ids: id 'b' was used by row 2 already"),
        ({"ids": []}, "field ids: expected a list"),
        ({"labels": ["dog", None, "cat", "dog"]}, "row 2, field labels: expected text, got None"),
        ({"groups": ["i1"]}, "field groups: 1 entries for 4 ids"),
        ({"split": ["train", "train", "dev", "test"]}, "row 3, field split: unknown split 'dev'"),
        ({"model": ""}, "field model: expected text"),
        ({"transform": None}, "field transform: expected text"),
        ({"normalisation": {"mean": ["x"]}}, "field normalisation: expected lists of numbers"),
        ({"encoder": 3}, "field encoder: expected text, got 3"),
    ],
)
def test_a_sidecar_that_does_not_fit_is_refused(path: Path, changes: dict[str, Any], said: str) -> None:
    edit(path, **changes)
    with pytest.raises(InputError, match=said):
        read_embeddings(path)


def test_rows_of_the_tensor_are_counted(path: Path) -> None:
    save_file({"embeddings": MADE.values[:3]}, path)
    with pytest.raises(InputError, match="3 rows, but 4 ids"):
        read_embeddings(path)


def test_what_is_no_matrix_of_numbers_is_refused(path: Path) -> None:
    save_file({"other": MADE.values}, path)
    with pytest.raises(InputError, match=r"expected a tensor 'embeddings', found \['other'\]"):
        read_embeddings(path)
    save_file({"embeddings": MADE.values.astype(np.int32)}, path)
    with pytest.raises(InputError, match="expected floating-point numbers"):
        read_embeddings(path)
    path.write_bytes(b"not a tensor")
    with pytest.raises(InputError, match="not a safetensors file"):
        read_embeddings(path)
    path.unlink()
    with pytest.raises(InputError, match="no such file"):
        read_embeddings(path)


def test_encoders_are_counted_once_and_share_their_rows() -> None:
    paths = [Path("one"), Path("two")]
    check_encoders(paths, [MADE, replace(MADE, encoder="wide")])
    check_encoders(paths, [MADE, replace(MADE, encoder="wide", labels=["dog", "__bg_1", "cat", "dog"])])
    with pytest.raises(InputError, match="encoder 'narrow' is in one already"):
        check_encoders(paths, [MADE, MADE])
    moved = replace(MADE, encoder="wide", ids=["b", "a", "c", "d"])
    with pytest.raises(InputError, match="two, field ids: rows of dataset 'crops' differ from those in one"):
        check_encoders(paths, [MADE, moved])
    check_encoders(paths, [MADE, replace(moved, dataset="others")])


def test_nothing_but_the_tensor_is_in_the_file(path: Path) -> None:
    assert list(load_file(path)) == ["embeddings"]
