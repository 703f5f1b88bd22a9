"""Data that has only one of the two modes: params.yaml says so, and every step goes through with what there is."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from params.lens_shortcuts import Full, Mode, OwnSource, RenderSource, Whole
from storage.files.inputs import InputError
from storage.files.tables import read_csv
from storage.lenses.stamps import has_stamps, read_rows, read_stamps
from tasks.lens_shortcuts import compare, full, gates, mask, prepare, sample, train, tree, whole
from tests.tasks.lens_shortcuts import artifacts as made
from tests.tasks.lens_shortcuts.data import manifest, prepared_rows, render_params, rendered, sample_params

MODES: tuple[Mode, ...] = ("paired", "unpaired")
VARIANTS = {"paired": "A1", "unpaired": "B1"}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.set_num_threads(1)


def own(modes: list[Mode]) -> OwnSource:
    return OwnSource(
        kind="own", manifest="manifest.csv", modes=modes, stamps="stamps.npy", placebo=None, array=None, zero_point=22.5, crop=False
    )  # fmt: skip


def write_cutouts(folder: Path, modes: list[Mode]) -> Path:
    """manifest.csv and stamps.npy of these modes, in an order that is neither the modes' nor the splits'."""
    tables, pixels = [], []
    for mode in modes:
        stamps = made.write_stamps(folder / "made" / mode, mode, placebo=False)
        rows = read_rows(stamps)
        tables.append(rows.assign(psf_bin=0, depth_bin=0))
        pixels += [read_stamps(stamps, "arcs", split).pixels for split in dict.fromkeys(rows["split"])]
    table = pd.concat(tables, ignore_index=True)
    order = np.random.default_rng(5).permutation(len(table))
    data = folder / "data"
    data.mkdir()
    table.iloc[order].to_csv(data / "manifest.csv", index=False)
    np.save(data / "stamps.npy", np.concatenate(pixels)[order])
    return data


def run_up_to_tree(folder: Path, params: OwnSource, baseline: Mode) -> None:
    prepare.main(params, folder / "data", folder / "rows.parquet", folder / "prepared.json")
    sample.main(sample_params(), folder / "rows.parquet", folder / "sampled.parquet")
    for mode in MODES:
        rendered(folder, mode, render_params(leaks={}), f"{mode}/stamps")
        gates.main(made.gates(), mode, folder / mode / "stamps", folder / mode / "gates.csv")
        train.main(made.train(), mode, folder / mode / "stamps", folder / mode / "run")
    by_mode: dict[str, Any] = {
        name: {mode: folder / mode / name for mode in MODES} for name in ("stamps", "gates.csv", "run")
    }
    tree.main(
        made.tree("plan", baseline),
        by_mode["stamps"],
        by_mode["gates.csv"],
        by_mode["run"],
        folder / "tree.json",
    )


def run_to_the_end(folder: Path, params: OwnSource, baseline: Mode) -> None:
    run_up_to_tree(folder, params, baseline)
    for variant in ("B2", "B3"):
        mask.main(
            made.mask(),
            variant,
            folder / "unpaired" / "stamps",
            folder / "tree.json",
            folder / variant / "run",
        )
    by_mode: dict[str, Any] = {
        name: {mode: folder / mode / name for mode in MODES} for name in ("stamps", "gates.csv")
    }
    runs = {option: folder / option / "run" for option in (*MODES, "B2", "B3")}
    compare.main(
        made.compare(), by_mode["stamps"], by_mode["gates.csv"], runs, folder / "tree.json", folder / "results",
        folder / "chosen.json", folder / "page.html",
    )  # fmt: skip
    rendering: dict[str, Path] = {each: folder / each / "stamps_rendering.json" for each in MODES}
    whole.main(
        Whole(enabled=False), folder / "data", folder / "rows.parquet", folder / "prepared.json",
        folder / "chosen.json", rendering, folder / "whole",
    )  # fmt: skip
    off = {"network": made.RECIPE["network"], "seeds": [5]}
    full.main(Full.model_validate(off), folder / "whole", folder / "chosen.json", folder / "full")
    status = json.loads((folder / "full" / "status.json").read_text())
    assert (status["status"], status["reason"]) == (
        "not required", "full training is off (lens_shortcuts.whole.enabled)",
    )  # fmt: skip


@pytest.mark.parametrize("mode", MODES)
def test_one_mode_goes_from_the_manifest_to_the_report(tmp_path: Path, mode: Mode) -> None:
    other = next(each for each in MODES if each != mode)
    write_cutouts(tmp_path, [mode])
    run_to_the_end(tmp_path, own([mode]), mode)
    assert not has_stamps(tmp_path / other / "stamps")
    assert read_csv(tmp_path / other / "gates.csv").empty
    table = read_csv(tmp_path / "results" / "table.csv").set_index("variant")
    masked = {"unpaired": "trained", "paired": "not given"}[mode]
    assert table["status"].to_dict() == {
        VARIANTS[mode]: "trained", VARIANTS[other]: "not given", "B2": masked, "B3": masked
    }  # fmt: skip
    assert f"the data has no {other} stamps" in str(table.loc[VARIANTS[other], "why"])
    assert set(read_csv(tmp_path / "results" / "gates.csv")["mode"]) == {mode}
    decision = json.loads((tmp_path / "results" / "decision.json").read_text())
    assert decision["control"] == VARIANTS[mode]
    assert list(decision["evidence"]["seeds"]) == [
        name for name in table.index if table.loc[name, "status"] == "trained"
    ]
    page = (tmp_path / "results" / "EXPERIMENT_RESULTS.md").read_text()
    assert f"{VARIANTS[other]} (none): not given: the data has no {other} stamps" in page


def test_rows_of_a_mode_that_is_not_named_are_not_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_cutouts(tmp_path, ["paired", "unpaired"])
    run_up_to_tree(tmp_path, own(["unpaired"]), "unpaired")
    assert "noted       400  manifest.csv: rows of mode paired are not read" in capsys.readouterr().out
    alone = tmp_path / "alone"
    write_cutouts(alone, ["unpaired"])
    prepare.main(own(["unpaired"]), alone / "data", alone / "rows.parquet", alone / "prepared.json")
    sample.main(sample_params(), alone / "rows.parquet", alone / "sampled.parquet")
    rendered(alone, "unpaired", render_params(leaks={}))
    for split in made.COUNTS:
        one, two = (
            read_stamps(folder, "arcs", split)
            for folder in (tmp_path / "unpaired" / "stamps", alone / "stamps")
        )
        first, second = (each.rows.reset_index().set_index("stamp")["index"] for each in (one, two))
        assert np.array_equal(one.pixels[first], two.pixels[second[first.index]])


def test_a_mode_that_is_named_has_to_be_there(tmp_path: Path) -> None:
    write_cutouts(tmp_path, ["unpaired"])
    with pytest.raises(InputError, match=r"no row has mode paired; leave it out of .*prepare\.modes"):
        prepare.main(
            own(["paired", "unpaired"]), tmp_path / "data", tmp_path / "r.parquet", tmp_path / "p.json"
        )


def test_a_baseline_that_is_not_given_is_refused(tmp_path: Path) -> None:
    write_cutouts(tmp_path, ["unpaired"])
    with pytest.raises(InputError, match=r"tree\.baseline: the data has no paired stamps"):
        run_up_to_tree(tmp_path, own(["unpaired"]), "paired")


def test_leaks_of_a_mode_that_is_not_given_are_refused(tmp_path: Path) -> None:
    params: Any = {"kind": "rendered", "manifest": "manifest.csv", "modes": ["paired"], "hosts": None}
    prepared_rows(tmp_path, manifest(), RenderSource.model_validate(params))
    with pytest.raises(InputError, match=r"render\.leak_mode: unpaired stamps are not given"):
        rendered(tmp_path, "paired", render_params())
