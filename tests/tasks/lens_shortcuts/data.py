"""Small manifests as the simulator draws them, and what the steps up to render leave of them."""

from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd

from params.block import Block, read_block
from params.lens_shortcuts import Render, RenderSource, Sample
from params.simulated_lenses import Simulate
from simulators.lens_shortcuts import drawn
from tasks.lens_shortcuts import prepare, render, sample
from tests.imports import ROOT

Model = TypeVar("Model", bound=Block)
STAMPS = {"train": 24, "val": 12, "test": 12}
SEED = 1  # what is tested here is not the default's data


def simulate(**changes: Any) -> Simulate:
    """The default's block with a few stamps and a seed of its own; `pool__fwhm_shift` reaches into its blocks."""
    block: Simulate = read_block(ROOT / "params.yaml", "lens_shortcuts.simulate", Simulate)
    return changed(block, {"stamps": STAMPS, "seed": SEED, **changes})


def render_params(**changes: Any) -> Render:
    block: Render = read_block(ROOT / "params.yaml", "lens_shortcuts.render", Render)
    return changed(block, changes)


def sample_params(**changes: Any) -> Sample:
    block: Sample = read_block(ROOT / "params.yaml", "lens_shortcuts.sample", Sample)
    return changed(block, changes)


def changed(block: Model, changes: dict[str, Any]) -> Model:
    values = block.model_dump()
    for name, value in changes.items():
        inner = values
        *path, last = name.split("__")
        for key in path:
            inner = inner[key]
        inner[last] = value
    return type(block).model_validate(values)


@cache
def _manifest() -> pd.DataFrame:
    return drawn(simulate(), 0)


def manifest() -> pd.DataFrame:
    return _manifest().copy()


def prepared_rows(folder: Path, table: pd.DataFrame, params: Any = None) -> Path:
    """The manifest in <folder>/data, prepared and sampled into <folder>."""
    data = folder / "data"
    data.mkdir(exist_ok=True)
    table.to_csv(data / "manifest.csv", index=False)
    params = params or RenderSource(
        kind="rendered", manifest="manifest.csv", modes=["paired", "unpaired"], hosts=None
    )
    prepare.main(params, data, folder / "rows.parquet", folder / "prepared.json")
    sample.main(sample_params(), folder / "rows.parquet", folder / "sampled.parquet")
    return data


def rendered(folder: Path, mode: str, params: Render, name: str = "stamps") -> Path:
    """What `render` makes of what `prepared_rows` left."""
    files = folder / "data", folder / "sampled.parquet", folder / "prepared.json"
    render.main(params, mode, *files, folder / name, folder / f"{name}_rendering.json")
    return folder / name
