"""The pipeline's logits per clip, seed and split as CSV, never divided by a temperature; and predictions beside them."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from storage.files.strings import read_exact_csv, write_exact_csv


def answer_names(labels: list[str]) -> list[str]:
    """What columns call the classes: two are answers A and B, more go by their names."""
    return ["A", "B"] if len(labels) == 2 else labels


def logit_columns(labels: list[str]) -> list[str]:
    return [f"logit_{name}" for name in answer_names(labels)]


def write_split_logits(folder: Path, rows: pd.DataFrame, labels: list[str], prefix: str) -> None:
    """`<prefix>_<split>.csv` for each split, all digits kept."""
    named = rows.assign(label=[labels[number] for number in rows["label"]])
    columns = ["clip", "group", "label", *logit_columns(labels), "seed", "split"]
    for split, part in named.groupby("split", sort=False):
        write_exact_csv(folder / f"{prefix}_{split}.csv", part[columns])


def read_split_logits(folder: Path, prefix: str, split: str, labels: list[str]) -> pd.DataFrame:
    table = read_exact_csv(folder / f"{prefix}_{split}.csv", logit_columns(labels))
    number = {label: place for place, label in enumerate(labels)}
    return table.assign(label=[number[name] for name in table["label"]])


def logit_array(table: pd.DataFrame, labels: list[str]) -> NDArray[np.float64]:
    """(rows, classes), in the order of `labels`."""
    return table[logit_columns(labels)].to_numpy(np.float64)


def write_predictions(
    path: Path,
    table: pd.DataFrame,
    labels: list[str],
    probabilities: NDArray[np.float64],
    predicted: NDArray[np.int64],
) -> None:
    """clip, group, label, prediction, correct, confidence, and a prob_<class> each (prob_A, prob_B of two)."""
    confidence = probabilities[np.arange(len(predicted)), predicted]
    rows = pd.DataFrame(
        {
            "clip": table["clip"],
            "group": table["group"],
            "label": [labels[number] for number in table["label"]],
            "prediction": [labels[number] for number in predicted],
            "correct": (predicted == table["label"]).astype(int),
            "confidence": confidence,
        }
    )
    names = [f"prob_{name}" for name in answer_names(labels)]
    each = pd.DataFrame(probabilities, columns=names)
    write_exact_csv(path, pd.concat([rows.reset_index(drop=True), each], axis=1))
