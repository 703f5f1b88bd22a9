"""The manifest of lens stamps: one row per stamp, what it shows, where it belongs, and what it is rendered from.

Lengths are arcsec, angles radians from the x axis, magnitudes AB. `depth_<band>` is the magnitude of five times the
noise of one sky pixel. Hosts lie relative to the centre of the stamp, lenses on their hosts, sources relative to
their lenses; a negative has no lens and no source. Two stamps of one seed have the same noise.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from storage.files.foreign import ForeignTable, read_foreign_table
from storage.files.inputs import InputError, shown
from storage.lenses.stamps import BANDS, SPLITS

MODES = ("paired", "unpaired")
ZERO_POINT = 22.5  # AB magnitude of one nanomaggy
DEPTH_SIGMAS = 5
FEWEST_HOSTS = {"train": 2, "val": 3, "test": 2}  # of each class; one half of val selects, one reports
CLASSES = {1: "positives", 0: "negatives"}
LARGEST_WHOLE = 2**53  # up to here a float holds every whole number

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
FILE = "file"  # of an own stamp, below the folder of stamps; without it <stamp>.fits, .npy or .npz
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


@dataclass(frozen=True)
class Manifest:
    """rows: numbers as float64 (NaN where a negative has none), whole numbers as int64, names as text; as they stand."""

    source: ForeignTable
    rows: pd.DataFrame

    def refuse(self, wrong: "pd.Series[bool]", name: str, why: str) -> None:
        """The first row that is wrong, if there is one."""
        if not wrong.any():
            return
        places = np.flatnonzero(wrong)
        more = f" ({len(places)} rows in all)" if len(places) > 1 else ""
        self.refuse_row(int(places[0]), name, f"{shown(self.rows[name].iloc[places[0]])} {why}{more}")

    def refuse_row(self, position: int, name: str, problem: str) -> NoReturn:
        raise InputError(self.source.path, problem, row=self.source.row(position), field=name)

    def row(self, position: int) -> str:
        return f"row {self.source.row(position)}"


def read_manifest(path: Path, kind: Kind, modes: Sequence[str] = MODES) -> Manifest:
    """CSV, JSONL or Parquet. modes: those that have to suffice.

    InputError for anything that the experiment could not live with, with its row and what to do.
    """
    source = read_foreign_table(path)
    source.require(NEEDED[kind], f"a row for every stamp with {', '.join(NEEDED[kind])}")
    optional = (FILE,) if kind == "own" else ()
    columns: dict[str, Any] = {}
    for name in (*NEEDED["sersic"], *IMAGE_HOST, *optional):
        if not source.has(name):
            continue
        text = name in (*IDENTITY, FILE) and name != "label"
        columns[name] = source.text(name) if text else _numbers(source, name)
    manifest = Manifest(source, pd.DataFrame(columns))
    _check_identity(manifest)
    _check_positives(manifest, kind)
    for name, (least, most) in ALLOWED.items():
        if name in manifest.rows:
            column = manifest.rows[name]
            wrong = ~((column > least) & (column <= most)) & column.notna()
            manifest.refuse(wrong, name, f"has to lie above {least} and not above {most}")
    _check_splits(manifest, kind)
    _check_hosts(manifest, modes)
    _check_pairs(manifest)
    _check_unpaired(manifest, kind)
    return manifest


def _numbers(source: ForeignTable, name: str) -> NDArray[Any]:
    values = source.numbers(name)
    wrong = np.isinf(values) if name in OF_POSITIVES else ~np.isfinite(values)
    if name in WHOLE:
        wrong |= (values % 1 != 0) | (np.abs(values) > LARGEST_WHOLE)
    if wrong.any():
        position = int(np.flatnonzero(wrong)[0])
        what = "a whole number" if name in WHOLE else "a number"
        got = shown(source.frame[name].iloc[position])
        raise InputError(source.path, f"expected {what}, got {got}", row=source.row(position), field=name)
    return values.astype(np.int64) if name in WHOLE else values


def _check_identity(manifest: Manifest) -> None:
    rows = manifest.rows
    for name, allowed in (("split", SPLITS), ("mode", MODES), ("label", (0, 1))):
        manifest.refuse(~rows[name].isin(allowed), name, f"has to be one of {', '.join(map(str, allowed))}")
    for name in ("stamp", "host_id"):
        manifest.refuse(rows[name] == "", name, "is empty")
    manifest.refuse(rows["stamp"].duplicated(), "stamp", "names a row above already")
    empty = (rows["mode"] == "paired") & (rows["pair_id"] == "")
    manifest.refuse(empty, "pair_id", "is empty, but the row's mode is paired")


def _check_positives(manifest: Manifest, kind: Kind) -> None:
    rows = manifest.rows
    for name in OF_POSITIVES if kind != "own" else ("theta_E",):
        empty = (rows["label"] == 1) & rows[name].isna()
        manifest.refuse(empty, name, "is empty, but the stamp is a positive")


def _check_splits(manifest: Manifest, kind: Kind) -> None:
    """A host, its picture in any turn, or a pair in two splits, named with both rows."""
    rows = manifest.rows
    for name in ("host_id", "pair_id", *(IMAGE_HOST[:1] if kind == "images" else ())):
        first = _first(rows, name)
        wrong = (rows[name] != "") & (rows["split"].to_numpy()[first] != rows["split"])
        if wrong.any():
            place = int(np.flatnonzero(wrong)[0])
            mode, other = rows["mode"].iloc[place], int(first[place])
            manifest.refuse(
                wrong, name, f"stands in another split too ({mode}; {manifest.row(other)} is in "
                f"{rows['split'].iloc[other]}): what is learnt of it there would be tested here; keep it in one",
            )  # fmt: skip


def _first(rows: pd.DataFrame, name: str) -> NDArray[np.int64]:
    """For each row the position of the first of its mode that has the same."""
    positions = pd.Series(np.arange(len(rows)), index=rows.index)
    first: NDArray[np.int64] = positions.groupby([rows["mode"], rows[name]]).transform("first").to_numpy()
    return first


def _check_hosts(manifest: Manifest, modes: Sequence[str]) -> None:
    """Hosts enough of each class, in every split of every mode: all that fall short are named at once."""
    rows, short = manifest.rows, []
    for mode in sorted(set(rows["mode"]) & set(modes)):
        for split, fewest in FEWEST_HOSTS.items():
            part = rows[(rows["mode"] == mode) & (rows["split"] == split)]
            hosts = {
                what: part["host_id"][part["label"] == label].nunique() for label, what in CLASSES.items()
            }
            if min(hosts.values()) < fewest:
                have = " and ".join(f"{count} {what}" for what, count in hosts.items())
                short.append(f"{mode} {split} has hosts of {have} of {fewest}")
    if short:
        raise InputError(
            manifest.source.path, f"too few hosts of a class: {'; '.join(short)}; add stamps, or deal the splits anew",
            field="label",
        )  # fmt: skip


def _check_pairs(manifest: Manifest) -> None:
    """In either mode: unpaired stamps need no pair, but one that is named is a positive and the negative matched to it."""
    rows = manifest.rows
    by_pair = rows.groupby(["mode", "pair_id"], sort=False)
    pair = (by_pair["label"].transform("size") == 2) & (by_pair["label"].transform("sum") == 1)
    manifest.refuse(
        (rows["pair_id"] != "") & ~pair, "pair_id",
        "has to name one positive and one negative; leave it empty where an unpaired stamp has no partner",
    )  # fmt: skip
    two_hosts = (rows["mode"] == "paired") & (by_pair["host_id"].transform("nunique") > 1)
    manifest.refuse(two_hosts, "host_id", "differs within a pair: both stamps of a pair show one host")


def _check_unpaired(manifest: Manifest, kind: Kind) -> None:
    """Hosts of the classes are disjoint, and negatives matched without replacement.

    Pictures of few hosts are turned: there a host may be in both classes, but no turn of it twice.
    """
    rows = manifest.rows
    unpaired = rows["mode"] == "unpaired"
    if kind == "images":
        manifest.refuse(
            unpaired & rows.duplicated(["mode", *IMAGE_HOST]), "host_turn",
            "of this host_image stands in an unpaired row above: both would show the same pixels; name another turn",
        )  # fmt: skip
        return
    positives = set(rows["host_id"][unpaired & (rows["label"] == 1)])
    negative = unpaired & (rows["label"] == 0)
    manifest.refuse(
        negative & rows["host_id"].isin(positives), "host_id",
        "is a positive's host too: unpaired classes have hosts of their own; take another negative, or make the two "
        "stamps a pair of mode paired",
    )  # fmt: skip
    manifest.refuse(
        negative & rows["host_id"].where(negative).duplicated(), "host_id",
        "is the host of a negative above: unpaired negatives are matched without replacement, keep one of them",
    )  # fmt: skip


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
