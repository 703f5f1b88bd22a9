"""Runs that came finished: from a stranger's table to a decision, and what such a table cannot say."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from params.block import ParamsError, read_block
from params.head_sweep import Comparison, Embed, Plan, Prepare, Train
from storage.files.inputs import InputError
from tasks.head_sweep import compare, embed, plan, prepare, train
from tasks.head_sweep.use.apply import read_head
from tests.decisions import texts
from tests.imports import ROOT

EXAMPLE = ROOT / "examples" / "finished_runs.yaml"
BLOCKS: dict[str, Any] = {
    step: read_block(EXAMPLE, f"head_sweep.{step}", model) for step, model in (("prepare", Prepare), ("compare", Comparison))
}  # fmt: skip
GAINS = {"base": 0.0, "better": 0.04, "worse": -0.05, "same": 0.0, "noise": 0.001}


def table(seeds: int = 4) -> pd.DataFrame:
    random, rows = np.random.default_rng(0), []
    for encoder in ("small", "large"):
        for size in (64, 256):
            for seed in range(seeds):
                base = 0.6 + 0.1 * (encoder == "large") + 0.02 * (size == 256)
                for profile, gain in GAINS.items():
                    luck = 0.0 if profile in ("base", "same") else 0.004
                    scores = base + gain + luck * random.normal(size=2)
                    rows.append((profile, encoder, size, seed, *scores.round(6), "finished"))
    columns = ["profile", "encoder", "size", "seed", "val_f1", "test_f1", "state"]
    return pd.DataFrame(rows, columns=columns)


class Runs:
    """A table in a folder of its own, and the steps over it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "data").mkdir()

    def params(self, step: str, model: Any, changes: dict[str, Any]) -> Any:
        path = self.folder / "params.yaml"
        path.write_text(json.dumps({"block": {**BLOCKS[step].model_dump(), **changes}}))
        return read_block(path, "block", model)

    def prepare(self, frame: pd.DataFrame | str, file: str = "runs.csv", **changes: Any) -> dict[str, Any]:
        path = self.folder / "data" / file
        if isinstance(frame, str):
            path.write_text(frame)
        elif path.suffix == ".parquet":
            frame.to_parquet(path)
        else:
            frame.to_csv(path, index=False)
        stated = BLOCKS["prepare"].model_dump()["datasets"]["runs"]
        columns = {**stated["columns"], **changes.pop("columns", {})}
        params = self.params(
            "prepare",
            Prepare,
            {"datasets": {"runs": {**stated, "file": file, "columns": columns, **changes}}},
        )
        out = self.folder
        prepare.main(
            params, out / "data", out / "rows.parquet", out / "prepared.json", out / "finished_runs.json"
        )
        facts: dict[str, Any] = json.loads((out / "prepared.json").read_text())["runs"]
        return facts

    def compare(self, **changes: Any) -> tuple[dict[str, Any], Any]:
        params = self.params("compare", Comparison, changes)
        out = self.folder
        compare.main(
            params,
            out / "plan.json",
            {},
            {},
            {},
            {},
            out / "finished_runs.json",
            out / "results",
            out / "head.json",
            out / "page.html",
        )
        decision: dict[str, Any] = json.loads((out / "results" / "decision.json").read_text())
        return decision, pd.read_csv(out / "results" / "table.csv").set_index("profile")


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path)


def test_validation_chooses_and_test_confirms(runs: Runs) -> None:
    facts = runs.prepare(table())
    assert facts == {
        "kind": "finished_runs", "runs": 80, "profiles": dict.fromkeys(GAINS, 16), "cells": 4, "seeds": 4,
        "importer": {"dropped": {}, "repaired": {}}, "warnings": [],
    }  # fmt: skip
    decision, profiles = runs.compare()
    assert (decision["chosen"], decision["control"], decision["grade"]) == ("better", "base", "holds")
    assert profiles["verdict"].to_dict() == {
        "base": "control", "better": "better", "worse": "worse", "same": "same scores", "noise": "within noise",
    }  # fmt: skip
    assert texts(decision)[0].startswith("ship better: validation, which chooses, has it +")
    assert any(reason.startswith("intervals over rows or groups are not given") for reason in texts(decision))
    assert decision["evidence"]["group_intervals"] == "not given"
    with pytest.raises(InputError, match=r"head.json: holds no head"):
        read_head(runs.folder / "head.json")


def test_differences_are_those_of_scipys_paired_test_over_seeds(runs: Runs) -> None:
    runs.prepare(table())
    _, profiles = runs.compare()
    wide: Any = table().pivot_table(index="seed", columns="profile", values="test_f1")  # means over cells
    for name in ("better", "worse", "noise"):
        reference = stats.ttest_rel(wide[name], wide["base"])
        assert profiles.loc[name, "p"] == pytest.approx(reference.pvalue, rel=1e-5)
        assert profiles.loc[name, "delta_low"] == pytest.approx(
            reference.confidence_interval(0.95).low, rel=1e-4
        )
    p = [profiles.loc[name, "p"] for name in ("better", "worse", "noise")]
    assert sorted(profiles["p_holm"].dropna()) == pytest.approx(
        sorted(np.maximum.accumulate(np.sort(p) * [3, 2, 1]).clip(max=1)), rel=1e-5
    )


def test_one_score_chooses_nothing_and_confirms_nothing(runs: Runs) -> None:
    runs.prepare(table().drop(columns="val_f1"), columns={"validation": None})
    decision, profiles = runs.compare()
    assert (decision["chosen"], decision["grade"]) == ("base", "cannot tell")
    assert decision["evidence"]["better"] == ["better"]
    assert "what chose would also confirm" in texts(decision)[0]
    assert profiles.loc["better", "verdict"] == "better"


def test_one_seed_gives_no_verdict(runs: Runs) -> None:
    frame = table()
    runs.prepare(frame[frame["seed"] == 2].drop(columns="seed"), columns={"seed": None})
    decision, profiles = runs.compare()
    assert (decision["chosen"], decision["grade"]) == ("base", "cannot tell")
    assert set(profiles["verdict"].drop(["base", "same"])) == {"one seed"}
    assert texts(decision)[0].startswith("add seeds: ")
    assert "better in 4 of 4 cell(s)" in texts(decision)[1]


def test_lower_scores_percentages_and_scores_without_bounds(runs: Runs) -> None:
    shares = table()
    runs.prepare(shares)
    _, first = runs.compare()
    percent = shares.assign(val_f1=shares["val_f1"] * 100, test_f1=shares["test_f1"] * 100)
    runs.prepare(percent, scale="percent")
    _, same = runs.compare()
    assert np.allclose(first["delta"].dropna(), same["delta"].dropna(), atol=1e-7)
    losses = shares.assign(val_f1=3 - shares["val_f1"], test_f1=3 - shares["test_f1"])
    runs.prepare(losses, scale="raw", better="lower")
    decision, lower = runs.compare()
    assert np.allclose(first["delta"].dropna(), lower["delta"].dropna(), atol=1e-7)
    assert decision["chosen"] == "better"
    with pytest.raises(
        InputError, match=r"row 2, field val_f1: expected a score from 0 to 1, got 60 .*set scale to percent"
    ):
        runs.prepare(percent)
    with pytest.raises(InputError, match=r"expected percentages, but none is above .* set scale to share"):
        runs.prepare(shares, scale="percent")


def test_missing_cells_are_compared_where_both_are(runs: Runs) -> None:
    frame = table()
    gone = (frame["profile"] == "noise") & ((frame["seed"] == 1) | (frame["size"] == 64))
    runs.prepare(frame[~gone])
    decision, profiles = runs.compare()
    assert profiles.loc["noise", ["pairs", "missing"]].tolist() == [6, 10]
    assert decision["evidence"]["missing_pairs"] == {"noise": 10}
    assert any("noise (lacks 10 of 16)" in reason for reason in texts(decision))


def test_failed_and_repeated_runs_are_counted_and_contradictions_refused(runs: Runs) -> None:
    frame = table()
    frame.loc[3, "test_f1"] = np.nan
    frame.loc[4, "val_f1"] = np.inf
    facts = runs.prepare(pd.concat([frame, frame.iloc[[7]]]))
    assert facts["importer"]["dropped"] == {
        "runs.csv: run that stands there twice": 1, "runs.csv: run without a score, which failed": 2,
    }  # fmt: skip
    assert facts["runs"] == 78
    other = frame.iloc[[7]].assign(test_f1=0.5)
    with pytest.raises(
        InputError,
        match=r"row 82, field profile: 'worse' in encoder small, size 64, seed 1 was row 9 already",
    ):
        runs.prepare(pd.concat([frame, other]))


def test_a_parquet_of_a_shuffled_frame_reads_by_position(runs: Runs) -> None:
    runs.prepare(table())
    _, first = runs.compare()
    runs.prepare(table().sample(frac=1, random_state=0), "runs.parquet")
    _, same = runs.compare()
    assert np.allclose(first["delta"].dropna(), same["delta"].loc[first.index].dropna())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("profile,encoder,size,seed,val_f1\na,b,1,1,0.5\n", r"runs.csv: column\(s\) test_f1 are missing"),
        ("profile;encoder;size;seed;val_f1;test_f1\na;b;1;1;0,5;0,5\n", "row 2, field val_f1: expected a number, got '0,5'"),
        ("profile,encoder,size,seed,val_f1,test_f1\n,b,1,1,0.5,0.5\n", "row 2, field profile: there is none"),
        ("profile,encoder,size,seed,val_f1,test_f1\na,b,1,,0.5,0.5\n", "row 2, field seed: there is none"),
        ("profile,encoder,size,seed,val_f1,test_f1\na,b,1,1,0.5,0.5\n", "at least two profiles, found \\['a'\\]"),
        ("profile,encoder,size,seed,val_f1,test_f1\na,b,1,1,,0.5\n", "no row has its scores"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_in_one_line(runs: Runs, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as error:
        runs.prepare(text)
    assert "\n" not in str(error.value)


def test_an_unknown_control_or_table_is_refused(runs: Runs) -> None:
    runs.prepare(table())
    with pytest.raises(InputError, match="no run of profile 'basis'"):
        runs.compare(control="basis")
    with pytest.raises(InputError, match="no finished runs of 'others'"):
        runs.compare(dataset="others")
    with pytest.raises(ParamsError, match=r"luck names \['depth'\]"):
        runs.prepare(table(), columns={"luck": ["depth"]})


def test_what_has_nothing_to_do_leaves_a_status(runs: Runs) -> None:
    runs.prepare(table())
    out = runs.folder
    for step, model in (("embed", Embed), ("plan", Plan), ("train", Train)):
        assert read_block(EXAMPLE, f"head_sweep.{step}", model | None) is None
    embed.main(None, "narrow", out / "data", out / "rows.parquet", out / "embeddings.safetensors")
    plan.main(None, out / "plan.json")
    train.main(
        None, "narrow", out / "plan.json", out / "embeddings.json", out / "runs.json", out / "heads.safetensors",
        out / "logits.npz",
    )  # fmt: skip
    for name in ("embeddings.json", "plan.json", "runs.json"):
        assert json.loads((out / name).read_text())["status"] == "not given"
    assert not len(pd.read_parquet(out / "rows.parquet"))


def test_the_default_sweeps_own_runs_have_the_differences_of_its_table(runs: Runs) -> None:
    """The same pairs; profiles whose runs are no copies of others."""
    results = ROOT / "results" / "head_sweep"
    own: Any = pd.read_csv(results / "runs.csv")
    own = own[own["dataset"] == "simulated"].assign(cell=own["size"] + own["smoothing"].astype(str))
    columns = {
        "cell": ["encoder", "size", "smoothing"], "luck": ["encoder", "size"],
        "validation": "validation_macro_f1_fg", "test": "macro_f1_fg",
    }  # fmt: skip
    runs.prepare(own, columns=columns)
    _, found = runs.compare(dataset="runs")
    sweep: Any = pd.read_csv(results / "table.csv")
    sweep = sweep[sweep["dataset"] == "simulated"].set_index("profile")
    for name in ("center_std", "effective", "hardmine", "gelu_ln", "full"):
        for column in ("delta", "validation_delta"):
            assert found.loc[name, column] == pytest.approx(sweep.loc[name, column], rel=1e-4), (name, column)
    assert found.loc["calib", "verdict"] == "same scores"
