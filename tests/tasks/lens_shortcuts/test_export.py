"""What is exported of a trained variant scores stamps as its training scored them, and refuses what are no stamps."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from astropy.io import fits
from numpy.typing import NDArray
from scipy.special import expit

from serving.errors import RecordError
from serving.stamps import StampScorer
from storage.files.documents import read_json, write_json
from storage.files.inputs import InputError
from tasks.lens_shortcuts import train
from tasks.lens_shortcuts.use.export import FOLDER, payload
from tasks.lens_shortcuts.use.input_files import FORMATS
from tests.serving.exports import loaded
from tests.tasks.lens_shortcuts import artifacts as made

CHOSEN = {"chosen": "B1", "leaf": "acceptable", "reason": "nothing fails"}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study's folder in which one variant was trained, with two seeds, and was chosen."""
    torch.set_num_threads(1)
    root: Path = tmp_path_factory.mktemp("root")
    own = root / FOLDER / "unpaired"
    made.write_stamps(own / "stamps", "unpaired")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        train.main(made.train(seeds=[1, 2], network={"epochs": 2}), "unpaired", own / "stamps", own / "run")
    write_json(root / FOLDER / "chosen.json", CHOSEN)
    return root


@pytest.fixture(scope="module")
def service(root: Path, tmp_path_factory: pytest.TempPathFactory) -> StampScorer:
    found: StampScorer = loaded(payload(root), "lens_shortcuts", tmp_path_factory.mktemp("export") / "one")
    return found


def stamps(root: Path) -> NDArray[np.float16]:
    return np.asarray(np.load(root / FOLDER / "unpaired" / "stamps" / "arcs_test.npy"))


def test_stamps_get_the_scores_that_training_left(root: Path, service: StampScorer) -> None:
    scores = pd.read_parquet(root / FOLDER / "unpaired" / "run" / "scores.parquet")
    scores = scores[(scores["set"] == "arcs") & (scores["split"] == "test")]
    logits = np.stack([scores.loc[scores["seed"] == seed, "r0"] for seed in (1, 2)], axis=1)
    found = service.decide({"stamp": stamps(root)})
    assert np.abs(found["score"] - expit(logits).mean(axis=1)).max() < 1e-5
    assert np.abs(np.stack([found["logit:seed_1"], found["logit:seed_2"]], axis=1) - logits).max() < 1e-4


def test_the_layout_and_the_type_of_decimals_do_not_matter(root: Path, service: StampScorer) -> None:
    pixels = stamps(root)[:5]
    expected = service.scores(pixels)
    for same in (pixels.astype(np.float32), pixels.astype(np.float64), np.moveaxis(pixels, 1, 3)):
        assert service.scores(same).tolist() == expected.tolist()
    record = {"stamp": pixels[0].tolist()}
    assert service.decide([record])["score"][0] == pytest.approx(expected[0], abs=1e-6)
    assert service.scores(pixels[:0]).tolist() == []


def spoilt(pixels: NDArray[np.float16], value: float, band: int) -> NDArray[np.float32]:
    wide = pixels[:3].astype(np.float32)
    wide[1, band] = value
    return wide


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda x: x[:, :2], r"field stamp: expected rows of \(3, 63, 63\) \(bands g, r, z\) or \(63, 63, 3\), got \(120, 2,"),
        (lambda x: x[:, :, 1:-1, 1:-1], r"expected rows of \(3, 63, 63\) .* got \(120, 3, 61, 61\)"),
        (lambda x: x[0], r"got \(3, 63, 63\)"),
        (lambda x: x.astype(np.uint8), "field stamp: expected decimals, fluxes in nanomaggies, got uint8"),
        (lambda x: spoilt(x, np.nan, 0), "row 2, field stamp: a pixel is no finite number; leave the stamp out"),
        (lambda x: spoilt(x, 1e6, 0), "row 2, field stamp: a pixel is beyond 65504; expected nanomaggies"),
        (lambda x: spoilt(x, 0, 2), "row 2, field stamp: half of the outer pixels of band z, or more, have one value"),
    ],
)  # fmt: skip
def test_what_is_no_stamp_is_named_in_one_line(
    root: Path, service: StampScorer, change: Any, says: str
) -> None:
    with pytest.raises(RecordError, match=says) as error, np.errstate(invalid="ignore"):
        service.decide({"stamp": change(stamps(root))})
    assert "\n" not in str(error.value)


def test_it_says_that_no_threshold_was_chosen_and_that_seeds_are_a_mean(root: Path) -> None:
    found = payload(root)
    assert found.decision["threshold"] is None
    assert found.decision["seeds"] == [1, 2]
    assert any("no threshold on it was chosen" in each for each in found.limits)
    assert any("in the mean over 2 seeds" in each for each in found.limits)
    assert payload(root).files == found.files


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            {"chosen": None, "leaf": "stop"},
            r"no network is to be trusted \(stop: nothing fails\), so there is none",
        ),
        ({"chosen": "B4"}, "names B4, of which there is no trained run"),
    ],
)
def test_without_a_network_to_trust_there_is_nothing_to_export(
    root: Path, tmp_path: Path, change: dict[str, Any], says: str
) -> None:
    (tmp_path / FOLDER / "unpaired").mkdir(parents=True)
    (tmp_path / FOLDER / "unpaired" / "run").symlink_to(root / FOLDER / "unpaired" / "run")
    write_json(tmp_path / FOLDER / "chosen.json", {**read_json(root / FOLDER / "chosen.json"), **change})
    with pytest.raises(InputError, match=says) as error:
        payload(tmp_path)
    assert "\n" not in str(error.value)


def test_arrays_and_fits_files_are_scored_and_errors_name_file_and_row(
    root: Path, service: StampScorer, tmp_path: Path
) -> None:
    pixels = stamps(root)[:4]
    expected = service.scores(pixels).tolist()
    np.save(tmp_path / "stamps.npy", pixels)
    (tmp_path / "fits").mkdir()
    for number, each in enumerate(pixels.astype(np.float32)):
        fits.PrimaryHDU(each).writeto(tmp_path / "fits" / f"{number}.fits")
    assert FORMATS[".npy"](service, tmp_path / "stamps.npy", tmp_path / "one.csv") == 4
    assert FORMATS[""](service, tmp_path / "fits", tmp_path / "two.csv") == 4
    one, two = (pd.read_csv(tmp_path / name) for name in ("one.csv", "two.csv"))
    assert one["score"].tolist() == pytest.approx(expected, abs=1e-6)
    assert one["row"].tolist() == [1, 2, 3, 4]
    assert two["score"].tolist() == pytest.approx(expected, abs=1e-6)
    assert two["file"].tolist() == ["0.fits", "1.fits", "2.fits", "3.fits"]
    np.save(tmp_path / "stamps.npy", spoilt(pixels, np.nan, 0))
    fits.PrimaryHDU(pixels[0, :, 1:-1].astype(np.float32)).writeto(tmp_path / "fits" / "cut.fits")
    (tmp_path / "empty").mkdir()
    (tmp_path / "nested" / "0.fits").mkdir(parents=True)
    np.save(tmp_path / "single.npy", np.float32(1))
    for suffix, name, says in (
        (".npy", "stamps.npy", r"stamps\.npy, row 2, field stamp: a pixel is no finite number"),
        ("", "fits", r"cut\.fits, field stamp: expected rows of \(3, 63, 63\)"),
        ("", "empty", "holds no FITS file"),
        ("", "nested", r"0\.fits: is a folder; expected a FITS file"),
        (".npy", "single.npy", "is a single number; expected an array with a row for each stamp"),
        (".fits", "none.fits", "no such file or folder"),
    ):
        with pytest.raises(InputError, match=says):
            FORMATS[suffix](service, tmp_path / name, tmp_path / "never.csv")
    assert not (tmp_path / "never.csv").exists()
