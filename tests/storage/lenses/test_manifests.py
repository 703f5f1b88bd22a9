"""Every manifest that the experiment could not live with is refused, with the row and what to do."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from storage.files.inputs import InputError
from storage.lenses.manifests import (
    depth,
    hosts_in_both_classes,
    read_manifest,
    sky_noise,
    unmatched_bins,
)
from tests.tasks.lens_shortcuts.data import manifest


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return manifest()


def written(folder: Path, table: pd.DataFrame) -> Path:
    table.to_csv(folder / "manifest.csv", index=False)
    return folder / "manifest.csv"


def test_a_manifest_reads_as_numbers_names_and_whole_numbers(tmp_path: Path, table: pd.DataFrame) -> None:
    read = read_manifest(written(tmp_path, table), "sersic").rows
    assert len(read) == len(table)
    assert read["label"].dtype == read["seed"].dtype == np.int64
    assert read["theta_E"].isna().equals(read["label"] == 0)
    assert (read["seed"] == table["seed"]).all()
    assert unmatched_bins(read) == []


Change = Callable[[pd.DataFrame], pd.DataFrame]


def at(row: int, name: str, value: Any) -> Change:
    def change(table: pd.DataFrame) -> pd.DataFrame:
        changed = table.astype({name: object})
        changed.loc[row, name] = value
        return changed

    return change


def first(table: pd.DataFrame, **wanted: object) -> int:
    chosen = np.logical_and.reduce([(table[name] == value).to_numpy() for name, value in wanted.items()])
    return int(np.flatnonzero(chosen)[0])


def moved_host(table: pd.DataFrame) -> pd.DataFrame:
    """A host of train appears in val too."""
    changed = table.copy()
    of_train = table["host_id"][first(table, mode="unpaired", split="train")]
    changed.loc[first(table, mode="unpaired", split="val"), "host_id"] = of_train
    return changed


def moved_pair(table: pd.DataFrame) -> pd.DataFrame:
    changed = table.copy()
    changed.loc[first(table, mode="paired", split="train", label=0), ["split", "host_id"]] = ["val", "new"]
    return changed


def other_host(table: pd.DataFrame) -> pd.DataFrame:
    changed = table.copy()
    changed.loc[first(table, mode="paired", label=0), "host_id"] = "another"
    return changed


def unpaired_row(name: str, value_of: dict[str, object], **row: object) -> Change:
    """The first such unpaired row gets the value that another unpaired row of its split has."""

    def change(table: pd.DataFrame) -> pd.DataFrame:
        changed = table.copy()
        place = first(table, mode="unpaired", split="val", **row)
        others = table[
            (table["mode"] == "unpaired") & (table["split"] == "val") & (table.index != table.index[place])
        ]
        for key, value in value_of.items():
            others = others[others[key] == value]
        changed.loc[changed.index[place], name] = others[name].iloc[-1]
        return changed

    return change


def without(name: str, **rows: object) -> Change:
    def change(table: pd.DataFrame) -> pd.DataFrame:
        dropped = np.logical_and.reduce([(table[key] == value).to_numpy() for key, value in rows.items()])
        kept: pd.DataFrame = table[~dropped]
        return kept

    change.__name__ = name
    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="psf_bin"), "psf_bin are missing"),
        (lambda t: t[:0], "holds no rows"),
        (at(0, "label", 2), "label.*one of 0, 1"),
        (at(0, "label", 0.5), "whole number"),
        (at(0, "split", "holdout"), "one of train, val, test"),
        (at(0, "mode", "single"), "one of paired, unpaired"),
        (at(3, "psf_fwhm_g", "wide"), "row 5, field psf_fwhm_g: expected a number"),
        (at(3, "psf_fwhm_g", 0), "above 0"),
        (at(3, "host_q", 1.5), "not above 1"),
        (at(3, "seed", ""), "seed: expected a whole number"),
        (at(3, "stamp", ""), "stamp: '' is empty"),
        (lambda t: pd.concat([t, t[:1]]), "names a row above already"),
        (lambda t: at(first(t, label=1), "theta_E", "")(t), "theta_E.*is empty, but the stamp is a positive"),
        (lambda t: at(first(t, label=1), "source_n", "")(t), "source_n.*is empty"),
        (lambda t: at(first(t, mode="paired"), "pair_id", "")(t), "pair_id.*is empty"),
        (moved_host, r"row \d+, field host_id.*another split too \(unpaired; row \d+ is in train"),
        (moved_pair, "pair_id.*another split"),
        (other_host, "both stamps of a pair show one host"),
        (
            unpaired_row("pair_id", {"label": 1}, label=1),
            "pair_id.*one positive and one negative; leave it empty",
        ),
        (
            unpaired_row("pair_id", {"label": 0}, label=0),
            "pair_id.*one positive and one negative; leave it empty",
        ),
        (unpaired_row("host_id", {"label": 1}, label=0), "host_id.*is a positive's host too.*mode paired"),
        (unpaired_row("host_id", {"label": 0}, label=0), "host_id.*negative above.*without replacement"),
        (lambda t: t.drop(index=first(t, mode="paired", label=0)), "one positive and one negative"),
        (
            without("positives", mode="unpaired", split="val", label=1),
            "unpaired val has hosts of 0 positives and 6 negatives of 3",
        ),
        (
            without("negatives", mode="unpaired", split="test", label=0),
            "unpaired test has hosts of 6 positives and 0 negatives of 2",
        ),
        (
            without("split", mode="unpaired", split="val"),
            "unpaired val has hosts of 0 positives and 0 negatives of 3",
        ),
    ],
)
def test_refused(tmp_path: Path, table: pd.DataFrame, change: Change, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_manifest(written(tmp_path, change(table)), "sersic")


def test_a_picture_stands_in_one_split_in_whatever_turn_and_under_whatever_host(
    tmp_path: Path, table: pd.DataFrame
) -> None:
    hosts = pd.factorize(table["host_id"])[0]
    pictures = table.assign(host_image=hosts, host_turn=0)
    read_manifest(written(tmp_path, pictures), "images")
    train, val = (first(table, mode="unpaired", split=split) for split in ("train", "val"))
    pictures.loc[val, "host_image"], pictures.loc[val, "host_turn"] = hosts[train], 5
    with pytest.raises(
        InputError, match=r"field host_image: .*another split too \(unpaired; row \d+ is in train"
    ):
        read_manifest(written(tmp_path, pictures), "images")


def test_all_classes_that_fall_short_are_named_at_once(tmp_path: Path, table: pd.DataFrame) -> None:
    paired_val = (table["mode"] == "paired") & (table["split"] == "val")
    negatives = (table["mode"] == "unpaired") & (table["split"] == "test") & (table["label"] == 0)
    with pytest.raises(InputError) as error:
        read_manifest(written(tmp_path, table[~paired_val & ~negatives]), "own")
    assert "paired val has hosts of 0 positives and 0 negatives of 3; " in str(error.value)
    assert "unpaired test has hosts of 6 positives and 0 negatives of 2" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_mode_that_is_not_read_need_not_suffice(tmp_path: Path, table: pd.DataFrame) -> None:
    few = table[(table["mode"] == "unpaired") | (table["split"] == "train")]
    assert len(read_manifest(written(tmp_path, few), "own", ["unpaired"]).rows) == len(few)


@pytest.mark.parametrize("form", ["csv", "csv.gz", "tsv", "parquet", "jsonl"])
def test_every_form_of_a_manifest_gives_the_same_rows(tmp_path: Path, table: pd.DataFrame, form: str) -> None:
    """A shuffled frame keeps its index in Parquet; rows stay what they were."""
    mixed = table.sample(frac=1, random_state=3)
    path = tmp_path / f"manifest.{form}"
    if form == "parquet":
        mixed.to_parquet(path)
    elif form == "jsonl":
        mixed.to_json(path, orient="records", lines=True, double_precision=15)
    else:
        mixed.to_csv(path, index=False, sep="\t" if form == "tsv" else ",")
    read = read_manifest(path, "sersic").rows
    pd.testing.assert_frame_equal(read, mixed[list(read)].reset_index(drop=True), check_dtype=False)


def test_unpaired_stamps_need_no_pair(tmp_path: Path, table: pd.DataFrame) -> None:
    changed = table.copy()
    changed.loc[changed["mode"] == "unpaired", "pair_id"] = ""
    read = read_manifest(written(tmp_path, changed), "own").rows
    assert (read["pair_id"][read["mode"] == "unpaired"] == "").all()
    assert hosts_in_both_classes(read) == 0


def test_bins_that_are_not_matched_are_named(table: pd.DataFrame) -> None:
    row = first(table, mode="unpaired", split="val", label=0)
    changed = table.copy()
    changed.loc[row, "psf_bin"] = 9
    found = unmatched_bins(changed)
    assert f"val, psf_bin 9, depth_bin {table['depth_bin'][row]}: 0 positives, 1 negatives" in found
    assert len(found) == 2


def test_depth_is_five_times_the_sky_noise_in_magnitudes() -> None:
    assert float(depth(np.array(0.2))) == pytest.approx(22.5)
    assert np.allclose(sky_noise(depth(np.array([0.0033, 0.0191]))), [0.0033, 0.0191])
