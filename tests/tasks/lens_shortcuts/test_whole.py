"""Stamps for full training: the whole manifest, by the renderer that made what the decision rests on."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from params.lens_shortcuts import OwnSource, Whole
from storage.files.documents import write_json
from storage.lenses.stamps import ARCS, PLACEBO, has_set, read_rows, read_sets, read_stamps
from tasks.lens_shortcuts import prepare, sample, whole
from tasks.lens_shortcuts.model import stamp_sets
from tests.tasks.lens_shortcuts.data import manifest, prepared_rows, render_params, rendered, sample_params

CHOICE = {"chosen": "B1", "mode": "unpaired", "leaf": "success", "reason": "every gate passes"}
MODES = ("paired", "unpaired")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write_whole(folder: Path, enabled: bool = True, **choice: Any) -> Path:
    write_json(folder / "chosen.json", {**CHOICE, **choice})
    rendering = {mode: folder / f"{mode}_rendering.json" for mode in MODES}
    whole.main(
        Whole(enabled=enabled), folder / "data", folder / "rows.parquet", folder / "prepared.json",
        folder / "chosen.json", rendering, folder / "whole",
    )  # fmt: skip
    return folder / "whole"


def status(folder: Path) -> tuple[str, str]:
    found = json.loads((folder / "status.json").read_text())
    return found["status"], found["reason"]


def test_with_a_share_of_1_they_are_the_stamps_that_render_made(tmp_path: Path) -> None:
    prepared_rows(tmp_path, manifest())
    stamps = rendered(tmp_path, "unpaired", render_params(chunk=5, shard=7), "unpaired")
    found = write_whole(tmp_path)
    for path in stamps.iterdir():
        if path.suffix == ".npy" and not path.name.startswith("leak_"):
            assert path.read_bytes() == (found / path.name).read_bytes(), path.name
    assert (stamps / "rows.parquet").read_bytes() == (found / "rows.parquet").read_bytes()
    assert set(read_sets(found)) == {ARCS, PLACEBO}
    assert status(found) == ("given", "the tree chose B1: success; a person enabled it")
    assert not list((tmp_path / ".cache").iterdir())


def test_with_a_sample_they_are_all_rows_and_the_sampled_ones_are_the_same_pixels(tmp_path: Path) -> None:
    prepared_rows(tmp_path, manifest())
    sample.main(sample_params(share=0.5), tmp_path / "rows.parquet", tmp_path / "sampled.parquet")
    stamps = rendered(tmp_path, "unpaired", render_params(leaks={}), "unpaired")
    found = write_whole(tmp_path)
    wanted = manifest()
    wanted = wanted[wanted["mode"] == "unpaired"]
    assert sorted(read_rows(found)["stamp"]) == sorted(wanted["stamp"])
    for name in (ARCS, PLACEBO):
        for split in ("train", "val", "test"):
            part, every = (read_stamps(folder, name, split) for folder in (stamps, found))
            places = every.rows.reset_index().set_index("stamp").loc[part.rows["stamp"], "index"]
            assert len(part.rows) < len(every.rows)
            assert np.array_equal(every.pixels[places], part.pixels)


def test_the_users_own_stamps_are_all_taken(tmp_path: Path) -> None:
    own = OwnSource(
        kind="own", manifest="manifest.csv", modes=["unpaired"], stamps="stamps.npy", placebo=None, array=None,
        zero_point=22.5, crop=False,
    )  # fmt: skip
    table = manifest()
    data = tmp_path / "data"
    data.mkdir()
    table.to_csv(data / "manifest.csv", index=False)
    pixels = np.random.default_rng(1).normal(0, 0.05, (len(table), 3, 63, 63)).astype(np.float16)
    np.save(data / "stamps.npy", pixels)
    prepare.main(own, data, tmp_path / "rows.parquet", tmp_path / "prepared.json")
    sample.main(sample_params(share=0.5), tmp_path / "rows.parquet", tmp_path / "sampled.parquet")
    rendered(tmp_path, "unpaired", render_params(), "unpaired")
    found = write_whole(tmp_path)
    assert not has_set(found, PLACEBO, "val")
    read = read_stamps(found, ARCS, "train")
    assert len(read.rows) == ((table["mode"] == "unpaired") & (table["split"] == "train")).sum()
    assert np.array_equal(read.pixels, pixels[read.rows["row"]])


def test_killed_it_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    prepared_rows(tmp_path, manifest())
    stamps = rendered(tmp_path, "unpaired", render_params(shard=10, leaks={}), "unpaired")
    shard, calls = stamp_sets._shard, []

    def killed(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return shard(*arguments)

    monkeypatch.setattr(stamp_sets, "_shard", killed)
    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path)
    assert not (tmp_path / "whole").exists()
    capsys.readouterr()
    found = write_whole(tmp_path)
    assert "train: goes on after 10 of 24 stamps" in capsys.readouterr().out
    for path in stamps.glob("*.npy"):
        assert path.read_bytes() == (found / path.name).read_bytes(), path.name


@pytest.mark.parametrize(
    ("enabled", "choice", "reason"),
    [
        (False, {}, "full training is off (lens_shortcuts.whole.enabled)"),
        (
            True,
            {"chosen": None, "mode": None, "leaf": "stop as shortcut"},
            "the tree chose no variant: stop as shortcut (every gate passes)",
        ),
    ],
)
def test_where_it_is_not_required_it_says_why_and_renders_nothing(
    tmp_path: Path, enabled: bool, choice: dict[str, Any], reason: str
) -> None:
    found = write_whole(tmp_path, enabled, **choice)
    assert status(found) == ("not required", reason)
    assert [path.name for path in found.iterdir()] == ["status.json"]
