"""How many groups (speakers) tell a recalibration from the control: on dev, where it is chosen, and on test."""

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from methods.calibration.cross_fitting import cross_fitted_nll, group_folds, lone_class
from methods.calibration.evaluation import mean_nll
from methods.calibration.planned_groups import Level, chance_of_groups, family_level, groups_at_level
from methods.calibration.recalibration import Method, apply, recalibrate
from methods.statistics.group_intervals import FEWEST, group_effects
from params.speech_temperature import Compare
from storage.files.documents import read_json
from storage.files.inputs import InputError
from storage.speech.temperatures import read_calibration
from tasks.planning.claims import Assumed, PlannedClaim, require_known, required
from tasks.report.templates import Reason, sentences
from tasks.speech_temperature.comparison.evaluation import SplitLogits, load_runs, runs_of

Floats = NDArray[np.float64]

REASONS = "tasks/speech_temperature/comparison/reasons.j2"
PILOT = ("prepared", "seed", "logits")  # files of the comparison that are read
ASSUMPTIONS = {
    "gain": "how much lower the method's NLL truly is, in nats a clip",
    "spread": "standard deviation of that gain between groups",
    "methods": "how many methods are compared with the control at once",
}
POINTS = 2001  # of a normal distribution that stands for the groups


def claims(params: Compare, files: dict[str, Any] | None, assumed: Assumed) -> list[PlannedClaim]:
    require_known(assumed, ASSUMPTIONS)
    if files is None:
        methods = required(assumed, "methods", ASSUMPTIONS)
        effects = normal_effects(*(required(assumed, name, ASSUMPTIONS) for name in ("gain", "spread")))
        levels = {"dev": 1 - (1 - params.level) / max(methods, 1), "test": params.level}
        return [
            groups_claim(_said("a method", split), effects, partial(_always, level), 0, params.seed)
            for split, level in levels.items()
        ]
    return list(_of_pilot(params, files, assumed))


def _of_pilot(params: Compare, files: Mapping[str, Any], assumed: Assumed) -> Iterator[PlannedClaim]:
    """The best method's effects on dev, cross-fitted; on test those that were seen there, or on dev where test has too few
    groups to say how they differ."""
    facts, seed = read_json(files["prepared"]), files["seed"]
    there = runs_of(facts, list(seed))
    pinned = [read_calibration(seed[run]) for run in there]
    methods = [cast(Method, each.method) for each in pinned[0].methods]
    runs = load_runs([files["logits"][run] for run in there], [each.seed for each in pinned], facts["labels"])
    losses = cross_fitted(runs.dev, methods)
    best = max(int(losses.mean(axis=1).argmin()), 1)
    apart = np.array([group_effects(each - losses[0], runs.dev.groups)[0] for each in losses])
    level = family_level(apart, params.seed, 1 - params.level)
    seen = _effects(losses[best] - losses[0], runs.dev.groups, assumed)
    yield groups_claim(_said(methods[best], "dev"), seen, level, len(np.unique(runs.dev.groups)), params.seed)
    present = len(np.unique(runs.test.groups))
    if present >= FEWEST:
        test = [mean_nll([apply(recalibrate(method, z, runs.dev.labels), of) for z, of in zip(runs.dev.logits, runs.test.logits, strict=True)],
                         runs.test.labels) for method in (methods[best], "none")]  # fmt: skip
        seen = _effects(test[0] - test[1], runs.test.groups, assumed)
    yield groups_claim(
        _said(methods[best], "test"), seen, partial(_always, params.level), present, params.seed
    )


def cross_fitted(dev: SplitLogits, methods: list[Method]) -> Floats:
    """(methods, rows), as `method_choice` has them."""
    if lone_class(dev.groups, dev.labels) is not None:
        raise InputError(
            Path("--assume"), "one group alone holds a class of dev, so nothing can be cross-fitted; collect another group of "
            "it, or move one",
        )  # fmt: skip
    folds = group_folds(dev.groups, dev.labels)
    return np.array(
        [
            np.mean([cross_fitted_nll(each, z, dev.labels, folds) for z in dev.logits], axis=0)
            for each in methods
        ]
    )


def groups_claim(claim: str, effects: Floats, level: Level, present: int, seed: int) -> PlannedClaim:
    """effects: of one group each, drawn from as they are. level: of the interval that so many groups are told apart by."""
    figures = {"gain": -float(effects.mean()), "spread": float(effects.std(ddof=1))}
    size, exact = (
        partial(groups_at_level, effects, level, seed),
        partial(chance_of_groups, effects, level, seed),
    )
    return PlannedClaim(claim, "groups", present, FEWEST, figures, size, exact)


def _effects(differences: Floats, groups: NDArray[np.str_], assumed: Assumed) -> Floats:
    """Those of the groups; with another mean or spread, where one is assumed."""
    effects, mean, _ = group_effects(differences, groups)
    spread = float(effects.std(ddof=1)) if len(effects) > 1 else 0.0
    if len(effects) < FEWEST or spread == 0:
        return normal_effects(assumed.get("gain", -mean), assumed.get("spread", spread))
    scale = assumed.get("spread", spread) / spread
    return -assumed.get("gain", -mean) + (effects - mean) * scale


def normal_effects(gain: float, spread: float) -> Floats:
    points = ndtri((np.arange(POINTS) + 0.5) / POINTS)
    return np.asarray(-gain + spread * points / points.std(ddof=1))


def _always(level: float, _groups: int) -> float:
    return level


def _said(option: str, split: str) -> str:
    return sentences(REASONS, [Reason("claim", {"option": option, "control": "none", "split": split})])[0]
