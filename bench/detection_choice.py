"""Does the interval of an F1 gain hold, and how often is an option adopted that is no better? `python -m
bench.detection_choice`

Two options whose scores are equally good, so their F1 are the same in the mean; five classes, 9 objects and 15 false boxes an
image, thresholds per class with FP / TP <= .2 and recall >= .6. *Fixed*: the rule before, a bootstrap of images at the
thresholds that the tune images gave. *Tuned again*: `methods.detection.acceptance_draws`. *Tune*: cross-fitted over five
folds; *report*: as many other images. *Adopted*: the interval lies above 0.

python -m bench.detection_choice [draws]       of each setting, by default 100
"""

import sys

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from methods.detection.acceptance import (
    AcceptanceRule,
    BoxesAfterNms,
    accepted_counts_of,
    cross_fit_counts,
    tuned,
)
from methods.detection.acceptance_draws import (
    DrawnGoal,
    ImageDraws,
    acceptance_curves,
    confirmed_draws,
    cross_fit_draws,
)
from methods.detection.adoption import CountDraws, Gain, gain
from methods.detection.evaluation import Detections, MatchFlags, TruthBoxes, rates
from methods.statistics.intervals import percentile_interval
from methods.statistics.joint_bootstrap import group_weights
from methods.statistics.streams import stream
from storage.files.markdown import markdown_table

SEED, LEVEL, RESAMPLES, FOLDS = 2716, 0.95, 400, 5
SHARES = np.array([4, 3, 2, 2, 1]) / 12
RULE = AcceptanceRule("per_class", 0.2, 0.6, 0.5)
SETTINGS = ((1.6, 20), (1.6, 40), (1.6, 130), (3.0, 20), (3.0, 130))
Random = np.random.Generator


def world(images: int, separation: float, rng: Random) -> tuple[list[BoxesAfterNms], TruthBoxes]:
    """Two options' boxes, matched; separation: between scores of objects and of others, whose deviation is 1."""
    image, false = (np.repeat(np.arange(images), rng.poisson(mean, images)) for mean in (9, 15))
    label, false_label = (rng.choice(len(SHARES), len(each), p=SHARES) for each in (image, false))
    truth = TruthBoxes(
        images, len(SHARES), image, label, np.zeros((len(image), 4)), np.zeros(len(image), bool)
    )
    present = rng.random(len(image)) < 0.9
    hit = np.r_[np.ones(int(present.sum()), bool), np.zeros(len(false), bool)]
    flags = MatchFlags(hit, np.zeros(len(hit), bool))
    shared = separation * hit + rng.normal(0, 0.6, len(hit))
    options = []
    for _ in range(2):
        scores = shared + rng.normal(0, 0.8, len(hit))
        boxes = Detections(
            np.r_[image[present], false], np.r_[label[present], false_label], np.zeros((len(hit), 4)), scores
        )
        options.append(BoxesAfterNms(None, boxes, np.ones(len(hit), bool), flags))
    return options, truth


def fixed_gain(option: CountDraws, other: CountDraws, weights: NDArray[np.float32]) -> tuple[float, float]:
    """As it was: thresholds that no draw tunes."""
    first, second = (rates(weights @ each.counts.sum(axis=1)) for each in (option, other))
    low, high = percentile_interval((first - second)[:, 2], LEVEL)
    return float(low), float(high)


def one_world(images: int, separation: float, rng: Random) -> list[tuple[float, float, Gain, float]]:
    """For tune and report: the ends of the fixed interval, the gain whose draws tune again, and the first option's F1."""
    options, truth = world(2 * images, separation, rng)
    fold = np.full(2 * images, -1)
    fold[:images] = rng.permutation(images) % FOLDS
    tune = fold >= 0
    seed = int(rng.integers(1 << 30))
    weights = [
        np.concatenate(list(group_weights(images, RESAMPLES, seed + k))).astype(np.float32) for k in (0, 1)
    ]
    numbers = np.arange(images)
    folds = [ImageDraws(numbers[fold[tune] == k], weights[0][:, fold[tune] == k]) for k in range(FOLDS)]
    counts = []
    for option in options:
        tried = [option]
        found = tuned(tried, truth, tune, RULE)
        curves, goal = acceptance_curves(tried, truth, tune), DrawnGoal(RULE, found.f1)
        report = confirmed_draws(
            curves, ImageDraws(numbers, weights[0]), ImageDraws(numbers + images, weights[1]), [goal]
        )[0]
        crossed = cross_fit_draws(curves, folds, goal)
        counts.append(
            (
                CountDraws(cross_fit_counts(tried, truth, fold, RULE)[tune], crossed.sum(axis=1)),
                CountDraws(accepted_counts_of(tried, found, truth)[~tune], report.sum(axis=1)),
            )
        )
    return [
        (*fixed_gain(second, first, drawn), gain(second, first, LEVEL), float(rates(first.sums)[2]))
        for first, second, drawn in zip(*counts, weights, strict=True)
    ]


def row(images: int, separation: float, draws: int) -> dict[str, str]:
    rng = stream(SEED, f"{images} {separation}")
    worlds = [one_world(images, separation, rng) for _ in range(draws)]
    f1 = np.mean([report[3] for _, report in worlds])
    shown = {"separation": f"{separation}", "F1": f"{f1:.2f}", "images": str(images)}
    for place, split in enumerate(("tune", "report")):
        ends = np.array(
            [(low, high, again.low, again.high) for low, high, again, _ in (w[place] for w in worlds)]
        )
        for name, (low, high) in (("fixed", ends[:, :2].T), ("tuned again", ends[:, 2:].T)):
            shown[f"{split}, {name}: holds 0"] = f"{((low <= 0) & (high >= 0)).mean():.3f}"
            shown[f"{split}, {name}: adopted"] = f"{(low > 0).mean():.3f}"
        shown[f"{split}: width, points"] = " / ".join(
            f"{100 * (high - low).mean():.1f}" for low, high in (ends[:, :2].T, ends[:, 2:].T)
        )
    return shown


def main(draws: int) -> None:
    print(
        f"{draws} draws a setting; intervals of {LEVEL:.0%}; simulation error of a coverage of .95 "
        f"{np.sqrt(0.95 * 0.05 / draws):.3f}, of a rate of .025 {np.sqrt(0.025 * 0.975 / draws):.3f}.\n"
    )
    print(markdown_table(pd.DataFrame([row(images, separation, draws) for separation, images in SETTINGS])))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
