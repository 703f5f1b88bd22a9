"""How often does noise replace head_sweep's control, and how large a gain is found? `python -m bench.head_choice [draws] [real]`

112 recipes in eight cells, each compared with its cell's control. *Pair*: the recipe with the best validation score against
its control by `difference`, as if it had been the only one. *Max-T*: the best of those that `simultaneous_differences` shows
to be above their controls. Power is that of one recipe of which the macro F1 is truly three floors above all others; a floor
is 1.96 standard errors of one pair, rows and seeds. *Alike*: all recipes have one spread over seeds; *unlike*: spreads are
lognormal (.5). `real` trains 64 seeds of the default's control and takes them for recipes.
"""

import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.pair_difference import difference
from methods.heads.noise import group_counts, macro_f1, macro_f1_draws
from methods.heads.specs import HeadSpec
from methods.heads.sweep import train_heads
from methods.statistics.simultaneous import SimultaneousDifferences, simultaneous_differences
from methods.statistics.streams import stream
from storage.files.markdown import markdown_table
from storage.heads.embeddings import read_embeddings

Floats = NDArray[np.float64]
Index = NDArray[np.int64]

LEVEL, SEED, RESAMPLES = 0.95, 1411, 300
PILOT = 4  # scenes that say what a floor is
CELLS, OWN = 8, 14  # recipes of a cell, its control the first
CLASSES = np.append(np.maximum((250 * 0.01 ** (np.arange(12) / 11)).astype(int), 3), 250)
LUCK, ROW_LUCK, CROWD = (
    0.15,
    0.5,
    0.4,
)  # a seed's class offsets, its single rows, images: as the default's heads read
FLOORS = 3
UNLIKE = 0.5
SETTINGS = [(s, 77, u) for u in (0.0, UNLIKE) for s in (1, 2, 3, 5)] + [
    (10, 77, 0.0),
    (3, 30, 0.0),
    (3, 200, 0.0),
]
REAL = "narrow__h64b64__bal-mix0p1-ls0__s"


def sweep(seeds: int, groups: int, unlike: float, rng: np.random.Generator) -> Index:
    """(runs, groups, 12, 3) counts of recipes that are all as good, run by run of a recipe."""
    recipes, foreground = CELLS * OWN, len(CLASSES) - 1
    label = np.repeat(np.arange(foreground + 1), CLASSES)
    group, other = rng.integers(0, groups, len(label)), rng.integers(0, foreground + 1, len(label))
    other = np.where(other == label, (other + 1) % (foreground + 1), other)
    ease = 1.1 + rng.normal(size=len(label)) + rng.normal(0, CROWD, groups)[group]
    spread = LUCK * np.exp(rng.normal(0, unlike, recipes))
    known = 1 + CROWD**2 + ROW_LUCK**2
    fair = 1.1 * (np.sqrt((known + spread**2) / known) - 1)  # so that more luck does not mean a worse mean
    offset = rng.normal(size=(recipes, seeds, foreground + 1)) * spread[:, None, None] + fair[:, None, None]
    offset = offset.reshape(recipes * seeds, -1)
    right = ease + offset[:, label] + rng.normal(0, ROW_LUCK, (len(offset), len(label))) > 0
    called, true = np.where(right, label, other), np.broadcast_to(label, right.shape)
    cell = np.arange(len(offset))[:, None] * groups * foreground + group * foreground
    counts = [
        np.bincount((cell + which)[rows & (which < foreground)], minlength=len(offset) * groups * foreground)
        for which, rows in ((true, right), (called, ~right), (true, ~right))
    ]
    return np.stack(counts, axis=-1).reshape(len(offset), groups, foreground, 3).astype(np.int64)


def against_controls(cells: int, own: int, seeds: int) -> tuple[Floats, Index]:
    """Contrasts of each recipe with the first of its cell, and which recipe each is of."""
    means = np.kron(np.eye(cells * own), np.full(seeds, 1 / seeds))
    recipe = np.flatnonzero(np.arange(cells * own) % own)
    return means[recipe] - means[recipe // own * own], recipe


def replaced_by_pair(values: Floats, draws: Floats, seeds: int, own: int) -> bool:
    best = int(values.reshape(-1, seeds).mean(axis=1).argmax())
    control = best // own * own
    if best == control:
        return False
    one, other = (list(range(r * seeds, (r + 1) * seeds)) for r in (best, control))
    units = [((0, seed), (0, seed)) for seed in range(seeds)]
    return difference(one, other, [0] * seeds, units, values, draws, LEVEL).above


def scene(
    seeds: int, groups: int, unlike: float, number: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Macro F1 of all runs, and draws of it."""
    counts = sweep(seeds, groups, unlike, rng)
    return macro_f1(counts.sum(axis=1)), macro_f1_draws(counts, RESAMPLES, number)


def setting(seeds: int, groups: int, unlike: float, draws: int) -> dict[str, str]:
    rng, pilot = (stream(SEED, f"{seeds} {groups} {unlike} {purpose}") for purpose in ("rates", "floor"))
    contrasts, of = against_controls(CELLS, OWN, seeds)
    recipe = np.repeat(np.arange(CELLS * OWN), seeds)

    def compared(values: Floats, drawn: Floats) -> SimultaneousDifferences:
        return simultaneous_differences(values, drawn, recipe, contrasts, groups, LEVEL, SEED)

    def chosen(values: Floats, drawn: Floats) -> int | None:
        return compared(values, drawn).best(values.reshape(-1, seeds).mean(axis=1)[of])

    errors = [compared(*scene(seeds, groups, unlike, n, pilot)).error for n in range(PILOT)]
    gain = FLOORS * 1.96 * float(np.median(errors))
    seen: dict[str, list[bool]] = defaultdict(list)
    for number in range(draws):
        values, drawn = scene(seeds, groups, unlike, number, rng)
        seen["pair"].append(replaced_by_pair(values, drawn, seeds, OWN))
        seen["max-T"].append(chosen(values, drawn) is not None)
        if seeds > 1:
            better = number % len(of)
            seen["power"].append(chosen(values + gain * (recipe == of[better]), drawn) == better)
    return {
        "seeds": str(seeds), "groups": str(groups), "spreads over seeds": "unlike" if unlike else "alike",
        "replaced: pair": f"{np.mean(seen['pair']):.3f}", "replaced: max-T": f"{np.mean(seen['max-T']):.3f}",
        "three floors, points": f"{100 * gain:.1f}" if seeds > 1 else "",
        "power": f"{np.mean(seen['power']):.2f}" if seeds > 1 else "",
    }  # fmt: skip


def real_counts() -> Index:
    """(64, groups, foreground, 3): validation rows of the default's control, trained at 64 further seeds."""
    seen = read_embeddings(Path("artifacts/head_sweep/narrow/embeddings.safetensors"))
    place = {name: number for number, name in enumerate(seen.classes)}
    label, group, split = (
        np.array([place[x] for x in seen.labels]),
        np.array(seen.groups),
        np.array(seen.split),
    )
    own, foreground = split == "validation", len(seen.foreground)
    specs = [HeadSpec.parse(f"{REAL}{seed}") for seed in range(101, 165)]
    rows = seen.values[own]  # noqa: PD011
    heads = train_heads(seen.values, label, group, specs, split=split, foreground=foreground)
    called = [head.logits(rows).argmax(axis=1) for head in heads]
    return np.stack([group_counts(each, label[own], group[own], foreground) for each in called])


def real(counts: Index, draws: int) -> pd.DataFrame:
    """The same head under seeds dealt anew to as many recipes as they make, in one cell."""
    rng = stream(SEED, "real")
    values, drawn = macro_f1(counts.sum(axis=1)), macro_f1_draws(counts, RESAMPLES, SEED)
    rows = []
    for seeds in (1, 2, 3, 5, 10):
        recipes = len(counts) // seeds
        contrasts, of = against_controls(1, recipes, seeds)
        seen: dict[str, list[float]] = defaultdict(list)
        for number in range(draws):
            dealt = rng.permutation(len(counts))[: recipes * seeds]
            found = simultaneous_differences(
                values[dealt], drawn[dealt], np.repeat(np.arange(recipes), seeds), contrasts, counts.shape[1],
                LEVEL, number,
            )  # fmt: skip
            seen["pair"].append(replaced_by_pair(values[dealt], drawn[dealt], seeds, recipes))
            seen["max-T"].append(found.best(values[dealt].reshape(-1, seeds).mean(axis=1)[of]) is not None)
        rows.append({"seeds": str(seeds), "recipes": str(recipes)}
                    | {f"replaced: {name}": f"{np.mean(each):.3f}" for name, each in seen.items()})  # fmt: skip
    return pd.DataFrame(rows)


def main(draws: int, of_real: bool) -> None:
    print(f"{draws} draws a row: an error of .05 is known to {np.sqrt(0.0475 / draws):.3f}.\n")
    print(markdown_table(pd.DataFrame([setting(*each, draws) for each in SETTINGS])))
    if of_real:
        counts, dealt = real_counts(), 5 * draws // 2
        spread = 100 * macro_f1(counts.sum(axis=1)).std(ddof=1)
        print(
            f"\nThe same head, {len(counts)} seeds of it dealt {dealt} times to as many recipes as they make: A/A on"
        )
        print(f"real weights. The seeds spread by {spread:.1f} points.\n")
        print(markdown_table(real(counts, dealt)))


if __name__ == "__main__":
    main(int(next(iter(x for x in sys.argv[1:] if x.isdigit()), 80)), "real" in sys.argv[1:])
