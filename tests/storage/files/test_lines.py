"""Rows are named as an editor shows them: blank lines and breaks within a field count, whatever reads the file."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from storage.files.foreign import read_foreign_table
from storage.files.import_report import ImportReport
from storage.files.inputs import InputError
from storage.files.row_streams import found_rows, row_blocks
from storage.heads.foreign_embeddings import read_embedding_file
from storage.messages.messages import read_messages
from storage.messages.scored import read_scored
from storage.speech.manifests import read_manifest

CASES = {
    "plain.csv": ("a,b\n1,2\n3,4\n", [2, 3]),
    "blank.csv": ("a,b\n\n1,2\n\r\n\n3,4\n\n", [3, 6]),
    "breaks.csv": ('a,b\n"x\n\ny",2\n\n3,4', [2, 6]),
    "doubled.csv": ('a,b\n"x "" \n\n",2\n3,4\n', [2, 5]),
    "amid.csv": ('a,b\n5" 6",2\n\n3,4\n', [2, 4]),
    "blank.tsv": ("a\tb\n1\t2\n\n3\t4\n", [2, 4]),
    "blank.jsonl": ('\n{"a": 1}\n   \n\n{"a": "\\""}\n', [2, 5]),
}


@pytest.mark.parametrize("name", CASES)
def test_a_row_has_the_number_of_the_line_that_it_begins_on(tmp_path: Path, name: str) -> None:
    text, lines = CASES[name]
    path = tmp_path / name
    path.write_text(text, newline="")
    table = read_foreign_table(path)
    assert table.rows.tolist() == lines
    assert [table.row(position) for position in range(len(lines))] == lines
    (block,) = row_blocks(path)
    assert found_rows(path, block.first_row, block.rows).tolist() == lines


@pytest.mark.parametrize("name", ["ragged.csv", "ragged.tsv"])
def test_a_row_of_another_length_is_named_by_its_line(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text('a,b\n\n"x\ny",2\n\n3\n'.replace(",", "," if name.endswith("csv") else "\t"))
    for read in (read_foreign_table, lambda path: list(row_blocks(path))):
        with pytest.raises(InputError, match=r"row 6: expected 2 fields, got 1"):
            read(path)


def test_rows_of_a_binary_table_are_counted_from_one(tmp_path: Path) -> None:
    assert found_rows(tmp_path / "t.parquet", 3, 2).tolist() == [3, 4]
    assert isinstance(found_rows(tmp_path / "t.parquet", 3, 2), np.ndarray)


def messages(path: Path) -> object:
    return read_messages(path, ["scam"], None, "refuse", ImportReport())


def scores(path: Path) -> object:
    return read_scored(path, ["scam"], None, "refuse", 0.0, ImportReport())


READERS: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "m.jsonl": (
        messages, '{"text": "a", "labels": "scam", "collected_at": "2024-01-01"}\n\n{"text": "b", "labels": ""}\n',
        "row 3, field collected_at: there is no time",
    ),
    "m.txt": (messages, "__label__scam a b\n\n__label__ham c\n", "row 3, field labels"),
    "s.csv": (
        scores, 'id,label,score,collected_at\n\n"a\nb",1,0.5,2024-01-01\n\nc,0,1.5,2024-01-01\n', "row 6, field score: 1.5"
    ),
    "e.csv": (read_embedding_file, "id,label,e0,e1\na,x,0,1\n\na,y,1,0\n", "row 4, field id: id 'a' was used by row 2"),
    "clips.csv": (
        lambda path: read_manifest(path, ["A", "B"], False, []), "clip,group,label,path\n\nc,g,Z,c.wav\n",
        "row 3, field label: unknown label",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", READERS)
def test_every_reader_names_a_bad_row_below_blank_lines_by_its_line(tmp_path: Path, name: str) -> None:
    read, text, message = READERS[name]
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=re.escape(message)):
        read(tmp_path / name)
