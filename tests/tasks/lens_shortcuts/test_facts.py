"""What was measured once on rendered stamps stays true, within its spread: few stamps, so wide edges."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray

from methods.lenses.exposure import stored
from methods.lenses.preprocessing import residual
from methods.shortcuts.gate_results import GateResult
from methods.shortcuts.probe_models import Probe, boosted, logistic
from methods.shortcuts.probes import (
    _ring_statistics,
    core_features,
    core_ring_features,
    gate_auc,
    radial_features,
)
from methods.splits.matched_groups import matched_groups
from params.block import read_block
from params.lens_shortcuts import Leak, Render
from params.simulated_lenses import Normal, Simulate
from simulators.lens_shortcuts import drawn
from tasks.lens_shortcuts.model.labelled_stamps import numbered
from tasks.lens_shortcuts.model.planted_leaks import leak_effect
from tasks.lens_shortcuts.model.scenes import Scenes
from tests.imports import ROOT

pytestmark = pytest.mark.slow
COUNT, SEED = 700, 77
SPREAD = 4 * np.sqrt(2) * np.sqrt(1 / (6 * COUNT))  # four standard deviations of an AUC near one half


class Sky:
    """One draw under the knobs of params.yaml; every set is rendered once."""

    def __init__(self, hosts: dict[str, Any] | None = None) -> None:
        """hosts: what is otherwise than in params.yaml."""
        torch.set_num_threads(1)
        simulate = read_block(ROOT / "params.yaml", "lens_shortcuts.simulate", Simulate)
        self.render = read_block(ROOT / "params.yaml", "lens_shortcuts.render", Render)
        sizes: Any = {"train": COUNT, "val": 4, "test": 4}
        others = simulate.hosts.model_copy(update=hosts or {})
        changes = {"seed": SEED, "stamps": sizes, "pair_noise": "same", "hosts": others}
        self.table = drawn(simulate.model_copy(update=changes), 0)
        self.made: dict[tuple[str, str], NDArray[np.float16]] = {}

    def rows(self, mode: str) -> pd.DataFrame:
        table = self.table
        return table[(table["mode"] == mode) & (table["split"] == "train")].reset_index(drop=True)

    def stamps(self, mode: str, name: str) -> NDArray[np.float16]:
        if (mode, name) not in self.made:
            leak: Leak | None = self.render.leaks.get(name)
            scenes, parts, rows = (
                Scenes(None, self.render.gain, self.render.supersampling, "cpu"),
                [],
                self.rows(mode),
            )
            for start in range(0, len(rows), 16):
                part = rows.iloc[start : start + 16]
                changes = leak_effect(part, leak, self.render.supersampling)
                hosts = scenes.hosts(part, changes)
                parts.append(stored(scenes.with_arcs(part, hosts, changes) if name == "arcs" else hosts))
            self.made[mode, name] = np.concatenate(parts)
        return self.made[mode, name]

    def gate(
        self, features: Any, probe: Probe = logistic, mode: str = "unpaired", torn: bool = False
    ) -> GateResult:
        rows = self.rows(mode)
        whole = matched_groups(numbered(rows["host_id"]), numbered(rows["pair_id"]))
        groups = np.arange(len(rows)) if torn else whole
        return gate_auc(features, rows["label"].to_numpy() == 1, groups, 0, probe)


@pytest.fixture(scope="module")
def sky() -> Sky:
    return Sky()


def auc(found: GateResult) -> float:
    assert found.auc is not None
    return found.auc


def test_the_careful_placebo_says_nothing(sky: Sky) -> None:
    raw = sky.stamps("unpaired", "placebo")
    rest = residual(raw)
    for features in (core_features(raw), core_features(rest), radial_features(raw, rest)):
        assert abs(auc(sky.gate(features)) - 0.5) < SPREAD


def test_arcs_brighten_the_raw_core_and_leave_the_residual_one(sky: Sky) -> None:
    raw = sky.stamps("unpaired", "arcs")
    assert auc(sky.gate(core_features(raw))) == pytest.approx(0.70, abs=SPREAD)
    assert auc(sky.gate(core_features(residual(raw)))) == pytest.approx(0.50, abs=SPREAD)


def test_brighter_hosts_are_seen_in_the_raw_core(sky: Sky) -> None:
    found = sky.gate(core_features(sky.stamps("unpaired", "bright_hosts")))
    assert found.finds
    assert auc(found) == pytest.approx(0.72, abs=SPREAD)


def test_missing_shot_noise_is_plain_to_trees(sky: Sky) -> None:
    assert auc(sky.gate(core_ring_features(sky.stamps("unpaired", "no_shot_noise")), boosted)) > 0.98


def test_missing_shot_noise_moves_no_mean_but_the_medians_of_raw_rings(sky: Sky) -> None:
    """A Poisson median lies below its mean; nothing linear in raw pixels can see a variance."""
    raw = sky.stamps("unpaired", "no_shot_noise")
    assert abs(auc(sky.gate(core_features(raw))) - 0.5) < SPREAD
    assert auc(sky.gate(_ring_statistics(raw, 32, ("median",)))) > 0.75


def test_a_mismatch_in_supersampling_is_the_plainer_the_more_alike_the_hosts_are(sky: Sky) -> None:
    index = read_block(ROOT / "params.yaml", "lens_shortcuts.simulate", Simulate).hosts.model_dump()["n"]
    alike = Sky({"n": Normal(**{**index, "sd": 0.0})})
    mixed, plain = (
        auc(each.gate(core_features(each.stamps("unpaired", "supersampling")))) for each in (sky, alike)
    )
    assert 0.87 < mixed < 0.97 < 0.985 < plain


def test_pairs_of_one_noise_need_their_hosts_kept_whole(sky: Sky) -> None:
    features = core_features(residual(sky.stamps("paired", "arcs")))
    assert auc(sky.gate(features, mode="paired")) == pytest.approx(0.52, abs=SPREAD)
    assert auc(sky.gate(features, mode="paired", torn=True)) < 0.4
