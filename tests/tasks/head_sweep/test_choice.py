"""The rule that chooses, on made-up answers whose truth is known."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from methods.calibration.temperature import TemperatureFit
from methods.heads.metrics import head_metrics
from methods.heads.noise import group_counts, macro_f1, macro_f1_draws
from methods.heads.specs import HeadSpec
from storage.files.inputs import InputError
from tasks.head_sweep.comparison.choice import RecipeChoice, choose
from tasks.head_sweep.comparison.evaluation import (
    LIMIT,
    PARTS,
    Part,
    RunEvaluation,
    SplitScores,
    SweepEvaluation,
)
from tasks.head_sweep.comparison.tables import BETTER, ONE_SEED, STILL, verdict
from tasks.report.templates import sentences

REASONS = "tasks/head_sweep/comparison/reasons.j2"
ROWS, RESAMPLES = 600, 300
GROUPS = np.arange(ROWS) // 6
LABELS = np.random.default_rng(0).integers(0, 4, ROWS)
SEEDS = (1, 2, 3)
Shares = Mapping[Part, float]
EVEN: Shares = {"validation": 0.8, "test": 0.8}


def answers(right: float, luck: int) -> NDArray[np.int64]:
    """Right for a share of the rows."""
    rng = np.random.default_rng(luck)
    return np.asarray(np.where(rng.random(ROWS) < right, LABELS, (LABELS + rng.integers(1, 4, ROWS)) % 4))


def runs(
    profile: str,
    tokens: str,
    right: Shares,
    hidden: int = 16,
    seeds: Sequence[int] = SEEDS,
    luck: int = 0,
    status: str = "stopped early",
) -> list[RunEvaluation]:
    found = []
    for seed in seeds:
        spec = HeadSpec.parse(f"e__h{hidden}b16__{tokens}__s{seed}")
        told: dict[Part, NDArray[np.int64]] = {
            part: answers(right[part], 1000 * luck + 10 * seed + place) for place, part in enumerate(PARTS)
        }
        metrics = {part: head_metrics(np.eye(4)[told[part]], LABELS, 4) for part in PARTS}
        found.append(
            RunEvaluation(
                {"id": spec.id, "profile": profile, "size": f"h{hidden}", "status": status}, spec, profile, f"h{hidden}",
                np.zeros((0, 4)), TemperatureFit(1.0, "fitted", 0.0), metrics["test"], metrics["validation"], 0.0,
                0.0, 0.0, {part: group_counts(told[part], LABELS, GROUPS, 4) for part in PARTS},
                told["test"] == LABELS, np.zeros(ROWS), {},
            )
        )  # fmt: skip
    return found


def sweep(*recipes: list[RunEvaluation], failed: Sequence[RunEvaluation] = ()) -> SweepEvaluation:
    """The first recipe's profile is the control."""
    own = [run for recipe in recipes for run in recipe if run not in failed]
    splits = {}
    for part in PARTS:
        counts = np.stack([run.counts[part] for run in own])
        splits[part] = SplitScores(
            {}, GROUPS, np.bincount(LABELS), ROWS, int(GROUPS.max()) + 1, macro_f1(counts.sum(1)),
            macro_f1_draws(counts, RESAMPLES, 1),
        )  # fmt: skip
    return SweepEvaluation(
        "made", list("abcd"), {}, 4, recipes[0][0].profile, own, [run.facts for run in failed], splits, 0.95, 1,
    )  # fmt: skip


def whys(choice: RecipeChoice) -> dict[str, str]:
    return dict(zip(choice.left_out, sentences(REASONS, choice.left_out.values()), strict=True))


def test_a_recipe_that_is_better_by_far_is_chosen_and_test_confirms_it() -> None:
    better: Shares = {"validation": 0.93, "test": 0.93}
    made = sweep(runs("base", "bal-mix0-ls0", EVEN), runs("std", "bal-mix0-ls0-center", better, luck=1))
    choice = choose(made)
    assert [made.runs[i].profile for i in choice.chosen] == ["std"] * 3
    assert [made.runs[i].profile for i in choice.against] == ["base"] * 3
    assert choice.verdict == "holds"


@pytest.mark.parametrize(("on_test", "verdict"), [(0.8, "cannot tell"), (0.6, "does not hold")])
def test_test_confirms_and_cannot_change_the_choice(on_test: float, verdict: str) -> None:
    better: Shares = {"validation": 0.93, "test": on_test}
    made = sweep(runs("base", "bal-mix0-ls0", EVEN), runs("std", "bal-mix0-ls0-center", better, luck=1))
    choice = choose(made)
    assert made.runs[choice.chosen[0]].profile == "std"
    assert choice.verdict == verdict


def test_what_validation_cannot_tell_apart_keeps_the_control() -> None:
    made = sweep(
        runs("base", "bal-mix0-ls0", EVEN),
        runs("std", "bal-mix0-ls0-center", {"validation": 0.81, "test": 0.99}, luck=1),
    )
    choice = choose(made)
    assert made.runs[choice.challenger[0]].profile == "std"
    assert (choice.chosen, choice.verdict) == (choice.control, "not distinguishable")


def test_the_best_of_many_has_to_pass_what_the_best_of_so_many_would_by_luck() -> None:
    """Alone the same lead is shown."""
    near: Shares = {"validation": 0.845, "test": 0.845}
    base, std = runs("base", "bal-mix0-ls0", EVEN), runs("std", "bal-mix0-ls0-center", near, luck=5)
    others = [runs(f"p{k}", f"bal-mix0-ls0-noise0p{k:02d}", EVEN, luck=10 + k) for k in range(1, 60)]
    alone, among = choose(sweep(base, std)), choose(sweep(base, std, *others))
    assert alone.gain is not None
    assert among.gain is not None
    assert among.gain.floor is not None
    assert alone.gain.floor is not None
    assert (alone.gain.family, among.gain.family) == (1, 60)
    assert among.gain.floor > alone.gain.floor


def test_a_gain_in_a_poor_cell_does_not_replace_a_better_control_of_another() -> None:
    low: Shares = {"validation": 0.5, "test": 0.5}
    gain: Shares = {"validation": 0.7, "test": 0.7}
    poor = [
        runs("base", "bal-mix0-ls0", low, hidden=32, luck=2),
        runs("std", "bal-mix0-ls0-center", gain, hidden=32, luck=3),
    ]
    made = sweep(runs("base", "bal-mix0-ls0", EVEN), runs("std", "bal-mix0-ls0-center", EVEN, luck=1), *poor)
    choice = choose(made)
    assert not choice.replaced
    assert made.runs[choice.chosen[0]].recipe == "base @ e h16 ls0"
    assert choose(sweep(*poor)).replaced


def test_at_one_seed_there_is_no_verdict() -> None:
    better: Shares = {"validation": 0.99, "test": 0.99}
    made = sweep(
        runs("base", "bal-mix0-ls0", EVEN, seeds=[1]),
        runs("std", "bal-mix0-ls0-center", better, seeds=[1], luck=1),
    )
    choice = choose(made)
    assert (choice.chosen, choice.verdict, choice.gain) == (choice.control, "one seed", None)
    assert verdict(made.compared([[(1, 0)]], "validation")[0], BETTER) == ONE_SEED


def test_a_recipe_of_one_seed_is_left_out_of_the_family() -> None:
    better: Shares = {"validation": 0.93, "test": 0.93}
    lone: Shares = {"validation": 0.99, "test": 0.99}
    base, std = runs("base", "bal-mix0-ls0", EVEN), runs("std", "bal-mix0-ls0-center", better, luck=1)
    choice = choose(made := sweep(base, std, runs("one", "bal-mix0-ls0-gelu", lone, seeds=[1], luck=2)))
    assert made.runs[choice.chosen[0]].profile == "std"
    assert choice.gain is not None
    assert choice.gain.family == 1
    assert whys(choice) == {"one @ e h16 ls0": "one seed"}


def test_a_run_that_ended_at_its_limit_wins_and_loses_no_verdict() -> None:
    better: Shares = {"validation": 0.93, "test": 0.93}
    base, std = runs("base", "bal-mix0-ls0", EVEN), runs("std", "bal-mix0-ls0-center", better, luck=1)
    slow = runs("std", "bal-mix0-ls0-center", better, luck=1, status=LIMIT)
    choice = choose(sweep(base, slow))
    assert (choice.challenger, choice.verdict) == ([], "not distinguishable")
    assert whys(choice) == {"std @ e h16 ls0": "3 of its runs ended at their limit of epochs"}
    unended = choose(made := sweep(runs("base", "bal-mix0-ls0", EVEN, status=LIMIT), std))
    assert made.runs[unended.chosen[0]].profile == "base"
    assert not unended.replaced
    assert made.compared([[(3 + i, i) for i in range(3)]], "validation") == [None]


def test_a_copy_of_the_control_is_no_challenger() -> None:
    """A temperature moves no answer: comparing the control with it would compare it with itself."""
    base = runs("base", "bal-mix0-ls0", EVEN)
    calib = runs("calib", "bal-mix0-ls0-temp", EVEN)
    made = sweep(base, calib, runs("std", "bal-mix0-ls0-center", {"validation": 0.7, "test": 0.7}, luck=1))
    choice = choose(made)
    assert made.runs[choice.chosen[0]].profile == "base"
    assert made.runs[choice.challenger[0]].profile == "std"
    assert choice.gain is not None
    assert (choice.gain.family, choice.gain.below) == (1, True)
    alone = choose(sweep(base, calib))
    assert (alone.against, alone.chosen) == ([], alone.control)


def test_a_failed_seed_disqualifies_and_fewer_planned_ones_do_not() -> None:
    better: Shares = {"validation": 0.93, "test": 0.93}
    base, std = runs("base", "bal-mix0-ls0", EVEN), runs("std", "bal-mix0-ls0-center", better, luck=1)
    fewer = choose(made := sweep(base, std[:2]))
    assert [made.runs[i].profile for i in fewer.challenger] == ["std"] * 2
    assert fewer.gain is not None
    assert fewer.gain.pairs == 2
    broken = choose(made := sweep(base, std, failed=std[2:]))
    assert made.runs[broken.chosen[0]].profile == "base"
    assert whys(broken) == {"std @ e h16 ls0": "1 of its runs diverged"}


def test_a_control_of_which_a_seed_failed_is_compared_at_the_others() -> None:
    better: Shares = {"validation": 0.93, "test": 0.93}
    base, std = runs("base", "bal-mix0-ls0", EVEN), runs("std", "bal-mix0-ls0-center", better, luck=1)
    choice = choose(sweep(base, std, failed=base[:1]))
    assert choice.gain is not None
    assert (choice.gain.pairs, len(choice.challenger), len(choice.against)) == (2, 3, 2)


def test_a_recipe_without_a_control_in_its_cell_is_named_and_not_chosen() -> None:
    best: Shares = {"validation": 0.99, "test": 0.99}
    base, wide = (
        runs("base", "bal-mix0-ls0", EVEN),
        runs("wide", "bal-mix0-ls0-gelu", best, hidden=32, luck=1),
    )
    choice = choose(made := sweep(base, wide))
    assert made.runs[choice.chosen[0]].profile == "base"
    assert whys(choice) == {"wide @ e h32 ls0": "its cell has no run of the control at its seeds"}
    with pytest.raises(InputError, match="no recipe has all its runs"):
        choose(sweep(base, wide, failed=base))


def test_copies_count_once_and_differ_by_nothing() -> None:
    better: Shares = {"validation": 0.83, "test": 0.85}
    base, std = runs("base", "bal-mix0-ls0", EVEN), runs("std", "bal-mix0-ls0-center", better, luck=1)
    cooled = (
        runs("calib", "bal-mix0-ls0-temp", EVEN),
        runs("both", "bal-mix0-ls0-center-temp", better, luck=1),
    )
    made = sweep(base, std, *cooled)
    one = [(3 + i, i) for i in range(3)]
    twice = [*one, *((9 + i, 6 + i) for i in range(3))]
    assert made.compared([twice], "test") == made.compared([one], "test")
    still = made.compared([[(6 + i, i) for i in range(3)]], "test")[0]
    assert verdict(still, BETTER) == STILL
