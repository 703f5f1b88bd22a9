"""Embeddings in every form that a user may bring: the same rows, or one line that says why not."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from storage.files.inputs import InputError
from storage.heads.foreign_embeddings import read_embedding_file

IDS = [f"row {number}" for number in range(12)]
GROUPS = [f"photo {number // 3}" for number in range(12)]
LABELS = ["cat", "dog"] * 6
VALUES = np.random.default_rng(0).normal(size=(12, 11)).astype(np.float32)
FRAME = pd.DataFrame({"id": IDS, "group": GROUPS, "label": LABELS})
CUT: list[Any] = [*VALUES[:11], None]
NUMBERED = {f"e{place}": VALUES[:, place] for place in range(11)}


def npz(folder: Path, **changes: Any) -> Path:
    arrays = {"embeddings": VALUES, "ids": IDS, "groups": GROUPS, "labels": LABELS, **changes}
    np.savez(folder / "a.npz", **{name: each for name, each in arrays.items() if each is not None})
    return folder / "a.npz"


def npy(folder: Path) -> Path:
    np.save(folder / "a.npy", VALUES)
    FRAME.to_csv(folder / "a.csv", index=False)
    return folder / "a.npy"


def lists(folder: Path) -> Path:
    FRAME.assign(embedding=list(VALUES)).to_parquet(folder / "a.parquet")
    return folder / "a.parquet"


def columns(folder: Path) -> Path:
    FRAME.assign(**NUMBERED).to_parquet(folder / "a.parquet")
    return folder / "a.parquet"


def shuffled(folder: Path) -> Path:
    """The frame of somebody who shuffled it: its index is stored, and is not the place of a row."""
    FRAME.assign(**NUMBERED).sample(frac=1, random_state=0).sort_values("e3").to_parquet(folder / "a.parquet")
    return folder / "a.parquet"


def csv(folder: Path) -> Path:
    FRAME.assign(**{name: each.astype(np.float64) for name, each in NUMBERED.items()}).to_csv(
        folder / "a.csv", index=False, sep=";"
    )
    return folder / "a.csv"


def jsonl(folder: Path) -> Path:
    FRAME.assign(embedding=VALUES.astype(np.float64).tolist()).to_json(folder / "a.jsonl", orient="records", lines=True,
                                                                       double_precision=15)  # fmt: skip
    return folder / "a.jsonl"


@pytest.mark.parametrize("write", [npz, npy, lists, columns, shuffled, csv, jsonl])
def test_every_form_reads_as_the_same_rows(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    read = read_embedding_file(write(tmp_path))
    place = {name: row for row, name in enumerate(read.ids)}
    order = [place[name] for name in IDS]
    assert np.array_equal(np.take(read.values, order, axis=0), VALUES)
    assert [read.labels[row] for row in order] == LABELS
    assert [read.groups[row] for row in order] == GROUPS


def test_rows_without_a_group_are_groups_of_their_own_and_numbers_may_be_names(tmp_path: Path) -> None:
    read = read_embedding_file(npz(tmp_path, groups=None, ids=np.arange(12), labels=np.arange(12) % 2))
    assert read.ids == read.groups == [str(number) for number in range(12)]
    assert read.labels[:2] == ["0", "1"]


def with_value(value: float, row: int) -> NDArray[np.float32]:
    values = VALUES.copy()
    values[row] = value
    return values


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"embeddings": None}, r"expected an array embeddings \(rows, columns\), there are \['ids'"),
        ({"embeddings": VALUES[0]}, r"expected floating-point numbers \(rows, columns\)"),
        ({"embeddings": VALUES.astype(np.int32)}, "expected floating-point numbers"),
        ({"embeddings": with_value(np.nan, 4)}, "row 5: the embedding of 'row 4' has NaN or infinity"),
        ({"embeddings": with_value(0, 2)}, "row 3: the embedding of 'row 2' has norm 0"),
        ({"ids": None}, r"column\(s\) id are missing"),
        ({"ids": [*IDS[:11], "row 3"]}, "row 12, field id: id 'row 3' was used by row 4 already"),
        ({"ids": IDS[:3]}, "field ids: expected one for each of 12 embeddings"),
        ({"labels": [*LABELS[:11], ""]}, "row 12, field labels: there is none"),
        ({"labels": None}, r"column\(s\) label are missing"),
        ({"model": np.arange(3)}, "field model: expected one text"),
    ],
)
def test_an_npz_that_cannot_be_used_is_refused(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said) as error:
        read_embedding_file(npz(tmp_path, **changes))
    assert "\n" not in str(error.value)


def test_all_kinds_of_bad_rows_are_said_at_once(tmp_path: Path) -> None:
    values = with_value(np.inf, 7)
    values[[1, 2]] = 0
    with pytest.raises(
        InputError, match=r"'row 7' has NaN or infinity \(1 row.*'row 1' has norm 0.*\(2 row.*'row 2'\)"
    ):
        read_embedding_file(npz(tmp_path, embeddings=values))


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (FRAME, "expected a column embedding of lists, or numbered columns"),
        (FRAME.assign(**NUMBERED).drop(columns="e4"), "field e: columns e0, ... do not run on: e4 is missing"),
        (FRAME.assign(**NUMBERED, f0=1.0, f1=2.0), r"found several: \['e', 'f'\]"),
        (FRAME.assign(embedding=[*VALUES[:11], VALUES[0][:4]]), "row 12, field embedding: expected a list of 11 numbers, got 4"),
        (FRAME.assign(embedding=CUT), "row 12, field embedding: expected a list of 11 numbers, got None"),
        (FRAME.assign(embedding="text"), "row 1, field embedding: expected a list of numbers"),
    ],
)  # fmt: skip
def test_a_table_that_cannot_be_used_is_refused(tmp_path: Path, frame: pd.DataFrame, said: str) -> None:
    frame.to_parquet(tmp_path / "a.parquet")
    with pytest.raises(InputError, match=said):
        read_embedding_file(tmp_path / "a.parquet")


def test_an_array_and_its_table_have_the_same_number_of_rows(tmp_path: Path) -> None:
    path = npy(tmp_path)
    FRAME.iloc[:9].to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(InputError, match=r"a.csv: 9 rows, but a.npy has 12; rows go by their place"):
        read_embedding_file(path)
    (tmp_path / "a.csv").unlink()
    with pytest.raises(InputError, match=r"a.csv: no such file; it names the rows of a.npy"):
        read_embedding_file(path)
