"""How often does a method take the control's place, and is what is pinned what was chosen? `python -m bench.speech_choice`

Logits of two classes, 6 clips a group: margins of a group lean one way together. *Null*: logits are calibrated, so no
method can gain. *Boundary*: losses of five methods that truly are the control's, skewed as differences of losses are. *Hot*:
logits are 3 times too large, so a temperature is right. *Flips*: the rule before, sign flips by max T, nothing below six
groups. *t and Hall*: `choose_method`. *Pinned before*: the NLL on fresh groups of the temperature that was pinned whatever
was chosen, less that of the chosen method; *pinned*: of what is pinned now.

python -m bench.speech_choice [draws]       of each setting, by default 100
"""

import sys
from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from bench.sign_flips import sign_flip_tests
from methods.calibration.calibration_error import negative_log_likelihood
from methods.calibration.cross_fitting import choose_method, cross_fitted_nll, group_folds, lone_class
from methods.calibration.recalibration import Method, apply, recalibrate
from methods.statistics.streams import stream
from storage.files.markdown import markdown_table

Floats = NDArray[np.float64]
Index = NDArray[np.int64]
Random = np.random.Generator

ALPHA, SEED, CLIPS, LEAN, HOT = 0.05, 2714, 6, 0.7, 3.0
METHODS: tuple[Method, ...] = ("none", "temperature", "bias", "platt", "isotonic")
GROUPS = (4, 6, 8, 16, 28)
FRESH = 200
SHARED = 0.6  # of what methods do to a group is the same for all


def clips(groups: int, size: float, rng: Random) -> tuple[Floats, Index, Index]:
    """Logits `size` times as large as they should be, labels, groups; both classes have half of the groups. Given the
    logits a label is drawn, so they are calibrated on the mean of all groups at size 1."""
    member = np.repeat(np.arange(groups), CLIPS)
    margin = (
        1.5 * (2.0 * (member % 2) - 1) + LEAN * rng.normal(size=groups)[member] + rng.normal(size=member.size)
    )
    label = (rng.random(member.size) < expit(margin)).astype(np.int64)
    return np.stack([-margin / 2, margin / 2], axis=1) * size, label, member


def skewed(groups: int, rng: Random) -> tuple[Floats, Index]:
    """(methods, rows) losses, the control's 0; what methods do to groups is correlated, skewed, and 0 in the mean."""
    shared = np.exp(rng.normal(size=groups)) - np.exp(rng.normal(size=groups))
    own = np.exp(rng.normal(size=(len(METHODS) - 1, groups))) - np.exp(
        rng.normal(size=(len(METHODS) - 1, groups))
    )
    effects = np.sqrt(SHARED) * shared + np.sqrt(1 - SHARED) * own
    losses = np.concatenate([np.zeros((1, groups)), effects])
    return np.repeat(losses, CLIPS, axis=1), np.repeat(np.arange(groups), CLIPS)


def flips_choice(losses: Floats, groups: Index) -> int:
    """The rule as it was, but for what it did among methods that were told from the control."""
    best = int(losses.mean(axis=1).argmin())
    p = sign_flip_tests(list(losses - losses[0]), groups, 0)[best].p
    return 0 if p is None or p > ALPHA else best


def cross_fitted(z: Floats, y: Index, groups: Index) -> Floats:
    folds = group_folds(groups.astype(str), y)
    return np.array([cross_fitted_nll(method, z, y, folds) for method in METHODS])


def on_fresh(method: Method, fitted: tuple[Floats, Index], fresh: tuple[Floats, Index]) -> float:
    return negative_log_likelihood(apply(recalibrate(method, *fitted), fresh[0]).probabilities, fresh[1])


def rates(
    name: str, draw: Callable[[Random], tuple[Floats, Index]], groups: int, draws: int
) -> dict[str, str]:
    """Shares of draws in which the control was replaced."""
    rng = stream(SEED, f"{name} {groups}")
    replaced = np.zeros((draws, 2), bool)
    for number in range(draws):
        losses, member = draw(rng)
        replaced[number] = (
            flips_choice(losses, member) > 0,
            choose_method(losses, member.astype(str), ALPHA, 0).chosen > 0,
        )
    flips, hall = replaced.mean(axis=0)
    return {"setting": name, "groups": str(groups), "flips": f"{flips:.3f}", "t and Hall": f"{hall:.3f}"}


def logits_row(name: str, size: float, groups: int, draws: int) -> dict[str, str]:
    rng = stream(SEED, f"fresh {name} {groups}")
    costs: list[list[float]] = []

    def draw(random: Random) -> tuple[Floats, Index]:
        z, y, member = clips(groups, size, random)
        while (
            lone_class(member.astype(str), y) is not None
        ):  # then nothing is cross-fitted, and the control stays
            z, y, member = clips(groups, size, random)
        losses = cross_fitted(z, y, member)
        if len(costs) < draws // 4:
            chosen = METHODS[choose_method(losses, member.astype(str), ALPHA, 0).chosen]
            fresh = clips(FRESH, size, rng)[:2]
            costs.append([on_fresh(method, (z, y), fresh) for method in ("temperature", chosen, "none")])
        return losses, member

    shown = rates(name, draw, groups, draws)
    before, pinned, control = np.mean(costs, axis=0)
    return shown | {
        "NLL, control": f"{control:.3f}",
        "pinned before": f"{before:.3f}",
        "pinned": f"{pinned:.3f}",
    }


def main(draws: int) -> None:
    error = np.sqrt(ALPHA * (1 - ALPHA) / draws)
    print(
        f"The control is replaced in this share of {draws} draws (boundary: {10 * draws}); .05 is known to {error:.3f}.\n"
    )
    boundary = [
        rates("boundary", lambda rng, groups=groups: skewed(groups, rng), groups, 10 * draws)  # type: ignore[misc]
        for groups in GROUPS
    ]
    print(markdown_table(pd.DataFrame(boundary)), flush=True)
    print()
    sizes = {"null": 1.0, "hot": HOT}
    rows = [logits_row(name, size, groups, draws) for name, size in sizes.items() for groups in GROUPS]
    print(markdown_table(pd.DataFrame(rows)))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
