"""Do intervals of macro F1 and of a class's F1 hold where classes are rare? `python -m bench.class_scores [draws]`

Wrong rows fall on any other class; images differ in how hard they are. *Percentile*: of macro F1 over draws of images, in which
a class that no drawn image holds leaves the mean. *Delta*: `macro_f1_interval`. A class's F1: the least coverage over the
classes of percentiles (draws without the class left out) and of `class_f1_intervals`. *Draws less their
point*: the median draw less what the rows read.
"""

import sys
from collections import defaultdict

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.row_draws import class_f1_draws
from methods.heads.class_scores import class_f1_intervals, macro_f1_interval
from methods.heads.metrics import rates
from methods.heads.noise import group_weights, macro_f1
from methods.statistics.streams import stream
from storage.files.markdown import markdown_table

Floats = NDArray[np.float64]

LEVEL, SEED, RESAMPLES, CROWD = 0.95, 1415, 400, 0.4
SIZES = {  # rows of each foreground class, of background, and images
    "250 to 3": (tuple(int(x) for x in np.maximum(250 * 0.01 ** (np.arange(12) / 11), 3)), 250, 77),
    "3 to 5": ((3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5), 60, 30),
    "3 to 5, 10 images": ((3, 3, 3, 4, 4, 4, 5, 5, 5), 40, 10),
    "10": ((10,) * 6, 60, 20),
}
SKILLS = (-0.5, 0.3, 1.1, 2.0)  # of a row, against a normal spread of 1


def group_cells(
    classes: tuple[int, ...], background: int, groups: int, skill: float, rng: np.random.Generator
) -> Floats:
    """(groups, foreground, 3)"""
    foreground = len(classes)
    label = np.repeat(np.arange(foreground + 1), (*classes, background))
    ease = skill + 0.4 * np.sin(7 * np.arange(foreground + 1))[label]  # some classes are harder
    group = rng.integers(0, groups, len(label))
    right = ease + rng.normal(size=len(label)) + rng.normal(0, CROWD, groups)[group] > 0
    other = rng.integers(0, foreground, len(label))
    called = np.where(right, label, other + (other >= label))
    counts = [
        np.bincount((group * foreground + which)[rows & (which < foreground)], minlength=groups * foreground)
        for which, rows in ((label, right), (called, ~right), (label, ~right))
    ]
    return np.stack(counts, axis=-1).reshape(groups, foreground, 3).astype(np.float64)


def row(name: str, skill: float, draws: int) -> dict[str, str]:
    classes, background, groups = SIZES[name]
    rng = stream(SEED, f"{name} {skill}")
    many = tuple(500 * each for each in classes)
    population = group_cells(many, 500 * background, 20_000, skill, rng).sum(axis=0)
    true, of_class = float(macro_f1(population)), rates(population)[2]
    held: dict[str, list[bool]] = defaultdict(list)
    own: dict[str, list[NDArray[np.bool_]]] = defaultdict(list)
    width: dict[str, list[float]] = defaultdict(list)
    pull: list[float] = []
    for number in range(draws):
        cells = group_cells(classes, background, groups, skill, rng)
        weights = group_weights(groups, RESAMPLES, number)
        drawn = macro_f1(np.einsum("rg,gck->rck", weights, cells, optimize=True))
        ends = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        found = macro_f1_interval(cells, LEVEL)
        both = {"percentile": ends.tolist(), "delta": [found.low, found.high]}
        for rule, (start, end) in both.items():
            held[rule].append(bool(start <= true <= end))
            width[rule].append(end - start)
        _, low, high = class_f1_intervals(cells, LEVEL)
        pull.append(float(np.median(drawn)) - found.value)
        own["delta"].append((low <= of_class) & (of_class <= high))
        low, high = np.nanquantile(class_f1_draws(cells.astype(np.int64), weights), [0.025, 0.975], axis=0)
        own["percentile"].append((low <= of_class) & (of_class <= high))
    shown = {"rows of a class": name, "true macro F1": f"{true:.2f}"}
    for rule in ("percentile", "delta"):
        shown |= {
            f"macro, {rule}": f"{np.mean(held[rule]):.3f}",
            f"width, {rule}": f"{np.mean(width[rule]):.2f}",
        }
    for rule in ("percentile", "delta"):
        shown[f"class, {rule}"] = f"{np.mean(own[rule], axis=0).min():.2f}"
    return shown | {"draws less their point": f"{np.mean(pull):+.3f}"}


def main(draws: int) -> None:
    sys.stdout.write(
        f"Coverage at {LEVEL:.0%}, {draws} draws a row: .95 is known to {np.sqrt(0.0475 / draws):.3f}.\n\n"
    )
    cells = [(name, skill) for name in SIZES for skill in SKILLS]
    sys.stdout.write(markdown_table(pd.DataFrame([row(*cell, draws) for cell in cells])) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 600)
