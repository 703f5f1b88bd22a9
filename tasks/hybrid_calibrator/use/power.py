"""How many images show that a challenger's F1 is above the controls': of tune, where it is chosen, and of report."""

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri

from methods.statistics.sample_sizes import SampleSize, scaled_size
from params.hybrid_calibrator import Compare
from storage.files.documents import read_json
from storage.files.tables import read_csv
from tasks.planning.claims import Assumed, PlannedClaim, require_known, required

PILOT = ("results",)  # files of the comparison that are read
ASSUMPTIONS = {
    "gain": "how much higher the challenger's F1 truly is, as in .02",
    "spread": "standard error of that gain times the root of the images, as in .4",
}
SPLITS = {"tune": "tune_images", "report": "images"}


def claims(params: Compare, files: dict[str, Any] | None, assumed: Assumed) -> list[PlannedClaim]:
    require_known(assumed, ASSUMPTIONS)
    least = params.adoption.min_images
    if files is None:
        gain, spread = (required(assumed, name, ASSUMPTIONS) for name in ("gain", "spread"))
        return [images_claim("a challenger against the control", split, gain, spread, params.level, 0, least)
                for split in SPLITS]  # fmt: skip
    results = Path(files["results"])
    table = read_csv(results / "table.csv").drop_duplicates("variant").set_index("variant")
    evidence = read_json(results / "decision.json")["evidence"]["variants"]
    return [
        images_claim(f"{variant}: {name}", split, assumed.get("gain", gain), assumed.get("spread", spread), params.level, present, least)
        for variant, each in evidence.items()
        for split, column in SPLITS.items()
        for present in (int(table.loc[variant, column]),)
        for name, gain, spread in _steps(each, split, params, present)
    ]  # fmt: skip


def _steps(
    of: Mapping[str, Any], split: str, params: Compare, images: int
) -> Iterator[tuple[str, float, float]]:
    """Each challenger against the control or its like that it is least above, and how far that gain spreads. Report: of
    what tune chose."""
    for step in of[split]:
        if split == "report" and step["challenger"] != of["chosen"]:
            continue
        beside = {"control": step["over_control"], **step["over_other_controls"]}
        over, gain = min(beside.items(), key=lambda each: each[1]["f1"])
        half = gain["f1"] - gain["low"] if gain["f1"] > 0 else gain["high"] - gain["f1"]
        spread = half / float(ndtri((1 + params.level) / 2)) * float(np.sqrt(images))
        yield f"{step['challenger']} against {over}", gain["f1"], spread


def images_claim(
    claim: str, split: str, gain: float, spread: float, level: float, present: int, least: int
) -> PlannedClaim:
    size, exact = partial(_images, gain, spread, level), partial(_chance, gain, spread, level)
    return PlannedClaim(
        claim, f"{split} images", present, least, {"gain": gain, "spread": spread}, size, exact
    )


def _images(gain: float, spread: float, level: float, power: float) -> SampleSize | None:
    """The half-width of one image's interval, shrunk with the root."""
    needed = scaled_size(1, gain, spread * float(ndtri((1 + level) / 2)), level, power)
    return None if needed is None else SampleSize(needed, power)


def _chance(gain: float, spread: float, level: float, images: int) -> float:
    if not spread:
        return float(gain != 0)
    return float(ndtr(abs(gain) * np.sqrt(images) / spread - ndtri((1 + level) / 2)))
