"""The 64 stamps that pin the renderer: `python -m tests.tasks.lens_shortcuts.golden` writes them anew, and says what moved."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.lens_shortcuts.model.planted_leaks import leak_effect
from tasks.lens_shortcuts.model.scenes import Scenes
from tests.imports import ROOT
from tests.tasks.lens_shortcuts.data import manifest

GOLDEN = ROOT / "tests" / "golden" / "lens_stamps.npy"
STAMPS = 64


def golden_rows() -> pd.DataFrame:
    """Both classes of both modes, as the simulator draws them with the seed of these tests."""
    table = manifest()
    return table.groupby(["mode", "label"], sort=True).head(STAMPS // 4).reset_index(drop=True)


def golden_stamps() -> NDArray[np.float16]:
    rows = golden_rows()
    scenes = Scenes(images=None, gain=150.0, supersampling=4, device="cpu")
    nothing = leak_effect(rows, None, 4)
    return scenes.with_arcs(rows, scenes.hosts(rows, nothing), nothing).astype(np.float16)


def main(path: Path = GOLDEN) -> None:
    stamps = golden_stamps()
    if path.exists():
        old = np.load(path, allow_pickle=False)
        moved = int((old != stamps).any(axis=(1, 2, 3)).sum()) if old.shape == stamps.shape else len(stamps)
        sys.stdout.write(f"{moved} of {len(stamps)} stamps moved\n")
    path.parent.mkdir(exist_ok=True)
    np.save(path, stamps)


if __name__ == "__main__":
    main()
