"""What may run beside what."""

import os
from pathlib import Path
from random import Random
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from flows.walk import resources
from flows.walk.resources import NOTHING, Budget, _vector, needs, shortage
from params.block import ParamsError
from params.resources import Amounts
from tests.imports import ROOT


def amounts(cpu: float = 0, gpu: int | Literal["auto"] = 0, memory: float = 0) -> Amounts:
    return Amounts(cpu=cpu, gpu=gpu, memory=memory)


MACHINE = amounts(4, 2, 16)


@st.composite
def some_needs(draw: st.DrawFn) -> dict[str, Amounts]:
    each = st.builds(
        amounts,
        cpu=st.sampled_from([0, 0.1, 0.5, 1, 2, 3, 4, 9]),
        gpu=st.one_of(st.integers(0, 2), st.just("auto")),
        memory=st.sampled_from([0, 0.3, 4, 9, 16]),
    )
    return {f"s{i}": draw(each) for i in range(draw(st.integers(1, 15)))}


@given(some_needs(), st.integers(1, 6), st.randoms(use_true_random=False))
def test_nothing_is_handed_out_twice_all_get_their_turn_and_what_waits_is_not_overtaken_for_ever(
    wanted: dict[str, Amounts], jobs: int, random: Random
) -> None:
    budget, ready = Budget(MACHINE, wanted, jobs), list(wanted)
    running: list[str] = []
    overtaken: dict[str, set[str]] = {}
    while ready or running:
        before = set(running)
        admitted = budget.admit(ready)
        assert running or admitted, "stuck"
        running += admitted
        ready = [stage for stage in ready if stage not in admitted]
        assert len(running) <= jobs
        taken = [wanted[stage] for stage in running]
        assert sum(min(each.cpu, MACHINE.cpu) for each in taken) <= MACHINE.cpu + 1e-6
        assert sum(each.gpus_welcome for each in taken) <= MACHINE.gpus_welcome
        assert sum(each.memory for each in taken) <= MACHINE.memory + 1e-6
        for stage in ready:
            if budget.waits_for(stage) != "its turn" and stage not in overtaken:
                overtaken[stage] = before | set(
                    running
                )  # these may end before it, and those that waited longer
        for stage in admitted:
            for waiting in overtaken.keys() & set(ready):
                if stage not in overtaken[waiting] and stage not in overtaken:
                    assert not shares(wanted[stage], wanted[waiting]), f"{stage} overtook {waiting}"
        ended = random.choice(running)
        running.remove(ended)
        budget.release(ended)


def shares(one: Amounts, other: Amounts) -> bool:
    """Both want all there is of something."""
    return any(
        min(mine, has) + min(others, has) > has
        for mine, others, has in zip(_vector(one), _vector(other), _vector(MACHINE), strict=True)
        if mine and others
    )


def test_two_heavy_stages_never_share_the_last_core_or_gpu() -> None:
    budget = Budget(MACHINE, {"a": amounts(3), "b": amounts(2), "c": amounts(1, 2), "d": amounts(0, 1)}, 8)
    assert budget.admit("abcd") == ["a"], (
        "b waits for two cores, and what is left of them is set aside for it"
    )
    assert budget.waits_for("b") == "cores"
    assert budget.waits_for("c") == "cores"
    budget.release("a")
    assert budget.admit("bcd") == ["b", "c"]
    assert budget.waits_for("d") == "a GPU"
    budget.release("c")
    assert budget.admit("d") == ["d"]


def test_what_needs_nothing_of_what_another_waits_for_passes_it() -> None:
    budget = Budget(MACHINE, {"a": amounts(1, 2), "b": amounts(1, 1), "c": amounts(2), "d": amounts(1)}, 8)
    assert budget.admit("abcd") == ["a", "c"], "of four cores one is set aside for b"


def test_a_stage_that_was_kept_waiting_goes_first() -> None:
    budget = Budget(MACHINE, {"a": amounts(3), "late": amounts(4), "early": amounts(4)}, 8)
    assert budget.admit(["a", "late"]) == ["a"]
    budget.release("a")
    assert budget.admit(["early", "late"]) == ["late"]


def test_jobs_in_their_order_where_nothing_else_is_stated() -> None:
    budget = Budget(MACHINE, {}, 1)
    assert budget.admit("cab") == ["c"]
    budget.release("c")
    assert budget.admit("ab") == ["a"]
    assert budget.waits_for("b") == "its turn"


def test_more_cores_than_there_are_means_all_of_them_and_more_of_anything_else_is_refused() -> None:
    assert Budget(MACHINE, {"a": amounts(64), "b": amounts(1)}, 8).admit("ab") == ["a"]
    assert shortage(amounts(64, 2, 16), MACHINE) == ""
    assert shortage(amounts(1, 3, 24), MACHINE) == (
        "needs 3 GPUs, and this machine has 2 and 24 GiB of memory, and this machine has 16.0: run it elsewhere, "
        "or state less for it in params.yaml, runtime.resources (which makes no stage stale)"
    )


def test_a_gpu_where_there_is_one_is_waited_for_there_and_not_missed_elsewhere() -> None:
    wanted = {"a": amounts(1, "auto"), "b": amounts(1, "auto"), "c": amounts(1, 1)}
    budget = Budget(amounts(4, 1, 16), wanted, 8)
    assert budget.admit("abc") == ["a"]
    assert budget.waits_for("b") == "a GPU"
    without = amounts(4, 0, 16)
    assert Budget(without, wanted, 8).admit("ab") == ["a", "b"]
    assert shortage(wanted["a"], without) == ""
    assert shortage(wanted["c"], without).startswith("needs 1 GPUs, and this machine has 0")


def test_what_there_is_may_grow_and_shrink_while_stages_run() -> None:
    there = [amounts(1, 0, 4)]
    budget = Budget(there[0], {}, 1, lambda: (there[0], int(there[0].cpu)))
    assert budget.patience
    assert budget.admit("abcd") == ["a"]
    assert budget.admit("bcd") == []
    there[0] = amounts(3, 0, 4)
    assert budget.admit("bcd") == ["b", "c"]
    there[0] = amounts(1, 0, 4)
    for ended in "ab":
        budget.release(ended)
        assert budget.admit("d") == []
    budget.release("c")
    assert budget.admit("d") == ["d"]


RESOURCES = """
runtime:
  resources:
    one_fit@2: {cpu: 2, gpu: 0, memory: 1}
    one_fit: {cpu: 1, gpu: 1, memory: 1}
    "*_compare": {cpu: 3, gpu: 0, memory: 1}
"""


def test_the_first_pattern_that_matches_counts_and_a_matrix_has_one_name(tmp_path: Path) -> None:
    params = tmp_path / "params.yaml"
    stages = ["one_fit@1", "one_fit@2", "one_compare", "two_fit"]
    assert set(needs(params, stages).values()) == {NOTHING}
    params.write_text("x: 1\n")
    assert set(needs(params, stages).values()) == {NOTHING}
    params.write_text(RESOURCES)
    assert needs(params, stages) == {
        "one_fit@1": amounts(1, 1, 1), "one_fit@2": amounts(2, 0, 1), "one_compare": amounts(3, 0, 1), "two_fit": NOTHING
    }  # fmt: skip


def test_a_wrong_amount_is_one_line_that_names_it(tmp_path: Path) -> None:
    params = tmp_path / "params.yaml"
    params.write_text(RESOURCES.replace("cpu: 3", "cpu: -3"))
    with pytest.raises(
        ParamsError, match=r"params.yaml: runtime.resources.\*_compare.cpu: input should be greater than or"
    ):
        needs(params, ["a"])


def test_every_stage_of_this_repository_has_its_amounts() -> None:
    stages = YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"]
    assert all(need.cpu and need.memory for need in needs(ROOT / "params.yaml", stages).values())


def test_a_containers_share_is_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "CGROUP", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert resources.cores() == 8
    (tmp_path / "cpu.max").write_text("250000 100000\n")
    (tmp_path / "memory.max").write_text(f"{2**30}\n")
    assert resources.cores() == 2
    assert resources.machine(0).memory == 1
    (tmp_path / "cpu.max").write_text("max 100000\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert resources.cores() == 8
    assert resources.machine(0).memory > 1


def test_gpus_are_those_that_are_visible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3, GPU-8f2")
    assert resources.gpu_devices() == ["3", "GPU-8f2"]
    for none in ("", "-1"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", none)
        assert resources.gpu_devices() == []
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    monkeypatch.setenv("PATH", "")
    assert resources.gpu_devices() == []
