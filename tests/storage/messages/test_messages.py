"""Message files: every format reads to the same rows, and what cannot be used is refused by file, row and field."""

import json
from pathlib import Path

import pandas as pd
import pytest

from params.columns import MessageColumns
from storage.files.import_report import ImportReport
from storage.files.inputs import InputError
from storage.messages.messages import read_messages

ROWS: list[dict[str, object]] = [
    {"id": "a", "text": "Free BTC", "labels": ["crypto", "scam"], "collected_at": "2024-01-01T10:00:00"},
    {"id": "b", "text": "hello, you", "labels": [], "collected_at": "2024-01-02T10:00:00+02:00"},
]
LABELS = ["crypto", "scam"]


def jsonl(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def read(
    path: Path, untimed: str = "refuse", columns: MessageColumns | None = None
) -> tuple[pd.DataFrame, int]:
    return read_messages(path, LABELS, columns, untimed, ImportReport())  # type: ignore[arg-type]


def refusal(path: Path, untimed: str = "refuse") -> str:
    with pytest.raises(InputError) as caught:
        read(path, untimed)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_three_formats_hold_the_same_messages(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text(
        "id,text,labels,collected_at\n"
        "a,Free BTC,crypto|scam,2024-01-01T10:00:00\n"
        'b,"hello, you",,2024-01-02T10:00:00+02:00\n'
    )
    (tmp_path / "m.txt").write_text("__label__crypto __label__scam Free BTC\nhello, you\n")
    (tmp_path / "m.times").write_text("2024-01-01T10:00:00\n2024-01-02T10:00:00+02:00\n")
    tables = [
        read(path)[0].drop(columns="row")
        for path in (jsonl(tmp_path / "m.jsonl", ROWS), tmp_path / "m.csv", tmp_path / "m.txt")
    ]
    assert tables[0]["collected_at"].tolist() == [
        pd.Timestamp("2024-01-01T10:00", tz="UTC"),
        pd.Timestamp("2024-01-02T08:00", tz="UTC"),
    ]
    assert tables[0][LABELS].to_numpy().tolist() == [[True, True], [False, False]]
    pd.testing.assert_frame_equal(tables[0], tables[1])
    pd.testing.assert_frame_equal(tables[0].drop(columns="id"), tables[2].drop(columns="id"))


def test_messages_of_a_stranger_need_no_new_header(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text("n;body;is_scam;is_crypto;when\n7;Free BTC;1;1;2024-01-01\n8;hello;0;0;2024-01-02\n")
    columns = MessageColumns(
        id="n", text="body", collected_at="when", labels={"crypto": "is_crypto", "scam": "is_scam"}
    )
    table = read(path, columns=columns)[0]
    assert table["id"].tolist() == ["7", "8"]
    assert table[LABELS].to_numpy().tolist() == [[True, True], [False, False]]


def test_messages_of_a_parquet_file_with_lists_keep_their_labels(tmp_path: Path) -> None:
    pd.DataFrame(ROWS).sample(frac=1, random_state=1).to_parquet(tmp_path / "m.parquet")
    table = read(tmp_path / "m.parquet")[0].sort_values("id")
    assert table["id"].tolist() == ["a", "b"]
    assert table[LABELS].to_numpy().tolist() == [[True, True], [False, False]]


def test_fasttext_lines_without_times_follow_their_declared_order(tmp_path: Path) -> None:
    path = tmp_path / "m.txt"
    path.write_text("__label__crypto one\ntwo\n")
    table, dropped = read(path, "file_order")
    assert table["id"].tolist() == ["m:1", "m:2"]
    assert table["collected_at"].isna().all()
    assert dropped == 0


def test_a_byte_order_mark_is_no_part_of_the_first_field(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_bytes("\ufeffid,text,labels,collected_at\na,x,,2024-01-01\n".encode())
    assert read(path)[0]["id"].tolist() == ["a"]


def test_a_duplicate_id_is_refused_by_row_and_first_use(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "m.jsonl", [*ROWS, {**ROWS[0]}])
    assert refusal(path).startswith(f"{path}, row 3, field id: id 'a' was used by row 1 already")


def test_an_unparsable_time_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "m.jsonl", [ROWS[0], {**ROWS[1], "collected_at": "last week"}])
    assert refusal(path) == (
        f"{path}, row 2, field collected_at: 'last week' is not an ISO 8601 time (1 such row(s)); "
        "write 2024-05-01 or 2024-05-01T12:00:00+02:00"
    )


def test_a_missing_time_is_refused_or_dropped_and_counted(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        ROWS[0],
        {key: value for key, value in ROWS[1].items() if key != "collected_at"},
    ]
    path = jsonl(tmp_path / "m.jsonl", rows)
    assert "row 2, field collected_at: there is no time" in refusal(path)
    table, dropped = read(path, "drop")
    assert (table["id"].tolist(), dropped) == (["a"], 1)


def test_an_unknown_label_is_refused_with_the_declared_ones(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "m.jsonl", [{**ROWS[0], "labels": ["crypt"]}])
    assert refusal(path) == (
        f"{path}, row 1, field labels: unknown label 'crypt'; there are crypto, scam "
        "(a clean row has no label, several are written a|b)"
    )


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.jsonl").write_text("\n")
    assert refusal(tmp_path / "m.jsonl").endswith("holds no rows; expected at least one")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "m.jsonl").endswith("no such file; params.yaml names it")


def test_another_encoding_is_refused_by_row(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_bytes("id,text,labels,collected_at\na,caf\xe9,,2024-01-01\n".encode("latin-1"))
    assert refusal(path) == (
        f"{path}, row 2: byte 33 is not UTF-8; save the file as UTF-8 (of Windows: iconv -f WINDOWS-1252 -t UTF-8)"
    )


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("{", "row 1: not JSON"),
        ("[1]", "row 1: expected one JSON object a line"),
        ('{"id": "a", "labels": []}', "column(s) text are missing, there are id, labels"),
        (
            '{"id": "a", "text": "x", "labels": {"crypto": 1}}',
            "row 1, field labels: expected a list of label names",
        ),
        ('{"id": "a", "text": "x", "labels": [7]}', "row 1, field labels: expected a list of label names"),
        ('{"id": "a", "text": 7, "labels": []}', "row 1, field text: expected a string, got 7"),
    ],
)
def test_a_broken_json_row_is_refused_by_row_and_field(tmp_path: Path, line: str, complaint: str) -> None:
    (tmp_path / "m.jsonl").write_text(line + "\n")
    assert complaint in refusal(tmp_path / "m.jsonl")


def test_a_csv_without_its_columns_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("id,text\na,b\n")
    assert "column(s) labels are missing" in refusal(tmp_path / "m.csv")


def test_a_csv_row_of_another_length_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("id,text,labels,collected_at\na,b,,2024-01-01\nc,d\n")
    assert "row 3: expected 4 fields" in refusal(tmp_path / "m.csv")


def test_a_sidecar_of_another_length_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.txt").write_text("one\ntwo\n")
    (tmp_path / "m.times").write_text("2024-01-01\n")
    assert "holds 1 times for the 2 messages of m.txt" in refusal(tmp_path / "m.txt")


def test_an_unknown_kind_of_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.xlsx").write_text("x")
    assert "expected .csv, .tsv, .jsonl" in refusal(tmp_path / "m.xlsx")
