"""Logistic regression on wide embeddings: time against scikit-learn's lbfgs, and memory over a float16 memory map."""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from bench.one_thread import restart_on_one_thread
from methods.experts.blending import log_losses
from methods.experts.logistic_regression import LogisticSettings, fit_logistic

COLUMNS, LATENT = 1024, 64
SETTINGS = LogisticSettings(0.01, 1e-4, 200)


def write_embeddings(path: Path, rows: int) -> NDArray[np.bool_]:
    """Correlated float16 features on disk, as embeddings are; the labels follow one direction over all of them."""
    rng = np.random.Generator(np.random.Philox(0))
    direction = rng.normal(size=COLUMNS).astype(np.float32) / np.float32(np.sqrt(COLUMNS))
    loadings = rng.normal(size=(LATENT, COLUMNS)).astype(np.float32) / np.float32(np.sqrt(LATENT))
    matrix = np.lib.format.open_memmap(path, "w+", np.float16, (rows, COLUMNS))
    positive = np.zeros(rows, np.bool_)
    for at in range(0, rows, 20_000):
        size = min(20_000, rows - at)
        block = rng.standard_normal((size, LATENT), dtype=np.float32) @ loadings
        block += 0.5 * rng.standard_normal((size, COLUMNS), dtype=np.float32)
        matrix[at : at + size] = block
        positive[at : at + size] = 1.5 * block @ direction + rng.logistic(size=size) > 0
    matrix.flush()
    return positive


def compare_with_scikit_learn(rows: int, repeats: int) -> None:
    """On ready float32 both start from a standardised matrix in memory; on the memory map they make it themselves."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "dense.npy"
        positive = write_embeddings(path, rows)
        mapped, every = np.load(path, mmap_mode="r"), np.arange(rows)
        ready = StandardScaler(copy=False).fit_transform(mapped.astype(np.float32))

        def theirs(scaled: NDArray[np.float32]) -> LogisticRegression:
            peer = LogisticRegression(C=SETTINGS.inverse_regularisation, tol=SETTINGS.tolerance, max_iter=200)
            return peer.fit(scaled, positive)

        jobs: dict[str, Callable[[], Any]] = {
            "fit_logistic, memory map": lambda: fit_logistic(mapped, positive, every, SETTINGS),
            "scikit-learn, memory map": lambda: theirs(
                StandardScaler(copy=False).fit_transform(mapped.astype(np.float32))
            ),
            "fit_logistic, ready float32": lambda: fit_logistic(ready, positive, every, SETTINGS),
            "scikit-learn, ready float32": lambda: theirs(ready),
        }
        seconds = dict.fromkeys(jobs, np.inf)
        for _ in range(repeats):
            for name, job in jobs.items():
                start = time.process_time()
                job()
                seconds[name] = min(seconds[name], time.process_time() - start)
        found, peer = fit_logistic(mapped, positive, every, SETTINGS), theirs(ready)
        losses = [
            log_losses(found.probabilities(mapped, every), positive).mean(),
            log_losses(peer.predict_proba(ready)[:, 1].astype(np.float64), positive).mean(),
        ]
    print(f"{rows:,} x {COLUMNS} float16, CPU time on one thread, best of {repeats}, to the same gradient")
    for name, taken in seconds.items():
        print(f"{name:30} {taken:8.2f} s")
    mine, other, mine_ready, other_ready = seconds.values()
    print(f"log-loss {losses[0]:.6f} against scikit-learn's {losses[1]:.6f}")
    print(
        f"ratio {mine / other:.2f} from the memory map, {mine_ready / other_ready:.2f} on ready float32 (at most 1.5 wanted), "
        f"{mine / other_ready:.2f} from the memory map to their ready float32"
    )


def peak_memory(rows: int) -> None:
    """In a process of its own: the peak of resident memory, the mapped file's pages included."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "dense.npy"
        positive = write_embeddings(path, rows)
        np.save(Path(folder) / "positive.npy", positive)
        code = "from bench.blending import fit_mapped; fit_mapped()"
        child = subprocess.run(
            [sys.executable, "-c", code, folder], capture_output=True, text=True, check=True
        )
    print(f"{rows:,} x {COLUMNS} float16 memory map: {child.stdout.strip()} (below 8 GB wanted)")


def fit_mapped() -> None:
    folder = Path(sys.argv[1])
    mapped, positive = np.load(folder / "dense.npy", mmap_mode="r"), np.load(folder / "positive.npy")
    start = time.perf_counter()
    fit_logistic(mapped, positive, np.arange(len(positive)), SETTINGS)
    seconds = time.perf_counter() - start
    status = Path("/proc/self/status").read_text()
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024**2
    print(f"fit in {seconds:.1f} s, peak {peak:.2f} GiB")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.blending", description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--streamed-rows", type=int, default=400_000)
    parser.add_argument("--repeats", type=int, default=3)
    chosen = parser.parse_args()
    restart_on_one_thread("bench.blending")
    compare_with_scikit_learn(chosen.rows, chosen.repeats)
    peak_memory(chosen.streamed_rows)


if __name__ == "__main__":
    main()
