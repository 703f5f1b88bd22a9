"""Rows with scores: every kind of file reads alike and to the bit, and what is unusable is refused by row and field."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from params.columns import ScoreColumns
from storage.files.import_report import ImportReport
from storage.files.inputs import InputError
from storage.messages.scored import SCORE, read_scored

CSV = "id,label,collected_at,split,crypto,scam\na,crypto|scam,2024-01-01,calib,.9,.8\nb,,2024-01-02,holdout,.1,1.00001\n"
FRAUD = (
    "transaction_id;amount;timestamp;score;is_fraud\n"
    "T1;12.50;2024-05-01T10:00:00+02:00;0.70000005;1\n"
    "T2;9.00;2024-05-01T11:00:00+02:00;0.7;0\n"
)
COLUMNS = {"id": None, "collected_at": None, "split": None, "scores": None, "labels": None}
THEIRS = {
    **COLUMNS, "id": "transaction_id", "collected_at": "timestamp", "scores": {"fraud": "score"},
    "labels": {"fraud": "is_fraud"},
}  # fmt: skip


def write(path: Path, text: str = CSV) -> Path:
    path.write_text(text)
    return path


def read(
    path: Path, labels: list[str] | None = None, columns: dict[str, Any] | None = None, **changes: Any
) -> tuple[pd.DataFrame, list[str], dict[str, int]]:
    named = None if columns is None else ScoreColumns(**columns)
    settings = {"untimed": "refuse", "clamp": 1e-4, "report": ImportReport(), **changes}
    return read_scored(path, labels, named, **settings)


def refusal(
    path: Path, labels: list[str] | None = None, columns: dict[str, Any] | None = None, **changes: Any
) -> str:
    with pytest.raises(InputError) as caught:
        read(path, labels, columns, **changes)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_all_kinds_of_file_hold_the_same_rows(tmp_path: Path) -> None:
    path = write(tmp_path / "s.csv")
    frame = pd.read_csv(path, dtype={"id": str})
    frame.to_parquet(tmp_path / "s.parquet")
    write(tmp_path / "s.tsv", CSV.replace(",", "\t"))
    (tmp_path / "s.csv.gz").write_bytes(gzip.compress(CSV.replace(",", ";").encode()))
    lists: list[list[str]] = [["crypto", "scam"], []]
    rows = [{**row, "label": names} for row, names in zip(frame.to_dict("records"), lists, strict=True)]
    write(tmp_path / "s.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    expected, labels, _ = read(path)
    assert labels == ["crypto", "scam"]
    assert expected[labels].to_numpy().tolist() == [[True, True], [False, False]]
    for name in ("s.parquet", "s.tsv", "s.csv.gz", "s.jsonl"):
        table = read(tmp_path / name)[0]
        pd.testing.assert_frame_equal(table.drop(columns="row"), expected.drop(columns="row"))


def test_scores_keep_all_their_bits(tmp_path: Path) -> None:
    scores = np.random.default_rng(1).random(500)
    frame = pd.DataFrame({"id": range(500), "label": ["scam", ""] * 250, "scam": scores})
    frame.to_csv(tmp_path / "s.csv", index=False)
    frame.to_parquet(tmp_path / "s.parquet")
    np.savez(tmp_path / "s.npz", scores=scores, labels=frame["label"] == "scam", names=np.array(["scam"]))
    for name in ("s.csv", "s.parquet", "s.npz"):
        table = read(tmp_path / name, untimed="file_order")[0]
        assert table[SCORE + "scam"].tolist() == scores.tolist()
        assert table["scam"].tolist() == (frame["label"] == "scam").tolist()


def test_a_strangers_header_needs_no_editing(tmp_path: Path) -> None:
    report = ImportReport()
    table, labels, _ = read(write(tmp_path / "s.csv", FRAUD), columns=THEIRS, report=report)
    assert labels == ["fraud"]
    assert table["id"].tolist() == ["T1", "T2"]
    assert table["fraud"].tolist() == [True, False]
    assert table[SCORE + "fraud"].tolist() == [0.70000005, 0.7]
    assert table["collected_at"].iloc[0] == pd.Timestamp("2024-05-01T08:00", tz="UTC")
    assert report.counts()["noted"] == {
        "s.csv: columns that are not read": 1,
        "s.csv: rows read as CSV separated by semicolons": 2,
    }
    assert "'amount'" in " ".join(report.lines())


def test_a_mapped_column_that_is_not_there_is_refused_with_those_there_are(tmp_path: Path) -> None:
    message = refusal(write(tmp_path / "s.csv", FRAUD), columns={**THEIRS, "id": "transaction"})
    assert "transaction" in message
    assert "transaction_id" in message


@pytest.mark.parametrize("truth", [("1", "0"), ("true", "false"), ("True", "False"), ("1.0", "0.0")])
def test_one_label_may_be_a_column_of_zeros_and_ones(tmp_path: Path, truth: tuple[str, str]) -> None:
    text = f"id,label,score\na,{truth[0]},.9\nb,{truth[1]},.1\n"
    table, labels, _ = read(write(tmp_path / "s.csv", text), untimed="file_order")
    assert labels == ["positive"]
    assert table["positive"].tolist() == [True, False]
    table, labels, _ = read(write(tmp_path / "s.csv", text), ["fraud"], untimed="file_order")
    assert table["fraud"].tolist() == [True, False]


def test_several_labels_may_have_a_column_each(tmp_path: Path) -> None:
    text = "id,score:a,label:a,score:b,label:b,other\n1,.1,0,.2,1,x\n2,.3,1,.4,0,y\n"
    table, labels, _ = read(write(tmp_path / "s.csv", text), untimed="file_order")
    assert labels == ["a", "b"]
    assert table[labels].to_numpy().tolist() == [[False, True], [True, False]]
    message = refusal(write(tmp_path / "s.csv", text.replace(".3,1", ".3,2")))
    assert "row 3, field label:a: expected 0, 1, true or false, got '2'" in message


def test_zeros_and_ones_beside_several_scores_are_refused(tmp_path: Path) -> None:
    message = refusal(write(tmp_path / "s.csv", "id,label,a,b\n1,1,.1,.2\n2,0,.1,.2\n"))
    assert "a column of 0 and 1 speaks of one label, and there are 2: name it label:<name>" in message


def test_an_empty_field_among_zeros_and_ones_is_no_negative(tmp_path: Path) -> None:
    message = refusal(write(tmp_path / "s.csv", "id,label,score\n1,1,.1\n2,,.2\n"))
    assert "in a column of 0 and 1 every row has one of both" in message


@pytest.mark.parametrize("saved", ["shuffled", "sorted", "filtered", "repeated index", "id as index"])
def test_rows_of_a_parquet_file_keep_their_labels_whatever_index_it_was_saved_with(
    tmp_path: Path, saved: str
) -> None:
    """Labels are those of the scores' own rows: each score tells its label."""
    random = np.random.default_rng(3)
    positive = random.random(200) < 0.4
    frame = pd.DataFrame(
        {
            "id": [f"row{i}" for i in range(200)],
            "label": np.where(positive, "scam", ""),
            "collected_at": "2024-01-01",
            "scam": np.where(positive, 0.9, 0.1) + random.uniform(0, 0.05, 200),
        }
    )
    match saved:
        case "shuffled":
            frame = frame.sample(frac=1, random_state=1)
        case "sorted":
            frame = frame.sort_values("scam")
        case "filtered":
            frame = frame[random.random(200) < 0.7]
        case "repeated index":
            frame.index = frame.index // 2
        case "id as index":
            frame = frame.sample(frac=1, random_state=1).set_index("id")
    frame.to_parquet(tmp_path / "s.parquet")
    table, labels, _ = read(tmp_path / "s.parquet", clamp=0.0)
    assert labels == ["scam"]
    assert len(table) == len(frame)
    assert table["scam"].tolist() == (table[SCORE + "scam"] > 0.5).tolist()
    assert 0 < table["scam"].sum() < len(table)
    expected = frame.reset_index()
    assert table["id"].tolist() == expected["id"].tolist()
    assert table[SCORE + "scam"].tolist() == expected["scam"].tolist()


def test_scores_just_beyond_one_are_clamped_and_counted(tmp_path: Path) -> None:
    table, _, counts = read(write(tmp_path / "s.csv"))
    assert table[SCORE + "scam"].tolist() == [0.8, 1.0]
    assert counts == {"clamped_scores": 1, "untimed_rows_dropped": 0}


def test_npz_needs_no_names_ids_or_times(tmp_path: Path) -> None:
    report = ImportReport()
    np.savez(tmp_path / "s.npz", scores=np.eye(3, 2, dtype=np.float32), labels=np.eye(3, 2) > 0)
    table, labels, _ = read(tmp_path / "s.npz", untimed="file_order", report=report)
    assert labels == ["label_0", "label_1"]
    assert table["id"].tolist() == ["1", "2", "3"]
    assert table[labels].to_numpy().tolist() == [[True, False], [False, True], [False, False]]
    assert report.counts()["noted"] == {
        "s.npz: rows without an id: their numbers in the file are their ids": 3
    }


def test_arrays_of_an_npz_may_have_other_names(tmp_path: Path) -> None:
    np.savez(tmp_path / "s.npz", sgmd=np.eye(3, 2), truth=np.eye(3, 2, dtype=int), features=np.zeros(9))
    assert "array(s) scores, labels are missing, there are sgmd, truth, features" in refusal(
        tmp_path / "s.npz"
    )
    columns = {**COLUMNS, "scores": "sgmd", "labels": "truth"}
    table, labels, _ = read(tmp_path / "s.npz", ["a", "b"], columns, untimed="file_order")
    assert labels == ["a", "b"]
    assert table[labels].to_numpy().tolist() == [[True, False], [False, True], [False, False]]


def test_a_chosen_subset_of_labels_leaves_the_others_out(tmp_path: Path) -> None:
    report = ImportReport()
    table, labels, _ = read(write(tmp_path / "s.csv"), ["scam"], report=report)
    assert labels == ["scam"]
    assert table["scam"].tolist() == [True, False]
    assert "crypto" not in table
    assert "'crypto'" in " ".join(report.lines())


@pytest.mark.parametrize("score", ["nan", "", "1.5", "-0.1"])
def test_a_score_outside_the_unit_interval_is_refused(tmp_path: Path, score: str) -> None:
    message = refusal(write(tmp_path / "s.csv", CSV.replace(".9", score)))
    assert "row 2, field crypto" in message
    assert "is not a score in [0, 1] (1 such row(s); up to 0.0001 beyond is clamped)" in message


@pytest.mark.parametrize(
    ("scores", "advice"),
    [
        ((-2.0, 3.0), "look like logits"),
        ((12.0, 97.0), "look like percentages"),
        ((0.5, np.nan), "score the row"),
    ],
)
def test_what_scores_look_like_is_said(tmp_path: Path, scores: tuple[float, float], advice: str) -> None:
    first, second = scores
    text = f"id,label,score\n1,1,{first}\n2,0,{second}\n"
    assert advice in refusal(write(tmp_path / "s.csv", text), untimed="file_order")


def test_a_score_that_is_no_number_is_refused_with_what_to_write(tmp_path: Path) -> None:
    assert "row 2, field crypto: expected a number, got 'high'" in refusal(
        write(tmp_path / "s.csv", CSV.replace(".9", "high"))
    )
    text = "id;label;score\na;1;0,5\nb;0;0,25\n"
    assert "write decimals with a point, 0.5" in refusal(
        write(tmp_path / "s.csv", text), untimed="file_order"
    )


def test_a_duplicate_or_empty_id_is_refused(tmp_path: Path) -> None:
    assert "row 3, field id: id 'a' was used by row 2" in refusal(
        write(tmp_path / "s.csv", CSV.replace("\nb,", "\na,"))
    )
    assert "row 3, field id: there is no id" in refusal(write(tmp_path / "s.csv", CSV.replace("\nb,", "\n,")))


def test_a_label_without_scores_is_refused(tmp_path: Path) -> None:
    message = refusal(write(tmp_path / "s.csv"), ["promo"])
    assert (
        "no score column for label 'promo', there are id, label, collected_at, split, crypto, scam" in message
    )


def test_an_unknown_label_is_refused(tmp_path: Path) -> None:
    assert "row 2, field label: unknown label 'spam'" in refusal(
        write(tmp_path / "s.csv", CSV.replace("crypto|", "spam|"))
    )


def test_a_missing_time_is_refused(tmp_path: Path) -> None:
    assert "row 3, field collected_at: there is no time" in refusal(
        write(tmp_path / "s.csv", CSV.replace("2024-01-02", ""))
    )


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    assert "holds no rows" in refusal(write(tmp_path / "s.csv", CSV.splitlines()[0] + "\n"))
    assert "holds no rows" in refusal(write(tmp_path / "t.csv", ""))


def test_missing_columns_are_refused(tmp_path: Path) -> None:
    assert "column(s) labels are missing" in refusal(write(tmp_path / "s.csv", "id,crypto\na,.5\n"))
    assert "there is no column of scores" in refusal(write(tmp_path / "s.csv", "id,label\na,1\n"))


def test_arrays_of_different_shape_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "s.npz", scores=np.zeros((3, 2)), labels=np.zeros((3, 1)))
    assert "expected scores and labels of one shape (rows, labels), got (3, 2), (3, 1)" in refusal(
        tmp_path / "s.npz"
    )


def test_pickled_arrays_are_never_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "s.npz", scores=np.zeros((1, 1)), labels=np.array([[{}]], object))
    assert "holds Python objects" in refusal(tmp_path / "s.npz")
