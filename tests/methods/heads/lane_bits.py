"""Run by test_head_bits under the launcher's CPU switches: are a head's bytes its own, whatever stands beside it?"""

import sys

import numpy as np

from methods.heads import sweep as heads
from methods.heads.plan import plan
from methods.heads.specs import HeadSpec, from_recipe
from methods.heads.sweep import chunks, head_data, state_logits
from methods.heads.training import train_lanes

RECIPES = (
    "bal-mix0p1", "bal-mix0p1-ls0p1", "nat-mix0p1-eff0p9999-hard2", "bal-mix0p1-center", "bal-mix0p1-gelu-ln",
    "nat-mix0p1-center-gelu-ln-eff0p9999-hard2", "nat-mix0-latrain1", "nat-mix0-arc30m0p2", "nat-mix0-sup128t0p07w1c",
    "bal-mix0p1-noise0p1-scale0p1", "bal-mix0-mmix2", "bal-mix0-cen0p003a0p5", "nat-mix0p1-crt2bal",
    "bal-mix0p1-lr0p003-wd0p01", "bal-mix0-drop0",
)  # fmt: skip
SHAPES = (  # rows, inputs, hidden, batch, classes
    (97, 7, 8, 16, 3), (210, 33, 37, 32, 5), (333, 64, 129, 48, 11), (401, 385, 100, 64, 17), (550, 96, 64, 128, 33),
    (128, 17, 0, 16, 4), (210, 33, 40, 64, 6),
)  # fmt: skip


def check(rows: int, inputs: int, hidden: int, batch: int, classes: int) -> int:
    rng = np.random.default_rng(rows)
    labels = np.concatenate([np.arange(classes), rng.integers(0, classes, rows - classes)])
    values = (rng.normal(size=(rows, inputs)) + rng.normal(size=(classes, inputs))[labels]).astype(np.float32)
    split = np.where(np.arange(rows) < rows * 3 // 4, "train", "validation")
    split[:classes] = "train"
    data = head_data(values, labels, split, classes)
    specs = []
    for recipe in RECIPES:
        for seed in (1, 2):
            try:
                specs.append(from_recipe("e", hidden, batch, seed, f"{recipe}-ep4-pat2"))
            except ValueError:  # a linear head has no hidden layer to act on
                assert not hidden
    planned = plan(specs)

    def states(order: list[HeadSpec], lanes: int) -> dict[str, bytes]:
        heads.MOST_LANES = lanes
        found = {}
        for chunk in chunks(plan(order), inputs, classes):
            for state in train_lanes(chunk.trainings, chunk.forks, data):
                weights = {name: value.numpy() for name, value in state.parameters.items()}
                logits = state_logits(state.spec, weights, data.mean, data.spread, classes, values)
                found[state.spec.id] = b"".join(each.tobytes() for each in (*weights.values(), logits))
        return found

    together = states(specs, 32)
    shuffled = states([specs[i] for i in rng.permutation(len(specs))][: len(specs) // 2 + 1], 5)
    alone = {state: made for spec in planned.runs for state, made in states([spec], 1).items()}
    for other in (shuffled, alone):
        assert set(other) <= set(together)
        for state, made in other.items():
            if made != together[state]:
                sys.stdout.write(f"{(rows, inputs, hidden, batch, classes)}: {state} has other bytes\n")
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(max(check(*shape) for shape in SHAPES))
