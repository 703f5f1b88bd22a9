"""A user's own rows: what is pinned and printed decides them as the table did; order in time, copies, names."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from params.fpr_thresholds import Prepare
from storage.files.inputs import InputError
from tasks.fpr_thresholds import prepare
from tests.tasks.fpr_thresholds.test_steps import Run, block, message, option, write

SCORES: dict[str, Any] = {
    "kind": "scores", "labels": ["fraud"], "scores": "s.csv", "columns": None, "untimed": "file_order", "clamp": 0.0,
    "split": {"by": "random", "calibration": 0.5, "holdout": 0.5, "seed": 0},
}  # fmt: skip
BY_COLUMN = {"by": "column"}
TIMES = [f"2024-01-{1 + n // 24:02d}T{n % 24:02d}:00" for n in range(300)]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    (tmp_path / "data").mkdir()
    return Run(tmp_path)


def scored(run: Run, **changes: Any) -> dict[str, Any]:
    params = block(Prepare, {**SCORES, **changes}, run.folder)
    prepare.main(params, data=run.data, **run.of("rows", "prepared"))
    facts: dict[str, Any] = json.loads(run.files["prepared"].read_text())
    return facts


def rows_of(count: int = 300, **columns: Any) -> pd.DataFrame:
    random = np.random.default_rng(2)
    fraud = random.random(count) < 0.3
    score = np.clip(random.normal(np.where(fraud, 0.7, 0.4), 0.15), 0, 1)
    frame = pd.DataFrame({"id": np.arange(count), "label": fraud.astype(int), "score": score})
    return frame.assign(**columns)


@pytest.mark.parametrize("tied", [1, 2, 8, 17])
def test_pinned_and_printed_thresholds_decide_every_row_as_the_table_did(run: Run, tied: int) -> None:
    """Ties, and scores that are one in 32 bits."""
    frame = rows_of(600)
    frame["score"] = frame["score"].round(tied)
    frame.loc[::3, "score"] = np.nextafter(frame["score"][::3], 0)
    frame.to_csv(run.data / "s.csv", index=False)
    scored(run)
    run.score({"kind": "given"})
    run.tune(option("A"), option("N", rule="guaranteed"))
    run.compare(advice=[])
    table = pd.read_csv(run.files["results"] / "table.csv", dtype=str)
    page = (run.files["results"] / "report.md").read_text()
    prepared = pd.read_parquet(run.files["rows"])
    theirs = pd.read_csv(run.data / "s.csv", dtype={"score": str}).set_index("id")
    theirs["score"] = theirs["score"].map(float)
    holdout = theirs.loc[prepared["id"][prepared["pool"] == "holdout"].astype(int)]
    for name in ("A", "N"):
        row = table[(table["option"] == name) & (table["label"] == "fraud")].iloc[0]
        pinned = json.loads((run.files["thresholds"] / f"{name}.json").read_text())["labels"]["fraud"]
        for threshold in (pinned["threshold"], float(row["threshold"])):
            fired = holdout["score"] >= threshold
            positive = holdout["label"] == 1
            assert [(fired & positive).sum(), (fired & ~positive).sum()] == [int(row["tp"]), int(row["fp"])]
            everywhere = theirs["score"] >= threshold
            assert everywhere.tolist() == (theirs["score"] >= pinned["threshold"]).tolist()
        assert f"| {name} | fraud | {row['threshold']} " in page


def test_random_halves_are_said_in_the_decision(run: Run) -> None:
    rows_of().to_csv(run.data / "s.csv", index=False)
    assert scored(run)["order"] == "random"
    run.score({"kind": "given"})
    run.tune(option("A"))
    reasons = [each["text"] for each in run.compare(advice=[])["reasons"]]
    assert "the halves are random: nothing here speaks of later data" in reasons


def test_the_order_of_a_split_by_time_is_not_spoken_of(run: Run) -> None:
    rows_of(collected_at=TIMES).to_csv(run.data / "s.csv", index=False)
    assert "order" not in scored(run, split={"by": "time", "calibration": 0.5, "holdout": 0.5})


def test_file_order_keeps_times_that_are_there_and_sorts_by_them(run: Run) -> None:
    rows_of(collected_at=TIMES).sample(frac=1, random_state=1).to_csv(run.data / "s.csv", index=False)
    scored(run, split={"by": "time", "calibration": 0.5, "holdout": 0.5})
    table = pd.read_parquet(run.files["rows"])
    assert table["collected_at"].is_monotonic_increasing
    assert table["collected_at"].notna().all()


def test_file_order_fills_gaps_and_is_refused_where_times_contradict_it(run: Run) -> None:
    split = {"by": "time", "calibration": 0.5, "holdout": 0.5}
    stamps = [stamp if n % 2 else "" for n, stamp in enumerate(TIMES)]
    rows_of(collected_at=stamps).to_csv(run.data / "s.csv", index=False)
    scored(run, split=split)
    assert pd.read_parquet(run.files["rows"])["id"].tolist() == [str(n) for n in range(300)]
    stamps[101] = "2023-01-01"
    rows_of(collected_at=stamps).to_csv(run.data / "s.csv", index=False)
    with pytest.raises(
        InputError, match=r"row 103, field collected_at: 2023-01-01 .* is earlier than row 101"
    ):
        scored(run, split=split)


def test_rows_without_a_time_count_as_oldest(run: Run) -> None:
    rows = [message(n) for n in range(100)]
    for row in rows[60:70]:
        del row["collected_at"]
    write(run.data / "m.jsonl", rows)
    run.prepare(untimed="oldest")
    table = pd.read_parquet(run.files["rows"])
    assert table["id"].tolist()[:10] == [f"m{n}" for n in range(60, 70)]
    assert table["collected_at"].isna().sum() == 10


def test_near_copies_of_what_trained_are_excluded_and_counted(run: Run) -> None:
    texts = [
        f"{'win a prize' if n % 3 == 0 else 'hello you'} {chr(97 + n // 26)}{chr(97 + n % 26)} "
        for n in range(300)
    ]
    rows = [message(n, text=text * 3) for n, text in enumerate(texts)]
    rows[290]["text"] = rows[3]["text"].replace("prize", "prize!!")
    write(run.data / "m.jsonl", rows)
    facts = run.prepare(near_copies=1.0)
    assert facts["holdout_rows_excluded"] == {"text in calib": 0, "text in train": 0, "near-copy in train": 1}
    assert facts["import"]["noted"] == {"m.jsonl: texts that differ little from another (near_copies)": 1}
    assert run.prepare()["holdout_rows_excluded"] == {"text in calib": 0, "text in train": 0}


def test_one_text_with_two_labels_is_counted_and_used(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [message(number) for number in range(300)]
    rows[1]["text"] = rows[0]["text"]
    write(run.data / "m.jsonl", rows)
    facts = run.prepare()
    assert facts["import"]["noted"] == {"m.jsonl: texts that stand there with different labels": 1}
    assert facts["train"] == 180
    assert "such as 'profit profit number 0'" in capsys.readouterr().out


@pytest.mark.parametrize(
    "name", ["micro", "Macro", "group", "<script>", "a|b", "a\tb", "score", "-", "x" * 70, " a"]
)
def test_all_labels_of_a_file_go_through_the_checks_of_those_in_params(run: Run, name: str) -> None:
    frame = rows_of().rename(columns={"score": f"score:{name}", "label": f"label:{name}"})
    if name == "score":
        frame = frame.rename(columns={f"score:{name}": "score:group", f"label:{name}": "label:group"})
    frame.to_parquet(run.data / "s.parquet")
    with pytest.raises(InputError, match=r"cannot be the name of a label: .* rename it") as caught:
        scored(run, labels="all", scores="s.parquet")
    assert "\n" not in str(caught.value)


def test_labels_without_rows_of_both_kinds_are_named_in_one_line(run: Run) -> None:
    np.savez(run.data / "s.npz", scores=np.full((300, 200), 0.5), labels=np.zeros((300, 200), bool))
    with pytest.raises(InputError) as caught:
        scored(run, labels="all", scores="s.npz")
    assert (
        "field label_000: no positive row in holdout (150 rows), and of 199 more label(s): label_001, label_002"
        in str(caught.value)
    )
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize("name", ["forward_chained", "", "a b"])
def test_a_split_that_names_no_pool_is_refused_by_row(run: Run, name: str) -> None:
    rows_of(split=["calib", "holdout"] * 149 + ["calib", name]).to_csv(run.data / "s.csv", index=False)
    with pytest.raises(
        InputError, match=r"row 301, field split: expected train, calib, holdout or the name of a pool"
    ):
        scored(run, split=BY_COLUMN)
