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
from params.lens_shortcuts import Gates, OwnSource, Prepare, Render, RenderSource, Sample, Simulate
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
    "zero_point": 22.5,
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


def broken(change: Callable[[Pixels], Pixels]) -> Callable[[Path, pd.DataFrame], None]:
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


def without_file(data: Path, table: pd.DataFrame) -> None:
    write_fits(data / "stamps", table, cutouts(table), by_band=False)
    (data / "stamps" / f"{table['stamp'].iloc[0]}.fits").unlink()


def small_file(data: Path, table: pd.DataFrame) -> None:
    write_fits(data / "stamps", table, cutouts(table)[:, :, 1:, 1:], by_band=True)


def no_fits(data: Path, table: pd.DataFrame) -> None:
    write_fits(data / "stamps", table, cutouts(table), by_band=False)
    (data / "stamps" / f"{table['stamp'].iloc[0]}.fits").write_text("not a FITS file")


@pytest.mark.filterwarnings("ignore::astropy.utils.exceptions.AstropyWarning")
@pytest.mark.parametrize(
    ("write", "name", "message"),
    [
        (broken(lambda x: x[:, :, 1:-1, 1:-1]), "stamps.npy", "expected n x 3 x 63 x 63.*got .* x 3 x 61 x 61"),
        (broken(lambda x: x[:, :2]), "stamps.npy", "bands g, r, z.*got .* x 2 x 63 x 63"),
        (broken(lambda x: x[:-1]), "stamps.npy", r"holds \d+ stamps, the manifest has \d+ rows"),
        (broken(lambda x: np.repeat(x, 2, axis=0)), "stamps.npy", "one for each"),
        (broken(filled_up), "stamps.npy", r"row 7: stamp '.*', band r: half of its annulus 20 <= r < 32 pixels, or more"),
        (broken(with_nan), "stamps.npy", r"row 7: stamp .*pixel \(30, 20\) of band r is not a number"),
        (broken(lambda x: x * np.float32(1e9)), "stamps.npy", "is prepare.zero_point right"),
        (lambda data, table: None, "stamps.npy", "no such file or folder"),
        (lambda data, table: (data / "stamps.npy").write_bytes(b"x"), "stamps.npy", "neither npy, npz nor"),
        (lambda data, table: np.savez(data / "s.npz", y=cutouts(table)), "s.npz", "no array None, it has y"),
        (without_band, "stamps", "field z: no band z.*it has g, r"),
        (without_file, "stamps", "no such file, but the manifest has stamp"),
        (small_file, "stamps", "expected 3 x 63 x 63.*got 3 x 62 x 62"),
        (no_fits, "stamps", "cannot be read as FITS"),
    ],
)  # fmt: skip
def test_refused(tmp_path: Path, write: Callable[[Path, pd.DataFrame], Any], name: str, message: str) -> None:
    table, data = manifest()[COLUMNS].reset_index(drop=True), tmp_path / "data"
    data.mkdir()
    write(data, table)
    prepared_rows(tmp_path, table, own(stamps=name))
    with pytest.raises(InputError, match=message):
        for mode in ("paired", "unpaired"):
            rendered(tmp_path, mode, render_params(), mode)


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
    with pytest.raises(InputError, match="odd and 63 or more"):
        read_host_images(pictures(tmp_path, size=64), "images", 30.0)
    images = np.zeros((2, 3, 63, 63))
    images[1, 0, 3, 3] = np.inf
    np.save(tmp_path / "h.npy", images)
    with pytest.raises(InputError, match=r"row 1.*not a number"):
        read_host_images(tmp_path / "h.npy", "images", 30.0)


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
