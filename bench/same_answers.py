"""One decision, the same answers everywhere: in the pipeline, a service, scikit-learn, SQL and `flows.apply`.

`python -m bench.same_answers [rows]` makes exports of made-up decisions and rows that are hard to get right, and counts
the rows on which each way in differs from the pipeline's; CPU seconds and peak memory of apply are of a process of its own, imports included.
"""

import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from methods.calibration.recalibration import METHODS, apply, recalibrate
from serving import load
from serving.rules.thresholds import fires
from serving.sklearn_form import ExportedRecalibration, ExportedThresholds
from tests.serving.exports import recalibration_export, thresholds_export

INF = float("inf")
THRESHOLDS = {"tie": 0.5, "decimal": 0.1 + 0.2, "narrow": float(np.float32(0.9745508)), "infeasible": INF}
CLASSES = ("SPEECH", "NONSPEECH")
SEEDS = (42, 123)
MEASURED = """
import re, sys, time
from pathlib import Path
from serving import load
from tasks.intake.application import apply_to_rows
apply_to_rows(load(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
print(time.process_time(), int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024)
"""
SWITCHED = """
import sys
import numpy as np
from serving import load
decision = load(sys.argv[1])
np.save(sys.argv[3], decision.probabilities(np.load(sys.argv[2]), 42 if decision.asks_for_seed else None))
"""
SWITCHES = {
    "NPY_DISABLE_CPU_FEATURES": "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR"
}
Answer = tuple[str, int, float | None, float | None]  # way in, rows that differ, seconds, MB


class Given(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A model whose scores and logits are its inputs."""

    classes_ = np.array([0, 1])

    def fit(self, X: Any, y: Any = None) -> "Given":
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict_proba(self, X: Any) -> Any:
        return X

    decision_function = predict_proba


def hard_scores(rows: int, dtype: Any) -> NDArray[np.floating[Any]]:
    """A tenth each: ties at the threshold, the next number below, the next above; infinities, 0 and 1; the rest any."""
    random = np.random.Generator(np.random.Philox(1))
    thresholds = np.array([min(each, 1.0) for each in THRESHOLDS.values()]).astype(dtype)
    scores = random.random((rows, len(thresholds))).astype(dtype)
    kind = np.arange(rows) % 10
    scores[kind == 0] = thresholds
    scores[kind == 1] = np.nextafter(thresholds, dtype(0))
    scores[kind == 2] = np.minimum(np.nextafter(thresholds, dtype(2)), dtype(1))
    special = np.array([INF, -INF, 0, 1], dtype)
    scores[kind == 3] = special[random.integers(0, 4, scores[kind == 3].shape)]
    return scores


def hard_logits(rows: int, dtype: Any) -> NDArray[np.floating[Any]]:
    random = np.random.Generator(np.random.Philox(2))
    logits = random.normal(0, 8, (rows, 2)).astype(dtype)
    logits[np.arange(rows) % 10 == 0] = 0  # ties between classes
    logits[np.arange(rows) % 10 == 1] *= dtype(100)
    return logits


def threshold_answers(folder: Path, scores: NDArray[np.floating[Any]], files: bool) -> Iterator[Answer]:
    """Against `fires`, with which the pipeline tunes and compares."""
    exported = thresholds_export(folder, THRESHOLDS)
    wanted = fires(scores, np.array(list(THRESHOLDS.values())))
    decision = load(exported)
    named = {f"score:{label}": scores[:, place] for place, label in enumerate(THRESHOLDS)}

    def differing(fired: Any) -> int:
        return int((np.asarray(fired, bool).reshape(wanted.shape) != wanted).any(axis=1).sum())

    yield timed("plain Python, a comparison a cell", lambda: differing(in_plain_python(scores)))
    yield timed("serving, columns", lambda: differing(stacked(decision.decide(named))))
    yield timed("serving, a matrix", lambda: differing(decision.fired(scores)))
    few = min(len(scores), 100_000)
    records = [dict(zip(named, row, strict=True)) for row in scores[:few].tolist()]
    yield timed(
        f"serving, records ({few:,})",
        lambda: int((stacked(decision.decide(records)) != wanted[:few]).any(axis=1).sum()),
    )
    model = ExportedThresholds(Given(), exported)
    yield timed("scikit-learn form", lambda: differing(model.predict(scores)))
    yield timed("thresholds.sql, SQLite", lambda: differing(in_sqlite(exported, scores)))
    if files:
        table = pd.DataFrame({"id": np.arange(len(scores)), **named})
        yield from (
            (way, differing(made[[f"fires:{label}" for label in THRESHOLDS]]), seconds, memory)
            for way, made, seconds, memory in applied(folder, exported, table)
        )


def recalibration_answers(
    folder: Path, method: Any, logits: NDArray[np.floating[Any]], files: bool
) -> Iterator[Answer]:
    """Against `methods.calibration`'s apply; probabilities have to be equal to the last bit, and the class predicted."""
    fitted = {seed: recalibrate(method, *training(seed)) for seed in SEEDS}
    parameters = {
        seed: {name: list(each) for name, each in fit.parameters.items()} for seed, fit in fitted.items()
    }
    exported = recalibration_export(folder, method, parameters)
    decision = load(exported)
    seeds = np.array(SEEDS)[np.arange(len(logits)) % len(SEEDS)]
    probabilities, predicted = np.empty((len(logits), 2)), np.empty(len(logits), np.int64)
    for seed, fit in fitted.items():
        of_seed = apply(fit, logits[seeds == seed])
        probabilities[seeds == seed], predicted[seeds == seed] = of_seed.probabilities, of_seed.predicted
    named = {f"logit:{name}": logits[:, place] for place, name in enumerate(CLASSES)}
    named |= {"seed": seeds} if decision.asks_for_seed else {}

    def differing(decided: Mapping[str, Any]) -> int:
        same = (
            np.stack([np.asarray(decided[f"probability:{name}"]) for name in CLASSES], axis=1)
            == probabilities
        )
        return int(
            (~same.all(axis=1) | (np.asarray(decided["predicted"]) != np.array(CLASSES)[predicted])).sum()
        )

    yield timed(f"{method}: serving", lambda: differing(decision.decide(named)))
    first = seeds == SEEDS[0]
    model = ExportedRecalibration(Given(), exported, seed=SEEDS[0])
    yield timed(
        f"{method}: scikit-learn form",
        lambda: int(
            (
                (model.predict_proba(logits[first]) != probabilities[first]).any(axis=1)
                | (model.predict(logits[first]) != predicted[first])
            ).sum()
        ),
    )
    if files:
        for way, made, seconds, memory in applied(folder, exported, pd.DataFrame(named), (".parquet",)):
            columns = {str(name): made[name].to_numpy() for name in made}
            yield f"{method}: {way}", differing(columns), seconds, memory


def training(seed: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    random = np.random.Generator(np.random.Philox(seed))
    logits = random.normal(0, 5, (200, 2))
    return logits, (logits[:, 1] - logits[:, 0] + random.normal(0, 5, 200) > 0).astype(np.int64)


def under_switches(folder: Path, logits: NDArray[np.float64]) -> tuple[int, float]:
    """Rows whose probabilities differ between this process and one under a stage's CPU switches, and by how much."""
    exported = recalibration_export(folder, "temperature", {42: {"temperature": [2.5]}})
    np.save(folder / "logits.npy", logits)
    made = []
    for number, switches in enumerate(({}, SWITCHES)):
        target = folder / f"probabilities_{number}.npy"
        command = [sys.executable, "-c", SWITCHED, str(exported), str(folder / "logits.npy"), str(target)]
        subprocess.run(command, check=True, env={**environment(), **switches}, stderr=subprocess.DEVNULL)
        made.append(np.load(target))
    return int((made[0] != made[1]).any(axis=1).sum()), float(np.abs(made[0] - made[1]).max())


def applied(
    folder: Path,
    exported: Path,
    table: pd.DataFrame,
    kinds: tuple[str, ...] = (".csv", ".parquet", ".npz", ".jsonl"),
) -> Iterator[tuple[str, pd.DataFrame, float, float]]:
    for kind in kinds:
        source, target = folder / f"rows{kind}", folder / "decided.parquet"
        written(source, table)
        command = [sys.executable, "-c", MEASURED, str(exported), str(source), str(target)]
        done = subprocess.run(command, check=True, env=environment(), capture_output=True, text=True)
        seconds, memory = map(float, done.stdout.split())
        yield f"apply, {kind}", pd.read_parquet(target), seconds, memory


def environment() -> dict[str, str]:
    return {"PYTHONPATH": str(Path(__file__).parents[1]), "OMP_NUM_THREADS": "1"}


def written(path: Path, table: pd.DataFrame) -> None:
    """With all digits: as text, the few that tell one float32 from the next are another number."""
    if path.suffix == ".csv":
        table.astype({name: float for name, kind in table.dtypes.items() if kind == np.float32}).to_csv(
            path, index=False
        )
    elif path.suffix == ".parquet":
        table.to_parquet(path)
    elif path.suffix == ".npz":
        arrays: dict[str, Any] = {str(name): table[name].to_numpy() for name in table}
        np.savez(path, **arrays)
    else:
        words = {INF: "Infinity", -INF: "-Infinity"}
        columns = {name: table[name].tolist() for name in table}
        with path.open("w") as file:
            for row in zip(*columns.values(), strict=True):
                values = (words.get(value, value) for value in row)
                file.write(json.dumps(dict(zip(columns, values, strict=True))) + "\n")


def in_plain_python(scores: NDArray[np.floating[Any]]) -> list[list[bool]]:
    thresholds = list(THRESHOLDS.values())
    return [
        [score >= each and each < INF for score, each in zip(row, thresholds, strict=True)]
        for row in scores.tolist()
    ]


def in_sqlite(exported: Path, scores: NDArray[np.floating[Any]]) -> list[tuple[int, ...]]:
    database = sqlite3.connect(":memory:")
    columns = ", ".join(f'"score:{label}" DOUBLE' for label in THRESHOLDS)
    database.execute(f"CREATE TABLE scores ({columns})")
    marks = ", ".join("?" * len(THRESHOLDS))
    database.executemany(f"INSERT INTO scores VALUES ({marks})", scores.tolist())
    made = database.execute((exported / "thresholds.sql").read_text()).fetchall()
    database.close()
    return [row[-len(THRESHOLDS) :] for row in made]


def stacked(decided: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    return np.stack(list(decided.values()), axis=1)


def timed(way: str, count: Callable[[], int]) -> Answer:
    start = time.process_time()
    differing = count()
    return way, differing, time.process_time() - start, None


def line(answer: Answer, rows: int) -> str:
    way, differing, seconds, memory = answer
    peak = f"{memory:9,.0f} MB" if memory is not None else ""
    return f"{way:40}{rows:11,}{differing:10,}{seconds or 0:10.2f} s{peak}"


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    print(f"{'way in':40}{'rows':>11}{'differ':>10}{'CPU':>12}{'peak':>12}")
    with tempfile.TemporaryDirectory() as temporary:
        for dtype in (np.float64, np.float32):
            for count in (rows, 0):
                folder = Path(temporary) / f"{dtype.__name__}_{count}"
                folder.mkdir()
                print(f"thresholds, {dtype.__name__}")
                for answer in threshold_answers(folder, hard_scores(count, dtype), files=count > 0):
                    print(line(answer, count))
        few = Path(temporary) / "few"
        few.mkdir()
        print("memory with a tenth of the rows")
        for answer in threshold_answers(few, hard_scores(rows // 10, np.float64), files=True):
            if answer[0].startswith("apply"):
                print(line(answer, rows // 10))
        for dtype in (np.float64, np.float32):
            print(f"recalibrations, {dtype.__name__}")
            for method in METHODS:
                folder = Path(temporary) / f"{method}_{dtype.__name__}"
                folder.mkdir()
                for answer in recalibration_answers(
                    folder, method, hard_logits(rows, dtype), files=method == "temperature"
                ):
                    print(line(answer, rows))
        folder = Path(temporary) / "switches"
        folder.mkdir()
        differing, most = under_switches(folder, hard_logits(rows, np.float64).astype(np.float64))
        print(
            f"probabilities under a stage's CPU switches: {differing:,} of {rows:,} rows differ, by at most {most:.1e}"
        )


if __name__ == "__main__":
    main()
