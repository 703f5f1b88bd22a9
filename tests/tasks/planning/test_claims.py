"""What a claim needs: its sizes and its chances say the same, for every experiment, with a pilot and without one."""

import json
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flows import power
from methods.budgets.learnability import Help, HelpRule, LabelRows, oracle_recall
from methods.statistics.sample_sizes import SampleSize, negatives_at_power
from methods.statistics.streams import seeded
from params.block import read_block
from run_stage import params_model
from storage.files.inputs import InputError
from tasks.fpr_thresholds.use.power import budget_claim, help_chance
from tasks.planning.claims import PlannedClaim
from tasks.speech_temperature.use.power import groups_claim, normal_effects
from tests.imports import ROOT

WITHOUT: Mapping[str, Mapping[str, float]] = {
    "fpr_thresholds": {"rate": 0.01, "caught": 0.2},
    "head_sweep": {"gain": 0.08, "spread": 0.15, "seed_sd": 0.01, "recipes": 20},
    "hybrid_calibrator": {"gain": 0.02, "spread": 0.08},
    "lens_shortcuts": {"auroc": 0.94, "fails": 0.88},
    "speech_temperature": {"gain": 0.1, "spread": 0.3, "methods": 4},
}
UNITS = {"negatives": "distinct negatives", "positives": "fold positives"}  # of a decision, and of a plan
OF_RESULTS = ("fpr_thresholds", "hybrid_calibrator", "head_sweep")  # whose pilot is in git


def claims(
    experiment: str, files: Mapping[str, Any] | None, assumed: Mapping[str, float]
) -> list[PlannedClaim]:
    model = params_model(import_module(f"tasks.{experiment}.compare").main)
    params = read_block(ROOT / "params.yaml", f"{experiment}.compare", model)
    found: list[PlannedClaim] = import_module(f"tasks.{experiment}.use.power").claims(params, files, assumed)
    return found


@pytest.mark.parametrize("experiment", WITHOUT)
def test_what_is_called_enough_has_the_chance_and_more_has_more(experiment: str) -> None:
    for claim in claims(experiment, None, WITHOUT[experiment]):
        needed = claim.needed()
        assert needed is not None
        assert claim.chance(needed) >= 0.79
        assert claim.chance(max(needed // 4, 1)) < claim.chance(needed) < claim.chance(4 * needed) + 1e-9
        assert claim.present == 0


@pytest.mark.parametrize("experiment", WITHOUT)
def test_what_is_not_assumed_is_asked_for_by_name(experiment: str) -> None:
    names = import_module(f"tasks.{experiment}.use.power").ASSUMPTIONS
    with pytest.raises(InputError, match=r"so say [a-z_]+=") as refusal:
        claims(experiment, None, {})
    assert any(f"so say {name}=" in str(refusal.value) for name in names)
    with pytest.raises(InputError, match="nothing is called 'nonsense' here; there are"):
        claims(experiment, None, {"nonsense": 1.0})


@pytest.mark.parametrize("experiment", OF_RESULTS)
def test_the_decision_and_the_plan_want_the_same(experiment: str) -> None:
    results = ROOT / "results" / experiment
    decision = json.loads((results / "decision.json").read_text())
    wanted = {each["claim"]: each for each in decision["would_change"] if each["needed"] is not None}
    planned = {(each.claim, each.unit): each for each in claims(experiment, {"results": results}, {})}
    assert planned
    for name, each in wanted.items():
        unit = UNITS.get(each["unit"], each["unit"])
        assert planned[name, unit].present == each["present"]
        if experiment != "head_sweep":  # its decision takes the luck of seeds to fall as groups grow
            assert planned[name, unit].needed() == each["needed"]


def test_a_firm_claim_needs_no_more_than_there_is() -> None:
    results = ROOT / "results" / "hybrid_calibrator"
    assert json.loads((results / "decision.json").read_text())["grade"] == "holds"
    for each in claims("hybrid_calibrator", {"results": results}, {}):
        assert (each.needed() or 0) <= each.present


def test_of_one_label_another_rate_can_be_assumed() -> None:
    results = {"results": ROOT / "results" / "fpr_thresholds"}
    before, after = (claims("fpr_thresholds", results, given) for given in ({}, {"rate.scam": 0.005}))
    moved = [a.claim for a, b in zip(before, after, strict=True) if a.needed() != b.needed()]
    assert moved == ["scam: its false-positive rate is within the budget"]


@pytest.mark.parametrize(("rate", "n"), [(0.005, 386), (0.01, 500), (0.05, 226)])
def test_the_chance_of_a_rate_is_exact(rate: float, n: int) -> None:
    claim, rng = budget_claim("", rate, 0.02, 0.95, 0), seeded(1)
    size = negatives_at_power(rate, 0.02, 0.95, 0.8)
    assert isinstance(size, SampleSize)
    assert claim.chance(size.n) == pytest.approx(size.power)
    from_draws = np.mean([claim_decides(rng.binomial(n, rate), n, rate) for _ in range(4000)])
    assert claim.chance(n) == pytest.approx(float(from_draws), abs=0.025)


def claim_decides(fired: int, n: int, rate: float) -> bool:
    """By scipy's own Clopper-Pearson."""
    from_scipy = pytest.importorskip("scipy.stats").binomtest(fired, n)
    interval = from_scipy.proportion_ci(0.9, "exact")
    return bool(interval.high <= 0.02 if rate < 0.02 else interval.low > 0.02)


def test_the_chance_that_a_threshold_helps_is_that_of_the_rule() -> None:
    rule, rng, n = HelpRule(0.02, 0.1, 0.95), seeded(2), 40
    shift = 1.0  # of normal scores; the share that it means is
    share = 0.1462
    hits = 0
    for _ in range(600):
        scores = rng.normal(size=3 * n) + shift * (np.arange(3 * n) < n)
        hits += (
            oracle_recall(LabelRows(scores, np.arange(3 * n) < n, np.arange(3 * n)), rule).kind == Help.YES
        )
    assert help_chance(share, 2.0, rule, n) == pytest.approx(hits / 600, abs=0.06)


def test_without_a_difference_no_number_is_enough() -> None:
    claim = groups_claim("", normal_effects(0.0, 0.3), lambda _: 0.95, 10, 0)
    assert claim.needed() is None or claim.needed() > 10**5  # type: ignore[operator]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["nothing"], "no experiment is called 'nothing' here; there are fpr_thresholds"),
        (["fpr_thresholds", "--assume", "rate"], "--assume takes name=number, as in rate=.01, got 'rate'"),
        (["fpr_thresholds", "--assume", "rate=x"], "got 'rate=x'"),
        (["fpr_thresholds", "--assume", "rate=nan"], "rate has to be a number, got nan"),
        (["fpr_thresholds", "--without-pilot"], "--assume: there is no pilot here, so say rate="),
        (["--study", "nowhere"], "no study is called 'nowhere'"),
    ],
)
def test_an_error_is_one_line(
    options: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    assert power.main(options) == 2
    printed = capsys.readouterr().err
    assert said in printed
    assert printed.count("\n") == 1


def test_a_pilot_that_is_not_here_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("tasks", "params.yaml", "dvc.yaml", "run_stage.py"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    assert power.main(["speech_temperature"]) == 2
    assert (
        "of the pilot is not here: `python -m flows.reproduce speech_temperature` makes it"
        in capsys.readouterr().err
    )


def test_the_page_fits_a_narrow_terminal_and_says_first_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.delenv("COLUMNS", raising=False)
    assert power.main(["fpr_thresholds"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Collect 622 more distinct negatives")
    assert max(map(len, lines)) <= 80
