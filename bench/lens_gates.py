"""Five draws of the sky: which gates find which planted leak, and what they say of the careful placebo.

    python -m bench.lens_gates [rows] [draws] > bench/lens_gates.md

Every draw is a new simulation with the knobs of params.yaml. A gate finds something in a draw if its interval excludes .5
at the level that all gates of all draws of that set share; the mean over draws of the placebo has an interval that all
gates of both modes share.
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.special import ndtri

from methods.lenses.exposure import stored
from methods.lenses.preprocessing import residual
from methods.shortcuts.gate_results import GateResult, family_level
from methods.shortcuts.probe_models import Probe, boosted, core_network, cropped, logistic
from methods.shortcuts.probes import core_features, core_ring_features, gate_auc, radial_features
from methods.splits.matched_groups import matched_groups
from params.block import read_block
from params.lens_shortcuts import Leak, Render
from params.simulated_lenses import Simulate
from simulators.lens_shortcuts import drawn
from storage.files.markdown import markdown_table
from tasks.lens_shortcuts.model.labelled_stamps import numbered
from tasks.lens_shortcuts.model.planted_leaks import leak_effect
from tasks.lens_shortcuts.model.scenes import Scenes
from tasks.lens_shortcuts.model.undefined import why

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


def _residual_centre(raw: Pixels, rest: Pixels) -> NDArray[np.float32]:
    return cropped(rest)


MODES = ("paired", "unpaired")
NETWORK = "core, residual, network"
GATES: dict[str, tuple[Callable[[Pixels, Pixels], Pixels], Probe]] = {
    "core, raw, linear": (_raw_core, logistic),
    "core, residual, linear": (_residual_core, logistic),
    "core rings, raw, trees": (_raw_rings, boosted),
    "core rings, residual, trees": (_residual_rings, boosted),
    "radial, linear": (radial_features, logistic),
    "radial, trees": (radial_features, boosted),
    NETWORK: (_residual_centre, core_network),  # on arcs and placebo alone, as in the experiment
}


def sets(mode: str, render: Render) -> dict[str, tuple[bool, Leak | None]]:
    """Name -> (with arcs, planted leak)."""
    leaks = {name: (False, leak) for name, leak in render.leaks.items()} if mode == render.leak_mode else {}
    return {"arcs": (True, None), "placebo": (False, None), **leaks}


def rendered(rows: pd.DataFrame, render: Render, arcs: bool, leak: Leak | None) -> NDArray[np.float16]:
    scenes, parts = Scenes(None, render.gain, render.supersampling, "cpu"), []
    for start in range(0, len(rows), render.chunk):
        part = rows.iloc[start : start + render.chunk]
        changes = leak_effect(part, leak, render.supersampling)
        hosts = scenes.hosts(part, changes)
        parts.append(stored(scenes.with_arcs(part, hosts, changes) if arcs else hosts))
    return np.concatenate(parts)


def measured(seed: int, count: int, draws: int) -> Iterator[tuple[str, str, str, GateResult]]:
    """(mode, set, gate, result) of one draw."""
    simulate = read_block(PARAMS, "lens_shortcuts.simulate", Simulate)
    render = read_block(PARAMS, "lens_shortcuts.render", Render)
    sizes: Any = {"train": count, "val": 4, "test": 4}
    table = drawn(simulate.model_copy(update={"seed": seed, "stamps": sizes}), 0)
    for mode in MODES:
        rows = table[(table["mode"] == mode) & (table["split"] == "train")].reset_index(drop=True)
        labels = rows["label"].to_numpy() == 1
        groups = matched_groups(numbered(rows["host_id"]), numbered(rows["pair_id"]))
        for name, (arcs, leak) in sets(mode, render).items():
            raw = rendered(rows, render, arcs, leak)
            rest = residual(raw)
            asked = [gate for gate in GATES if gate != NETWORK or leak is None]
            for gate in asked:
                features, probe = GATES[gate]
                family = draws * len(asked)
                yield (
                    mode,
                    name,
                    gate,
                    gate_auc(features(raw, rest), labels, groups, seed, probe, family=family),
                )


def main(count: int, draws: int) -> None:
    torch.set_num_threads(1)
    found: dict[tuple[str, str, str], list[GateResult]] = {}
    for seed in range(FIRST_SEED, FIRST_SEED + draws):
        for mode, name, gate, result in measured(seed, count, draws):
            found.setdefault((mode, name, gate), []).append(result)
        print(f"draw {seed - FIRST_SEED + 1} of {draws}", file=sys.stderr, flush=True)
    family = len(MODES) * len(GATES)
    print(
        f"`python -m bench.lens_gates {count} {draws}`: {draws} draws of {count} stamps a mode. Mean AUC (sd over draws), "
        "draws whose interval excludes .5 at the level that all gates of all draws share.\n"
    )
    for mode in MODES:
        names = dict.fromkeys(name for of, name, _ in found if of == mode)
        print(f"## {mode}\n")
        print(markdown_table(pd.DataFrame([{"set": name, **cells(found, mode, name)} for name in names])))
        print()
    print(
        "## The careful placebo over all draws\n\nMean of the draws, its 95% interval, the interval that all "
        f"{family} gates share, and the excess over .5 that this one can hide.\n"
    )
    print(markdown_table(pd.DataFrame(pooled(found, family))))


def cells(found: dict[tuple[str, str, str], list[GateResult]], mode: str, name: str) -> dict[str, str]:
    return {gate: cell(found[mode, name, gate]) if (mode, name, gate) in found else "" for gate in GATES}


def pooled(found: dict[tuple[str, str, str], list[GateResult]], family: int) -> list[dict[str, str]]:
    """The draws are independent: the variance of their mean is the mean of what their intervals state, over their number."""
    records = []
    for mode in MODES:
        for gate in GATES:
            results = found[mode, "placebo", gate]
            ends = [(each.auc, each.low, each.high) for each in results]
            values = np.array([end for end in ends if None not in end], np.float64)
            if len(values) < len(results):
                records.append({"mode": mode, "gate": gate, "mean AUC": "undefined"})
                continue
            error = float(np.sqrt((((values[:, 2] - values[:, 1]) / 2 / ndtri(0.975)) ** 2).sum())) / len(
                values
            )
            mean = float(values[:, 0].mean())
            single, joint = (float(ndtri((1 + family_level(0.95, each)) / 2)) * error for each in (1, family))
            records.append(
                {
                    "mode": mode, "gate": gate, "mean AUC": f"{mean:.3f}",
                    "95%": f"[{mean - single:.3f}, {mean + single:.3f}]",
                    "shared": f"[{mean - joint:.3f}, {mean + joint:.3f}]",
                    "finds": "yes" if abs(mean - 0.5) > joint else "no",
                    "could hide": f"{max(mean + joint - 0.5, 0.5 - mean + joint):.3f}",
                }
            )  # fmt: skip
    return records


def cell(results: list[GateResult]) -> str:
    aucs = [each.auc for each in results if each.auc is not None]
    if len(aucs) < len(results):
        return f"undefined: {next(why(each) for each in results if each.auc is None)}"
    spread = f" ({np.std(aucs, ddof=1):.3f})" if len(aucs) > 1 else ""
    return f"{np.mean(aucs):.3f}{spread}, {sum(each.finds for each in results)}/{len(results)}"


if __name__ == "__main__":
    main(*(int(each) for each in (*sys.argv[1:], *("2000", "5")[len(sys.argv) - 1 :])))
