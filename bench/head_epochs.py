"""What training to the end costs: the default's runs of an encoder, stopped at 50 epochs as before, and as they are now.

    python -m bench.head_epochs [encoder ...]

One thread; each rule in a process of its own, so that its peak of memory is its own. Reads artifacts/head_sweep.
"""

import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd

from bench.one_thread import restart_on_one_thread
from methods.heads import training
from methods.heads.specs import HeadSpec
from methods.heads.sweep import train_heads
from storage.files.documents import read_json
from storage.files.markdown import markdown_table
from storage.heads.embeddings import read_embeddings

ARTIFACTS = Path("artifacts/head_sweep")
BEFORE = 50


def measured(encoder: str, before: bool) -> tuple[float, float, int, int, int]:
    """(CPU seconds, peak MiB, runs, their epochs, runs that end at the limit)."""
    planned = [HeadSpec.parse(entry["id"]) for entry in read_json(ARTIFACTS / "plan.json")["planned"]]
    specs = [each for each in planned if each.encoder == encoder]
    if before:
        training.SLOW = 0.0
        specs = [replace(each, epochs=BEFORE) for each in specs]
    seen = read_embeddings(ARTIFACTS / encoder / "embeddings.safetensors")
    place = {name: number for number, name in enumerate(seen.classes)}
    labels = np.array([place[each] for each in seen.labels])
    started = time.process_time()
    heads = train_heads(
        seen.values, labels, np.array(seen.groups), specs, split=np.array(seen.split),
        foreground=len(seen.foreground),
    )  # fmt: skip
    seconds = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    limits = sum(head.status == "ran all epochs" for head in heads)
    return seconds, peak, len(heads), sum(head.epochs for head in heads), limits


def main(encoders: list[str]) -> None:
    rows = []
    for encoder in encoders:
        found = []
        for before in (True, False):
            with ProcessPoolExecutor(1, get_context("spawn")) as own:
                found.append(own.submit(measured, encoder, before).result())
        (was, was_peak, runs, was_epochs, was_limits), (now, peak, _, epochs, limits) = found
        rows.append({
            "encoder": encoder, "runs": str(runs), "epochs": f"{was_epochs:,} / {epochs:,}",
            "at their limit": f"{was_limits} / {limits}", "CPU s": f"{was:.1f} / {now:.1f}", "factor": f"{now / was:.2f}",
            "peak MiB": f"{was_peak:.0f} / {peak:.0f}",
        })  # fmt: skip
    print(markdown_table(pd.DataFrame(rows)))


if __name__ == "__main__":
    restart_on_one_thread("bench.head_epochs")
    main(sys.argv[1:] or ["pixels"])
