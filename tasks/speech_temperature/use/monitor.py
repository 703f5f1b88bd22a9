"""What is watched of a pinned calibration: its loss against that of the logits as they are, and over-confidence.

A group (speaker) of a batch is one observation, its mean. A difference of losses has no bounds, so each row's is cut at
one nat: what is watched is the mean of cut differences. The confidence may exceed the accuracy by what the test split
left possible: the reported confidence less the lower end of the reported accuracy (less the accuracy itself, where
groups were too few for an interval).
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methods.calibration.calibration_error import row_nll
from methods.calibration.recalibration import Recalibration, apply
from methods.sequential.group_values import group_means
from methods.sequential.promises import BatchReading, Observations, Promise
from params.block import read_block
from params.speech_temperature import Logits, Prepare
from storage.files.documents import read_json
from storage.files.foreign import read_foreign_table
from storage.files.import_report import ImportReport
from storage.files.inputs import InputError
from storage.files.lines import Lines
from storage.files.tables import read_csv
from storage.speech.logits import answer_names, logit_array
from storage.speech.own_logits import LogitsFile, read_own_logits
from storage.speech.temperatures import SeedCalibration, read_calibration

FOLDER, RESULTS, PARAMS = (
    Path("artifacts/speech_temperature"),
    Path("results/speech_temperature"),
    "params.yaml",
)
LOSS, CONFIDENCE = "loss against none", "over-confidence"
CUT, LEAST = 1.0, 0.01  # nats of one row's difference; of what confidence may exceed accuracy by
Floats = NDArray[np.float64]


def pinned(root: Path) -> list[Path]:
    """The files that are watched: other ones, and the watch begins anew."""
    return [root / FOLDER / f"seed_{run}.json" for run in _runs(root)]


def promises(root: Path) -> list[Promise]:
    """No loss against none is watched where none is what was chosen."""
    method = _calibrations(root)[0].method
    row: Any = read_csv(root / RESULTS / "table.csv").set_index("option").loc[method]
    least = row["accuracy_low"] if row["accuracy_low"] == row["accuracy_low"] else row["accuracy"]
    excess = max(float(row["confidence"]) - float(least), LEAST)
    found = [Promise(CONFIDENCE, min((excess + 1) / 2, 0.99), "groups", -1.0, 1.0)]
    return found if method == "none" else [Promise(LOSS, 0.5, "groups", -CUT, CUT), *found]


def reference(root: Path) -> dict[str, Floats]:
    """Confidences are compared among the batches alone: test rows were of other groups."""
    return {"confidence": np.empty(0)}


def reading(root: Path, path: Path) -> BatchReading:
    """Of a file of logits with labels, of one run, as docs/data/speech_temperature.md has them; groups where it has them."""
    calibration, stated, lines = _stated(root, path)
    report = ImportReport()
    own = read_own_logits(path, stated, report)
    table, logits = own.rows, logit_array(own.rows, own.labels)
    fits = {each.method: each for each in calibration.methods}
    fit = fits[calibration.method]
    parameters = {name: tuple(values) for name, values in fit.parameters.items()}
    chosen = apply(Recalibration(calibration.method, fit.status, parameters), logits)  # type: ignore[arg-type]
    control = apply(Recalibration("none", "fitted", {}), logits)
    label, groups = table["label"].to_numpy(np.int64), table["group"].to_numpy(str)
    saved = row_nll(chosen.probabilities, label) - row_nll(control.probabilities, label)
    loss, last = group_means((np.clip(saved, -CUT, CUT) / CUT + 1) / 2, groups)
    excess, _ = group_means((chosen.confidence - (chosen.predicted == label) + 1) / 2, groups)
    rows = np.arange(1, len(label) + 1) if lines is None else lines
    watched = {LOSS: loss, CONFIDENCE: excess}
    names = [each.name for each in promises(root)]
    cut = int((np.abs(saved) > CUT).sum())
    return BatchReading(
        len(label),
        False,
        {name: Observations(watched[name], rows[last]) for name in names},
        {"confidence": Observations(group_means(chosen.confidence, groups)[0], rows[last])},
        {"differences of losses cut at one nat": cut} if cut else {},
    )


def _runs(root: Path) -> list[int]:
    """Those that there are calibrations of."""
    found = sorted(int(path.stem.removeprefix("seed_")) for path in (root / FOLDER).glob("seed_*.json"))
    there = [run for run in found if "method" in read_json(root / FOLDER / f"seed_{run}.json")]
    if not there:
        raise InputError(
            root / FOLDER, "no calibration is pinned here; run `python -m flows.reproduce` first"
        )
    return there


def _calibrations(root: Path) -> list[SeedCalibration]:
    return [read_calibration(path) for path in pinned(root)]


def _stated(root: Path, path: Path) -> tuple[SeedCalibration, LogitsFile, Lines | None]:
    """Which calibration the file is for, what to expect of it, and on which lines its rows are."""
    prepare = read_block(root / PARAMS, "speech_temperature.prepare", Prepare)
    columns = dict(prepare.columns or {}) if isinstance(prepare, Logits) else {}
    holds = prepare.holds if isinstance(prepare, Logits) else "logits"
    calibrations, lines, seed = _calibrations(root), None, None
    labels = calibrations[0].labels
    if path.suffix != ".npz":
        table = read_foreign_table(path)
        lines = table.lines
        ours = {
            f"logit_{label}": f"logit_{name}"
            for label, name in zip(labels, answer_names(labels), strict=True)
        }
        columns |= {
            name: theirs
            for name, theirs in ours.items()
            if name != theirs and table.has(theirs) and not table.has(name)
        }
        if table.has("seed"):
            seeds = table.text("seed").unique().tolist()
            if len(seeds) > 1:
                raise InputError(
                    path, f"holds rows of {len(seeds)} seeds; a batch is of one run", field="seed"
                )
            seed = seeds[0]
    of_seed = [each for each in calibrations if seed is None or str(each.seed) == seed]
    if not of_seed:
        raise InputError(path, f"no calibration is pinned for seed {seed}", field="seed")
    chosen = of_seed[0]
    stated = LogitsFile(labels, holds, 1.0, columns or None, [], {chosen.seed: seed}, False)
    return chosen, stated, lines
