"""The files that lens_shortcuts reads: manifests of stamps, the stamps, pictures of hosts, and folders to apply to."""

import contextlib
import io
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from astropy.io import fits
from numpy.typing import NDArray

from params.lens_shortcuts import OwnSource, RenderSource
from storage.files.import_report import ImportReport
from storage.lenses.host_images import picture_digest, read_host_images
from storage.lenses.manifests import MODES
from storage.lenses.own_stamps import read_own_stamps, stamp_rows
from storage.lenses.stamps import read_rows, read_sets, read_stamps, write_description
from tasks.lens_shortcuts import prepare
from tests.fuzz.harness import Importer

HOSTS = 3  # of each class in a split
Writer = Callable[[Path, NDArray[np.float32], pd.DataFrame], None]


def rows(random: np.random.Generator) -> pd.DataFrame:
    places = np.arange(3 * 2 * HOSTS)
    label = places % 2
    return pd.DataFrame(
        {
            "stamp": [f"cutout {place}" for place in places],
            "split": np.array(["train", "val", "test"])[places // (2 * HOSTS)],
            "label": label,
            "mode": "unpaired",
            "host_id": [f"galaxy {place}" for place in places],
            "pair_id": "",
            "theta_E": np.where(label == 1, random.uniform(0.5, 3, len(places)).round(4), np.nan),
            "psf_bin": 0,
            "depth_bin": random.integers(0, 2, len(places)),
        }
    )


def pixels(count: int, random: np.random.Generator) -> NDArray[np.float32]:
    return random.normal(0, 0.05, (count, 3, 63, 63)).astype(np.float32)


def csv(path: Path, table: pd.DataFrame) -> None:
    table.to_csv(path, index=False)


def jsonl(path: Path, table: pd.DataFrame) -> None:
    table.to_json(path, orient="records", lines=True)


def write_own(
    manifest: str, write_table: Callable[[Path, pd.DataFrame], None], write_stamps: Writer, folder: Path,
    random: np.random.Generator,
) -> None:  # fmt: skip
    table = rows(random)
    write_table(folder / manifest, table)
    write_stamps(folder, pixels(len(table), random), table)


def stack(folder: Path, stamps: NDArray[np.float32], table: pd.DataFrame) -> None:
    np.save(folder / "stamps.npy", stamps)


def archive(folder: Path, stamps: NDArray[np.float32], table: pd.DataFrame) -> None:
    order = np.argsort(stamps[:, 0, 0, 0])
    names = table["stamp"].to_numpy(str)
    np.savez_compressed(folder / "stamps.npz", x=stamps[order], stamp=names[order])


def files(folder: Path, stamps: NDArray[np.float32], table: pd.DataFrame) -> None:
    """As cubes, and every third as images of the bands."""
    (folder / "stamps").mkdir()
    for place, (name, stamp) in enumerate(zip(table["stamp"], stamps, strict=True)):
        bands = [fits.ImageHDU(stamp[i], name=band) for i, band in enumerate("grz")]
        units = [fits.PrimaryHDU(), *bands] if place % 3 == 0 else [fits.PrimaryHDU(stamp)]
        fits.HDUList(units).writeto(folder / "stamps" / f"{name}.fits")


def read_own(manifest: str, stamps: str, folder: Path) -> Mapping[str, object]:
    """What render would store of each stamp, beside its row."""
    params = OwnSource(
        kind="own", manifest=manifest, modes=["unpaired"], stamps=stamps, placebo=None, array="x", zero_point=22.5,
        crop=False,
    )  # fmt: skip
    table = prepared(params, folder)
    whole = pd.read_parquet(folder.parent / "rows.parquet")
    count = int(whole["row"].max()) + 1
    source = read_own_stamps(folder, stamps, "x", 22.5, False, count, folder / manifest, ImportReport())
    names = ["split", "label", "host_id", "pair_id", "theta_E", "psf_bin", "depth_bin"]
    return {
        row.stamp: (*(str(table.loc[row.stamp, name]) for name in names), float(source.pixels(row).sum()))
        for row in stamp_rows(whole, whole["row"] + 2)
    }


def prepared(params: Any, folder: Path) -> pd.DataFrame:
    outs = folder.parent / "rows.parquet", folder.parent / "prepared.json"
    with contextlib.redirect_stdout(io.StringIO()):
        prepare.main(params, folder, *outs)
    return pd.read_parquet(outs[0]).set_index("stamp")


def own(
    name: str, manifest: str, write_table: Any, write_stamps: Writer, stamps: str, **more: Any
) -> Importer:
    return Importer(
        f"lens_shortcuts {name}", "lens_shortcuts", partial(write_own, manifest, write_table, write_stamps),
        partial(read_own, manifest, stamps), **more,
    )  # fmt: skip


# --- arcs rendered into pictures of hosts -----------------------------------------------------------------------


def write_hosts(folder: Path, random: np.random.Generator) -> None:
    np.savez(folder / "hosts.npz", images=pixels(12, random))


def read_hosts(folder: Path) -> Mapping[str, object]:
    images = read_host_images(folder / "hosts.npz", "images", 30.0)
    return {picture_digest(image): float(image.sum()) for image in images}


IMAGE_ROW = {
    "psf_fwhm_g": 1.2, "psf_fwhm_r": 1.1, "psf_fwhm_z": 1.0, "depth_g": 25.0, "depth_r": 24.5, "depth_z": 23.5,
    "host_turn": 0, "lens_q": 0.8, "lens_phi": 0.3, "gamma_1": 0.01, "gamma_2": 0.02, "source_x": 0.1, "source_y": 0.2,
    "source_radius": 0.2, "source_n": 1.0, "source_q": 0.7, "source_phi": 1.0, "source_mag_g": 23.0,
    "source_mag_r": 22.8, "source_mag_z": 22.6,
}  # fmt: skip


def write_injected(folder: Path, random: np.random.Generator) -> None:
    table = rows(random)
    places = np.arange(len(table))
    table.assign(**IMAGE_ROW, seed=places, host_image=places).to_csv(folder / "manifest.csv", index=False)
    np.save(folder / "hosts.npy", pixels(len(table), random))


def read_injected(folder: Path) -> Mapping[str, object]:
    params = RenderSource(kind="rendered", manifest="manifest.csv", modes=[MODES[1]], hosts="hosts.npy")
    table = prepared(params, folder).drop(columns=["row"])
    return {
        str(stamp): tuple(map(str, row))
        for stamp, row in zip(table.index, table.to_numpy().tolist(), strict=True)
    }


def parquet(path: Path, table: pd.DataFrame) -> None:
    table.to_parquet(path)


# --- folders that use.apply is given ---------------------------------------------------------------------------


def write_folder(folder: Path, random: np.random.Generator) -> None:
    table = rows(random)
    write_description(folder, table, {"sets": {"arcs": {"val": 2 * HOSTS}}})
    np.save(folder / "arcs_val.npy", pixels(2 * HOSTS, random).astype(np.float16))


def read_folder(folder: Path) -> Mapping[str, object]:
    stamps = read_stamps(folder, "arcs", "val") if "val" in read_sets(folder).get("arcs", ()) else None
    assert stamps is None or len(stamps.rows) == len(stamps.pixels)
    whole = read_rows(folder)
    names = ["split", "label", "host_id", "pair_id", "theta_E"]
    return {str(row["stamp"]): tuple(str(row[name]) for name in names) for row in whole.to_dict("records")}


BY_POSITION = frozenset({"rows shuffled", "stored index", "stored index, once more", "index of ids"})
MANIFEST = {"only": ("manifest*",)}
ALONE = {**MANIFEST, "without": BY_POSITION}  # the stack beside it stays as it is
STAMPS = {"only": ("stamps*", "*.fits")}
IMPORTERS = [
    own("manifest csv", "manifest.csv", csv, stack, "stamps.npy", **ALONE),
    own("manifest jsonl", "manifest.jsonl", jsonl, stack, "stamps.npy", **ALONE),
    own("manifest parquet", "manifest.parquet", parquet, archive, "stamps.npz", **MANIFEST),
    own("manifest csv of names", "manifest.csv", csv, archive, "stamps.npz", **MANIFEST),
    own("manifest beside files", "manifest.csv", csv, files, "stamps", **MANIFEST),
    own("stamps npy", "manifest.csv", csv, stack, "stamps.npy", **STAMPS),
    own("stamps npz", "manifest.csv", csv, archive, "stamps.npz", **STAMPS),
    own("stamps fits", "manifest.csv", csv, files, "stamps", **STAMPS),
    Importer("lens_shortcuts hosts npz", "lens_shortcuts", write_hosts, read_hosts),
    Importer(
        "lens_shortcuts folder of stamps",
        "lens_shortcuts",
        write_folder,
        read_folder,
        may_refuse=frozenset({"index of ids", "big-endian"}),
    ),
    Importer("lens_shortcuts hosts of a manifest", "lens_shortcuts", write_injected, read_injected),
]
