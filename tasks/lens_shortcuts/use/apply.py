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
from pydantic import BaseModel, NonNegativeInt, ValidationError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from methods.lenses.batches import Resident, resident
from methods.lenses.network import StampNetwork
from methods.lenses.preprocessing import CHANNELS
from methods.lenses.training import logits, restored
from methods.shortcuts.evaluation import Estimate, Part, core_reliance, sensitivity_curve
from params.lens_recipe import TrainRecipe
from storage.files.documents import read_foreign_json
from storage.files.inputs import InputError, shown
from storage.files.tensors import read_foreign_tensors, tensor_names
from storage.lenses.stamps import ARCS, PLACEBO, SPLITS, read_sets, set_path
from tasks.lens_shortcuts.model.devices import chosen_device
from tasks.lens_shortcuts.model.labelled_stamps import TRAINED, StampSet, stamp_set
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
        if options.out:
            scores.to_csv(options.out, index=False, lineterminator="\n")
    except (ValueError, OSError) as error:  # an InputError is one; the message is the whole story
        sys.stderr.write(f"{error}\n")
        return 1
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
    trained = _trained(run)
    recipe = trained.recipe
    if not (stamps / "stamps.json").is_file():
        raise InputError(
            stamps, "is no folder of stamps: `run_stage.py lens_shortcuts.render` makes one of a manifest and pictures"
        )  # fmt: skip
    if not (sets := read_sets(stamps)):
        raise InputError(
            stamps, "holds no stamps: the data did not have this mode (lens_shortcuts.prepare.modes)"
        )
    on = chosen_device(device, "--device")
    networks = {seed: _network(run, seed, recipe, on) for seed in trained.seeds}
    tables = []
    for name, split in [
        (name, split) for name in (ARCS, PLACEBO) for split in SPLITS if split in sets.get(name, ())
    ]:
        found = stamp_set(stamps, name, split)
        pixels = _pixels(found, set_path(stamps, name, split), recipe, on)
        for seed, network in networks.items():
            radii = recipe.radii if name == ARCS else recipe.radii[:1]
            part = found.part(np.stack([logits(network, pixels, radius) for radius in radii], axis=1))
            rows = _measured(part, recipe, name)
            counts = {"negatives": int((~found.positive).sum()), "groups": len(np.unique(found.groups))}
            tables.append(pd.DataFrame(rows).assign(seed=seed, split=split, set=name, **counts))
    if not tables:
        raise InputError(stamps / "stamps.json", f"names no set {ARCS} or {PLACEBO} of {', '.join(SPLITS)}")
    first = ["seed", "set", "split", "measure", "radius", "theta_E_from", "n", "negatives", "groups"]
    table = pd.concat(tables, ignore_index=True)
    table.insert(0, "variant", trained.variant)
    return table[["variant", *first, "value", "low", "high", "status", "reason"]]


class TrainedRun(BaseModel):
    """Of status.json, what is needed to score."""

    status: str
    reason: str
    variant: str
    seeds: list[NonNegativeInt]
    recipe: TrainRecipe


def _trained(run: Path) -> TrainedRun:
    path = run / "status.json"
    if not path.is_file():
        raise InputError(path, "no such file: --run is the folder that train, mask or full left")
    try:
        trained = TrainedRun.model_validate(read_foreign_json(path))
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(
            path, f"{first['msg']}: --run is the folder that train, mask or full left",
            field=".".join(map(str, first["loc"])) or None,
        ) from None  # fmt: skip
    if trained.status != TRAINED:
        raise InputError(
            path,
            f"{shown(trained.variant)[1:-1]} was not trained: {trained.status[:60]}: {trained.reason[:200]}",
        )
    return trained


def _pixels(found: StampSet, path: Path, recipe: TrainRecipe, device: str) -> Resident:
    if not np.isfinite(found.pixels).all():
        raise InputError(path, "a pixel is not a number: render it again")
    try:
        return resident(found.pixels, found.positive, recipe.network.input, device)
    except ValueError as error:  # a stamp without noise
        raise InputError(path, str(error)) from None


def _network(run: Path, seed: int, recipe: TrainRecipe, device: str) -> StampNetwork:
    path = run / f"seed_{seed}" / "best.safetensors"
    if not path.is_file():
        raise InputError(path, "no such file: get it with `dvc pull`, or train again")
    channels, width = CHANNELS[recipe.network.input], recipe.network.width
    with torch.device("meta"):
        expected = {name: value.shape for name, value in StampNetwork(channels, width).state_dict().items()}
    weights = {
        name: torch.from_numpy(value)
        for name, value in read_foreign_tensors(path, tensor_names(path)).items()
    }
    if {name: value.shape for name, value in weights.items()} != expected:
        raise InputError(
            path,
            f"is no network of {channels} channels ({recipe.network.input}) and width {width}, which status.json names: "
            "they are of different runs",
        )
    if not all(torch.isfinite(value).all() for value in weights.values()):
        raise InputError(path, "a weight is not a number: get it again with `dvc pull`, or train again")
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
