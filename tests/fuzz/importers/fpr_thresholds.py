"""The files that fpr_thresholds reads: scores of somebody's model, and messages, in every format."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from params.columns import ScoreColumns
from storage.files.import_report import ImportReport
from storage.messages.messages import read_messages
from storage.messages.scored import SCORE, read_scored
from tests.fuzz.harness import Importer

ROWS = 40
LABELS = ["spam", "scam"]
BANK = ScoreColumns(
    id="transaction",
    collected_at="timestamp",
    split=None,
    scores={"fraud": "score"},
    labels={"fraud": "is_fraud"},
)


def carried(random: np.random.Generator) -> list[list[str]]:
    return [
        [name for name, on in zip(LABELS, row, strict=True) if on] for row in random.random((ROWS, 2)) < 0.4
    ]


def scores(random: np.random.Generator) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": [f"message {row}" for row in range(ROWS)],
            "label": ["|".join(names) for names in carried(random)],
            "collected_at": times(),
            "spam": random.random(ROWS).round(6),
            "scam": random.random(ROWS).round(6),
        }
    )


def transactions(random: np.random.Generator) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "transaction": [f"T{row}" for row in range(ROWS)],
            "timestamp": pd.to_datetime(times()),
            "score": random.random(ROWS),
            "is_fraud": random.random(ROWS) < 0.4,
        }
    )


def messages(random: np.random.Generator) -> list[dict[str, Any]]:
    return [
        {"id": f"m{row}", "text": f"free money number {row}, click!", "labels": names, "collected_at": time}
        for row, (names, time) in enumerate(zip(carried(random), times(), strict=True))
    ]


def times() -> list[str]:
    return [f"2024-01-{1 + row % 28:02d}T12:{row:02d}:00" for row in range(ROWS)]


def write_csv(folder: Path, random: np.random.Generator) -> None:
    scores(random).to_csv(folder / "scores.csv", index=False)


def write_packed(folder: Path, random: np.random.Generator) -> None:
    scores(random).to_csv(folder / "scores.csv.gz", index=False, sep=";")


def write_jsonl(folder: Path, random: np.random.Generator) -> None:
    scores(random).to_json(folder / "scores.jsonl", orient="records", lines=True)


def write_bank(folder: Path, random: np.random.Generator) -> None:
    transactions(random).to_parquet(folder / "scores.parquet")


def write_npz(folder: Path, random: np.random.Generator) -> None:
    ids = np.array([f"row {row}" for row in range(ROWS)])
    np.savez(
        folder / "scores.npz", scores=random.random((ROWS, 2)), labels=random.random((ROWS, 2)) < 0.4,
        names=np.array(LABELS), ids=ids, collected_at=np.array(times()),
    )  # fmt: skip


def write_message_lines(folder: Path, random: np.random.Generator) -> None:
    rows = messages(random)
    (folder / "messages.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_message_csv(folder: Path, random: np.random.Generator) -> None:
    rows = [{**row, "labels": "|".join(row["labels"])} for row in messages(random)]
    pd.DataFrame(rows).to_csv(folder / "messages.csv", index=False)


def write_message_parquet(folder: Path, random: np.random.Generator) -> None:
    pd.DataFrame(messages(random)).to_parquet(folder / "messages.parquet")


def write_fasttext(folder: Path, random: np.random.Generator) -> None:
    rows = messages(random)
    lines = (" ".join([*(f"__label__{name}" for name in row["labels"]), row["text"]]) for row in rows)
    (folder / "messages.txt").write_text("".join(f"{line}\n" for line in lines))


def scored(name: str, labels: list[str], columns: ScoreColumns | None) -> Any:
    def read(folder: Path) -> Mapping[str, object]:
        table, _, _ = read_scored(folder / name, labels, columns, "drop", 1e-4, ImportReport())
        return _rows(table, "id", ["collected_at", *labels, *(SCORE + label for label in labels)])

    return read


def message(name: str, key: str = "id") -> Any:
    def read(folder: Path) -> Mapping[str, object]:
        untimed = "oldest" if key == "text" else "drop"
        table, _ = read_messages(folder / name, LABELS, None, untimed, ImportReport())  # type: ignore[arg-type]
        return _rows(table, key, ["text", "collected_at", *LABELS])

    return read


def _rows(table: pd.DataFrame, key: str, names: list[str]) -> Mapping[str, object]:
    return {row[key]: tuple(str(row[name]) for name in names) for row in table.to_dict("records")}


EXPERIMENT = "fpr_thresholds"
IMPORTERS = [
    Importer("fpr_thresholds scores csv", EXPERIMENT, write_csv, scored("scores.csv", LABELS, None)),
    Importer("fpr_thresholds scores csv.gz", EXPERIMENT, write_packed, scored("scores.csv.gz", LABELS, None)),
    Importer("fpr_thresholds scores jsonl", EXPERIMENT, write_jsonl, scored("scores.jsonl", LABELS, None)),
    Importer(
        "fpr_thresholds scores parquet", EXPERIMENT, write_bank, scored("scores.parquet", ["fraud"], BANK)
    ),
    Importer("fpr_thresholds scores npz", EXPERIMENT, write_npz, scored("scores.npz", LABELS, None)),
    Importer("fpr_thresholds messages jsonl", EXPERIMENT, write_message_lines, message("messages.jsonl")),
    Importer("fpr_thresholds messages csv", EXPERIMENT, write_message_csv, message("messages.csv")),
    Importer(
        "fpr_thresholds messages parquet", EXPERIMENT, write_message_parquet, message("messages.parquet")
    ),
    Importer("fpr_thresholds messages fastText", EXPERIMENT, write_fasttext, message("messages.txt", "text")),
]
