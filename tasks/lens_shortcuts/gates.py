"""Data gates of one mode: what a simple model that sees only a shortcut reads from arcs, placebo and planted leaks."""

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from methods.lenses.preprocessing import residual
from methods.shortcuts.gate_results import CORE, FINAL, NETWORK, QUICK, RADIAL, GateResult, pooled
from methods.shortcuts.probe_models import Probe, boosted, core_network, cropped, logistic
from methods.shortcuts.probes import (
    balanced_rows,
    core_features,
    core_ring_features,
    gate_auc,
    radial_features,
)
from params.lens_shortcuts import Gates
from storage.files.tables import write_csv
from storage.lenses.stamps import ARCS, LEAK, PLACEBO, has_stamps, read_sets
from tasks.lens_shortcuts.model.labelled_stamps import NOT_GIVEN, StampSet, stamp_set
from tasks.lens_shortcuts.model.undefined import why
from tasks.report.figures import estimate

Pixels = NDArray[np.floating[Any]]
CHUNK = 1024  # stamps at a time
COLUMNS = (
    "mode", "set", "split", "gate", "seeds", "n", "positives", "family", "auc", "low", "high", "family_low", "family_high", "seed_sd", "finds",
    "status", "reason",
)  # fmt: skip
FEATURES: dict[str, Callable[[Pixels, Pixels], Pixels]] = {  # of raw and residual stamps
    "raw core": lambda raw, rest: core_features(raw),
    "residual core": lambda raw, rest: core_features(rest),
    "raw core rings": lambda raw, rest: core_ring_features(raw),
    "residual core rings": lambda raw, rest: core_ring_features(rest),
    "profile": radial_features,
    "residual centre": lambda raw, rest: cropped(rest),
}
PROBES: dict[str, tuple[str, Probe]] = {
    "core_lr_raw": ("raw core", logistic),
    CORE: ("residual core", logistic),
    "core_trees_raw": ("raw core rings", boosted),
    "core_trees_residual": ("residual core rings", boosted),
    RADIAL: ("profile", logistic),
    "radial_trees": ("profile", boosted),
    NETWORK: ("residual centre", core_network),
}


def main(params: Gates, option: str, stamps: Path, gates: Path) -> None:
    if not has_stamps(stamps):
        sys.stdout.write(f"{option}: {NOT_GIVEN}\n")
        write_csv(gates, pd.DataFrame(columns=COLUMNS))
        return
    sets = read_sets(stamps)
    work = [(name, split) for name, splits in sets.items() for split in ("train", FINAL) if split in splits]
    records = [
        {
            "mode": option, "set": name, "split": split, "gate": gate, "seeds": len(found), "positives": positives,
            "family": family, **_figures(found),
        }
        for name, split in work
        for family in [_family(name, work, params)]
        for gate, found, positives in _gates(stamp_set(stamps, name, split), name, split, params, family)
    ]  # fmt: skip
    write_csv(gates, pd.DataFrame(records, columns=COLUMNS))


def _gates(
    data: StampSet, name: str, split: str, params: Gates, family: int
) -> Iterator[tuple[str, list[GateResult], int]]:
    """Each gate with its results, one a seed, and the positives among its rows; the final split: all rows, one seed."""
    every = split == FINAL
    seeds = params.seeds[:1] if every else params.seeds
    found: dict[str, list[GateResult]] = {gate: [] for gate in _names(name, params)}
    for number, seed in enumerate(seeds):
        asked = [gate for gate in found if gate != NETWORK or number < params.network_seeds]
        rows = (
            np.arange(len(data.positive))
            if every
            else np.sort(balanced_rows(data.positive, data.groups, params.rows, seed))
        )
        positives = int(data.positive[rows].sum())
        seen = _seen(data.pixels, rows, {PROBES[gate][0] for gate in asked})
        for gate in asked:
            of, probe = PROBES[gate]
            result = gate_auc(
                seen[of], data.positive[rows], data.groups[rows], seed, probe, params.level, family
            )
            found[gate].append(result)
    for gate, results in found.items():
        if results:
            whole = pooled(results)
            said = estimate(whole.auc, whole.low, whole.high) or f"undefined: {why(whole)}"
            sys.stdout.write(f"{name} {split} {gate}: {said}\n")
            yield gate, results, positives


def _family(name: str, work: Sequence[tuple[str, str]], params: Gates) -> int:
    """Gates that answer one question and are judged together: is there a leak of construction (placebo), what do arcs
    show, are the planted leaks found?"""
    return sum(len(_names(other, params)) for other, _ in work if _kind(other) == _kind(name))


def _kind(name: str) -> str:
    return LEAK if name.startswith(LEAK) else name


def _names(name: str, params: Gates) -> tuple[str, ...]:
    """The network probe runs, if at all, on the two sets that decide, the quick ones on planted leaks too."""
    return (*QUICK, NETWORK) if params.network_seeds and name in (ARCS, PLACEBO) else QUICK


def _seen(pixels: NDArray[np.float16], rows: NDArray[np.int64], wanted: set[str]) -> dict[str, Pixels]:
    """What the probes read of these rows, chunk by chunk: stamps are never held as pixels all at once."""
    parts: dict[str, list[Pixels]] = {name: [] for name in FEATURES if name in wanted}
    for start in range(0, len(rows), CHUNK):
        raw = np.asarray(pixels[rows[start : start + CHUNK]])
        rest = residual(raw)
        for name, part in parts.items():
            part.append(FEATURES[name](raw, rest))
    return {name: np.concatenate(part) for name, part in parts.items()}


def _figures(found: list[GateResult]) -> dict[str, object]:
    whole = pooled(found)
    aucs = [each.auc for each in found if each.auc is not None]
    return {
        **{name: getattr(whole, name) for name in ("n", "auc", "low", "high", "family_low", "family_high")},
        "seed_sd": float(np.std(aucs, ddof=1)) if len(aucs) > 1 else None,
        "finds": whole.finds if whole.status == "ok" else None,
        "status": whole.status,
        "reason": why(whole),
    }
