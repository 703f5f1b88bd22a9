"""Which rows have to share a fold where nothing is to be found: hosts alone, or both hosts of a matched pair?

    python -m bench.lens_groups [rows] [draws] > table.md

Every draw is a new simulation of unpaired stamps with the knobs of params.yaml. Labels of a matched pair differ by the arc
alone, so the honest AUC of what the manifest says of sky and host is .5. The interval is that of the gates.
"""

import sys

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.lens_gates import FIRST_SEED, PARAMS
from methods.shortcuts.probes import gate_auc
from methods.splits.matched_groups import matched_groups
from params.block import read_block
from params.simulated_lenses import Simulate
from simulators.lens_shortcuts import drawn
from storage.files.markdown import markdown_table
from storage.lenses.manifests import SERSIC_HOST, SKY
from tasks.lens_shortcuts.model.labelled_stamps import numbered
from tasks.lens_shortcuts.model.undefined import why

COLUMNS = {"PSF and depth (matched)": SKY, "host (not matched)": SERSIC_HOST}


def measured(seed: int, count: int) -> dict[tuple[str, str], tuple[float, float, bool]]:
    """(columns, grouping) -> AUC, half width of its 95% interval, whether that holds .5."""
    simulate = read_block(PARAMS, "lens_shortcuts.simulate", Simulate)
    sizes = {"train": count, "val": 4, "test": 4}
    table = drawn(simulate.model_copy(update={"seed": seed, "stamps": sizes}), 0)
    rows = table[(table["mode"] == "unpaired") & (table["split"] == "train")]
    hosts, pairs = numbered(rows["host_id"]), numbered(rows["pair_id"])
    groups: dict[str, NDArray[np.int64]] = {"hosts": hosts, "matched pairs": matched_groups(hosts, pairs)}
    labels = rows["label"].to_numpy() == 1
    found = {}
    for what, names in COLUMNS.items():
        for by, group in groups.items():
            gate = gate_auc(rows[list(names)].to_numpy(np.float64), labels, group, seed)
            if gate.auc is None or gate.low is None or gate.high is None:
                raise ValueError(why(gate))
            found[what, by] = gate.auc, (gate.high - gate.low) / 2, gate.low <= 0.5 <= gate.high
    return found


def main(count: int, draws: int) -> None:
    found = [measured(FIRST_SEED + number, count) for number in range(draws)]
    print(f"{count} unpaired stamps, {draws} draws, logistic probe, five folds; no arc is seen\n")
    records = []
    for what, by in found[0]:
        auc, half, holds = np.array([each[what, by] for each in found]).T
        records.append(
            {
                "columns": what, "kept whole": by, "mean AUC": f"{auc.mean():.3f}",
                "its standard error": f"{auc.std(ddof=1) / len(auc) ** 0.5:.3f}", "sd over draws": f"{auc.std(ddof=1):.3f}",
                "sd that the interval states": f"{half.mean() / 1.96:.3f}",
                "intervals that hold .5": f"{int(holds.sum())} of {len(holds)}",
            }
        )  # fmt: skip
    print(markdown_table(pd.DataFrame(records)))


if __name__ == "__main__":
    main(*(int(each) for each in (*sys.argv[1:], *("1200", "100")[len(sys.argv) - 1 :])))
