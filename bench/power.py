"""Do claims become firm as often as `flows.power` predicts? `python -m bench.power [draws]`

For each experiment its own decision functions judge data that is drawn as was assumed, at the size that the prediction calls
enough, at half and at twice it. *Says* is the predicted chance, *decides* the share of draws in which the verdict was firm
and right. Scores are normal, groups' losses skewed, images' F1 is bootstrapped, heads' answers are drawn row by row.

python -m bench.power [draws] [experiments...]       draws of each size, by default 500
"""

import sys
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri

from methods.budgets.evaluation import CANNOT_TELL, HOLDS, VIOLATES, budget_bounds, budget_verdict
from methods.budgets.learnability import Help, HelpRule, LabelRows, oracle_recall
from methods.calibration.cross_fitting import choose_method
from methods.calibration.planned_groups import family_level
from methods.detection.adoption import CountDraws, gain
from methods.heads.contrast_sizes import ContrastErrors
from methods.heads.noise import macro_f1, macro_f1_draws
from methods.statistics.auroc_intervals import ranked_groups
from methods.statistics.joint_bootstrap import group_weights
from methods.statistics.sample_sizes import SampleSize, auroc_pairs_at_power
from methods.statistics.simultaneous import simultaneous_differences
from methods.statistics.streams import stream
from storage.files.markdown import markdown_table
from tasks.fpr_thresholds.use.power import budget_claim, help_claim
from tasks.head_sweep.use.power import groups_claim as heads_claim
from tasks.hybrid_calibrator.use.power import images_claim
from tasks.lens_shortcuts.use.power import FAR, normal_variance
from tasks.planning.claims import PlannedClaim
from tasks.speech_temperature.use.power import groups_claim as losses_claim

Floats = NDArray[np.float64]
Random = np.random.Generator

SEED, LEVEL, SIZES = 1616, 0.95, (0.5, 1.0, 2.0)
BUDGET = 0.02
RATES, SHARES = (0.005, 0.01, 0.05), (0.3, 0.05)
METHODS, SHARED, PILOT_GROUPS = 5, 0.6, 20_000  # methods with the control; what they do to a group is alike
F1_PILOT, RESAMPLES, LEAST_IMAGES = 20_000, 300, 40
CLASSES = np.array([160, 120, 90, 70, 50, 40, 160])  # rows of a class for 77 groups; the last is background
RECIPES, SEEDS, GROUPS, FLOOR_SCENES = 12, 3, 77, 24
LUCK, ROW_LUCK, CROWD = 0.15, 0.5, 0.4  # as bench.head_choice

Decides = Callable[[int, Random], bool]
Case = tuple[str, str, PlannedClaim, Decides]


def thresholds_cases() -> Iterator[Case]:
    for rate in RATES:
        right = HOLDS if rate < BUDGET else VIOLATES

        def decides(n: int, rng: Random, rate: float = rate, right: str = right) -> bool:
            fired = rng.random(n) < rate
            found = budget_verdict(*budget_bounds(fired, np.arange(n), BUDGET, LEVEL), BUDGET)
            return found != CANNOT_TELL and found == right

        yield (
            "fpr_thresholds",
            f"rate {rate:g}, budget {BUDGET:g}",
            budget_claim("", rate, BUDGET, LEVEL, 0),
            decides,
        )
    for share in SHARES:
        rule = HelpRule(BUDGET, 0.1, LEVEL)
        yield (
            "fpr_thresholds",
            f"caught {share:g}, least .1",
            help_claim("", share, 2.0, rule, 0),
            partial(_helps, share, rule),
        )


def _helps(share: float, rule: HelpRule, n: int, rng: Random) -> bool:
    """Normal scores, of which `share` of the positives lies above the budget's true quantile."""
    shift = float(ndtri(share) - ndtri(rule.max_fpr))
    scores = rng.normal(size=3 * n) + shift * (np.arange(3 * n) < n)
    found = oracle_recall(LabelRows(scores, np.arange(3 * n) < n, np.arange(3 * n)), rule).kind
    return found == (Help.YES if share >= rule.least_recall else Help.NO)


def losses(groups: int, gain_in_sd: float, rng: Random) -> Floats:
    """(methods, groups): what each method does to a group, skewed; the first method after the control gains."""

    def skewed(*shape: int) -> Floats:
        return np.exp(0.6 * rng.normal(size=shape)) - np.exp(0.6 * rng.normal(size=shape))

    effects = np.sqrt(SHARED) * skewed(1, groups) + np.sqrt(1 - SHARED) * skewed(METHODS - 1, groups)
    effects /= np.sqrt(2 * np.exp(0.36) * (np.exp(0.36) - 1))
    effects[0] -= gain_in_sd
    return np.concatenate([np.zeros((1, groups)), effects])


def speech_cases() -> Iterator[Case]:
    for gain_in_sd in (0.6, 1.0):
        pilot = losses(PILOT_GROUPS, gain_in_sd, stream(SEED, f"speech {gain_in_sd}"))
        level = family_level(pilot, SEED, 1 - LEVEL)

        def decides(n: int, rng: Random, gain_in_sd: float = gain_in_sd) -> bool:
            return (
                choose_method(losses(n, gain_in_sd, rng), np.arange(n).astype(str), 1 - LEVEL, SEED).chosen
                == 1
            )

        yield (
            "speech_temperature",
            f"gain {gain_in_sd:g} sd, 5 methods",
            losses_claim("", pilot[1], level, 0, SEED),
            decides,
        )


def detections(images: int, recall: float, rng: Random) -> NDArray[np.int64]:
    """(2, images, 1, 3) counts of a control and of a challenger that finds more of the same objects."""
    objects, hard = rng.poisson(9, images), rng.beta(8, 8, images)
    found = rng.binomial(objects, 0.3 + hard * 0.6)
    more = rng.binomial(objects - found, recall)
    false = rng.poisson(1.5, (2, images))
    hits = np.stack([found, found + more])
    return np.stack([hits, false, objects - hits], axis=-1)[:, :, None, :]


def detection_cases() -> Iterator[Case]:
    for recall in (0.05, 0.1):
        counts = detections(F1_PILOT, recall, stream(SEED, f"detections {recall}"))
        sums = counts[:, :, 0].sum(axis=1).astype(np.float64)
        f1 = 2 * sums[:, 0] / (2 * sums[:, 0] + sums[:, 1] + sums[:, 2])
        own = [(2 * each[:, 0] - f * (2 * each[:, 0] + each[:, 1] + each[:, 2])) / (2 * s[0] + s[1] + s[2]) * F1_PILOT
               for each, f, s in zip(counts[:, :, 0], f1, sums, strict=True)]  # fmt: skip
        claim = images_claim(
            "", "report", float(f1[1] - f1[0]), float(np.std(own[1] - own[0])), LEVEL, 0, LEAST_IMAGES
        )

        def decides(n: int, rng: Random, recall: float = recall) -> bool:
            seen = detections(n, recall, rng)
            weights = np.concatenate(list(group_weights(n, RESAMPLES, int(rng.integers(1 << 30))))).astype(
                np.float32
            )
            control, option = (CountDraws(each, weights @ each[:, 0].astype(np.float32)) for each in seen)
            return n >= LEAST_IMAGES and gain(option, control, LEVEL).low > 0

        yield "hybrid_calibrator", f"gain {100 * (f1[1] - f1[0]):.1f} points", claim, decides


def heads(groups: int, rng: Random) -> tuple[Floats, Floats]:
    """Macro F1 of recipes that are all as good, and draws of it; rows grow with groups."""
    label = np.repeat(np.arange(len(CLASSES)), np.maximum(CLASSES * groups // GROUPS, 1))
    group, foreground = rng.integers(0, groups, len(label)), len(CLASSES) - 1
    other = (label + rng.integers(1, len(CLASSES), len(label))) % len(CLASSES)
    ease = 1.1 + rng.normal(size=len(label)) + rng.normal(0, CROWD, groups)[group]
    offset = rng.normal(size=(RECIPES * SEEDS, len(CLASSES))) * LUCK
    right = ease + offset[:, label] + rng.normal(0, ROW_LUCK, (len(offset), len(label))) > 0
    called, true = np.where(right, label, other), np.broadcast_to(label, right.shape)
    cell = np.arange(len(offset))[:, None] * groups * foreground + group * foreground
    counts = np.stack([
        np.bincount((cell + which)[rows & (which < foreground)], minlength=len(offset) * groups * foreground)
        for which, rows in ((true, right), (called, ~right), (true, ~right))
    ], axis=-1).reshape(len(offset), groups, foreground, 3).astype(np.int64)  # fmt: skip
    return macro_f1(counts.sum(axis=1)), macro_f1_draws(counts, RESAMPLES, int(rng.integers(1 << 30)))


def _compared(values: Floats, drawn: Floats, groups: int) -> tuple[Floats, Floats, Floats]:
    means = np.kron(np.eye(RECIPES), np.full(SEEDS, 1 / SEEDS))
    found = simultaneous_differences(
        values, drawn, np.repeat(np.arange(RECIPES), SEEDS), means[1:] - means[0], groups, LEVEL, SEED
    )
    return found.low, found.error, found.floor


def head_cases() -> Iterator[Case]:
    rng = stream(SEED, "heads, pilot")
    scenes = [heads(GROUPS, rng) for _ in range(FLOOR_SCENES)]
    compared = [_compared(*scene, GROUPS) for scene in scenes]
    error, floor = (float(np.median([each[place] for each in compared])) for place in (1, 2))
    spread = float(
        np.sqrt(np.mean([scene[0].reshape(RECIPES, SEEDS).var(axis=1, ddof=1) for scene in scenes]))
    )
    errors = ContrastErrors(error, floor / error, GROUPS, SEEDS, spread)
    for points in (0.06,):

        def decides(n: int, rng: Random, points: float = points) -> bool:
            values, drawn = heads(n, rng)
            return bool(
                _compared(values + points * (np.arange(len(values)) // SEEDS == 1), drawn, n)[0][0] > 0
            )

        yield (
            "head_sweep",
            f"gain {100 * points:g} points, {RECIPES - 1} at once",
            heads_claim("", "validation", errors, points, SEEDS, 0),
            decides,
        )


def lens_cases() -> Iterator[Case]:
    def areas(area: float, fails: float, variance: float, pairs: int, power: float) -> SampleSize | None:
        return auroc_pairs_at_power(area, fails, variance, pairs, LEVEL, power)

    for area, fails in ((0.94, 0.88), (0.85, 0.88)):
        size = partial(areas, area, fails, normal_variance(area), FAR)

        def decides(n: int, rng: Random, area: float = area, fails: float = fails) -> bool:
            positive = np.arange(2 * n) < n
            scores = rng.normal(size=2 * n) + positive * np.sqrt(2) * ndtri(area)
            found = ranked_groups(scores, positive, np.arange(2 * n)).interval(LEVEL)
            return found.low > fails if area > fails else found.high < fails

        yield (
            "lens_shortcuts",
            f"AUROC {area:g}, edge {fails:g}",
            PlannedClaim("", "", 0, 2, {}, size),
            decides,
        )


def row(case: Case, part: float, draws: int) -> dict[str, str]:
    experiment, assumed, claim, decides = case
    needed = claim.needed()
    assert needed
    n = max(round(part * needed), 2)
    rng = stream(SEED, f"{experiment} {assumed} {part}")
    share = float(np.mean([decides(n, rng) for _ in range(draws)]))
    return {
        "experiment": experiment, "assumed": assumed, "of what is needed": f"{part:g}", "n": f"{n:,}",
        "says": f"{claim.chance(n):.3f}", "decides": f"{share:.3f}",
    }  # fmt: skip


CASES = (thresholds_cases, speech_cases, detection_cases, head_cases, lens_cases)


def main(draws: int, wanted: list[str]) -> None:
    print(f"{draws} draws; simulation error of .8: {np.sqrt(0.16 / draws):.3f}.\n")
    rows = []
    for cases in CASES:
        for case in cases():
            if wanted and case[0] not in wanted:
                break
            rows += [row(case, part, draws) for part in SIZES]
            print(rows[-2], file=sys.stderr, flush=True)
    print(markdown_table(pd.DataFrame(rows)))
    off = max(abs(float(each["says"]) - float(each["decides"])) for each in rows)
    print(f"\nFarthest apart: {off:.3f}.")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500, sys.argv[2:])
