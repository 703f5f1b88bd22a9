"""Score stamps with the pinned weights of a run: `python -m tasks.lens_shortcuts.use.apply --run <run> --stamps <stamps>`.

    python -m tasks.lens_shortcuts.use.apply --run artifacts/lens_shortcuts/unpaired/run --stamps ../mine/artifacts/lens_shortcuts/unpaired/stamps

Stamps are a folder that `lens_shortcuts.render` made, here or in another checkout: of a simulation, of real hosts, or of
the user's own cut-outs. Nothing is trained and nothing chosen; every split with both classes is shown by itself.
"""

import argparse
import os
import sys
from pathlib import Path
from typing import Any, Literal

from params.block import ParamsError, read_block
from params.runtime import Cpu
from run_stage import PARAMS, set_cpu

if __name__ == "__main__":  # numpy and torch read these switches when they are imported
    try:
        set_cpu(read_block(PARAMS, "runtime.cpu", Cpu))
    except ParamsError as error:
        sys.exit(str(error))

import numpy as np
import pandas as pd
import torch
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from methods.lenses.batches import resident
from methods.lenses.network import StampNetwork
from methods.lenses.preprocessing import CHANNELS
from methods.lenses.training import logits, restored
from methods.shortcuts.evaluation import Estimate, Part, core_reliance, sensitivity_curve
from params.lens_shortcuts import TrainRecipe
from storage.files.documents import read_json
from storage.files.inputs import InputError
from storage.files.weights import read_weights
from storage.lenses.stamps import ARCS, PLACEBO, has_stamps, read_sets
from tasks.lens_shortcuts.model.devices import chosen_device
from tasks.lens_shortcuts.model.labelled_stamps import TRAINED, stamp_set
from tasks.lens_shortcuts.model.undefined import why
from tasks.report.figures import estimate, number, significant

COLUMNS = {
    "set": "set", "split": "split", "seed": "seed", "measure": "measure", "hidden px": "radius",
    "theta_E from (arcsec)": "theta_E_from", "n +": "n", "n -": "negatives", "hosts": "groups", "value": "value",
    "": "reason",
}  # fmt: skip


def command(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tasks.lens_shortcuts.use.apply",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--run", type=Path, required=True, help="what train, mask or full left")
    parser.add_argument("--stamps", type=Path, required=True, help="a folder of stamps as render leaves it")
    parser.add_argument("--device", choices=("cpu", "cuda", "auto"), default="cpu")
    parser.add_argument("--out", type=Path, help="write the table there as CSV too, at full precision")
    options = parser.parse_args(arguments)
    try:
        scores = scored(options.run, options.stamps, options.device)
    except ValueError as error:  # an InputError is one; the message is the whole story
        sys.stderr.write(f"{error}\n")
        return 1
    if options.out:
        scores.to_csv(options.out, index=False, lineterminator="\n")
    shown = Table(*COLUMNS, box=None, header_style="bold", pad_edge=False)
    last = None
    for row in scores.to_dict("records"):
        # To twelve digits first, so that a value half way between two thousandths is rounded up.
        value, low, high = (float(significant(row[name], 12) or "nan") for name in ("value", "low", "high"))
        row["value"] = estimate(value, low, high)
        first, *others = (_cell(row[name]) for name in COLUMNS.values())
        shown.add_row("" if first == last else f"[bold]{first}[/]", *others)
        last = first
    width = None if sys.stdout.isatty() else int(os.environ.get("COLUMNS", "120"))
    Console(highlight=False, width=width).print(shown)
    return 0


def _cell(value: object) -> str:
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else number(value)
    return escape(str(value))


def scored(run: Path, stamps: Path, device: Literal["cpu", "cuda", "auto"]) -> pd.DataFrame:
    """A row for each seed, split, set and measure of a folder of stamps as render leaves it.

    run: what train, mask or full left; the best weights of each seed score. measure: `auroc` with r < radius hidden, or
    `reliance`, the AUROC that hiding the core costs, over positives of at least theta_E_from arcsec. n: positives;
    intervals are by host, at the recipe's level. Placebo stamps, where there are any, are scored whole: .5 is honest.

    InputError where nothing was trained, weights do not fit the recipe beside them, or stamps are not those of a network.
    """
    status = _status(run)
    recipe = TrainRecipe.model_validate(status["recipe"])
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
            found = stamp_set(stamps, name, split)
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


def _network(run: Path, seed: int, recipe: TrainRecipe, device: str) -> StampNetwork:
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


def _measured(part: Part, recipe: TrainRecipe, name: str) -> list[dict[str, Any]]:
    curve = zip(recipe.radii, sensitivity_curve(part, recipe.level), strict=False)
    rows = [_row("auroc", radius, 0.0, found) for radius, found in curve]
    if name == ARCS:
        column = recipe.radii.index(recipe.reliance_radius)
        for least in (0.0, recipe.reliance_theta_E):
            found = core_reliance(part.from_radius(least), column, recipe.reliance_floor, recipe.level)
            rows.append(_row("reliance", recipe.reliance_radius, least, found))
    return rows


def _row(measure: str, radius: float, least: float, found: Estimate) -> dict[str, Any]:
    return {
        "measure": measure, "radius": radius, "theta_E_from": least, **vars(found), "reason": why(found)
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(command())
