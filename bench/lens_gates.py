"""Five draws of the sky: which gates find which planted leak, and what they say of the careful placebo.

    python -m bench.lens_gates [rows] [seeds] > table.md

Every draw is a new simulation with the knobs of params.yaml. Intervals are widened so that all gates of all draws of a
set hold theirs together; a gate that excludes .5 is marked with a star.
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from methods.gate_results import GateResult
from methods.lens_exposure import stored
from methods.matched_groups import matched_groups
from methods.probe_models import Probe, boosted, logistic
from methods.probes import core_features, core_ring_features, gate_auc, radial_features
from methods.stamp_preprocessing import residual
from params.block import read_block
from params.lens_shortcuts import Leak, Render, Simulate
from simulators.lens_shortcuts import drawn
from storage.markdown import markdown_table
from tasks.lens_shortcuts.labelled import numbered
from tasks.lens_shortcuts.planted import planted
from tasks.lens_shortcuts.scenes import Scenes

PARAMS = Path("params.yaml")
FIRST_SEED = 101
Pixels = NDArray[np.floating[Any]]
Features = NDArray[np.float64]


def _raw_core(raw: Pixels, rest: Pixels) -> Features:
    return core_features(raw)


def _residual_core(raw: Pixels, rest: Pixels) -> Features:
    return core_features(rest)


def _raw_rings(raw: Pixels, rest: Pixels) -> Features:
    return core_ring_features(raw)


def _residual_rings(raw: Pixels, rest: Pixels) -> Features:
    return core_ring_features(rest)


GATES: dict[str, tuple[Callable[[Pixels, Pixels], Features], Probe]] = {
    "core, raw, linear": (_raw_core, logistic),
    "core, residual, linear": (_residual_core, logistic),
    "core rings, raw, trees": (_raw_rings, boosted),
    "core rings, residual, trees": (_residual_rings, boosted),
    "radial, linear": (radial_features, logistic),
    "radial, trees": (radial_features, boosted),
}


def sets(render: Render) -> dict[str, tuple[bool, Leak | None]]:
    """Name -> (with arcs, planted leak)."""
    leaks: dict[str, tuple[bool, Leak | None]] = {name: (False, leak) for name, leak in render.leaks.items()}
    return {"arcs": (True, None), "placebo": (False, None), **leaks}


def rendered(rows: pd.DataFrame, render: Render, arcs: bool, leak: Leak | None) -> NDArray[np.float16]:
    scenes, parts = Scenes(None, render.gain, render.supersampling, "cpu"), []
    for start in range(0, len(rows), render.chunk):
        part = rows.iloc[start : start + render.chunk]
        changes = planted(part, leak, render.supersampling)
        hosts = scenes.hosts(part, changes)
        parts.append(stored(scenes.with_arcs(part, hosts, changes) if arcs else hosts))
    return np.concatenate(parts)


def measured(seed: int, count: int, family: int) -> Iterator[tuple[str, str, GateResult]]:
    simulate = read_block(PARAMS, "lens_shortcuts.simulate", Simulate)
    render = read_block(PARAMS, "lens_shortcuts.render", Render)
    sizes: Any = {"train": count, "val": 4, "test": 4}
    table = drawn(simulate.model_copy(update={"seed": seed, "stamps": sizes}), 0)
    rows = table[(table["mode"] == "unpaired") & (table["split"] == "train")].reset_index(drop=True)
    labels = rows["label"].to_numpy() == 1
    groups = matched_groups(numbered(rows["host_id"]), numbered(rows["pair_id"]))
    for name, (arcs, leak) in sets(render).items():
        raw = rendered(rows, render, arcs, leak)
        rest = residual(raw)
        for gate, (features, probe) in GATES.items():
            yield name, gate, gate_auc(features(raw, rest), labels, groups, seed, probe, family=family)


def main(count: int, seeds: int) -> None:
    torch.set_num_threads(1)
    found: dict[tuple[str, str], list[GateResult]] = {}
    for seed in range(FIRST_SEED, FIRST_SEED + seeds):
        for name, gate, result in measured(seed, count, seeds * len(GATES)):
            found.setdefault((name, gate), []).append(result)
    names = dict.fromkeys(name for name, _ in found)
    print(
        f"{count} unpaired stamps, {seeds} draws: mean AUC (sd over draws), draws whose family interval excludes .5\n"
    )
    print(
        markdown_table(
            pd.DataFrame(
                [{"set": name, **{gate: cell(found[name, gate]) for gate in GATES}} for name in names]
            )
        )
    )


def cell(results: list[GateResult]) -> str:
    aucs = [each.auc for each in results if each.auc is not None]
    if len(aucs) < len(results):
        return f"undefined: {next(each.reason for each in results if each.auc is None)}"
    spread = f" ({np.std(aucs, ddof=1):.3f})" if len(aucs) > 1 else ""
    return f"{np.mean(aucs):.3f}{spread}, {sum(each.finds for each in results)}/{len(results)}"


if __name__ == "__main__":
    main(*(int(each) for each in (*sys.argv[1:], *("2000", "5")[len(sys.argv) - 1 :])))
