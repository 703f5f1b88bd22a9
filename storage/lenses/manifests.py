"""The manifest of lens stamps: one row per stamp, what it shows, where it belongs, and what it is rendered from.

Lengths are arcsec, angles radians from the x axis, magnitudes AB. `depth_<band>` is the magnitude of five times the
noise of one sky pixel. Hosts lie relative to the centre of the stamp, lenses on their hosts, sources relative to
their lenses; a negative has no lens and no source. Two stamps of one seed have the same noise.
"""

from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from storage.files.inputs import InputError
from storage.files.strings import read_strings
from storage.lenses.stamps import BANDS, SPLITS

MODES = ("paired", "unpaired")
ZERO_POINT = 22.5  # AB magnitude of one nanomaggy
DEPTH_SIGMAS = 5

IDENTITY = ("stamp", "split", "label", "mode", "host_id", "pair_id")
SKY = (*(f"psf_fwhm_{band}" for band in BANDS), *(f"depth_{band}" for band in BANDS))
BINS = ("psf_bin", "depth_bin")
SERSIC_HOST = (
    "host_x",
    "host_y",
    "host_radius",
    "host_n",
    "host_q",
    "host_phi",
    *(f"host_mag_{b}" for b in BANDS),
)
IMAGE_HOST = ("host_image", "host_turn")
LENS = ("lens_q", "lens_phi", "gamma_1", "gamma_2")
SOURCE = (
    "source_x", "source_y", "source_radius", "source_n", "source_q", "source_phi",
    *(f"source_mag_{b}" for b in BANDS),
)  # fmt: skip
OF_POSITIVES = ("theta_E", *LENS, *SOURCE)

Kind = Literal["sersic", "images", "own"]
NEEDED: dict[Kind, tuple[str, ...]] = {
    "sersic": (*IDENTITY, "theta_E", *SKY, *BINS, "seed", *SERSIC_HOST, *LENS, *SOURCE),
    "images": (*IDENTITY, "theta_E", *SKY, *BINS, "seed", *IMAGE_HOST, *LENS, *SOURCE),
    "own": (*IDENTITY, "theta_E", *BINS),
}
WHOLE = ("label", *BINS, "seed", *IMAGE_HOST)
ALLOWED = {  # least (excluded), most
    "theta_E": (0, 20), "host_radius": (0, 100), "source_radius": (0, 100), "host_n": (0.3, 10), "source_n": (0.3, 10),
    "host_q": (0, 1), "lens_q": (0, 1), "source_q": (0, 1), **{f"psf_fwhm_{band}": (0, 10) for band in BANDS},
}  # fmt: skip


def depth(noise: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Noise of a sky pixel in nanomaggies -> depth."""
    return np.asarray(ZERO_POINT - 2.5 * np.log10(DEPTH_SIGMAS * np.asarray(noise, np.float64)))


def sky_noise(depth: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    return np.asarray(10 ** (0.4 * (ZERO_POINT - np.asarray(depth, np.float64))) / DEPTH_SIGMAS)


def read_manifest(path: Path, kind: Kind) -> pd.DataFrame:
    """Numbers as float64 (NaN where a negative has none), whole numbers as int64, names as strings; rows as they stand.

    InputError for anything that the experiment could not live with, with its row and what to do.
    """
    text = read_strings(path)
    if missing := [name for name in NEEDED[kind] if name not in text]:
        raise InputError(path, f"column(s) {', '.join(missing)} are missing", row=1)
    known = [name for name in NEEDED["sersic"] + IMAGE_HOST if name in text]
    columns: dict[str, Any] = {}
    for name in known:
        if name in IDENTITY and name != "label":
            columns[name] = text[name]
        else:
            columns[name] = _numbers(path, text[name], needed=name not in OF_POSITIVES)
    table = pd.DataFrame(columns)
    _check_identity(path, table)
    _check_positives(path, table, kind)
    for name, (least, most) in ALLOWED.items():
        if name in table:
            wrong = ~((table[name] > least) & (table[name] <= most)) & table[name].notna()
            _refuse(path, table, wrong, name, f"has to lie above {least} and not above {most}")
    _check_groups(path, table)
    _check_pairs(path, table)
    _check_unpaired(path, table, kind)
    return table


def _numbers(path: Path, column: "pd.Series[str]", needed: bool) -> "pd.Series[Any]":
    name = str(column.name)
    values = pd.to_numeric(column.where(column != ""), errors="coerce").astype(np.float64)
    wrong = ~np.isfinite(values) & (column != "") if not needed else ~np.isfinite(values)
    if name in WHOLE:
        wrong |= values % 1 != 0
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        what = "a whole number" if name in WHOLE else "a number"
        raise InputError(path, f"expected {what}, got {column[row]!r}", row=row + 2, field=name)
    return values.astype(np.int64) if name in WHOLE else values


def _check_identity(path: Path, table: pd.DataFrame) -> None:
    if not len(table):
        raise InputError(path, "no rows: there has to be a row for every stamp")
    for name, allowed in (("split", SPLITS), ("mode", MODES), ("label", (0, 1))):
        wrong = ~table[name].isin(allowed)
        _refuse(path, table, wrong, name, f"has to be one of {', '.join(map(str, allowed))}")
    for name in ("stamp", "host_id"):
        _refuse(path, table, table[name] == "", name, "is empty")
    _refuse(path, table, table["stamp"].duplicated(), "stamp", "names a row above already")
    paired = table["mode"] == "paired"
    _refuse(
        path, table, paired & (table["pair_id"] == ""), "pair_id", "is empty, but the row's mode is paired"
    )


def _check_positives(path: Path, table: pd.DataFrame, kind: Kind) -> None:
    positive = table["label"] == 1
    for name in OF_POSITIVES if kind != "own" else ("theta_E",):
        _refuse(path, table, positive & table[name].isna(), name, "is empty, but the stamp is a positive")


def _check_groups(path: Path, table: pd.DataFrame) -> None:
    for mode, rows in table.groupby("mode", sort=True):
        for name in ("host_id", "pair_id"):
            named = rows[rows[name] != ""]
            first = named.groupby(name)["split"].transform("first")
            wrong = (first != named["split"]).reindex(table.index, fill_value=False)
            _refuse(
                path, table, wrong, name,
                f"stands in another split too ({mode}): what is learnt of it there would be tested here; keep it in one",
            )  # fmt: skip
        for split in SPLITS:
            labels = set(rows["label"][rows["split"] == split])
            if len(labels) < 2:
                what = {0: "no positive", 1: "no negative"}[labels.pop()] if labels else "no stamp"
                raise InputError(
                    path, f"{what} in {split} of mode {mode}: both classes are needed", field="label"
                )


def _check_pairs(path: Path, table: pd.DataFrame) -> None:
    """In either mode: unpaired stamps need no pair, but one that is named is a positive and the negative matched to it."""
    named = table["pair_id"] != ""
    by_pair = table[named].groupby(["mode", "pair_id"], sort=False)
    rows, positives = (by_pair["label"].transform(of).reindex(table.index) for of in ("size", "sum"))
    _refuse(
        path, table, named & ((rows != 2) | (positives != 1)), "pair_id",
        "has to name one positive and one negative; leave it empty where an unpaired stamp has no partner",
    )  # fmt: skip
    hosts = by_pair["host_id"].transform("nunique").reindex(table.index)
    two_hosts = (hosts > 1) & (table["mode"] == "paired")
    _refuse(path, table, two_hosts, "host_id", "differs within a pair: both stamps of a pair show one host")


def _check_unpaired(path: Path, table: pd.DataFrame, kind: Kind) -> None:
    """Hosts of the classes are disjoint, and negatives matched without replacement.

    Pictures of few hosts are turned: there a host may be in both classes, but no turn of it twice.
    """
    unpaired = table["mode"] == "unpaired"
    if kind == "images":
        again = unpaired & table[unpaired].duplicated(list(IMAGE_HOST)).reindex(table.index, fill_value=False)
        _refuse(
            path, table, again, "host_turn",
            "of this host_image stands in an unpaired row above: both would show the same pixels; name another turn",
        )  # fmt: skip
        return
    positives = set(table["host_id"][unpaired & (table["label"] == 1)])
    negative = unpaired & (table["label"] == 0)
    _refuse(
        path, table, negative & table["host_id"].isin(positives), "host_id",
        "is a positive's host too: unpaired classes have hosts of their own; take another negative, or make the two "
        "stamps a pair of mode paired",
    )  # fmt: skip
    _refuse(
        path, table, negative & table[negative].duplicated("host_id").reindex(table.index, fill_value=False), "host_id",
        "is the host of a negative above: unpaired negatives are matched without replacement, keep one of them",
    )  # fmt: skip


def _refuse(path: Path, table: pd.DataFrame, wrong: "pd.Series[bool]", name: str, why: str) -> None:
    if wrong.any():
        rows = np.flatnonzero(wrong)
        more = f" ({len(rows)} rows in all)" if len(rows) > 1 else ""
        raise InputError(path, f"{table[name].iloc[rows[0]]!r} {why}{more}", row=int(rows[0]) + 2, field=name)


def hosts_in_both_classes(table: pd.DataFrame) -> int:
    """Of unpaired stamps: hosts whose pictures stand in either class, turned."""
    rows = table[table["mode"] == "unpaired"]
    return len(set(rows["host_id"][rows["label"] == 1]) & set(rows["host_id"][rows["label"] == 0]))


def unmatched_bins(table: pd.DataFrame) -> list[str]:
    """Bins of unpaired stamps that do not hold as many negatives as positives: there the bin itself tells a class."""
    rows = table[table["mode"] == "unpaired"]
    found = []
    for (split, psf, depth), part in rows.groupby(["split", *BINS], sort=True):
        positives = int(part["label"].sum())
        if 2 * positives != len(part):
            found.append(
                f"{split}, psf_bin {psf}, depth_bin {depth}: {positives} positives, {len(part) - positives} negatives"
            )
    return found
