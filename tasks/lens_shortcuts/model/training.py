"""One variant: train each seed, score val, test and placebo with the best weights, and leave all of it in a folder."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from methods.lenses.batches import Resident, resident
from methods.lenses.masking import Phase
from methods.lenses.network import StampNetwork
from methods.lenses.preprocessing import CHANNELS
from methods.lenses.training import (
    FEWEST_BATCHES,
    LensTraining,
    log_loss,
    logits,
    restored,
    train,
    trains_in_bfloat16,
)
from methods.shortcuts.evaluation import core_reliance, pair_win_rate, radius_bins, ranking
from methods.shortcuts.folds import grouped_folds
from methods.statistics.ranking import auroc
from methods.training_place import Place
from params.lens_recipe import TrainRecipe
from storage.files.atomic import complete_folder
from storage.files.documents import write_json, write_text
from storage.files.finished import Finished
from storage.files.inputs import InputError
from storage.files.tables import write_parquet
from storage.files.tensors import write_tensors
from storage.lenses.stamps import ARCS, PLACEBO, has_set
from tasks.lens_shortcuts.model.devices import PARAMS, chosen_device
from tasks.lens_shortcuts.model.labelled_stamps import TRAINED, StampSet, column, stamp_set

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LensVariant:
    """A model of one mode of stamps, with the masks that it is trained behind."""

    name: str
    mode: str
    phases: Sequence[Phase]
    recipe: TrainRecipe

    @property
    def facts(self) -> dict[str, Any]:
        phases = [asdict(each) for each in self.phases]
        return {"variant": self.name, "phases": phases, "recipe": self.recipe.model_dump()}

    def write_status(self, folder: Path, status: str, reason: str, seeds: Sequence[int]) -> None:
        facts = {"status": status, "reason": reason, "mode": self.mode, "seeds": seeds, **self.facts}
        write_json(folder / "status.json", facts)


def train_variant(stage: str, variant: LensVariant, stamps: Path, run: Path, reason: str) -> None:
    """Writes `run`: status.json, scores.parquet, and per seed its best and last weights and its metrics."""
    recipe, network = variant.recipe, variant.recipe.network
    block = "full" if stage == "full" else "train.recipe"
    device = chosen_device(network.device, f"lens_shortcuts.{block}.network.device")
    # what `auto` and `amp` came to here
    taken = {"on": device, "bfloat16": trains_in_bfloat16(device, network.amp)}
    finished = Finished(f"lens_shortcuts_{stage}", sorted(stamps.iterdir()), {**variant.facts, **taken})
    data = StampData(stamps, recipe, device)
    _require_batches(
        len(data.sets[ARCS, "train"].positive), network.batch, f"lens_shortcuts.{block}.network.batch"
    )
    with complete_folder(run) as folder:
        scores = [_seed(variant, seed, data, folder / f"seed_{seed}", finished) for seed in recipe.seeds]
        write_parquet(folder / "scores.parquet", pd.concat(scores, ignore_index=True))
        variant.write_status(folder, TRAINED, reason, recipe.seeds)
    finished.forget()


def not_trained(status: str, variant: LensVariant, run: Path, reason: str) -> None:
    """Writes `run` with nothing but status.json: not required, or without stamps to train on."""
    with complete_folder(run) as folder:
        variant.write_status(folder, status, reason, [])
    sys.stdout.write(f"{variant.name}: {status}: {reason}\n")


class StampData:
    """Every set; those that epochs need are on the device, what is scored once at the end comes there when it is."""

    def __init__(self, stamps: Path, recipe: TrainRecipe, device: str) -> None:
        self.kind, self.device = recipe.network.input, device
        placebo = [(PLACEBO, split) for split in ("val", "test") if has_set(stamps, PLACEBO, split)]
        self.sets = {
            (name, split): stamp_set(stamps, name, split)
            for name, split in [(ARCS, "train"), (ARCS, "val"), (ARCS, "test"), *placebo]
        }
        for found in self.sets.values():
            _require_radii(stamps, found, recipe)
        self.held = {each: self._resident(each) for each in self.sets if each[1] != "test"}
        val = self.sets[ARCS, "val"]
        self.selects = grouped_folds(val.positive, val.groups, recipe.half_seed, folds=2) == 0

    def on_device(self, name: str, split: str) -> Resident:
        return self.held[name, split] if (name, split) in self.held else self._resident((name, split))

    def _resident(self, each: tuple[str, str]) -> Resident:
        return resident(self.sets[each].pixels, self.sets[each].positive, self.kind, self.device)


def _require_batches(stamps: int, batch: int, field: str) -> None:
    if stamps < FEWEST_BATCHES * batch:
        most = stamps // FEWEST_BATCHES
        advice = f"lower it to {most} or less, or add stamps" if most > 1 else "add stamps to train"
        raise InputError(
            PARAMS,
            f"{stamps} stamps in train make no {FEWEST_BATCHES} batches of {batch}: {advice}",
            field=field,
        )


def _require_radii(stamps: Path, found: StampSet, recipe: TrainRecipe) -> None:
    low, high = recipe.theta_E_edges[0], recipe.theta_E_edges[-1]
    outside = found.positive & ~((found.theta_E >= low) & (found.theta_E <= high))
    if outside.any():
        row = int(np.flatnonzero(outside)[0])
        raise InputError(
            stamps / "rows.parquet",
            f"stamp {found.rows['stamp'].iloc[row]}: Einstein radius {found.theta_E[row]:g} lies outside "
            f"[{low:g}, {high:g}] ({int(outside.sum())} stamps in all): widen recipe.theta_E_edges in params.yaml",
            field="theta_E",
        )


def _seed(variant: LensVariant, seed: int, data: StampData, folder: Path, finished: Finished) -> pd.DataFrame:
    """Train one seed, from where a killed run left it; scores with the best weights."""
    name, recipe, network, unit = variant.name, variant.recipe, variant.recipe.network, f"seed_{seed}"
    place = Place(finished.kept(unit), partial(finished.keep, unit))
    if place.found:
        sys.stdout.write(f"{name}, seed {seed}: goes on after epoch {place.progress['epoch']}\n")

    def validate(model: StampNetwork, epoch: int) -> tuple[float, dict[str, Any]]:
        value, record = _validated(model, epoch, recipe, data)
        sys.stdout.write(f"{name}, seed {seed}, epoch {epoch}: select AUROC {value:.4f}\n")
        return value, record

    settings = LensTraining(**network.model_dump(exclude={"input", "device"}))
    train_data = data.held[ARCS, "train"]
    model = train(train_data, variant.phases, settings, seed, validate, place)
    progress = model.progress
    folder.mkdir()
    for kind, weights in (("best", model.best), ("last", model.last)):
        write_tensors(
            folder / f"{kind}.safetensors", {key: value.cpu().numpy() for key, value in weights.items()}
        )
    lines = [json.dumps(_rounded(record), allow_nan=False) + "\n" for record in progress.records]
    write_text(folder / "metrics.jsonl", "".join(lines))
    write_json(
        folder / "metrics.json",
        {
            "best_epoch": progress.best_epoch,
            "epochs": progress.epoch,
            **_rounded({"select_auroc": progress.best_value}),
        },
    )
    best = restored(CHANNELS[network.input], network.width, model.best, str(train_data.pixels.device))
    return _scores(best, seed, recipe, data)


def _validated(
    model: StampNetwork, epoch: int, recipe: TrainRecipe, data: StampData
) -> tuple[float, dict[str, Any]]:
    """(AUROC of the half that selects, what to record); nothing of the other half chooses anything."""
    val, on_device = data.sets[ARCS, "val"], data.held[ARCS, "val"]
    made = logits(model, on_device)
    chosen, reports = data.selects, ~data.selects
    value = auroc(made[chosen], val.positive[chosen])
    record: dict[str, Any] = {
        "val_loss": log_loss(made[chosen], val.positive[chosen]),
        "val_auroc": value,
        "report_loss": log_loss(made[reports], val.positive[reports]),
        "report_auroc": auroc(made[reports], val.positive[reports]),
    }
    if epoch % recipe.every == 0 or epoch == recipe.network.epochs:
        hidden = logits(model, on_device, recipe.reliance_radius)
        part = val.part(np.stack([made, hidden], axis=1)).only(reports)
        bins = radius_bins(part, recipe.theta_E_edges, recipe.level)
        record["theta_E"] = [
            {"low": each.low, "high": each.high, "n": each.auroc.n, "auroc": each.auroc.value}
            for each in bins
        ]
        far = part.from_radius(recipe.reliance_theta_E)
        record["reliance"] = core_reliance(far, 1, recipe.reliance_floor, recipe.level).value
        record["pair_win_rate"] = pair_win_rate(part, recipe.level).value
        if (PLACEBO, "val") in data.sets:
            placebo, blank = data.sets[PLACEBO, "val"], data.held[PLACEBO, "val"]
            scored = placebo.part(logits(model, blank)[:, None]).only(reports)
            record["placebo_auroc"] = ranking(scored, recipe.level).value
    return value, record


def _scores(model: StampNetwork, seed: int, recipe: TrainRecipe, data: StampData) -> pd.DataFrame:
    """A row a stamp of val and test: logits r0, r3, ... with so much of the core hidden; placebo whole only."""
    tables = []
    for (name, split), found in data.sets.items():
        if split == "train":
            continue
        on_device = data.on_device(name, split)
        radii = recipe.radii if name == ARCS else recipe.radii[:1]
        table = pd.DataFrame(
            {
                "seed": seed,
                "set": name,
                "split": split,
                "row": np.arange(len(found.positive)),
                "selects": data.selects if split == "val" else np.zeros(len(found.positive), bool),
            }
        )
        for radius in radii:
            table[column(radius)] = logits(model, on_device, radius)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def _rounded(value: Any) -> Any:
    """Floats to the digits that tables keep, through lists and records."""
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_rounded(each) for each in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value
