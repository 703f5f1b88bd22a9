"""What a sweep trains once, forks, and shares."""

import pytest

from methods.heads.plan import plan
from methods.heads.specs import from_recipe
from methods.heads.sweep import chunks

FIRST_GENERATION = (
    "bal-mix0p1", "bal-mix0p1-center", "nat-mix0p1-eff0p9999", "bal-mix0p1-hard5", "bal-mix0p1-gelu-ln",
    "bal-mix0p1-temp", "nat-mix0p1-center-gelu-ln-eff0p9999-hard5-temp",
)  # fmt: skip


def test_the_seven_profiles_of_a_cell_cost_five_trainings_and_two_forks() -> None:
    planned = plan([from_recipe("e", 64, 16, 1, recipe) for recipe in FIRST_GENERATION])
    assert (len(planned.runs), len(planned.trainings), len(planned.forks), len(planned.post_hoc)) == (
        7,
        5,
        2,
        1,
    )
    assert [spec.recipe for spec in planned.post_hoc] == ["bal-mix0p1-ls0-temp"]


def test_adjusting_at_inference_shares_all_weights() -> None:
    planned = plan([from_recipe("e", 64, 16, 1, recipe) for recipe in ("nat-mix0-lainfer1", "nat-mix0")])
    assert len(planned.trainings) == 1
    assert [spec.adjust_infer for spec in planned.post_hoc] == [1.0]


def test_a_fork_whose_first_phase_is_no_run_still_trains_it() -> None:
    planned = plan([from_recipe("e", 64, 16, 1, "nat-mix0-crt10bal")])
    assert [spec.recipe for spec in planned.trainings] == ["nat-mix0-ls0"]
    assert len(planned.forks) == 1


def test_two_runs_of_one_id_are_refused() -> None:
    spec = from_recipe("e", 64, 16, 1, "bal-mix0")
    with pytest.raises(ValueError, match="twice"):
        plan([spec, spec])


def test_chunks_hold_every_state_once_with_its_forks() -> None:
    specs = [from_recipe("e", 64, 16, seed, recipe) for recipe in FIRST_GENERATION for seed in range(30)]
    planned = plan(specs)
    cut = chunks(planned, 384, 17)
    states = [state for chunk in cut for state in chunk.states]
    assert len(states) == len(set(states))
    assert set(states) == {*planned.trainings, *planned.forks} >= set(planned.states)
    assert all(fork.trained in chunk.trainings for chunk in cut for fork in chunk.forks)
    assert max(len(chunk.trainings) for chunk in cut) < 60
