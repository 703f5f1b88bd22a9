"""Hostile files end in one line that helps, and rows keep their labels; and the harness finds what it is for."""

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from storage.files.inputs import InputError
from tests.fuzz import harness
from tests.fuzz.formats import FORMATS, mutations_of
from tests.fuzz.harness import Importer, Outcome, fuzz
from tests.fuzz.mutations import NotApplicable
from tests.imports import ROOT

MUTATIONS = 12  # of each importer here; `python -m tests.fuzz` makes a thousand
Rows = Mapping[str, object]


def test_no_hostile_file_ends_in_a_traceback_a_hang_or_another_rows_label() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", "--mutations", str(MUTATIONS)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


# --- the harness itself -----------------------------------------------------------------------------------------


def table(random: np.random.Generator) -> pd.DataFrame:
    return pd.DataFrame({"id": [f"row {i}" for i in range(20)], "label": "a", "score": random.random(20)})


def write_csv(folder: Path, random: np.random.Generator) -> None:
    table(random).to_csv(folder / "t.csv", index=False)


def write_parquet(folder: Path, random: np.random.Generator) -> None:
    table(random).to_parquet(folder / "t.parquet")


def rows(frame: pd.DataFrame) -> Rows:
    return {f"{row['id']}": (row["label"], row["score"]) for row in frame.to_dict("records")}


def read_valid(folder: Path) -> Rows:
    """What is as it was written, for readers that fail otherwise."""
    with (folder / "t.csv").open(encoding="utf-8", newline="") as file:
        return {row["id"]: (row["label"], row["score"]) for row in csv.DictReader(file)}


def failing(failure: Callable[[Path], object]) -> Importer:
    """Reads the valid input, and fails at every other."""

    def read(folder: Path) -> Rows:
        if folder.name != "base":
            failure(folder)
        return read_valid(folder)

    return Importer("planted", "none", write_csv, read, without=frozenset({"gone"}))


def outcomes(importer: Importer, count: int = 2) -> list[Outcome]:
    return [outcome for outcome in fuzz(importer, 0, range(count)).outcomes if outcome.at >= 0]


def busy(_: Path) -> None:
    while True:
        pass


def test_a_hang_is_found_and_the_rest_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness, "SECONDS", 0)
    assert [(each.at, each.kind) for each in outcomes(failing(busy))] == [(0, "hang"), (1, "hang")]


def test_a_wait_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness, "WALL", 1)
    assert [each.kind for each in outcomes(failing(lambda _: time.sleep(60)), 1)] == ["hang"]


def test_a_crash_is_found_and_the_rest_goes_on() -> None:
    assert [
        (each.at, each.kind) for each in outcomes(failing(lambda _: os.kill(os.getpid(), signal.SIGKILL)))
    ] == [
        (0, "crash"),
        (1, "crash"),
    ]


def test_a_gigabyte_is_found() -> None:
    assert [each.kind for each in outcomes(failing(lambda _: np.ones(1 << 27)), 1)] == ["memory"]


def test_memory_that_is_only_asked_for_is_found() -> None:
    (outcome,) = outcomes(failing(lambda _: np.zeros(10**13)), 1)
    assert outcome.kind == "traceback"
    assert "MemoryError" in str(outcome.finding)


def test_a_traceback_is_found_and_says_where() -> None:
    (outcome,) = outcomes(failing(lambda _: int("x")), 1)
    assert outcome.kind == "traceback"
    assert "tests/fuzz/test_fuzz.py" in str(outcome.finding)


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        ("first\nsecond", "is not one line"),
        ("\x1b[31m", "is not one line"),
        ("x" * 700, "characters"),
    ],
)
def test_a_message_that_helps_nobody_is_found(problem: str, said: str) -> None:
    def refuse(folder: Path) -> None:
        raise InputError(folder / "t.csv", problem)

    (outcome,) = outcomes(failing(refuse), 1)
    assert outcome.kind == "message"
    assert said in str(outcome.finding)


def test_a_message_that_names_no_file_is_found() -> None:
    def refuse(_: Path) -> None:
        raise InputError(Path("somewhere"), "it is wrong")

    assert "names no file" in str(outcomes(failing(refuse), 1)[0].finding)


def test_a_valid_input_that_cannot_be_read_is_found_at_once() -> None:
    def read(folder: Path) -> Rows:
        raise InputError(folder / "t.csv", "no")

    campaign = fuzz(Importer("planted", "none", write_csv, read), 0, range(100))
    assert [(each.at, each.kind) for each in campaign.outcomes] == [(-1, "traceback")]


def anything_refused(read: Callable[[Path], Rows]) -> Callable[[Path], Rows]:
    def careful(folder: Path) -> Rows:
        try:
            return read(folder)
        except Exception as error:
            raise InputError(folder, f"cannot be read: {type(error).__name__}") from None

    return careful


def test_labels_joined_by_the_stored_index_are_found() -> None:
    """As a reader of scores once did."""

    def read(folder: Path) -> Rows:
        frame = pd.read_parquet(folder / "t.parquet")
        return rows(
            pd.concat([frame[["id", "label"]].reset_index(drop=True), frame["score"]], axis=1).dropna()
        )

    importer = Importer("planted", "none", write_parquet, anything_refused(read))
    found = [each for each in outcomes(importer, 60) if each.kind == "pairing"]
    assert any("stored index" in each.what for each in found)


def test_a_file_outside_the_data_that_is_read_is_found() -> None:
    def write(folder: Path, random: np.random.Generator) -> None:
        (folder / "clips").mkdir()
        for i in range(3):
            (folder / "clips" / f"{i}.txt").write_text(str(random.random()))
        (folder / "t.csv").write_text("path,label\n" + "".join(f"clips/{i}.txt,a\n" for i in range(3)))

    def read(folder: Path) -> Rows:
        with (folder / "t.csv").open(encoding="utf-8", newline="") as file:
            return {
                row["path"]: (row["label"], (folder / row["path"]).read_text())
                for row in csv.DictReader(file)
            }

    importer = Importer("planted", "none", write, anything_refused(read), only=("t.csv",))
    assert any("path outside" in each.what and each.kind for each in outcomes(importer, 100))


def read_exactly(folder: Path) -> Rows:
    """With nothing of the project's, and by every rule that the mutations keep."""
    if (folder / "t.csv").exists():
        text = (folder / "t.csv").read_text(encoding="utf-8-sig")
        separator = max(",;\t", key=text.split("\n")[0].count)
        header, *lines = csv.reader(text.splitlines(keepends=True), delimiter=separator)
        if len(set(header)) < len(header) or any(len(line) != len(header) for line in lines):
            raise ValueError("ragged")
        frame = pd.DataFrame(lines, columns=header)
    else:
        stored = pq.read_table(folder / "t.parquet", use_threads=False)
        frame = pd.DataFrame({name: stored.column(name).to_pylist() for name in ("id", "label", "score")})
    return rows(frame)


@pytest.mark.parametrize("write", [write_csv, write_parquet])
def test_a_careful_reader_has_no_finding(write: Callable[[Path, np.random.Generator], None]) -> None:
    importer = Importer("planted", "none", write, anything_refused(read_exactly))
    assert [each for each in outcomes(importer, 120) if each.kind] == []


def test_a_mutation_is_made_again_by_its_number() -> None:
    importer = failing(lambda _: None)
    everything = outcomes(replace(importer, read=anything_refused(read_valid)), 50)
    (again,) = fuzz(replace(importer, read=anything_refused(read_valid)), 0, range(31, 32)).outcomes[1:]
    assert again.what == everything[31].what


SAMPLES = {
    "csv": b"id,path,score\n" + b"".join(b"r%d,%d.wav,0.%d\n" % (i, i, i) for i in range(9)),
    "jsonl": b"".join(b'{"id": "r%d", "score": 0.%d}\n' % (i, i) for i in range(9)),
    "json": b'{"images": [{"id": 1, "file_name": "a.png"}, {"id": 2, "file_name": "b.png"}], "ids": ["a", "b"]}',
    "xml": b"<annotation><size><width>4</width></size><object><name>a</name></object></annotation>",
    "txt": b"0 0.5 0.5 0.1 0.1\n1 0.5 0.5 0.2 0.2\n",
}  # fmt: skip


@pytest.mark.parametrize("form", SAMPLES)
def test_every_mutation_of_text_changes_the_file(form: str, tmp_path: Path) -> None:
    path = tmp_path / "data" / f"sample.{form}"
    path.parent.mkdir()
    unchanged = set()
    for name, mutation in mutations_of(path, None).items():
        contents = set()
        for seed in range(4):
            path.write_bytes(SAMPLES[form])
            try:
                mutation(path, np.random.default_rng(seed))
            except NotApplicable:
                continue
            contents.add(path.read_bytes() if path.is_file() else b"gone")
            if path.is_dir():
                path.rmdir()
        if contents <= {SAMPLES[form]}:
            unchanged.add(name)
    assert unchanged <= {"path outside"}


def test_every_suffix_that_a_reader_takes_has_mutations() -> None:
    for name in ("t.csv", "t.csv.gz", "t.jsonl.gz", "t.parquet", "t.npz", "t.npy", "t.safetensors", "t.WAV"):
        assert len(mutations_of(Path(name), None)) > 8, name
    assert set(mutations_of(Path("t.unknown"), "csv")) == set(mutations_of(Path("t.csv"), None))
    assert all(FORMATS[form] for form in FORMATS if form != "bytes")
