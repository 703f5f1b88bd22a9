"""What a training pinned scores any prepared stamps: made-up ones, and arcs in real galaxies."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from methods.statistics.ranking import auroc
from params.block import read_block
from params.lens_shortcuts import Gates, Prepare, Render, Sample, Train, Tree
from params.simulated_lenses import Simulate
from simulators import lens_shortcuts as simulator
from storage.files.documents import read_json, write_json
from storage.files.inputs import InputError
from storage.files.tables import read_csv, read_parquet
from storage.files.tensors import read_tensors, write_tensors
from storage.lenses.stamps import PLACEBO
from tasks.lens_shortcuts import gates, prepare, sample, train, tree
from tasks.lens_shortcuts.model.labelled_stamps import stamp_set
from tasks.lens_shortcuts.use.apply import command, scored
from tests.clone import REAL
from tests.imports import ROOT
from tests.tasks.lens_shortcuts import artifacts as made
from tests.tasks.lens_shortcuts.data import changed, rendered


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def pinned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with stamps, others of the same kind, and a run trained on the first."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("pinned")
    made.write_stamps(folder / "stamps", "unpaired")
    made.write_stamps(folder / "others", "unpaired", seed=7)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        train.main(
            made.train(seeds=[1, 2], network={"epochs": 2}), "unpaired", folder / "stamps", folder / "run"
        )
    return folder


def test_a_batch_that_train_cannot_fill_twice_is_said_in_one_line(pinned: Path, tmp_path: Path) -> None:
    field = r"field lens_shortcuts\.train\.recipe\.network\.batch"
    with pytest.raises(
        InputError, match=rf"{field}: 160 stamps .* no 2 batches of 81: lower it to 80"
    ) as error:
        train.main(made.train(network={"batch": 81}), "unpaired", pinned / "stamps", tmp_path / "run")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "run").exists()


def test_on_its_own_stamps_it_gives_the_figures_of_the_pinned_scores(pinned: Path) -> None:
    found = scored(pinned / "run", pinned / "stamps", "cpu")
    found = found[found["measure"] == "auroc"]
    scores = read_parquet(pinned / "run" / "scores.parquet")
    for (name, split), columns in {("arcs", "test"): (0, 3, 7), ("placebo", "val"): (0,)}.items():
        positive = stamp_set(pinned / "stamps", name, split).positive
        for seed in (1, 2):
            rows = scores[(scores["set"] == name) & (scores["split"] == split) & (scores["seed"] == seed)]
            for radius in columns:
                of = (found["set"] == name) & (found["split"] == split)
                row = found[of & (found["seed"] == seed) & (found["radius"] == radius)]
                expected = auroc(rows[f"r{radius}"].to_numpy(), positive)
                assert row["value"].item() == pytest.approx(expected, abs=1e-12)
                assert row["low"].item() <= row["value"].item() <= row["high"].item()
    assert set(found["n"]) >= {60, 80}
    assert set(found["variant"]) == {"B1"}


def test_others_are_scored_at_every_mask_with_their_counts(pinned: Path) -> None:
    table = scored(pinned / "run", pinned / "others", "cpu")
    test = table[(table["split"] == "test") & (table["seed"] == 1) & (table["set"] == "arcs")]
    assert test["measure"].tolist() == ["auroc"] * 3 + ["reliance"] * 2
    assert test["radius"].tolist() == [0, 3, 7, 7, 7]
    assert test["theta_E_from"].tolist() == [0, 0, 0, 0, 1.5]
    assert test["n"].tolist()[:3] == [60] * 3
    assert test["n"].iloc[-1] < 60
    assert set(test["negatives"]) == {60}
    assert set(test["groups"]) == {120}


def three_bands_less(folder: Path) -> None:
    np.save(folder / "arcs_val.npy", np.zeros((120, 2, 63, 63), np.float16))


def smaller(folder: Path) -> None:
    np.save(folder / "arcs_val.npy", np.zeros((120, 3, 61, 61), np.float16))


def one_class(folder: Path) -> None:
    rows = pd.read_parquet(folder / "rows.parquet")
    rows.assign(label=1).to_parquet(folder / "rows.parquet")


def no_stamps(folder: Path) -> None:
    (folder / "stamps.json").unlink()


def not_given(folder: Path) -> None:
    write_json(folder / "stamps.json", {"mode": "paired", "sets": {}})


def not_required(folder: Path) -> None:
    status = read_json(folder.parent / "run" / "status.json")
    write_json(
        folder.parent / "run" / "status.json", status | {"status": "not required", "reason": "B1 passes"}
    )


def other_network(folder: Path) -> None:
    path = folder.parent / "run" / "seed_2" / "best.safetensors"
    weights = read_tensors(path)
    write_tensors(path, {**weights, "conv1.weight": np.tile(weights["conv1.weight"], (1, 2, 1, 1))})


def no_weights(folder: Path) -> None:
    (folder.parent / "run" / "seed_2" / "best.safetensors").unlink()


def no_run(folder: Path) -> None:
    (folder.parent / "run" / "status.json").unlink()


def of_run(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        path = folder.parent / "run" / name
        path.write_bytes(change(path.read_bytes()))

    return spoil


def of_stamps(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        (folder / name).write_bytes(change((folder / name).read_bytes()))

    return spoil


def no_number(folder: Path) -> None:
    pixels = np.load(folder / "arcs_val.npy")
    pixels[3, 1, 4, 5] = np.nan
    np.save(folder / "arcs_val.npy", pixels)


def no_noise(folder: Path) -> None:
    pixels = np.load(folder / "arcs_val.npy")
    pixels[3, 1] = 0
    np.save(folder / "arcs_val.npy", pixels)


def elsewhere_named(folder: Path) -> None:
    write_json(folder / "stamps.json", {"sets": {"arcs": {"../../val": 3}}})


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (three_bands_less, r"arcs_val.npy: expected float16 \(120, 3, 63, 63\), got float16 \(120, 2, 63, 63\)"),
        (smaller, r"arcs_val.npy: expected float16 \(120, 3, 63, 63\), got float16 \(120, 3, 61, 61\)"),
        (one_class, r"160 of 160 stamps are positive"),
        (no_stamps, r"is no folder of stamps"),
        (not_given, r"holds no stamps"),
        (not_required, r"B1 was not trained: not required: B1 passes"),
        (other_network, r"seed_2/best.safetensors: is no network of 3 channels \(residual\) and width 8"),
        (no_weights, r"seed_2/best.safetensors: no such file"),
        (no_run, r"status.json: no such file"),
        (of_run("status.json", lambda data: data[:80]), r"status.json, row \d+: not JSON"),
        (of_run("status.json", lambda data: b'{"status": "trained"}'), r"status.json, field reason: Field required"),
        (of_run("status.json", lambda data: data.replace(b'"batch": 16', b'"batch": 0')), r"recipe.network.batch: Input"),
        (of_run("seed_2/best.safetensors", lambda data: data[:5000]), r"best.safetensors: not a safetensors file"),
        (of_run("seed_2/best.safetensors", lambda data: data[:-4] + b"\xff\xff\xff\x7f"), r"a weight is not a number"),
        (of_stamps("stamps.json", lambda data: b"[1]"), r"stamps.json, field sets: expected the sets"),
        (of_stamps("rows.parquet", lambda data: data[:300]), r"rows.parquet: not a Parquet file that can be read"),
        (of_stamps("arcs_val.npy", lambda data: data[:5000]), r"arcs_val.npy.*cut short"),
        (lambda folder: folder.joinpath("rows.parquet").unlink(), r"rows.parquet: no such file"),
        (lambda folder: pd.DataFrame({"split": ["val"]}).to_parquet(folder / "rows.parquet"), r"column\(s\) stamp, label, .* are missing"),
        (no_number, r"arcs_val.npy: a pixel is not a number"),
        (no_noise, r"arcs_val.npy: stamp 3, band 1: half of its annulus"),
        (elsewhere_named, r"stamps.json: names no set arcs or placebo of train, val, test"),
    ],
)  # fmt: skip
def test_refused(pinned: Path, tmp_path: Path, spoil: Callable[[Path], None], message: str) -> None:
    for name in ("run", "others"):
        for path in (pinned / name).rglob("*"):
            if path.is_file():
                copy = tmp_path / path.relative_to(pinned)
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(path.read_bytes())
    spoil(tmp_path / "others")
    with pytest.raises(InputError, match=message) as error:
        scored(tmp_path / "run", tmp_path / "others", "cpu")
    assert "\n" not in str(error.value)


def test_the_command_prints_the_table_and_writes_it(
    pinned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    asked = ["--run", str(pinned / "run"), "--stamps", str(pinned / "others")]
    assert command([*asked, "--out", str(tmp_path / "scores.csv")]) == 0
    out = capsys.readouterr().out
    table = read_csv(tmp_path / "scores.csv")
    first = table[table["measure"] == "auroc"].iloc[0]
    assert f"{first['value']:.3f} [{first['low']:.3f}, {first['high']:.3f}]" in out
    assert "placebo" in out
    assert command(["--run", str(tmp_path), "--stamps", str(pinned / "others")]) == 1
    assert "status.json: no such file" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.skipif(not (REAL / "lens_hosts").exists(), reason="shared/real/lens_hosts is not here")
def test_real_hosts_run_from_the_importer_to_a_decision_and_a_scored_model(tmp_path: Path) -> None:
    """With the example's counts every gate of the unpaired model has an answer, and the model finds arcs."""
    blocks: dict[str, Any] = {
        name: read_block(ROOT / "examples" / "real_hosts.yaml", f"lens_shortcuts.{name}", model)
        for name, model in {
            "simulate": Simulate, "prepare": Prepare, "sample": Sample, "render": Render, "gates": Gates,
            "train": Train, "tree": Tree,
        }.items()
    }  # fmt: skip
    simulation = changed(blocks["simulate"], {"hosts__file": str(REAL / "lens_hosts" / "hosts_grz.npz")})
    simulator.main(simulation, tmp_path / "data")
    only = changed(blocks["prepare"], {"modes": ["unpaired"]})
    prepare.main(only, tmp_path / "data", tmp_path / "rows.parquet", tmp_path / "prepared.json")
    sample.main(blocks["sample"], tmp_path / "rows.parquet", tmp_path / "sampled.parquet")
    recipe = changed(blocks["train"], {"recipe__network__epochs": 8, "recipe__network__width": 16})
    files: dict[str, dict[str, Path]] = {"stamps": {}, "gates": {}, "run": {}}
    for mode in ("paired", "unpaired"):
        files["stamps"][mode] = rendered(tmp_path, mode, blocks["render"], f"{mode}_stamps")
        for name in ("gates", "run"):
            files[name][mode] = tmp_path / f"{mode}_{name}"
        gates.main(
            changed(blocks["gates"], {"network_seeds": 0, "seeds": [0]}),
            mode,
            files["stamps"][mode],
            files["gates"][mode],
        )
        train.main(recipe, mode, files["stamps"][mode], files["run"][mode])
    tree.main(blocks["tree"], files["stamps"], files["gates"], files["run"], tmp_path / "tree.json")
    answer = json.loads((tmp_path / "tree.json").read_text())
    assert "needs" not in answer["leaf"], answer
    table = read_csv(files["gates"]["unpaired"])
    placebo = table[(table["set"] == PLACEBO) & (table["split"] == "val")]
    deciding = placebo[placebo["gate"].isin(["core_lr_residual", "radial_lr"])]
    assert deciding["status"].tolist() == ["ok", "ok"]
    assert set(deciding["n"]) == {104}
    found = scored(files["run"]["unpaired"], files["stamps"]["unpaired"], "cpu")
    whole = found[(found["split"] == "test") & (found["measure"] == "auroc") & (found["radius"] == 0)]
    arcs, blank = (whole[whole["set"] == name].iloc[0] for name in ("arcs", PLACEBO))
    assert (arcs["n"], arcs["groups"]) == (52, 14)
    assert arcs["value"] > 0.85
    assert blank["low"] < 0.5 < blank["high"]
