"""What training to the end costs: the default's runs of an encoder, stopped at 50 epochs as before, and as they are now.

    python -m bench.head_epochs [encoder ...] [--crops FOLDER]

One thread; each rule in a process of its own, so that its peak of memory is its own. Reads artifacts/head_sweep. FOLDER: a
Pascal VOC set such as BCCD, whose crops are described as examples/own_crops.yaml has it (`narrow`): macro F1 of heads on raw
and on standardised columns under both rules. *Pair*: the interval that judged before, as if the two had been the only ones;
*max-T*: both heads at once.
"""

import argparse
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stdout
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.one_thread import restart_on_one_thread
from bench.pair_difference import difference
from methods.heads import training
from methods.heads.noise import group_counts, macro_f1, macro_f1_draws
from methods.heads.specs import HeadSpec
from methods.heads.sweep import train_heads
from methods.statistics.simultaneous import simultaneous_differences
from params.block import read_block
from params.head_sweep import Embed, Prepare
from storage.files.documents import read_json
from storage.files.markdown import markdown_table
from storage.heads.embeddings import Embeddings, read_embeddings
from tasks.head_sweep import embed, prepare

ARTIFACTS, EXAMPLE = Path("artifacts/head_sweep"), Path("examples/own_crops.yaml")
BEFORE = 50
SIZES, COLUMNS, SEEDS = {"linear": "linear", "256 hidden": "h256"}, ("", "-center"), (1, 2, 3)
SLOW = training.SLOW
RESAMPLES, LEVEL, SEED = 2000, 0.95, 1411


def targets(seen: Embeddings) -> NDArray[np.int64]:
    place = {name: number for number, name in enumerate(seen.classes)}
    return np.array([place[each] for each in seen.labels])


def measured(encoder: str, before: bool) -> tuple[float, float, int, int, int]:
    """(CPU seconds, peak MiB, runs, their epochs, runs that end at the limit)."""
    planned = [HeadSpec.parse(entry["id"]) for entry in read_json(ARTIFACTS / "plan.json")["planned"]]
    specs = [each for each in planned if each.encoder == encoder]
    if before:
        training.SLOW = 0.0
        specs = [replace(each, epochs=BEFORE) for each in specs]
    seen = read_embeddings(ARTIFACTS / encoder / "embeddings.safetensors")
    started = time.process_time()
    heads = train_heads(
        seen.values, targets(seen), np.array(seen.groups), specs, split=np.array(seen.split),
        foreground=len(seen.foreground),
    )  # fmt: skip
    seconds = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    limits = sum(head.status == "ran all epochs" for head in heads)
    return seconds, peak, len(heads), sum(head.epochs for head in heads), limits


def crops(folder: Path) -> Embeddings:
    with tempfile.TemporaryDirectory() as made, redirect_stdout(sys.stderr):
        rows, path = Path(made, "rows.parquet"), Path(made, "embeddings.safetensors")
        prepare.main(
            read_block(EXAMPLE, "head_sweep.prepare", Prepare), folder, rows, Path(made, "prepared.json"),
            Path(made, "finished_runs.json"),
        )  # fmt: skip
        embed.main(read_block(EXAMPLE, "head_sweep.embed", Embed), "narrow", folder, rows, path)
        return read_embeddings(path)


def said(seen: Embeddings) -> str:
    classed, parts = sum(each in seen.foreground for each in seen.labels), Counter(seen.split)
    return (
        f"{classed:,} crops with a class and {len(seen.labels) - classed:,} of background, of {len(set(seen.groups))} images; "
        f"{np.shape(seen.values)[1]} columns; validation {parts['validation']:,} rows, test {parts['test']:,}; {len(SEEDS)} seeds."
    )


def gains(seen: Embeddings, before: bool) -> Iterator[dict[str, str]]:
    """Of standardised columns over raw ones, for each size of head."""
    training.SLOW, limit = (0.0, f"-ep{BEFORE}") if before else (SLOW, "")
    ids = [
        f"narrow__{size}b64__bal-mix0p1-ls0{c}{limit}__s{s}"
        for size in SIZES.values()
        for c in COLUMNS
        for s in SEEDS
    ]
    label, group, split, foreground = (
        targets(seen),
        np.array(seen.groups),
        np.array(seen.split),
        len(seen.foreground),
    )
    started = time.process_time()
    heads = train_heads(
        seen.values, label, group, [HeadSpec.parse(each) for each in ids], split=split, foreground=foreground
    )
    seconds = f"{time.process_time() - started:.1f}"
    recipe = np.repeat(np.arange(len(ids) // len(SEEDS)), len(SEEDS))
    means = np.stack([np.where(recipe == each, 1 / len(SEEDS), 0) for each in np.unique(recipe)])
    found = {}
    for part in ("validation", "test"):
        own = split == part
        called = [head.logits(seen.values[own]).argmax(axis=1) for head in heads]  # noqa: PD011 - no data frame
        counts = np.stack([group_counts(each, label[own], group[own], foreground) for each in called])
        values, draws = macro_f1(counts.sum(axis=1)), macro_f1_draws(counts, RESAMPLES, SEED)
        both = simultaneous_differences(
            values, draws, recipe, means[1::2] - means[::2], counts.shape[1], LEVEL, SEED
        )
        found[part] = values, draws, both
    for i, size in enumerate(SIZES):
        values, draws, both = found["validation"]
        raw, standardised = (np.flatnonzero(recipe == each) for each in (2 * i, 2 * i + 1))
        pair = difference(
            list(standardised), list(raw), [0] * len(SEEDS), [(0, s) for s in SEEDS], values, draws, LEVEL
        )
        yield {
            "epochs": f"at most {BEFORE}" if before else "until they end", "head": size,
            "raw, validation": f"{values[raw].mean():.3f}", "standardised": f"{values[standardised].mean():.3f}",
            "pair": points(pair.delta, pair.low, pair.high), "max-T": points(both.delta[i], both.low[i], both.high[i]),
            "on test, max-T": points(*(each[i] for each in (found["test"][2].delta, found["test"][2].low, found["test"][2].high))),
            "CPU s": "" if i else seconds,
        }  # fmt: skip


def points(value: float, low: float, high: float) -> str:
    return "{:+.1f} [{:+.1f}, {:+.1f}]".format(*(100 * each for each in (value, low, high)))


def main(encoders: list[str], folder: Path | None) -> None:
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
    if folder:
        seen = crops(folder)
        print(f"\n{said(seen)}\n")
        rows = [row for before in (True, False) for row in gains(seen, before)]
        print(markdown_table(pd.DataFrame(rows)))


if __name__ == "__main__":
    restart_on_one_thread("bench.head_epochs")
    parser = argparse.ArgumentParser()
    parser.add_argument("encoders", nargs="*", default=["pixels"])
    parser.add_argument("--crops", type=Path)
    options = parser.parse_args()
    main(options.encoders, options.crops)
