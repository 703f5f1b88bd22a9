"""Tables of strangers: what is read, and the one line for what is not."""

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from storage.files.foreign import ForeignTable, read_foreign_table
from storage.files.inputs import InputError, shown


def table(folder: Path, name: str, content: str | bytes) -> ForeignTable:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_foreign_table(path)


def refusal(folder: Path, name: str, content: str | bytes) -> str:
    with pytest.raises(InputError) as caught:
        table(folder, name, content)
    message = str(caught.value)
    assert "\n" not in message and name in message
    return message


@pytest.mark.parametrize(
    ("separator", "word"),
    [(",", "commas"), (";", "semicolons"), ("\t", "tabs")],
    ids=["comma", "semi", "tab"],
)
@pytest.mark.parametrize("packed", [False, True])
def test_the_separator_is_found_and_said(tmp_path: Path, separator: str, word: str, packed: bool) -> None:
    text = "\ufeff" + "\r\n".join(
        separator.join(row) for row in (("id", "score"), ("a", "0.1"), ('"b\nc"', "1e-3"))
    )
    content = gzip.compress(text.encode()) if packed else text.encode()
    read = table(tmp_path, "scores.csv" + ".gz" * packed, content)
    assert read.form == f"CSV separated by {word}"
    assert read.text("id").tolist() == ["a", "b\nc"]
    assert read.numbers("score").tolist() == [0.1, 1e-3]
    assert [read.row(0), read.row(1)] == [2, 3]


def test_numbers_are_the_nearest_float64_of_what_is_written(tmp_path: Path) -> None:
    scores = np.random.default_rng(7).random(5000)
    text = "s\n" + "\n".join(repr(float(score)) for score in scores)
    assert (table(tmp_path, "s.csv", text).numbers("s") == scores).all()


def test_blanks_and_nan_are_nan_and_text_is_refused_by_row(tmp_path: Path) -> None:
    read = table(tmp_path, "s.csv", 's,t,u\n 1 ,0.5,0\n,"0,5",x\nnan,1,2\n')
    assert np.array_equal(read.numbers("s"), [1, np.nan, np.nan], equal_nan=True)
    with pytest.raises(
        InputError, match=r"row 3, field t: expected a number, got '0,5'; write .* point, 0\.5"
    ):
        read.numbers("t")
    with pytest.raises(InputError, match="row 3, field u: expected a number, got 'x'"):
        read.numbers("u")


@pytest.mark.parametrize("arrange", ["shuffled", "filtered", "sorted", "indexed"])
def test_rows_of_a_parquet_file_stand_by_position(tmp_path: Path, arrange: str) -> None:
    frame = pd.DataFrame({"id": [f"r{row}" for row in range(50)], "score": np.linspace(0, 1, 50)})
    arranged = {
        "shuffled": frame.sample(frac=1, random_state=3),
        "filtered": frame[frame["score"] > 0.4],
        "sorted": frame.sort_values("score", ascending=False),
        "indexed": frame.set_index("id"),
    }[arrange]
    arranged.to_parquet(tmp_path / "rows.parquet")
    read = read_foreign_table(tmp_path / "rows.parquet")
    assert read.frame.index.equals(pd.RangeIndex(len(arranged)))
    assert dict(zip(read.text("id"), read.numbers("score"), strict=True)) == dict(
        zip(arranged.reset_index()["id"], arranged["score"], strict=True)
    )
    assert read.names == ["id", "score"] or arrange == "indexed"


def test_types_of_parquet_become_text_and_numbers(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "whole": pd.array([1, None, 3], "Int64"),
            "kind": pd.Categorical(["a", "b", "a"]),
            "flag": [True, False, True],
            "when": pd.Series([pd.Timestamp("2024-01-01"), pd.NaT, pd.Timestamp("2024-01-03")]),
        }
    )
    frame.to_parquet(tmp_path / "types.parquet")
    read = read_foreign_table(tmp_path / "types.parquet")
    assert read.text("whole").tolist() == ["1", "", "3"]
    assert np.array_equal(read.numbers("whole"), [1, np.nan, 3], equal_nan=True)
    assert read.text("kind").tolist() == ["a", "b", "a"]
    assert read.text("when").tolist() == ["2024-01-01 00:00:00", "", "2024-01-03 00:00:00"]
    with pytest.raises(InputError, match="row 1, field flag: expected a number, got True"):
        read.numbers("flag")


def test_json_lines_keep_their_values(tmp_path: Path) -> None:
    read = table(tmp_path, "rows.jsonl", '{"id": 1, "s": 0.5, "l": ["a"]}\n\n{"id": 2, "s": 1}\n')
    assert read.text("id").tolist() == ["1", "2"]
    assert read.numbers("s").tolist() == [0.5, 1.0]
    assert read.frame["l"].tolist() == [["a"], None]


def test_columns_are_renamed_and_what_stands_in_the_way_is_kept(tmp_path: Path) -> None:
    read = table(tmp_path, "rows.csv", "transaction,score,risk\n1,900,.9\n").renamed(
        {"id": "transaction", "score": "risk"}
    )
    assert read.names == ["id", "score (theirs)", "score"]
    assert read.without(["id", "score"]) == ["score (theirs)"]
    with pytest.raises(InputError, match=r"column.s. nothing are missing, there are id"):
        read.renamed({"x": "nothing"})
    with pytest.raises(InputError, match=r"takes column.s. score for two things"):
        read.renamed({"x": "score", "y": "score"})


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", "", "holds no rows"),
        ("a.csv", "id,score\n", "holds no rows"),
        ("a.csv", "id,score\n1,2\n1,2,3\n", "row 3: expected 2 fields, got 3"),
        ("a.csv", "id,id\n1,2\n", "column(s) id stand there twice"),
        ("a.csv", "id,\n1,2\n", "column 2 has no name"),
        ("a.csv", b"id,s\n1,\xff\n", "row 2: byte 7 is not UTF-8"),
        ("a.csv", 'id,s\n1,"abc\n2,3\n', "row 2: a quotation mark is not closed"),
        ("a.csv.gz", gzip.compress(b"id,s\n1,2\n" * 50, mtime=0)[:25], "not a gzip file that can be read"),
        ("a.jsonl", "[" * 100_000, "row 1: nested too deeply"),
        ("a.jsonl", '{"a": "\\ud800"}', "row 1: half of a character"),
        ("a.jsonl", "{}\n3\n", "row 2: expected one JSON object a line, got 3"),
        ("a.jsonl", '{"a": ' + "9" * 5000 + "}", "not JSON that can be read"),
        ("a.parquet", b"PAR1" + bytes(60) + b"PAR1", "not a Parquet file that can be read"),
        ("a.xlsx", b"", "unknown kind of file"),
        ("a.gz", b"", "unknown kind of file"),
    ],
)
def test_what_cannot_be_read_is_one_line(tmp_path: Path, name: str, content: str | bytes, said: str) -> None:
    assert said in refusal(tmp_path, name, content)


def test_a_packed_file_that_grows_beyond_all_bounds_is_one_line(tmp_path: Path) -> None:
    assert "unpacks to" in refusal(tmp_path, "a.csv.gz", gzip.compress(b"id,s\n" + b"1,2\n" * 20_000_000, 6))


@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_a_damaged_parquet_file_is_one_line_or_reads(tmp_path: Path, damage: str) -> None:
    whole = tmp_path / "whole.parquet"
    pd.DataFrame({"id": np.arange(500), "score": np.linspace(0, 1, 500)}).to_parquet(whole)
    content, rng = whole.read_bytes(), np.random.default_rng(1)
    refused = 0
    for _ in range(60):
        place = int(rng.integers(len(content)))
        flipped = content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]
        try:
            table(tmp_path, "damaged.parquet", content[:place] if damage == "cut" else flipped)
        except InputError as error:
            refused += 1
            assert "\n" not in str(error)
    assert refused == 60 if damage == "cut" else refused > 5


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none.csv: no such file"):
        read_foreign_table(tmp_path / "none.csv")


@pytest.mark.parametrize(
    ("make", "longest"),
    [(lambda: "x" * 10**6, 60), (lambda: list(range(10**5)), 60), (lambda: b"y" * 500, 60)],
)
def test_long_values_are_cut(make: Callable[[], object], longest: int) -> None:
    assert len(shown(make())) <= longest
    assert shown("short") == "'short'"
