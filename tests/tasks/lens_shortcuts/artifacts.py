"""Small folders of stamps as render leaves them, and parameters for them: arcs that a network finds in seconds."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from methods.lenses.geometry import radius
from params.lens_recipe import TrainRecipe
from params.lens_shortcuts import Compare, Gates, Mask, MaskPhase, Train, Tree, TreeThresholds
from storage.lenses.stamps import ARCS, PLACEBO, write_description

RECIPE: dict[str, Any] = {
    "network": {
        "input": "residual", "width": 8, "schedule": "one_cycle", "learning_rate": 0.01, "weight_decay": 1e-4,
        "epochs": 3, "batch": 16, "patience": None, "amp": False, "device": "cpu",
    },
    "seeds": [1], "half_seed": 0, "radii": [0, 3, 7], "reliance_radius": 7, "reliance_theta_E": 1.5,
    "reliance_floor": 0.55, "theta_E_edges": [0.5, 1.0, 2.0, 3.0], "least_in_bin": 5, "every": 2, "level": 0.95,
}  # fmt: skip
EDGES = {
    "core": (0.6, 0.65), "radial": (0.55, 0.6), "reliance": (0.03, 0.05), "placebo": (0.55, 0.6),
    "theta_E_least": (0.8, 0.7), "theta_E_spread": (0.15, 0.2), "auroc": (0.9, 0.9),
}  # fmt: skip
COUNTS = {"train": 160, "val": 120, "test": 120}


def recipe(**changes: Any) -> TrainRecipe:
    network = {**RECIPE["network"], **changes.pop("network", {})}
    return TrainRecipe.model_validate({**RECIPE, **changes, "network": network})


def thresholds() -> TreeThresholds:
    return TreeThresholds.model_validate(
        {name: {"passes": passes, "fails": fails} for name, (passes, fails) in EDGES.items()}
    )


def gates() -> Gates:
    return Gates(rows=200, seeds=[0, 1], network_seeds=0, level=0.95)


def train(**changes: Any) -> Train:
    return Train(variants={"paired": "A1", "unpaired": "B1"}, recipe=recipe(**changes))


def tree(gates_from: Any = "placebo", baseline: Any = "unpaired") -> Tree:
    return Tree(gates=gates_from, baseline=baseline, thresholds=thresholds())


def mask(force: bool = True) -> Mask:
    return Mask(
        variants={
            "B2": [MaskPhase(start=0, radius=5, probability=0.5)],
            "B3": [
                MaskPhase(start=0, radius=7, probability=0.7),
                MaskPhase(start=0.5, radius=3, probability=0.3),
            ],
        },
        force_variants=force,
    )


def compare() -> Compare:
    return Compare(level=0.95, test_auroc=0.88, fewest_seeds=3, hardest=4)


def write_stamps(folder: Path, mode: str, seed: int = 0, placebo: bool = True) -> Path:
    """Round galaxies with noise; positives have half a ring at their Einstein radius, in the placebo set nothing."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng([seed, mode == "paired"])
    tables, sets = [], {name: dict(COUNTS) for name in ((ARCS, PLACEBO) if placebo else (ARCS,))}
    for split, count in COUNTS.items():
        rows = _rows(mode, split, count, rng)
        hosts = pd.factorize(rows["host_id"])[0]
        widths = rng.uniform(2.5, 5, hosts.max() + 1)[hosts]
        blank = 3 * np.exp(-radius()[None] / widths[:, None, None])
        blank = np.repeat(blank[:, None], 3, axis=1) + rng.normal(0, 0.05, (count, 3, 63, 63))
        np.save(folder / f"{ARCS}_{split}.npy", (blank + _arcs(rows, rng)).astype(np.float16))
        if placebo:
            np.save(folder / f"{PLACEBO}_{split}.npy", blank.astype(np.float16))
        tables.append(rows)
    write_description(folder, pd.concat(tables, ignore_index=True), {"mode": mode, "sets": sets})
    return folder


def _rows(mode: str, split: str, count: int, rng: np.random.Generator) -> pd.DataFrame:
    label = np.arange(count) % 2
    pair = np.arange(count) // 2
    host = pair if mode == "paired" else np.arange(count)
    return pd.DataFrame(
        {
            "stamp": [f"{mode}-{split}-{number}" for number in range(count)],
            "split": split,
            "label": label,
            "mode": mode,
            "host_id": [f"{split}-{number}" for number in host],
            "pair_id": [f"{split}-{number}" if mode == "paired" else "" for number in pair],
            "theta_E": np.where(label == 1, rng.uniform(0.5, 3, count), np.nan),
        }
    )


def _arcs(rows: pd.DataFrame, rng: np.random.Generator) -> np.ndarray[Any, Any]:
    offset = np.arange(63) - 31
    angle = np.arctan2(offset[:, None], offset[None, :])[None]
    pixels = rows["theta_E"].to_numpy()[:, None, None] / 0.262
    turned = np.cos(angle - rng.uniform(0, 2 * np.pi, len(rows))[:, None, None]) > 0.3
    arcs = np.exp(-(((radius()[None] - np.nan_to_num(pixels, nan=1e3)) / 1.5) ** 2)) * turned * 0.5
    return np.repeat(arcs[:, None], 3, axis=1)
