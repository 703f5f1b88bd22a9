"""The user's own cut-outs as npy, npz and FITS, and arcs injected into hosts that are pictures."""

import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from numpy.typing import NDArray

from params.block import read_block, read_params
from params.lens_shortcuts import Gates, OwnSource, Prepare, Render, RenderSource, Sample
from params.simulated_lenses import Simulate
from run_stage import params_model
from simulators import lens_shortcuts as simulator
from storage.files.inputs import InputError
from storage.files.tables import read_csv
from storage.lenses.host_images import TURNS, middle, read_host_images, turned
from storage.lenses.stamps import ARCS, PLACEBO, has_set, read_rows, read_stamps
from tasks.lens_shortcuts import gates, prepare, sample
from tests.clone import REAL
from tests.imports import ROOT
from tests.tasks.lens_shortcuts.data import (
    changed,
    manifest,
    prepared_rows,
    render_params,
    rendered,
    sample_params,
    simulate,
)

OWN = {
    "kind": "own", "manifest": "manifest.csv", "modes": ["paired", "unpaired"], "stamps": "stamps.npy", "placebo": None, "array": None,
    "zero_point": 22.5, "crop": False,
}  # fmt: skip
COLUMNS = ["stamp", "split", "label", "mode", "host_id", "pair_id", "theta_E", "psf_bin", "depth_bin"]
Pixels = NDArray[np.float32]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def own(**changes: Any) -> OwnSource:
    return OwnSource.model_validate({**OWN, **changes})


def cutouts(table: pd.DataFrame) -> Pixels:
    return np.random.default_rng(1).normal(0, 0.05, (len(table), 3, 63, 63)).astype(np.float32)


def write_fits(folder: Path, table: pd.DataFrame, pixels: Pixels, by_band: bool) -> None:
    folder.mkdir()
    for name, stamp in zip(table["stamp"], pixels, strict=True):
        if by_band:
            units = [
                fits.PrimaryHDU(),
                *(fits.ImageHDU(stamp[i], name=band) for i, band in enumerate("zrg"[::-1])),
            ]
        else:
            units = [fits.PrimaryHDU(stamp)]
        fits.HDUList(units).writeto(folder / f"{name}.fits")


def axes_without_end(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content.replace(b"NAXIS   =                    3", b"NAXIS   =            999999999"))


# --- own stamps -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["npy", "npz", "cube", "bands"])
def test_own_stamps_of_every_form_arrive_in_the_order_of_their_rows(tmp_path: Path, form: str) -> None:
    table = manifest()[COLUMNS].sample(frac=1, random_state=1)
    pixels, data = cutouts(table), tmp_path / "data"
    data.mkdir()
    counts = pixels * np.float32(10 ** (0.4 * (25 - 22.5)))
    match form:
        case "npy":
            np.save(data / "stamps.npy", counts)
        case "npz":
            np.savez(data / "stamps.npz", x=counts, y=counts[:1])
        case _:
            write_fits(data / "stamps", table, counts, form == "bands")
    name = {"npy": "stamps.npy", "npz": "stamps.npz"}.get(form, "stamps")
    prepared_rows(tmp_path, table, own(stamps=name, array="x" if form == "npz" else None, zero_point=25.0))
    folder = rendered(tmp_path, "paired", render_params())
    rows = read_rows(folder)
    assert not has_set(folder, PLACEBO, "val")
    for split in ("train", "val", "test"):
        read = read_stamps(folder, ARCS, split)
        places = (
            table.reset_index(drop=True).reset_index().set_index("stamp").loc[read.rows["stamp"], "index"]
        )
        assert np.allclose(read.pixels, pixels[places.to_numpy()], atol=2e-4)
    assert set(rows["mode"]) == {"paired"}


def test_own_placebo_stamps_become_the_placebo_set(tmp_path: Path) -> None:
    table, data = manifest()[COLUMNS], tmp_path / "data"
    data.mkdir()
    np.save(data / "stamps.npy", cutouts(table))
    np.save(data / "plain.npy", cutouts(table) * 2)
    prepared_rows(tmp_path, table, own(placebo="plain.npy"))
    folder = rendered(tmp_path, "unpaired", render_params())
    arcs, placebo = (read_stamps(folder, name, "val").pixels.astype(np.float32) for name in (ARCS, PLACEBO))
    assert np.allclose(placebo, 2 * arcs, atol=1e-3)


def broken(change: Callable[[Pixels], NDArray[Any]]) -> Callable[[Path, pd.DataFrame], None]:
    return lambda data, table: np.save(data / "stamps.npy", change(cutouts(table)))


def with_nan(pixels: Pixels) -> Pixels:
    pixels[5, 1, 20, 30] = np.nan
    return pixels


def filled_up(pixels: Pixels) -> Pixels:
    """A cut-out at the edge of an image: zeros where there is none."""
    pixels[5, 1, :, 24:] = 0
    return pixels


def without_band(data: Path, table: pd.DataFrame) -> None:
    write_fits(data / "stamps", table, cutouts(table), by_band=True)
    name = table["stamp"].iloc[0]
    units = [
        fits.PrimaryHDU(),
        fits.ImageHDU(np.zeros((63, 63)), name="g"),
        fits.ImageHDU(np.zeros((63, 63)), name="r"),
    ]
    fits.HDUList(units).writeto(data / "stamps" / f"{name}.fits", overwrite=True)


def of_first_file(change: Callable[[Path], object]) -> Callable[[Path, pd.DataFrame], None]:
    """A folder of FITS files, of which the first is spoilt."""

    def write(data: Path, table: pd.DataFrame) -> None:
        write_fits(data / "stamps", table, cutouts(table), by_band=False)
        change(data / "stamps" / f"{table['stamp'].iloc[0]}.fits")

    return write


def small_file(data: Path, table: pd.DataFrame) -> None:
    write_fits(data / "stamps", table, cutouts(table)[:, :, 1:, 1:], by_band=True)


def huge_header(path: Path) -> None:
    """Says of itself that it is terabytes."""
    data = path.read_bytes().replace(b"NAXIS1  =                   63", b"NAXIS1  =              1000063")
    path.write_bytes(data.replace(b"NAXIS2  =                   63", b"NAXIS2  =              1000063"))


def linked(path: Path) -> None:
    elsewhere = path.parent.parent.parent / "elsewhere.fits"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


@pytest.mark.parametrize(
    ("write", "name", "message"),
    [
        (broken(lambda x: x[:, :, 1:-1, 1:-1]), "stamps.npy", "61 pixels wide.*63 or more"),
        (broken(lambda x: np.pad(x, ((0, 0), (0, 0), (0, 1), (0, 1)))), "stamps.npy", "64 pixels wide.*odd"),
        (broken(lambda x: x[:, :2]), "stamps.npy", "expected 3 x s x s or s x s x 3 .*got 2 x 63 x 63"),
        (broken(lambda x: np.concatenate([x, x[:, :1]], 1)), "stamps.npy", "got 4 x 63 x 63"),
        (broken(lambda x: x[:-1]), "stamps.npy", r"holds \d+ stamps, the manifest has \d+ rows"),
        (broken(lambda x: np.repeat(x, 2, axis=0)), "stamps.npy", "one for each"),
        (broken(lambda x: x[0]), "stamps.npy", "expected stamps x 3 x 63 x 63, got 3 x 63 x 63"),
        (broken(filled_up), "stamps.npy", r"\(row 7 of the manifest\): band r: half of its annulus 20 <= r < 32 pixels"),
        (broken(with_nan), "stamps.npy", r"row 7 of the manifest\): pixel \(30, 20\) of band r is not a number"),
        (broken(lambda x: x * np.float32(1e9)), "stamps.npy", "is lens_shortcuts.prepare.zero_point right"),
        (broken(lambda x: (x * 100 + 128).astype(np.uint8)), "stamps.npy", "uint8 holds 256 values.*for display"),
        (broken(lambda x: x.astype(complex)), "stamps.npy", "expected numbers, got complex"),
        (broken(lambda x: np.pad(x, ((0, 0), (0, 0), (19, 19), (19, 19)), mode="reflect")), "stamps.npy",
         r"101 x 101 pixels.*set lens_shortcuts.prepare.crop to true"),
        (lambda data, table: None, "stamps.npy", "no such file or folder"),
        (lambda data, table: (data / "stamps.npy").write_bytes(b"x"), "stamps.npy", "not a numpy array"),
        (lambda data, table: (data / "stamps.txt").write_bytes(b"x"), "stamps.txt", "expected .npy, .npz or a folder"),
        (lambda data, table: np.savez(data / "s.npz", y=cutouts(table)), "s.npz", "no array None, it has y"),
        (without_band, "stamps", "field z: no band z.*it has g, r"),
        (of_first_file(Path.unlink), "stamps", r"\(row 2 of the manifest\): expected paired.*has no such file"),
        (small_file, "stamps", "62 pixels wide"),
        (of_first_file(lambda path: path.write_text("not a FITS file")), "stamps", "is not FITS"),
        (of_first_file(axes_without_end), "stamps", "says NAXIS = 999999999, and FITS has at most 999"),
        (of_first_file(lambda path: path.write_bytes(path.read_bytes()[:20000])), "stamps", "cut short"),
        (of_first_file(huge_header), "stamps", "says that it is 3 x 1000063 x 1000063"),
        (of_first_file(linked), "stamps", "a link that leads out of data/"),
        (of_first_file(lambda path: path.with_suffix(".npy").write_bytes(b"")), "stamps", "fits and .*npy: keep one"),
    ],
)  # fmt: skip
def test_refused(tmp_path: Path, write: Callable[[Path, pd.DataFrame], Any], name: str, message: str) -> None:
    table, data = manifest()[COLUMNS].reset_index(drop=True), tmp_path / "data"
    data.mkdir()
    write(data, table)
    with pytest.raises(InputError, match=message) as error:
        prepared_rows(tmp_path, table, own(stamps=name))
    assert "\n" not in str(error.value)


# --- shapes, files and copies of own stamps ---------------------------------------------------------------------


@pytest.mark.parametrize("form", ["last", "large", "folder", "files", "names"])
def test_other_shapes_give_the_same_stamps_and_say_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    """Bands last; 101 pixels, cut to the middle; files that the manifest names; an npz with names, in another order."""
    table, data = manifest()[COLUMNS].reset_index(drop=True), tmp_path / "data"
    pixels = cutouts(table)
    large = np.random.default_rng(2).normal(0, 1, (len(table), 3, 101, 101)).astype(np.float32)
    large[:, :, 19:82, 19:82] = pixels
    data.mkdir()
    params = own(crop=form == "large")
    match form:
        case "last":
            np.save(data / "stamps.npy", np.moveaxis(pixels, 1, -1))
        case "large":
            np.save(data / "stamps.npy", large)
        case "folder":
            (data / "stamps").mkdir()
            for name, stamp in zip(table["stamp"], large, strict=True):
                np.save(data / "stamps" / f"{name}.npy", np.moveaxis(stamp, 0, -1))
            params = own(stamps="stamps", crop=True)
        case "names":
            order = np.random.default_rng(3).permutation(len(table))
            names = table["stamp"].to_numpy(str)
            np.savez(data / "stamps.npz", x=pixels[order], stamp=names[order])
            params = own(stamps="stamps.npz", array="x")
        case _:
            table["file"] = [f"night/{place}.{'npz' if place % 2 else 'npy'}" for place in range(len(table))]
            (data / "stamps" / "night").mkdir(parents=True)
            for stamp, file in zip(pixels, table["file"], strict=True):
                path = data / "stamps" / file
                np.savez(path, x=stamp) if path.suffix == ".npz" else np.save(path, stamp)
            params = own(stamps="stamps", array="x")
    prepared_rows(tmp_path, table, params)
    read = read_stamps(rendered(tmp_path, "unpaired", render_params()), ARCS, "val")
    assert np.array_equal(read.pixels, pixels[read.rows["row"]].astype(np.float16))
    said = {
        "last": f"noted {len(table):9}  stamps.npy: bands stand last",
        "large": f"noted {len(table):9}  stamps.npy: cut to the middle 63 of 101 pixels",
        "folder": f"noted {len(table):9}  stamps: cut to the middle 63 of 101 pixels",
    }.get(form, "noted         8  manifest.csv: classes of fewer than 50 stamps or 10 hosts")
    assert said in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("../outside.npy", r"row 2, field file: expected the name of a file below data/"),
        ("/etc/hostname", r"expected a file that ends|there is no file|below data/"),
        ("missing.npy", r"manifest.csv, row 2, field file: there is no file 'stamps/missing.npy' in data/"),
        (
            "picture.png",
            r"row 2, field file: expected a file that ends in .fits, .npy, .npz, got 'picture.png'",
        ),
    ],
)
def test_files_outside_or_of_other_kinds_are_refused(tmp_path: Path, name: str, message: str) -> None:
    table, data = manifest()[COLUMNS].reset_index(drop=True), tmp_path / "data"
    (data / "stamps").mkdir(parents=True)
    (data / "stamps" / "picture.png").write_bytes(b"x")
    np.save(tmp_path / "outside.npy", cutouts(table)[0])
    with pytest.raises(InputError, match=message):
        prepared_rows(tmp_path, table.assign(file=name), own(stamps="stamps"))


def place_of(table: pd.DataFrame, split: str, label: int, mode: str = "unpaired") -> int:
    """The first of these, by position."""
    rows = (table["split"] == split) & (table["label"] == label) & (table["mode"] == mode)
    return int(np.flatnonzero(rows)[0])


@pytest.mark.parametrize("turn", [0, 3, 6])
@pytest.mark.parametrize(
    ("split", "label", "field"), [("val", 1, "split"), ("train", 0, "label"), ("test", 0, "label")]
)
def test_one_picture_in_two_splits_or_classes_is_refused_by_its_pixels(
    tmp_path: Path, turn: int, split: str, label: int, field: str
) -> None:
    table, data = manifest()[COLUMNS].reset_index(drop=True), tmp_path / "data"
    pixels = cutouts(table)
    one, other = place_of(table, "train", 1), place_of(table, split, label)
    pixels[other] = turned(pixels[one], turn)
    data.mkdir()
    np.save(data / "stamps.npy", pixels)
    first, second = sorted((one, other))
    with pytest.raises(
        InputError, match=rf"row {second + 2}, field {field}: .* the pixels of row {first + 2}, turned"
    ):
        prepared_rows(tmp_path, table, own())


def test_one_picture_twice_in_a_split_is_one_host(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table, data = manifest()[COLUMNS].reset_index(drop=True), tmp_path / "data"
    pixels = cutouts(table)
    one = place_of(table, "val", 0)
    pixels[one + 1] = turned(pixels[one], 5)
    data.mkdir()
    np.save(data / "stamps.npy", pixels)
    prepared_rows(tmp_path, table, own())
    rows = pd.read_parquet(tmp_path / "rows.parquet")
    assert rows["host_id"].iloc[one + 1] == table["host_id"].iloc[one]
    changed_hosts = (rows["host_id"] != table["host_id"]).sum()
    assert changed_hosts == 1
    assert "manifest.csv: rows show the pixels of another host" in capsys.readouterr().out
    imported = json.loads((tmp_path / "prepared.json").read_text())["imported"]["noted"]
    assert 1 in imported.values()


def test_a_placebo_in_two_splits_is_refused(tmp_path: Path) -> None:
    table, data = manifest()[COLUMNS].reset_index(drop=True), tmp_path / "data"
    pixels = cutouts(table)
    data.mkdir()
    np.save(data / "stamps.npy", pixels)
    plain = 2 * pixels
    plain[place_of(table, "val", 0)] = plain[place_of(table, "train", 1)]
    np.save(data / "plain.npy", plain)
    with pytest.raises(InputError, match=r"field split: .* turned or not, which has split"):
        prepared_rows(tmp_path, table, own(placebo="plain.npy"))


# --- hosts that are pictures ------------------------------------------------------------------------------------


def pictures(folder: Path, count: int = 16, size: int = 65) -> Path:
    images = (
        np.random.default_rng(2).normal(0, 4, (count, 3, size, size)) + np.arange(count)[:, None, None, None]
    )
    np.savez(folder / "hosts.npz", images=images.astype(np.float32))
    return folder / "hosts.npz"


def image_simulation(path: Path, psf_edges: Any = (9.0,), **changes: Any) -> Simulate:
    hosts = {
        "kind": "images", "file": str(path), "array": "images", "zero_point": 30.0, "noise": [0.003, 0.004, 0.012],
        "share": 0.25,
    }  # fmt: skip
    return simulate(hosts=hosts, psf_edges=list(psf_edges), depth_edges=[90.0], **changes)


IMAGES = RenderSource(
    kind="rendered", manifest="manifest.csv", modes=["paired", "unpaired"], hosts="hosts.npy"
)
NO_LEAKS: dict[str, Any] = {"leaks": {}}


def injected(folder: Path, **changes: Any) -> Path:
    params = image_simulation(pictures(folder), **changes)
    simulator.main(params, folder / "data")
    prepare.main(IMAGES, folder / "data", folder / "rows.parquet", folder / "prepared.json")
    sample.main(sample_params(), folder / "rows.parquet", folder / "sampled.parquet")
    return folder


def test_a_picture_is_a_host_as_it_is_and_the_arcs_photons_are_all_that_is_added(tmp_path: Path) -> None:
    injected(tmp_path)
    images = read_host_images(tmp_path / "hosts.npz", "images", 30.0)
    for mode in ("paired", "unpaired"):
        folder = rendered(tmp_path, mode, render_params(**NO_LEAKS), mode)
        arcs, placebo = read_stamps(folder, ARCS, "train"), read_stamps(folder, PLACEBO, "train")
        for i, row in arcs.rows.iterrows():
            host = middle(turned(images[int(row["host_image"])], int(row["host_turn"]))).astype(np.float16)
            assert np.array_equal(placebo.pixels[int(str(i))], host)
        added = arcs.pixels.astype(np.float64) - placebo.pixels
        positive = (arcs.rows["label"] == 1).to_numpy()
        assert not added[~positive].any() and (added[positive].sum(axis=(1, 2, 3)) > 0.5).all()


def test_a_picture_is_in_one_split_and_none_of_its_turns_in_both_classes(tmp_path: Path) -> None:
    rows = read_csv(injected(tmp_path) / "data" / "manifest.csv")
    assert rows.groupby("host_id")["split"].nunique().max() == 1
    unpaired = rows[rows["mode"] == "unpaired"]
    assert not unpaired.duplicated(["host_image", "host_turn"]).any()
    assert (
        len(rows[rows["mode"] == "paired"].drop_duplicates(["host_image", "host_turn"])) == len(unpaired) / 2
    )


def test_bins_of_the_arcs_psf_draw_no_picture_twice(tmp_path: Path) -> None:
    """All turned pictures are wanted, so that none is left to choose from."""
    injected(tmp_path, psf_edges=[1.22, 1.3, 1.38], stamps={"train": 64, "val": 32, "test": 32})
    rows = read_csv(tmp_path / "data" / "manifest.csv")
    unpaired = rows[rows["mode"] == "unpaired"]
    assert unpaired["psf_bin"].nunique() == 4
    assert not unpaired.duplicated(["host_image", "host_turn"]).any()
    facts = json.loads((tmp_path / "prepared.json").read_text())
    assert facts["unmatched_bins"] == []
    assert facts["hosts_in_both_classes"] == 16


def test_a_pool_of_pictures_cannot_be_shifted(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="their pool cannot be shifted"):
        injected(tmp_path, pool__fwhm_shift=0.1)


def test_one_turned_picture_in_two_unpaired_rows_is_refused(tmp_path: Path) -> None:
    data = injected(tmp_path) / "data"
    table = read_csv(data / "manifest.csv")
    one, other = table.index[(table["mode"] == "unpaired") & (table["split"] == "train")][:2]
    table.loc[other, ["host_id", "host_image", "host_turn"]] = table.loc[
        one, ["host_id", "host_image", "host_turn"]
    ]
    table.to_csv(data / "manifest.csv", index=False)
    with pytest.raises(InputError, match=r"host_turn.*would show the same pixels"):
        prepare.main(IMAGES, data, tmp_path / "rows.parquet", tmp_path / "prepared.json")


def test_a_picture_without_noise_in_its_annulus_is_refused(tmp_path: Path) -> None:
    data = injected(tmp_path) / "data"
    images = np.load(data / "hosts.npy")
    images[3, 2] = 0
    np.save(data / "hosts.npy", images)
    with pytest.raises(
        InputError, match=r"row \d+, field host_image: host 3 of hosts.npy, band z: half of its"
    ):
        prepare.main(IMAGES, data, tmp_path / "rows.parquet", tmp_path / "prepared.json")


def test_the_eight_turns_of_a_picture_are_all_different() -> None:
    picture = np.arange(9.0).reshape(1, 3, 3)
    assert len({turned(picture, turn).tobytes() for turn in range(TURNS)}) == 8


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"stamps": {"train": 400, "val": 4, "test": 4}},
            "stamps.train: train has 32 turned images for each class, 200",
        ),
        ({"hosts__array": "nothing"}, "no array 'nothing'; it has images"),
        ({"hosts__file": "missing.npz"}, "no such file"),
    ],
)
def test_hosts_that_do_not_suffice_are_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    params = changed(image_simulation(pictures(tmp_path)), change)
    with pytest.raises(InputError, match=message):
        simulator.main(params, tmp_path / "data")


def test_pictures_of_an_even_size_or_with_nan_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"64 pixels wide.*odd number.*63 or more"):
        read_host_images(pictures(tmp_path, size=64), "images", 30.0)
    images = np.zeros((2, 3, 63, 63))
    images[1, 0, 3, 3] = np.inf
    np.save(tmp_path / "h.npy", images)
    with pytest.raises(InputError, match=r"picture 1, counted from 0, is not a number"):
        read_host_images(tmp_path / "h.npy", "images", 30.0)


@pytest.mark.parametrize("turn", [0, 7])
def test_a_galaxy_under_two_numbers_is_refused_by_its_pixels(tmp_path: Path, turn: int) -> None:
    data = injected(tmp_path) / "data"
    images = np.load(data / "hosts.npy")
    images[9] = turned(images[4], turn)
    np.save(data / "hosts.npy", images)
    with pytest.raises(
        InputError,
        match=r"row \d+, field host_image: host 9 of hosts.npy is the picture of host 4 \(row \d+\), turned",
    ):
        prepare.main(IMAGES, data, tmp_path / "rows.parquet", tmp_path / "prepared.json")
    with np.load(tmp_path / "hosts.npz") as stored:
        whole = stored["images"]
    whole[9] = turned(whole[4], turn)
    np.save(tmp_path / "again.npy", whole)
    with pytest.raises(
        InputError, match=r"1 pictures stand there more than once, turned or not \(4 and 9, counted"
    ):
        read_host_images(tmp_path / "again.npy", "images", 30.0)


def test_a_host_with_a_pixel_that_is_no_number_is_refused(tmp_path: Path) -> None:
    data = injected(tmp_path) / "data"
    images = np.load(data / "hosts.npy")
    images[3, 2, 31, 30] = np.nan
    np.save(data / "hosts.npy", images)
    with pytest.raises(InputError, match=r"field host_image: host 3 of hosts.npy: a pixel is not a number"):
        prepare.main(IMAGES, data, tmp_path / "rows.parquet", tmp_path / "prepared.json")


def test_hosts_with_bands_last_are_the_same_hosts(tmp_path: Path) -> None:
    path = pictures(tmp_path)
    first = read_host_images(path, "images", 30.0)
    with np.load(path) as stored:
        np.savez(tmp_path / "last.npz", images=np.moveaxis(stored["images"], 1, -1))
    assert np.array_equal(read_host_images(tmp_path / "last.npz", "images", 30.0), first)


def test_a_leak_that_pictures_cannot_show_is_refused(tmp_path: Path) -> None:
    injected(tmp_path)
    with pytest.raises(InputError, match="can only be made brighter"):
        rendered(tmp_path, "unpaired", render_params())


def test_a_manifest_that_names_a_picture_there_is_not_is_refused(tmp_path: Path) -> None:
    data = injected(tmp_path) / "data"
    table = read_csv(data / "manifest.csv")
    table.loc[2, "host_image"] = 99
    table.to_csv(data / "manifest.csv", index=False)
    with pytest.raises(InputError, match=r"row 4, field host_image: 99 is not in 0..15"):
        prepare.main(IMAGES, data, tmp_path / "rows.parquet", tmp_path / "prepared.json")


# --- real hosts -------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not (REAL / "lens_hosts").exists(), reason="shared/real/lens_hosts is not here")
def test_real_hosts_run_from_the_importer_to_the_gates(tmp_path: Path) -> None:
    example = ROOT / "examples" / "real_hosts.yaml"
    blocks = {
        name: read_block(example, f"lens_shortcuts.{name}", model)
        for name, model in {
            "simulate": Simulate, "prepare": Prepare, "sample": Sample, "render": Render, "gates": Gates
        }.items()
    }  # fmt: skip
    simulation = changed(blocks["simulate"], {"hosts__file": str(REAL / "lens_hosts" / "hosts_grz.npz")})
    simulator.main(simulation, tmp_path / "data")
    prepare.main(blocks["prepare"], tmp_path / "data", tmp_path / "rows.parquet", tmp_path / "prepared.json")
    sample.main(blocks["sample"], tmp_path / "rows.parquet", tmp_path / "sampled.parquet")
    params = changed(blocks["gates"], {"network_seeds": 0})
    found = {}
    for mode in ("paired", "unpaired"):
        folder = rendered(tmp_path, mode, blocks["render"], mode)
        gates.main(params, mode, folder, tmp_path / f"{mode}.csv")
        found[mode] = read_csv(tmp_path / f"{mode}.csv").set_index(["set", "split", "gate"])
    rows = read_rows(tmp_path / "unpaired")
    assert rows["host_id"].nunique() == 46
    placebo = read_stamps(tmp_path / "paired", PLACEBO, "train")
    sky = placebo.pixels[:, :, :8, :8].astype(np.float64)
    assert np.allclose(np.median(sky.std(axis=(2, 3)), axis=0), simulation.hosts.noise, rtol=0.15)
    for mode, table in found.items():
        ours = table.loc[PLACEBO].loc["train"]
        # A host looks the same in both classes, and its rings do so in any turn: what learns nothing says so.
        assert mode == "paired" or ours.loc["core_lr_raw", "status"] == "ok"
        assert not ours["finds"].fillna(False).astype(bool).any(), mode


@pytest.mark.parametrize("name", ["real_hosts", "own_stamps", "lens_plan"])
def test_the_examples_are_whole_and_valid(name: str) -> None:
    path = ROOT / "examples" / f"{name}.yaml"
    stated = read_params(path)["lens_shortcuts"]
    default = read_params(ROOT / "params.yaml")["lens_shortcuts"]
    assert set(default) - set(stated) <= ({"simulate"} if name == "own_stamps" else set())
    for step in stated:
        module = import_module(
            f"tasks.lens_shortcuts.{step}" if step != "simulate" else "simulators.lens_shortcuts"
        )
        read_block(path, f"lens_shortcuts.{step}", params_model(module.main))
