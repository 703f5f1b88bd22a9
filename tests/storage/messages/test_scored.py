"""Rows with scores: the three kinds of file read alike, and unusable scores are refused by row and label."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from storage.files.inputs import InputError
from storage.messages.scored import SCORE, read_scored

CSV = "id,label,collected_at,split,crypto,scam\na,crypto|scam,2024-01-01,calib,.9,.8\nb,,2024-01-02,holdout,.1,1.00001\n"


def write(path: Path, text: str = CSV) -> Path:
    path.write_text(text)
    return path


def refusal(path: Path, labels: list[str] | None = None) -> str:
    with pytest.raises(InputError) as caught:
        read_scored(path, labels, "refuse", 1e-4)
    return str(caught.value)


def test_csv_and_parquet_hold_the_same_rows(tmp_path: Path) -> None:
    path = write(tmp_path / "s.csv")
    pd.read_csv(path, dtype={"id": str}).to_parquet(tmp_path / "s.parquet")
    one, two = (read_scored(file, None, "refuse", 1e-4) for file in (path, tmp_path / "s.parquet"))
    pd.testing.assert_frame_equal(one[0], two[0])
    assert one[1] == ["crypto", "scam"]
    assert one[0]["scam"].tolist() == [True, False]


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
    table, labels, _ = read_scored(tmp_path / "s.parquet", None, "refuse", 0.0)
    assert labels == ["scam"]
    assert len(table) == len(frame)
    assert table["scam"].tolist() == (table[SCORE + "scam"] > 0.5).tolist()
    assert 0 < table["scam"].sum() < len(table)
    expected = frame.reset_index()
    assert table["id"].tolist() == expected["id"].tolist()
    np.testing.assert_array_equal(table[SCORE + "scam"], expected["scam"].to_numpy(np.float32))


def test_scores_just_beyond_one_are_clamped_and_counted(tmp_path: Path) -> None:
    table, _, counts = read_scored(write(tmp_path / "s.csv"), None, "refuse", 1e-4)
    assert table[SCORE + "scam"].tolist() == [np.float32(0.8), 1.0]
    assert counts == {"clamped_scores": 1, "untimed_rows_dropped": 0}


def test_npz_needs_no_names_ids_or_times(tmp_path: Path) -> None:
    np.savez(tmp_path / "s.npz", scores=np.eye(3, 2, dtype=np.float32), labels=np.eye(3, 2) > 0)
    table, labels, _ = read_scored(tmp_path / "s.npz", None, "file_order", 0.0)
    assert labels == ["label_0", "label_1"]
    assert table["id"].tolist() == ["0", "1", "2"]
    assert table[labels].to_numpy().tolist() == [[True, False], [False, True], [False, False]]


def test_a_chosen_subset_of_labels_leaves_the_others_out(tmp_path: Path) -> None:
    text = CSV.replace("crypto|scam", "scam")
    table, labels, _ = read_scored(write(tmp_path / "s.csv", text), ["scam"], "refuse", 1e-4)
    assert labels == ["scam"]
    assert "crypto" not in table


@pytest.mark.parametrize("score", ["nan", "", "1.5", "-0.1", "high"])
def test_a_score_outside_the_unit_interval_is_refused(tmp_path: Path, score: str) -> None:
    message = refusal(write(tmp_path / "s.csv", CSV.replace(".9", score)))
    assert "row 1, field crypto" in message
    assert "is not a score in [0, 1] (1 such row(s); up to 0.0001 beyond is clamped)" in message


def test_a_duplicate_id_is_refused(tmp_path: Path) -> None:
    assert "row 2, field id: id 'a' was used by row 1" in refusal(
        write(tmp_path / "s.csv", CSV.replace("\nb,", "\na,"))
    )


def test_a_label_without_scores_is_refused(tmp_path: Path) -> None:
    assert "no score column for label(s) ['promo']; found ['crypto', 'scam']" in refusal(
        write(tmp_path / "s.csv"), ["promo"]
    )


def test_an_unknown_label_is_refused(tmp_path: Path) -> None:
    assert "row 1, field label: unknown label 'spam'" in refusal(
        write(tmp_path / "s.csv", CSV.replace("crypto|", "spam|"))
    )


def test_a_missing_time_is_refused(tmp_path: Path) -> None:
    assert "row 2, field collected_at: there is no time" in refusal(
        write(tmp_path / "s.csv", CSV.replace("2024-01-02", ""))
    )


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    assert "holds no rows" in refusal(write(tmp_path / "s.csv", CSV.splitlines()[0] + "\n"))
    assert "holds no rows" in refusal(write(tmp_path / "t.csv", ""))


def test_missing_columns_are_refused(tmp_path: Path) -> None:
    assert "columns ['label'] are missing" in refusal(write(tmp_path / "s.csv", "id,crypto\na,.5\n"))


def test_arrays_of_different_shape_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "s.npz", scores=np.zeros((3, 2)), labels=np.zeros((3, 1)))
    assert "expected scores and labels of one shape (rows, labels), got (3, 2), (3, 1)" in refusal(
        tmp_path / "s.npz"
    )


def test_pickled_arrays_are_never_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "s.npz", scores=np.zeros((1, 1)), labels=np.array([[{}]], object))
    assert "cannot be read without pickle" in refusal(tmp_path / "s.npz")
