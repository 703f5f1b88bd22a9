"""The batches that a watch takes: tables of what was decided and what was true, of each experiment."""

import tempfile
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from tasks.fpr_thresholds.use import monitor as thresholds
from tasks.head_sweep.use import monitor as head
from tasks.hybrid_calibrator.use import monitor as hybrid
from tasks.lens_shortcuts.use import monitor as lens
from tasks.speech_temperature.use import monitor as speech
from tests.fuzz.harness import Importer
from tests.tasks.head_sweep.test_export import CLASSES, pinned
from tests.tasks.watch.test_monitors import calibrated, csv
from tests.watched import adopted_root

ROWS = 40
Random = np.random.Generator
KEPT: list[Any] = []


@cache
def root() -> Path:
    """A study of every experiment at once, as far as watches read them; gone with the process."""
    folder = tempfile.TemporaryDirectory(prefix="fuzz-", ignore_cleanup_errors=True)
    place = Path(folder.name)
    KEPT.append(folder)
    adopted_root(place)
    stated = (place / "params.yaml").read_text()
    calibrated(place, "temperature", 2.0)
    stated += (place / "params.yaml").read_text()
    stated += "lens_shortcuts: {compare: {level: 0.95, test_auroc: 0.88, fewest_seeds: 3, hardest: 8}}\n"
    (place / "params.yaml").write_text(stated)
    (place / hybrid.FOLDER).mkdir(parents=True)
    (place / hybrid.FOLDER / "thresholds.json").write_text('{"chosen": {"a": "x"}}')
    limits = {"variant": ["a"], "option": ["x"], "precision_low": [0.9], "f1_low": [0.7]}
    csv(place / hybrid.RESULTS / "table.csv", **limits)
    csv(place / head.RESULTS / "runs.csv", id=[pinned(place).spec.id], accuracy=[0.9], rows=[1000])
    return place


def names(what: str, size: int) -> list[str]:
    return [f"{what} {row // size}" for row in range(ROWS)]


def scores(random: Random) -> dict[str, Any]:
    times = pd.Timestamp("2024-01-01") + pd.to_timedelta(range(ROWS), "min")
    known = {"label": np.arange(ROWS) % 5 // 4, "collected_at": times.astype(str)}
    return {"id": names("row", 1), "score": random.random(ROWS).round(4), **known}


def unlabelled(random: Random) -> dict[str, Any]:
    return {"id": names("row", 1), "score": random.random(ROWS)}


def candidates(random: Random) -> dict[str, Any]:
    accepted, correct = (random.integers(0, 2, (2, ROWS))).tolist()
    numbers = {"missed": np.arange(ROWS) // 3 % 2, "score": random.random(ROWS).round(4)}
    return {"image": names("photo", 3), "accepted": accepted, "correct": correct, **numbers}


def predictions(random: Random) -> dict[str, Any]:
    label, predicted = random.choice(CLASSES, (2, ROWS)).tolist()
    sure = random.random(ROWS).round(4)
    return {"label": label, "predicted": predicted, "group": names("photo", 2), "confidence": sure}


def stamps(random: Random) -> dict[str, Any]:
    return {
        "host": names("galaxy", 2),
        "label": np.arange(ROWS) // 2 % 2,
        "score": random.random(ROWS).round(4),
    }


def logits(random: Random) -> dict[str, Any]:
    answered = dict(zip(("logit_YES", "logit_NO"), random.normal(size=(2, ROWS)).round(4), strict=True))
    known = {"group": names("speaker", 2), "label": random.choice(["YES", "NO"], ROWS)}
    return {"clip": names("clip", 1), **known, **answered}


def write(columns: Callable[[Random], dict[str, Any]], suffix: str, folder: Path, random: Random) -> None:
    table, path = pd.DataFrame(columns(random)), folder / f"batch.{suffix}"
    if suffix == "parquet":
        table.to_parquet(path)
    elif suffix == "jsonl":
        table.to_json(path, orient="records", lines=True)
    else:
        table.to_csv(path, index=False)


def write_embeddings(folder: Path, random: Random) -> None:
    np.savez(
        folder / "batch.npz", embeddings=random.normal(size=(ROWS, 16)).astype(np.float32), labels=random.choice(CLASSES, ROWS),
        groups=np.arange(ROWS) // 2,
    )  # fmt: skip


def read(monitor: ModuleType, suffix: str, folder: Path) -> Mapping[str, object]:
    """A batch counts as a whole, so no row of it can be compared."""
    batch = monitor.reading(root(), folder / f"batch.{suffix}")
    assert batch.rows > 0
    return {"batch": "read"}


def importer(name: str, columns: Callable[[Random], dict[str, Any]], monitor: ModuleType) -> Importer:
    experiment, suffix = name.split()[0], name.split()[-1]
    return Importer(
        f"watched {name}", experiment, partial(write, columns, suffix), partial(read, monitor, suffix)
    )


IMPORTERS = [
    importer("fpr_thresholds csv", scores, thresholds),
    importer("fpr_thresholds parquet", scores, thresholds),
    importer("fpr_thresholds without labels csv", unlabelled, thresholds),
    importer("hybrid_calibrator csv", candidates, hybrid),
    importer("head_sweep jsonl", predictions, head),
    Importer("watched head_sweep embeddings npz", "head_sweep", write_embeddings, partial(read, head, "npz")),
    importer("lens_shortcuts parquet", stamps, lens),
    importer("speech_temperature csv", logits, speech),
]
