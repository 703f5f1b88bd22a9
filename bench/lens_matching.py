"""What bins of PSF and depth leave for a probe to find, where the negatives' pool was seen under another sky.

    python -m bench.lens_matching [rows] [draws] > bench/lens_matching.md

The unpaired mode without arcs, so the honest AUC is .5. One probe is told PSF and depth themselves, the other sees what
the radial gate sees of the stamps. Negatives are matched at random within a bin, or to its most similar sky, as the
simulator does.
"""

import sys
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from bench.lens_gates import FIRST_SEED, PARAMS, rendered
from methods.lenses.preprocessing import residual
from methods.shortcuts.probes import gate_auc, radial_features
from methods.splits.matched_groups import matched_groups
from methods.statistics.streams import stream
from params.block import read_block
from params.lens_shortcuts import Render
from params.simulated_lenses import Pool, Simulate
from simulators import lens_shortcuts as simulator
from storage.files.markdown import markdown_table
from storage.lenses.manifests import SKY
from tasks.lens_shortcuts.model.labelled_stamps import numbered
from tasks.lens_shortcuts.model.undefined import why

Columns = dict[str, Any]
Matching = Callable[[Columns, Columns], NDArray[np.int64]]
SHIFTS = (0.0, 0.05)  # arcsec of the PSF, magnitudes of the depth


def at_random(wanted: Columns, pool: Columns) -> NDArray[np.int64]:
    """Any host of the same bins, none twice; -1 where the pool has none left."""
    taken = np.full(len(wanted["psf_bin"]), -1)
    cells, offered = (columns["psf_bin"] * 1000 + columns["depth_bin"] for columns in (wanted, pool))
    for cell in np.unique(cells):
        places, choice = np.flatnonzero(cells == cell), np.flatnonzero(offered == cell)
        drawn = stream(int(cell), "matched at random").permutation(choice)[: len(places)]
        taken[places[: len(drawn)]] = drawn
    return taken


MATCHINGS: dict[str, Matching] = {"at random": at_random, "most similar sky": simulator._matches}


def aucs(seed: int, count: int, shift: float, matching: Matching) -> dict[str, float]:
    """Probe -> AUC."""
    simulate = read_block(PARAMS, "lens_shortcuts.simulate", Simulate)
    render = read_block(PARAMS, "lens_shortcuts.render", Render)
    sizes: Any = {"train": count, "val": 4, "test": 4}
    changes = {"seed": seed, "stamps": sizes, "pool": Pool(fwhm_shift=shift, depth_shift=shift)}
    with patch.object(simulator, "_matches", matching):
        table = simulator.drawn(simulate.model_copy(update=changes), 0)
    rows = table[(table["mode"] == "unpaired") & (table["split"] == "train")].reset_index(drop=True)
    raw = rendered(rows, render, arcs=False, leak=None)
    groups = matched_groups(numbered(rows["host_id"]), numbered(rows["pair_id"]))
    seen = {
        "PSF and depth": rows[list(SKY)].to_numpy(np.float64),
        "radial": radial_features(raw, residual(raw)),
    }
    found = {}
    for probe, features in seen.items():
        gate = gate_auc(features, rows["label"].to_numpy() == 1, groups, seed)
        if gate.auc is None:
            raise ValueError(why(gate))
        found[probe] = gate.auc
    return found


def main(count: int, draws: int) -> None:
    torch.set_num_threads(1)
    print(
        f"`python -m bench.lens_matching {count} {draws}`: {count} unpaired stamps without arcs, {draws} draws; mean AUC "
        "(its standard error)\n"
    )
    records = []
    for shift in SHIFTS:
        for name, matching in MATCHINGS.items():
            found = pd.DataFrame(
                [aucs(seed, count, shift, matching) for seed in range(FIRST_SEED, FIRST_SEED + draws)]
            )
            shown = {
                probe: f"{values.mean():.3f} ({values.std(ddof=1) / draws**0.5:.3f})"
                for probe, values in found.items()
            }
            records.append({"pool's shift (arcsec, mag)": f"{shift:g}", "matched": name, **shown})
            print(records[-1], file=sys.stderr, flush=True)
    print(markdown_table(pd.DataFrame(records)))


if __name__ == "__main__":
    main(*(int(each) for each in (*sys.argv[1:], *("2000", "8")[len(sys.argv) - 1 :])))
