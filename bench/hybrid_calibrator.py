"""Simulated worlds, seed by seed: without any signal in the embeddings no option may win, with a diffuse one A has to."""

import argparse
import json
import os
import sys
import tempfile
from contextlib import chdir, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from bench.one_thread import restart_on_one_thread
from params.block import read_block
from params.hybrid_calibrator import Compare, Features, Fit, Prepare
from params.simulated_detections import Signal, Simulate
from simulators import hybrid_calibrator as simulator
from tasks.hybrid_calibrator import compare, features, fit, prepare

VARIANT = "nonwindow"
SIGNALS = {
    "null": dict.fromkeys(Signal.model_fields, 0.0),
    "diffuse": {**dict.fromkeys(Signal.model_fields, 0.0), "diffuse": 1.0},
}
PREPARED = ("candidates.parquet", "raw.parquet", "ground_truth.parquet", "prepared.json")


def run_once(folder: Path, signal: str, seed: int) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Table and decision of one simulated world, at the sizes of params.yaml."""
    params = Path("params.yaml")

    def block(step: str, model: Any) -> Any:
        return read_block(params, f"hybrid_calibrator.{step}", model)

    world: Simulate = block("simulate", Simulate)
    world = world.model_copy(update={"seed": seed, "signal": Signal(**SIGNALS[signal])})
    blocks = [
        block("prepare", Prepare),
        block("features", Features),
        block("fit", Fit),
        block("compare", Compare),
    ]
    data, own = folder / "data", folder / VARIANT
    own.mkdir()
    files = {Path(name).stem: own / name for name in PREPARED}
    fitted = {name: own / name for name in ("models", "predictions.npz", "fitted.json")}
    with chdir(folder), Path(os.devnull).open("w") as sink, redirect_stdout(sink):
        simulator.main(world, data)
        prepare.main(blocks[0], VARIANT, data, **files)
        features.main(blocks[1], VARIANT, data, **files, features=own / "features")
        fit.main(
            blocks[2], VARIANT, files["candidates"], files["prepared"], own / "features",
            fitted["models"], fitted["predictions.npz"], fitted["fitted.json"],
        )  # fmt: skip
        read = {**files, "predictions": fitted["predictions.npz"], "fitted": fitted["fitted.json"]}
        compare.main(
            blocks[3], **{name: {VARIANT: path} for name, path in read.items()},
            results=folder / "results", thresholds=folder / "thresholds.json", page=folder / "page.html",
        )  # fmt: skip
    decision: dict[str, Any] = json.loads((folder / "results" / "decision.json").read_text())
    return pd.read_csv(folder / "results" / "table.csv"), decision


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.hybrid_calibrator", description=__doc__)
    parser.add_argument("signal", choices=SIGNALS)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=0)
    chosen = parser.parse_args()
    restart_on_one_thread("bench.hybrid_calibrator")
    gains: dict[str, list[tuple[float, float, float]]] = {}
    chose: list[str] = []
    for seed in range(chosen.first, chosen.first + chosen.seeds):
        with tempfile.TemporaryDirectory() as folder:
            table, decision = run_once(Path(folder), chosen.signal, seed)
        chose.append(decision["chosen"])
        for row in table[table["tier"] == "calibrated"].to_dict("records"):
            gains.setdefault(row["option"], []).append(
                (100 * row["delta_f1"], 100 * row["delta_f1_low"], 100 * row["delta_f1_high"])
            )
        shown = {
            name: f"{each[-1][0]:+.1f} [{each[-1][1]:+.1f}, {each[-1][2]:+.1f}]"
            for name, each in gains.items()
        }
        print(f"seed {seed}: chose {chose[-1]}, {decision['grade']}; points of F1 against control: {shown}")
        sys.stdout.flush()
    print(f"{chosen.signal}, {chosen.seeds} seeds: chosen {pd.Series(chose).value_counts().to_dict()}")
    for name, found in gains.items():
        gain, low, high = np.array(found).T
        error = gain.std(ddof=1) / np.sqrt(len(gain)) if len(gain) > 1 else np.nan
        reach = stdtrit(max(len(gain) - 1, 1), 0.975) * error
        print(
            f"{name:20} mean gain {gain.mean():+.2f} points [{gain.mean() - reach:+.2f}, {gain.mean() + reach:+.2f}] "
            f"over seeds, from {gain.min():+.1f} to {gain.max():+.1f}; a seed's own 95% interval above 0 in "
            f"{int((low > 0).sum())}, below 0 in {int((high < 0).sum())} of {len(gain)} "
            f"(by chance {0.025 * len(gain):.1f} each)"
        )


if __name__ == "__main__":
    main()
