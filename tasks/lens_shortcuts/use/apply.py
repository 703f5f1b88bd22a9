"""Score any prepared stamps with what a training pinned: AUROC by host, what the core gives, and the placebo."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch

from methods.lenses.batches import resident
from methods.lenses.network import StampNetwork
from methods.lenses.preprocessing import CHANNELS
from methods.lenses.training import logits, restored
from methods.shortcuts.evaluation import Estimate, Part, core_reliance, sensitivity_curve
from params.lens_shortcuts import Recipe
from storage.files.documents import read_json
from storage.files.inputs import InputError
from storage.files.weights import read_weights
from storage.lenses.stamps import ARCS, PLACEBO, has_stamps, read_sets
from tasks.lens_shortcuts.model.devices import chosen_device
from tasks.lens_shortcuts.model.labelled_stamps import labelled
from tasks.lens_shortcuts.model.names import TRAINED


def scored(run: Path, stamps: Path, device: Literal["cpu", "cuda", "auto"]) -> pd.DataFrame:
    """A row for each seed, split, set and measure of a folder of stamps as render leaves it.

    run: what train, mask or full left; the best weights of each seed score. measure: `auroc` with r < radius hidden, or
    `reliance`, the AUROC that hiding the core costs, over positives of at least theta_E_from arcsec. n: positives;
    intervals are by host, at the recipe's level. Placebo stamps, where there are any, are scored whole: .5 is honest.

    InputError where nothing was trained, weights do not fit the recipe beside them, or stamps are not those of a network.
    """
    status = _status(run)
    recipe = Recipe.model_validate(status["recipe"])
    if not (stamps / "stamps.json").exists():
        raise InputError(
            stamps, "is no folder of stamps: `run_stage.py lens_shortcuts.render` makes one of a manifest and pictures"
        )  # fmt: skip
    if not has_stamps(stamps):
        raise InputError(
            stamps, "holds no stamps: the data did not have this mode (lens_shortcuts.prepare.modes)"
        )
    on = chosen_device(device, "--device")
    networks = {seed: _network(run, seed, recipe, on) for seed in status["seeds"]}
    tables = []
    for name, splits in read_sets(stamps).items():
        for split in splits if name in (ARCS, PLACEBO) else ():
            found = labelled(stamps, name, split)
            pixels = resident(found.pixels, found.positive, recipe.network.input, on)
            for seed, network in networks.items():
                radii = recipe.radii if name == ARCS else recipe.radii[:1]
                part = found.part(np.stack([logits(network, pixels, radius) for radius in radii], axis=1))
                rows = _measured(part, recipe, name)
                counts = {"negatives": int((~found.positive).sum()), "groups": len(np.unique(found.groups))}
                tables.append(pd.DataFrame(rows).assign(seed=seed, split=split, set=name, **counts))
    first = ["seed", "set", "split", "measure", "radius", "theta_E_from", "n", "negatives", "groups"]
    table = pd.concat(tables, ignore_index=True)
    table.insert(0, "variant", status["variant"])
    return table[["variant", *first, "value", "low", "high", "status", "reason"]]


def _status(run: Path) -> dict[str, Any]:
    path = run / "status.json"
    if not path.exists():
        raise InputError(path, "no such file: --run is the folder that train, mask or full left")
    status: dict[str, Any] = read_json(path)
    if status["status"] != TRAINED:
        raise InputError(path, f"{status['variant']} was not trained: {status['status']}: {status['reason']}")
    return status


def _network(run: Path, seed: int, recipe: Recipe, device: str) -> StampNetwork:
    path = run / f"seed_{seed}" / "best.safetensors"
    if not path.exists():
        raise InputError(path, "no such file: get it with `dvc pull`, or train again")
    weights = read_weights(path)
    channels, width = CHANNELS[recipe.network.input], recipe.network.width
    with torch.device("meta"):
        expected = {name: value.shape for name, value in StampNetwork(channels, width).state_dict().items()}
    if {name: value.shape for name, value in weights.items()} != expected:
        raise InputError(
            path,
            f"is no network of {channels} channels ({recipe.network.input}) and width {width}, which status.json names: "
            "they are of different runs",
        )
    return restored(channels, width, weights, device)


def _measured(part: Part, recipe: Recipe, name: str) -> list[dict[str, Any]]:
    curve = zip(recipe.radii, sensitivity_curve(part, recipe.level), strict=False)
    rows = [_row("auroc", radius, 0.0, found) for radius, found in curve]
    if name == ARCS:
        column = recipe.radii.index(recipe.reliance_radius)
        for least in (0.0, recipe.reliance_theta_E):
            found = core_reliance(part.from_radius(least), column, recipe.reliance_floor, recipe.level)
            rows.append(_row("reliance", recipe.reliance_radius, least, found))
    return rows


def _row(measure: str, radius: float, least: float, found: Estimate) -> dict[str, Any]:
    return {"measure": measure, "radius": radius, "theta_E_from": least, **vars(found)}
