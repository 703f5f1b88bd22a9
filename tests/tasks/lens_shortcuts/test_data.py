"""From the manifest to rendered stamps: samples, placebos, planted leaks, pairs, resuming, golden pixels."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from methods.lenses.geometry import core
from params.lens_shortcuts import Leak
from simulators.lens_shortcuts import drawn
from storage.files.inputs import InputError
from storage.lenses.stamps import ARCS, PLACEBO, has_set, read_rows, read_sets, read_stamps
from tasks.lens_shortcuts import sample
from tasks.lens_shortcuts.model import stamp_sets
from tests.tasks.lens_shortcuts.data import (
    manifest,
    prepared_rows,
    render_params,
    rendered,
    sample_params,
    simulate,
)
from tests.tasks.lens_shortcuts.golden import GOLDEN, STAMPS, golden_stamps

NO_LEAKS: dict[str, Any] = {"leaks": {}}
CLEAN = {
    "host_magnitude": 0.0,
    "core_magnitude": None,
    "supersampling": None,
    "centring": 0.0,
    "shotless": False,
}


def pixels(folder: Path, name: str, split: str = "train") -> NDArray[np.float64]:
    return read_stamps(folder, name, split).pixels.astype(np.float64)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Finished shards go to .cache of the working directory."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def stamps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both modes of a small manifest, with every leak of params.yaml."""
    folder = tmp_path_factory.mktemp("stamps")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        prepared_rows(folder, manifest())
        for mode in ("paired", "unpaired"):
            rendered(folder, mode, render_params(), mode)
    return folder


# --- sample -----------------------------------------------------------------------------------------------------


def test_a_sample_keeps_pairs_whole_and_the_proportions_of_the_whole(tmp_path: Path) -> None:
    table = drawn(simulate(stamps={"train": 2908, "val": 500, "test": 400}), 0)
    prepared_rows(tmp_path, table)
    params = sample_params(share=0.1)
    sample.main(params, tmp_path / "rows.parquet", tmp_path / "sampled.parquet")
    kept = pd.read_parquet(tmp_path / "sampled.parquet")
    assert kept.groupby(["mode", "split"]).size()[:, "train"].tolist() == [290, 290]
    assert (kept.groupby(["mode", "split"])["label"].mean() == 0.5).all()
    assert (kept.groupby(["mode", "pair_id"])["label"].agg(["size", "sum"]) == [2, 1]).all(axis=None)
    for mode in ("paired", "unpaired"):
        whole, part = (
            t[(t["mode"] == mode) & (t["split"] == "train") & (t["label"] == 1)] for t in (table, kept)
        )
        for name, edges in (("theta_E", params.theta_E_edges[1:-1]), ("psf_bin", None), ("depth_bin", None)):
            shares = [
                np.bincount(np.digitize(t[name], edges) if edges else t[name], minlength=6) / len(t) for t in (whole, part)
            ]  # fmt: skip
            assert np.abs(shares[0] - shares[1]).max() < 0.06, (mode, name)


def test_a_share_of_one_keeps_every_row_in_its_order(tmp_path: Path) -> None:
    prepared_rows(tmp_path, manifest())
    rows, kept = (pd.read_parquet(tmp_path / f"{name}.parquet") for name in ("rows", "sampled"))
    pd.testing.assert_frame_equal(rows, kept)


def test_a_sample_that_would_be_empty_is_refused(tmp_path: Path) -> None:
    prepared_rows(tmp_path, manifest())
    with pytest.raises(InputError, match="leaves none with label 1"):
        sample.main(sample_params(share=0.01), tmp_path / "rows.parquet", tmp_path / "sampled.parquet")


# --- render -----------------------------------------------------------------------------------------------------


def test_golden_stamps_have_not_moved() -> None:
    assert np.array_equal(golden_stamps(), np.load(GOLDEN, allow_pickle=False)), (
        "rendering gives other pixels than it did; if that is meant, `python -m tests.tasks.lens_shortcuts.golden`"
    )
    assert len(np.load(GOLDEN, allow_pickle=False)) == STAMPS


def test_stamps_lie_in_the_order_of_their_rows(stamps: Path) -> None:
    rows = read_rows(stamps / "paired")
    assert list(rows["split"].unique()) == ["train", "val", "test"]
    assert set(read_sets(stamps / "paired")) == {ARCS, PLACEBO}
    assert {name for name in read_sets(stamps / "unpaired") if name.startswith("leak_")} == {
        f"leak_{name}" for name in render_params().leaks
    }
    assert has_set(stamps / "unpaired", "leak_centring", "train")
    assert not has_set(stamps / "unpaired", "leak_centring", "val")
    assert read_stamps(stamps / "paired", ARCS, "val").pixels.shape == (12, 3, 63, 63)
    with pytest.raises(InputError, match=r"was not rendered; the folder has arcs \(train, val, test\)"):
        read_stamps(stamps / "paired", "leak_centring", "val")


def test_a_placebo_differs_from_its_stamp_by_the_photons_of_the_arc_and_only_in_positives(
    stamps: Path,
) -> None:
    for mode in ("paired", "unpaired"):
        rows = read_stamps(stamps / mode, ARCS, "train").rows
        positive = (rows["label"] == 1).to_numpy()
        arcs, placebo = pixels(stamps / mode, ARCS), pixels(stamps / mode, PLACEBO)
        assert np.array_equal(arcs[~positive], placebo[~positive])
        difference = (arcs - placebo)[positive]
        assert (difference > -0.01).all() and (difference.sum(axis=(1, 2, 3)) > 0.5).all()
        faint = np.abs(arcs[positive]) < 0.25  # where float16 resolves a tenth of an electron
        electrons = difference[faint] * 150
        assert np.abs(electrons - np.round(electrons)).max() < 0.04


def test_both_modes_have_the_same_positives(stamps: Path) -> None:
    found = []
    for mode in ("paired", "unpaired"):
        read = read_stamps(stamps / mode, ARCS, "train")
        positives = read.rows[read.rows["label"] == 1].sort_values("host_id")
        found.append((positives["host_id"].tolist(), read.pixels[positives.index.to_numpy()]))
    assert found[0][0] == found[1][0]
    assert np.array_equal(found[0][1], found[1][1])


@pytest.mark.parametrize("noise", ["same", "fresh"])
def test_a_pair_differs_by_its_arc_and_by_noise_where_that_is_fresh(tmp_path: Path, noise: str) -> None:
    prepared_rows(tmp_path, drawn(simulate(pair_noise=noise), 0))
    folder = rendered(tmp_path, "paired", render_params(**NO_LEAKS))
    read = read_stamps(folder, PLACEBO, "train")
    order = read.rows.sort_values(["pair_id", "label"]).index.to_numpy()
    negatives, positives = pixels(folder, PLACEBO)[order].reshape(-1, 2, 3, 63, 63).swapaxes(0, 1)
    if noise == "same":
        assert np.array_equal(negatives, positives)
    else:
        sky = ~core(25)
        assert 1.2 < (negatives - positives)[:, 0, sky].std() / negatives[:, 0, sky].std() < 1.6


def test_any_rows_in_any_company_give_the_same_bytes(tmp_path: Path, stamps: Path) -> None:
    table = manifest()
    kept = table[table["pair_id"].isin(table["pair_id"].unique()[::2])].iloc[::-1]
    prepared_rows(tmp_path, kept)
    folder = rendered(tmp_path, "unpaired", render_params(chunk=5, shard=7, **NO_LEAKS))
    whole, part = (read_stamps(each, ARCS, "train") for each in (stamps / "unpaired", folder))
    places = whole.rows.reset_index().set_index("stamp").loc[part.rows["stamp"], "index"].to_numpy()
    assert len(places) and np.array_equal(whole.pixels[places], part.pixels)


def test_a_killed_rendering_goes_on_where_it_was_and_ends_with_the_same_bytes(
    tmp_path: Path, stamps: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    prepared_rows(tmp_path, manifest())
    params, shard = render_params(shard=10), stamp_sets._shard
    calls = []

    def killed(*arguments: object) -> object:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return shard(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(stamp_sets, "_shard", killed)
    with pytest.raises(KeyboardInterrupt):
        rendered(tmp_path, "unpaired", params)
    assert not (tmp_path / "stamps").exists()
    monkeypatch.setattr(stamp_sets, "_shard", shard)
    capsys.readouterr()
    folder = rendered(tmp_path, "unpaired", params)
    assert "goes on after" in capsys.readouterr().out
    for path in sorted((stamps / "unpaired").iterdir()):
        assert path.read_bytes() == (folder / path.name).read_bytes(), path.name
    assert not list((tmp_path / ".cache").glob("lens_shortcuts_render*"))


# --- leaks ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "changed"),
    [("bright_hosts", 1), ("core_source", 1), ("supersampling", 0), ("no_shot_noise", 0), ("centring", 1)],
)
def test_a_planted_leak_changes_its_class_alone(stamps: Path, name: str, changed: int) -> None:
    read = read_stamps(stamps / "unpaired", f"leak_{name}", "train")
    placebo = pixels(stamps / "unpaired", PLACEBO)
    differs = (read.pixels.astype(np.float64) != placebo).any(axis=(1, 2, 3))
    assert np.array_equal(differs, (read.rows["label"] == changed).to_numpy())


def test_planted_leaks_do_what_they_say(stamps: Path) -> None:
    rows = read_stamps(stamps / "unpaired", PLACEBO, "train").rows
    positive, inner = (rows["label"] == 1).to_numpy(), core(12)
    placebo = pixels(stamps / "unpaired", PLACEBO)[:, 1]
    brighter = pixels(stamps / "unpaired", "leak_bright_hosts")[:, 1]
    ratio = brighter[positive][:, inner].sum() / placebo[positive][:, inner].sum()
    assert ratio == pytest.approx(10 ** (0.4 * 0.5), rel=0.02)
    source = (pixels(stamps / "unpaired", "leak_core_source")[:, 1] - placebo)[positive][:, inner].sum(axis=1)
    assert np.median(source) == pytest.approx(10 ** (0.4 * (22.5 - 21.5)), rel=0.2)
    quiet = pixels(stamps / "unpaired", "leak_no_shot_noise")[:, 1] - placebo
    assert quiet[~positive][:, core(5)].std() > 5 * quiet[~positive][:, ~core(25)].std() > 0


def test_a_leak_can_be_planted_into_all_stamps(tmp_path: Path) -> None:
    prepared_rows(tmp_path, manifest())
    leak = Leak.model_validate({**CLEAN, "host_magnitude": 0.5})
    folder = rendered(tmp_path, "unpaired", render_params(leak=leak.model_dump(), **NO_LEAKS))
    rows = read_stamps(folder, PLACEBO, "train").rows
    bright = pixels(folder, PLACEBO)[:, 1][:, core(12)].sum(axis=1)
    expected = (10 ** (0.4 * (22.5 - rows["host_mag_r"]))).to_numpy() * np.where(
        rows["label"] == 1, 10**0.2, 1
    )
    assert np.corrcoef(bright, expected)[0, 1] > 0.98
    with pytest.raises(InputError, match="exclude each other"):
        rendered(tmp_path, "unpaired", render_params(leak=leak.model_dump()), "again")


# --- simulator --------------------------------------------------------------------------------------------------


def test_unpaired_negatives_are_matched_on_both_bins_from_hosts_of_their_own() -> None:
    table = manifest()
    rows = table[table["mode"] == "unpaired"]
    positives, negatives = (
        rows[rows["label"] == label].set_index("pair_id").sort_index() for label in (1, 0)
    )
    for name in ("psf_bin", "depth_bin"):
        assert (positives[name] == negatives[name]).all()
    assert rows["host_id"].is_unique and rows["seed"].is_unique


def test_a_pool_under_another_sky_is_matched_within_bins_too() -> None:
    """Bins alone would leave the difference inside each bin, and ring means of placebo stamps would tell the classes."""
    table = drawn(
        simulate(stamps={"train": 600, "val": 4, "test": 4}, pool__fwhm_shift=0.05, pool__depth_shift=-0.05),
        0,
    )
    rows = table[(table["mode"] == "unpaired") & (table["split"] == "train")]
    means = rows.groupby("label")[["psf_fwhm_r", "depth_r"]].mean()
    spread = rows[["psf_fwhm_r", "depth_r"]].std()
    assert ((means.loc[1] - means.loc[0]).abs() / spread < 0.05).all()


def test_the_same_seed_draws_the_same_and_fresh_noise_has_seeds_of_its_own() -> None:
    pd.testing.assert_frame_equal(manifest(), drawn(simulate(), 0))
    same, fresh = (drawn(simulate(pair_noise=noise), 0) for noise in ("same", "fresh"))
    counts = [
        table[table["mode"] == "paired"].groupby("pair_id")["seed"].nunique() for table in (same, fresh)
    ]
    assert (counts[0] == 1).all() and (counts[1] == 2).all()
