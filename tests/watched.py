"""A root with adopted thresholds of one label, `positive`, at .9, to watch against a budget of 2%; and batches for it."""

import os
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd

from storage.files.arrays import write_arrays
from storage.files.documents import write_json
from tests.clone import IDENTITY
from tests.imports import ROOT

PARAMS = """
fpr_thresholds:
  prepare:
    kind: scores
    labels: all
    scores: scores.csv
    columns: null
    split: {by: random, calibration: 0.5, holdout: 0.5, seed: 0}
    untimed: file_order
    clamp: 0.001
  compare:
    selection: {max_fpr: 0.02, least_recall: 0.1, max_risk: 0.05, risk_of: each_label}
"""
EXPERIMENT = "fpr_thresholds"
ADOPTED = {
    "threshold": 0.9, "status": "feasible", "certificate": "", "negatives": 200, "texts": 200, "fired_texts": 2,
    "positives": 20, "mined": 0, "pool_size": 0, "allowed": 2, "needed": 100, "upper_bound": 0.02, "low": 0.8,
    "high": 0.95, "selected_threshold": None, "shift": {"gamma": 1.0, "threshold": 0.9, "status": "feasible"},
    "option": "A", "rule": "guaranteed", "alpha": 0.02, "delta": 0.1,
}  # fmt: skip


def adopted_root(root: Path) -> None:
    """What a watch reads of a study."""
    folder = root / "artifacts" / EXPERIMENT
    folder.mkdir(parents=True)
    (root / "params.yaml").write_text(PARAMS)
    adopt(root)
    rows = 200
    rng = np.random.default_rng(0)
    pd.DataFrame(
        {
            "id": [str(i) for i in range(rows)], "pool": "holdout", "position": np.arange(rows), "group": np.arange(rows),
            "collected_at": pd.Series(pd.NaT, index=range(rows), dtype="datetime64[ns, UTC]"),
            "positive": np.arange(rows) % 10 == 0,
        }
    ).to_parquet(folder / "rows.parquet")  # fmt: skip
    write_json(
        folder / "prepared.json",
        {"kind": "scores", "labels": ["positive"], "train": 0, "calib": 0, "holdout": rows, "rows": []},
    )
    write_arrays(
        folder / "scores.npz",
        {
            "scores": rng.beta(1, 4, (1, rows, 1)), "seen": np.zeros((1, rows), bool), "chain": np.full(rows, -1),
            "origins": np.array([0]),
        },
    )  # fmt: skip


def watched_root(root: Path) -> Path:
    """With a commit in git and DVC beside it."""
    adopted_root(root)
    (root / "tasks").symlink_to(ROOT / "tasks")
    (root / ".gitignore").write_text("/watch/\n/tasks\n/artifacts/\n/in/\n")
    for command in (
        ["git", "init", "--quiet"],
        ["dvc", "init", "--quiet"],
        ["dvc", "config", "core.analytics", "false"],
        ["git", "add", "--all"],
        ["git", *IDENTITY, "commit", "--quiet", "-m", "watched"],
    ):
        subprocess.run(command, cwd=root, check=True, env=os.environ | {"DVC_NO_ANALYTICS": "1"})
    return root


def adopt(root: Path, threshold: float = 0.9) -> None:
    write_json(
        root / "artifacts" / EXPERIMENT / "adopted.json",
        {"labels": {"positive": ADOPTED | {"threshold": threshold}}},
    )


def batch(path: Path, rate: float, rows: int, seed: int = 0, labelled: bool = True) -> Path:
    """CSV: rows that lack the label, of which every (1 / rate)-th fires."""
    scores = np.random.default_rng(seed).beta(1, 4, rows) * 0.8
    every = round(1 / rate) if rate else rows + 1
    scores[every - 1 :: every] = 0.95
    table = pd.DataFrame({"id": [f"{path.stem}-{i}" for i in range(rows)], "score": scores})
    if labelled:
        table["label"] = 0
        table["collected_at"] = (pd.Timestamp("2024-01-01") + pd.to_timedelta(range(rows), "min")).astype(str)
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(path, index=False)
    return path
