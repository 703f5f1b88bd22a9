"""A clone with an origin and a folder as DVC remote, and a study of small scores in it."""

import sys
from pathlib import Path

import numpy as np

from tests.clone import IDENTITY, Clone, clone_working_tree

PYTHON = sys.executable


def scores(path: Path, rows: int = 1200) -> Path:
    """Semicolons, names of their own, rows in no order."""
    random = np.random.default_rng(1)
    fraud = random.random(rows) < 0.1
    score = 1 / (1 + np.exp(-random.normal(np.where(fraud, 1.5, -2.5), 1.0)))
    times = np.datetime64("2024-05-01T00:00:00") + np.arange(rows) * np.timedelta64(20, "m")
    lines = [f"T{i};{20 + i % 90}.50;{times[i]};{score[i]};{int(fraud[i])}" for i in random.permutation(rows)]
    path.write_text("\n".join(["transaction_id;amount;timestamp;score;is_fraud", *lines]) + "\n")
    return path


def commit(clone: Clone, name: str) -> None:
    clone.run("git", "add", f"studies/{name}")
    clone.run("git", *IDENTITY, "commit", "--quiet", "--no-verify", "-m", f"study {name}")


def made_study(clone: Clone, name: str = "fraud") -> str:
    """Made, not committed; what it said."""
    data = scores(clone.path.parent / "scores.csv")
    asked = (name, "--experiment", "fpr_thresholds", "--data", str(data), "--set", "compare.resamples=100")
    return clone.run(PYTHON, "-m", "flows.study", "new", *asked)


def clone_with_origin(folder: Path) -> Clone:
    """`coordinator` (the clone), `origin.git` and the remote `store`; its own studies are left out."""
    clone = clone_working_tree(folder / "coordinator")
    clone.run("git", "rm", "-r", "--quiet", "--ignore-unmatch", "studies")
    clone.run("dvc", "remote", "add", "--default", "store", str(folder / "store"))
    clone.run("git", *IDENTITY, "commit", "--quiet", "--no-verify", "-am", "a remote")
    clone.run("git", "init", "--quiet", "--bare", str(folder / "origin.git"))
    clone.run("git", "remote", "set-url", "origin", str(folder / "origin.git"))
    clone.run("git", "push", "--quiet", "origin", "HEAD")
    return clone
