"""Files of rows come back with their own columns and the decision's, or one line says why not and nothing is written."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flows.apply import main
from methods.text.ngrams import fit_ngram_model, ngram_features
from serving import load
from storage.files import row_streams
from tests.serving.exports import recalibration_export, texts_export, thresholds_export

INF = float("inf")
IDS = ["007", 'a "quoted", id', "line\nbreak", ""]
SCORES = np.array([[0.5, 0.25], [np.nextafter(0.5, 0), np.nextafter(0.25, 0)], [INF, -INF], [0.1 + 0.2, 1.0]])
FIRED = [[True, True], [False, False], [True, False], [False, True]]


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    return thresholds_export(tmp_path, {"a": 0.5, "b": 0.25})


def refused(capsys: pytest.CaptureFixture[str], exported: Path, source: Path) -> str:
    target = source.with_name("never.csv")
    assert main([str(exported), str(source), str(target)]) == 1
    assert not list(source.parent.glob("*never*"))
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    return said.err.removeprefix(f"{source}").strip()


def write_csv(path: Path) -> None:
    frame().to_csv(path, index=False, sep="\t" if path.suffix == ".tsv" else ",")


def write_jsonl(path: Path) -> None:
    lines = frame().replace({INF: "Infinity", -INF: "-Infinity"}).to_dict("records")
    path.write_text("".join(json.dumps(line) + "\n\n" for line in lines))


def save(path: Path, arrays: dict[str, Any]) -> None:
    np.savez(path, **arrays)


def write_npz(path: Path) -> None:
    save(path, {"id": np.array(IDS), "score:a": SCORES[:, 0], "score:b": SCORES[:, 1]})


def frame() -> pd.DataFrame:
    return pd.DataFrame({"score:b": SCORES[:, 1], "id": IDS, "score:a": SCORES[:, 0]})


WRITERS: dict[str, Callable[[Path], None]] = {
    ".csv": write_csv, ".tsv": write_csv, ".jsonl": write_jsonl, ".npz": write_npz,
    ".parquet": lambda path: frame().to_parquet(path),
}  # fmt: skip


def read(path: Path) -> pd.DataFrame:
    if path.suffix in (".csv", ".tsv"):
        separator = "\t" if path.suffix == ".tsv" else ","
        return pd.read_csv(path, sep=separator, dtype={"id": str}, keep_default_na=False)
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    if path.suffix == ".npz":
        with np.load(path) as arrays:
            return pd.DataFrame({name: arrays[name] for name in arrays.files})
    return pd.DataFrame([json.loads(line) for line in path.read_text().splitlines()])


@pytest.mark.parametrize("target", WRITERS)
@pytest.mark.parametrize("source", WRITERS)
def test_any_kind_of_file_into_any_other(tmp_path: Path, exported: Path, source: str, target: str) -> None:
    made, decided = tmp_path / f"rows{source}", tmp_path / f"decided{target}"
    WRITERS[source](made)
    assert main([str(exported), str(made), str(decided)]) == 0
    table = read(decided)
    assert table["id"].tolist() == IDS
    assert table[["fires:a", "fires:b"]].to_numpy(bool).tolist() == FIRED
    assert table["score:a"].astype(float).tolist() == SCORES[:, 0].tolist()


def test_rows_of_many_blocks(tmp_path: Path, exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_streams, "BLOCK", 1 << 12)
    monkeypatch.setattr(row_streams, "ROWS", 100)
    scores = np.random.default_rng(1).random((5000, 2)).astype(np.float32)
    table = pd.DataFrame({"id": np.arange(5000), "score:a": scores[:, 0], "score:b": scores[:, 1]})
    table.to_csv(tmp_path / "rows.csv", index=False)
    table.to_parquet(tmp_path / "rows.parquet")
    table.to_json(tmp_path / "rows.jsonl", orient="records", lines=True, double_precision=15)
    wanted = load(exported).fired(scores)
    for name in ("rows.csv", "rows.parquet", "rows.jsonl"):
        assert main([str(exported), str(tmp_path / name), str(tmp_path / "out.parquet")]) == 0
        made = pd.read_parquet(tmp_path / "out.parquet")
        assert made["id"].astype(int).tolist() == list(range(5000))
        assert (made[["fires:a", "fires:b"]].to_numpy() == wanted).all(), name


def test_a_row_is_numbered_as_its_file_shows_it(
    tmp_path: Path, exported: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(row_streams, "BLOCK", 1 << 10)
    monkeypatch.setattr(row_streams, "ROWS", 64)
    table = pd.DataFrame({"score:a": np.full(900, 0.5), "score:b": np.full(900, 0.5)})
    table.loc[700, "score:b"] = np.nan
    table.to_csv(tmp_path / "rows.csv", index=False)
    table.to_parquet(tmp_path / "rows.parquet")
    in_csv = refused(capsys, exported, tmp_path / "rows.csv")
    assert in_csv.startswith(", row 702, field score:b: nan is no number")  # the header is line 1
    assert refused(capsys, exported, tmp_path / "rows.parquet").startswith(
        ", row 701, field score:b: nan is no"
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("id,score:a\n1,0.5\n", ", field score:b: is missing, there are id, score:a"),
        ("score:a,score:b\n0.5,\n", ", row 2, field score:b: nan is no number"),
        ("score:a,score:b\n0.5,high\n", ", row 2, field score:b: expected a number, got 'high'"),
        (
            'score:a,score:b\n0.5,"0,5"\n',
            ", row 2, field score:b: expected a number, got '0,5'; write decimals",
        ),
        ("score:a,score:b\n0.5,NaN\n", ", row 2, field score:b: nan is no number"),
        ("score:a,score:b\n0.5,0.5\n0.5,7\n", ", row 3, field score:b: 7.0 is above 1"),
        ("score:a,score:b,score:c\n0.5,0.5,0.5\n", ", field score:c: there is no threshold for this label"),
        (
            "score:a,score:b,fires:a\n0.5,0.5,1\n",
            ", field fires:a: is what the decision calls its own column",
        ),
        ("score:a,score:b\n0.5,0.5\n0.5\n", "expected 2 fields, got 1"),
        ("score:a,score:a\n0.5,0.5\n", ", row 1: column(s) score:a stand there twice"),
        ("", ": holds no header"),
    ],
)
def test_what_the_schema_refuses(
    tmp_path: Path, exported: Path, capsys: pytest.CaptureFixture[str], text: str, says: str
) -> None:
    source = tmp_path / "rows.csv"
    source.write_text(text)
    assert says in refused(capsys, exported, source)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('{"score:a": 0.5, "score:b": null}', ", row 1, field score:b: expected a number, got None"),
        ('{"score:a": 0.5, "score:b": "0.5"}', ", row 1, field score:b: expected a number, got '0.5'"),
        ('{"score:a": 0.5}', ", field score:b: is missing"),
        ("[0.5, 0.5]", ", row 1: expected one JSON object a line"),
        ("{", ", row 1: not JSON"),
    ],
)
def test_lines_that_are_no_records(
    tmp_path: Path, exported: Path, capsys: pytest.CaptureFixture[str], line: str, says: str
) -> None:
    source = tmp_path / "rows.jsonl"
    source.write_text(line + "\n")
    assert says in refused(capsys, exported, source)


def test_files_that_are_none(tmp_path: Path, exported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no such file" in refused(capsys, exported, tmp_path / "rows.csv")
    (tmp_path / "rows.xlsx").write_text("")
    assert "unknown kind of file; expected .csv" in refused(capsys, exported, tmp_path / "rows.xlsx")
    (tmp_path / "rows.parquet").write_text("PAR1")
    assert "not a Parquet file that can be read" in refused(capsys, exported, tmp_path / "rows.parquet")
    (tmp_path / "rows.npz").write_text("no")
    assert "not an npz file that can be read" in refused(capsys, exported, tmp_path / "rows.npz")
    save(tmp_path / "rows.npz", {"score:a": np.zeros(3), "score:b": np.zeros(2)})
    assert "all of one length" in refused(capsys, exported, tmp_path / "rows.npz")


def test_a_column_that_stands_twice_in_a_parquet_file_is_refused(
    tmp_path: Path, exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Which of the two would be decided?"""
    columns = [pa.array([0.5]), pa.array([0.25]), pa.array([0.1])]
    pq.write_table(pa.table(columns, ["score:a", "score:b", "score:a"]), tmp_path / "rows.parquet")
    assert ": column(s) score:a stand there twice" in refused(capsys, exported, tmp_path / "rows.parquet")


def test_text_of_a_parquet_file_that_is_no_unicode_is_refused(
    tmp_path: Path, exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = pa.StringArray.from_buffers(1, pa.py_buffer(b"\0\0\0\0\1\0\0\0"), pa.py_buffer(b"\xff"))
    table = pa.table({"id": damaged, "score:a": [0.5], "score:b": [0.25]})
    pq.write_table(table, tmp_path / "rows.parquet")
    assert "not a Parquet file that can be read" in refused(capsys, exported, tmp_path / "rows.parquet")


@pytest.mark.parametrize("target", WRITERS)
def test_arrays_as_another_machine_writes_them(tmp_path: Path, exported: Path, target: str) -> None:
    swapped = {f"score:{name}": SCORES[:, place].astype(">f8") for place, name in enumerate("ab")}
    none = np.empty((len(IDS), 0))
    save(tmp_path / "rows.npz", {"id": np.array(IDS).astype(">U20"), **swapped, "none": none})
    decided = tmp_path / f"decided{target}"
    assert main([str(exported), str(tmp_path / "rows.npz"), str(decided)]) == 0
    if target != ".npz":
        assert read(decided)["score:a"].astype(float).tolist() == SCORES[:, 0].tolist()


def test_a_name_of_control_characters_is_shown_as_they_are_written(
    tmp_path: Path, exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "rows.csv").write_text("score:a,s\x08core:b\n0.5,0.5\n")
    assert r"there are score:a, s\x08core:b" in refused(capsys, exported, tmp_path / "rows.csv")


def test_no_rows_give_no_rows(tmp_path: Path, exported: Path) -> None:
    (tmp_path / "rows.csv").write_text("id,score:a,score:b\n")
    (tmp_path / "rows.jsonl").write_text("\n")
    pq.write_table(pa.table({"id": pa.array([], pa.string()), "score:a": pa.array([], pa.float32()),
                             "score:b": pa.array([], pa.float64())}), tmp_path / "rows.parquet")  # fmt: skip
    save(tmp_path / "rows.npz", {"score:a": np.zeros(0), "score:b": np.zeros(0)})
    for kind in (".csv", ".parquet", ".npz"):
        target = tmp_path / f"decided{kind}"
        assert main([str(exported), str(tmp_path / f"rows{kind}"), str(target)]) == 0
        table = read(target)
        assert not len(table)
        assert table.columns.tolist()[-2:] == ["fires:a", "fires:b"]
    assert main([str(exported), str(tmp_path / "rows.jsonl"), str(tmp_path / "decided.jsonl")]) == 0
    assert (tmp_path / "decided.jsonl").read_text() == ""


def test_probabilities_read_back_as_the_same_numbers(tmp_path: Path) -> None:
    exported = recalibration_export(
        tmp_path, "temperature", {1: {"temperature": [2.0]}, 2: {"temperature": [3.0]}}
    )
    logits = np.random.default_rng(2).normal(0, 5, (500, 2))
    seeds = np.arange(500) % 2 + 1
    rows: dict[str, Any] = {"logit:SPEECH": logits[:, 0], "logit:NONSPEECH": logits[:, 1], "seed": seeds}
    pd.DataFrame(rows).to_csv(tmp_path / "rows.csv", index=False)
    for kind in (".csv", ".parquet", ".jsonl", ".npz"):
        target = tmp_path / f"decided{kind}"
        assert main([str(exported), str(tmp_path / "rows.csv"), str(target)]) == 0
        table, wanted = read(target), load(exported).decide(rows)
        assert (table["probability:SPEECH"].to_numpy() == wanted["probability:SPEECH"]).all()
        assert table["predicted"].tolist() == wanted["predicted"].tolist()


def test_an_export_that_was_edited_decides_nothing(
    tmp_path: Path, exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_csv(tmp_path / "rows.csv")
    (exported / "export.json").write_text((exported / "export.json").read_text().replace("0.25", "0.20"))
    assert "export.json: is not the file that was exported" in refused(
        capsys, exported, tmp_path / "rows.csv"
    )


@pytest.fixture(scope="module")
def of_messages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    texts = ["win cash", "lunch today", "win", "report"]
    model = fit_ngram_model(ngram_features(texts, 256, 1, (2, 3)), np.array([[1], [0], [1], [0]], bool), 10.0)
    folder = tmp_path_factory.mktemp("messages")
    return texts_export(
        folder, {"spam": 0.5}, model, {"word_ngrams": 1, "char_ngrams": [2, 3]}, {"text": "body"}
    )


TEXTS = ["Win CASH now", "", 'lunch\nwith 🙂; "Ana", e\u0301', "win" * 3000]


def write_texts(path: Path, column: str = "body") -> None:
    table = pd.DataFrame({"id": IDS, column: TEXTS})
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in table.to_dict("records")))
    elif path.suffix == ".parquet":
        table.astype({column: "category"} if column == "body" else {}).to_parquet(path)
    elif path.suffix == ".npz":
        save(path, {"id": np.array(IDS), column: np.array(TEXTS)})
    else:
        table.to_csv(path, index=False, sep="\t" if path.suffix == ".tsv" else ";")


@pytest.mark.parametrize("column", ["text", "body"])
@pytest.mark.parametrize("target", WRITERS)
@pytest.mark.parametrize("source", WRITERS)
def test_messages_of_any_kind_of_file(
    tmp_path: Path, of_messages: Path, source: str, target: str, column: str
) -> None:
    made, decided = tmp_path / f"rows{source}", tmp_path / f"decided{target}"
    write_texts(made, column)
    assert main([str(of_messages), str(made), str(decided)]) == 0
    table = read(decided)
    wanted = load(of_messages).decide({"text": TEXTS})
    assert table.columns.tolist() == ["id", column, "score:spam", "fires:spam"]
    assert table[column].tolist() == TEXTS
    assert table["score:spam"].tolist() == wanted["score:spam"].tolist()
    assert table["fires:spam"].astype(bool).tolist() == wanted["fires:spam"].tolist()


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("rows.jsonl", '{"text": "a"}\n\n{"text": null}\n', ", row 3, field text: expected text, got None"),
        ("rows.jsonl", '{"text": "a"}\n{"text": "\\ud83d"}\n', ", row 2"),
        ("rows.csv", "id,message\n1,a\n", ", field text: is missing, there are id, message; expected text, body or score:spam"),
    ],
)  # fmt: skip
def test_what_is_no_message(
    tmp_path: Path, of_messages: Path, capsys: pytest.CaptureFixture[str], name: str, text: str, says: str
) -> None:
    (tmp_path / name).write_text(text)
    assert says in refused(capsys, of_messages, tmp_path / name)


def test_a_column_may_be_called_as_the_study_called_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exported = thresholds_export(tmp_path, {"fraud": 0.5}, columns={"scores": {"fraud": "risk; of it"}})
    (tmp_path / "rows.csv").write_text('id;"risk; of it";is_fraud\na;0.5;0\nb;0.4;1\n')
    assert main([str(exported), str(tmp_path / "rows.csv"), str(tmp_path / "decided.csv")]) == 0
    assert read(tmp_path / "decided.csv")["fires:fraud"].tolist() == [True, False]
    (tmp_path / "rows.csv").write_text("id,risk; of it\na,high\n")
    capsys.readouterr()
    assert "row 2, field risk; of it: expected a number, got 'high'" in refused(
        capsys, exported, tmp_path / "rows.csv"
    )


@pytest.mark.parametrize("target", ["csv", "parquet", "npz"])
def test_rows_whose_columns_change_midway_are_refused_where_a_table_has_one_header(
    tmp_path: Path,
    exported: Path,
    target: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(row_streams, "ROWS", 2)
    rows = [{"score:a": 0.5, "score:b": 0.5, **({"note": "late"} if row == 3 else {})} for row in range(4)]
    source = tmp_path / "rows.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert main([str(exported), str(source), str(tmp_path / f"out.{target}")]) == 1
    assert "some rows have a column 'note' and others have none; write JSON lines" in capsys.readouterr().err
    assert not (tmp_path / f"out.{target}").exists()
    assert main([str(exported), str(source), str(tmp_path / "out.jsonl")]) == 0
