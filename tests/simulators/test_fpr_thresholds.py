"""The default data has the sizes of the original, drifts, and holds the traps that the experiment is about."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from params.block import read_block
from params.fpr_thresholds import Counts, Simulate
from serving.rules.clean_text import clean_text
from simulators import fpr_thresholds
from tests.imports import ROOT

SIZES = {"messages": 2619, "valid": 471, "train_pool": 1304, "hard_negatives": 200}
Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def params() -> Simulate:
    block: Simulate = read_block(ROOT / "params.yaml", "fpr_thresholds.simulate", Simulate)
    return block


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, params: Simulate) -> Path:
    folder = tmp_path_factory.mktemp("data") / "fpr_thresholds"
    fpr_thresholds.main(params, data=folder)
    return folder


def rows(data: Path, name: str) -> Rows:
    return [json.loads(line) for line in (data / f"{name}.jsonl").read_text().splitlines()]


def slices(data: Path) -> dict[str, Rows]:
    messages = rows(data, "messages")
    return {"train": messages[:2097], "calibration": messages[2097:2358], "holdout": messages[2358:]}


def texts(of: Rows) -> set[str]:
    return {clean_text(row["text"]) for row in of}


def clean(of: Rows) -> Rows:
    return [row for row in of if not row["labels"]]


def test_the_files_have_the_sizes_of_the_original(data: Path) -> None:
    for name, size in SIZES.items():
        assert len(rows(data, name)) == size
    assert len(clean(rows(data, "train_time_hn_calib"))) == 1386


@pytest.mark.parametrize(
    ("name", "n_clean", "crypto", "scam", "promo"),
    [("calibration", 43, 216, 169, 25), ("holdout", 94, 166, 101, 36)],
)
def test_the_slices_have_the_labels_of_the_original(
    data: Path, name: str, n_clean: int, crypto: int, scam: int, promo: int
) -> None:
    of = slices(data)[name]
    counts = Counter(label for row in of for label in row["labels"])
    assert len(clean(of)) == n_clean
    assert counts == {"crypto": crypto, "scam": scam, "promo": promo}


def test_b1_keeps_1257_clean_pool_rows_once_overlaps_are_dropped(data: Path) -> None:
    of = slices(data)
    overlaps = texts(of["calibration"]) | texts(of["holdout"])
    kept = [
        row for row in clean(rows(data, "train_time_hn_calib")) if clean_text(row["text"]) not in overlaps
    ]
    assert len(kept) == 1257


def test_part_of_the_pools_was_trained_on(data: Path) -> None:
    trained = texts(slices(data)["train"])
    for name in ("train_pool", "train_time_hn_calib", "hard_negatives"):
        of = clean(rows(data, name))
        assert 0.3 < sum(clean_text(row["text"]) in trained for row in of) / len(of) < 0.9
    assert not texts(rows(data, "valid")) & trained


def test_calibration_and_holdout_share_no_text_with_what_came_before(data: Path) -> None:
    of = slices(data)
    assert not texts(of["calibration"]) & texts(of["train"])
    assert not texts(of["holdout"]) & (texts(of["train"]) | texts(of["calibration"]))


def test_times_rise_from_train_to_holdout(data: Path) -> None:
    times = [row["collected_at"] for row in rows(data, "messages")]
    assert times == sorted(times)
    for name in ("valid", "train_pool", "hard_negatives"):
        assert max(row["collected_at"] for row in rows(data, name)) < times[2358]


def test_words_drift(data: Path) -> None:
    def common(of: Rows) -> set[str]:
        words = Counter(word for row in of for word in clean_text(row["text"]).split())
        return {word for word, _ in words.most_common(300)}

    train = slices(data)["train"]
    first, second, last = common(train[:500]), common(train[500:1000]), common(train[-500:])
    assert len(first & last) < len(first & second)


def test_without_drift_and_signal_all_that_remains_is_chance(params: Simulate, tmp_path: Path) -> None:
    changed = params.model_copy(
        update={"signal": dict.fromkeys(params.signal, 0.0), "hard_clean": 0.0, "drift": 0.0}
    )
    fpr_thresholds.main(changed, data=tmp_path / "d")
    telling = {"usdt", "btc", "profit", "guaranteed"}
    found = Counter(word for row in rows(tmp_path / "d", "messages") for word in row["text"].lower().split())
    assert sum(found[word] for word in telling) < 40  # label noise alone


def test_the_manifest_tells_what_made_it(data: Path, params: Simulate) -> None:
    manifest = json.loads((data / "manifest.json").read_text())
    assert manifest == fpr_thresholds.manifest(params)


def test_label_counts_that_do_not_fit_are_refused(params: Simulate, tmp_path: Path) -> None:
    counts = Counts(rows=10, clean=5, labels={"crypto": 6})
    with pytest.raises(ValueError, match=r"label counts \{'crypto': 6\} do not fit 5 labelled rows"):
        fpr_thresholds.main(params.model_copy(update={"calibration": counts}), data=tmp_path / "d")
