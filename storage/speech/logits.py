"""Logits per clip, seed and split as CSV, never divided by a temperature; and predictions beside them."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from storage.files.inputs import InputError
from storage.files.strings import read_strings, write_exact_csv
from storage.speech.manifests import check_columns, check_splits, label_numbers

COLUMNS = ("clip", "group", "label", "logit_A", "logit_B", "seed", "split")
LOGITS = ["logit_A", "logit_B"]


def read_logits(path: Path, labels: list[str], temperature: float) -> pd.DataFrame:
    """Many seeds and splits in one file of the user's; label becomes 0 or 1.

    InputError for missing columns, what is not a finite number, an unknown label, a group in two splits, a clip
    twice under one seed, and logits that were divided by a temperature (declared, or in a column of that name).
    """
    table = read_strings(path)
    check_columns(path, table, COLUMNS)
    if temperature != 1:
        raise _scaled(path, temperature, None)
    if "temperature" in table:
        for number, value in enumerate(pd.to_numeric(table["temperature"], errors="coerce"), 2):
            if value != 1:
                raise _scaled(path, value, number)
    for name in (*LOGITS, "seed"):
        values = pd.to_numeric(table[name], errors="coerce")
        bad = ~np.isfinite(values.to_numpy(np.float64))
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            raise InputError(
                path, f"expected a finite number, got {table[name].iloc[row]!r}", row=row + 2, field=name
            )
        table[name] = values
    table["seed"] = table["seed"].astype(np.int64)
    table["label"] = label_numbers(path, table["label"], labels)
    check_splits(path, table)
    twice = table.duplicated(["clip", "seed"])
    if twice.any():
        row = int(np.flatnonzero(twice)[0])
        raise InputError(
            path, f"clip {table['clip'].iloc[row]!r} was given for seed {table['seed'].iloc[row]} already",
            row=row + 2, field="clip",
        )  # fmt: skip
    return table[list(COLUMNS)]


def write_split_logits(folder: Path, rows: pd.DataFrame, labels: list[str], prefix: str) -> None:
    """`<prefix>_<split>.csv` for each split, all digits kept."""
    named = rows.assign(label=[labels[number] for number in rows["label"]])
    for split, part in named.groupby("split", sort=False):
        write_exact_csv(folder / f"{prefix}_{split}.csv", part[list(COLUMNS)])


def read_split_logits(folder: Path, prefix: str, split: str, labels: list[str]) -> pd.DataFrame:
    table = read_strings(folder / f"{prefix}_{split}.csv")
    for name in LOGITS:
        table[name] = [float(value) for value in table[name]]  # exact, which pandas' own reader need not be
    return table.assign(label=[labels.index(name) for name in table["label"]])


def logit_array(table: pd.DataFrame) -> NDArray[np.float64]:
    return table[LOGITS].to_numpy(np.float64)


def write_predictions(
    path: Path,
    table: pd.DataFrame,
    labels: list[str],
    probabilities: NDArray[np.float64],
    predicted: NDArray[np.int64],
) -> None:
    """clip, group, label, prediction, correct, confidence, prob_A, prob_B."""
    confidence = probabilities[np.arange(len(predicted)), predicted]
    rows = pd.DataFrame(
        {
            "clip": table["clip"],
            "group": table["group"],
            "label": [labels[number] for number in table["label"]],
            "prediction": [labels[number] for number in predicted],
            "correct": (predicted == table["label"]).astype(int),
            "confidence": confidence,
            "prob_A": probabilities[:, 0],
            "prob_B": probabilities[:, 1],
        }
    )
    write_exact_csv(path, rows)


def read_predictions(folder: Path, pattern: str) -> pd.DataFrame:
    """All prediction files that match, one under the other, with the file's name as `file`."""
    paths = sorted(folder.glob(pattern))
    if not paths:
        raise InputError(folder, f"no file matches {pattern!r}")
    return pd.concat([pd.read_csv(path).assign(file=path.stem) for path in paths], ignore_index=True)


def _scaled(path: Path, temperature: float, row: int | None) -> InputError:
    return InputError(
        path,
        f"these logits were divided by a temperature of {temperature:g}; a temperature is fitted here to the logits as "
        "the model gave them: multiply them by it, and declare 1",
        row=row,
        field="temperature",
    )
