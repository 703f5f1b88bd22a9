"""How many groups, or seeds, show that a recipe is better than its cell's control: on inner validation, and on test."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from scipy.special import ndtri

from methods.heads.contrast_sizes import ContrastErrors, groups_to_name, seeds_to_name
from params.head_sweep import Compare, Comparison
from storage.files.documents import read_json
from storage.files.inputs import InputError
from tasks.head_sweep.comparison.decision import SEEDS
from tasks.planning.claims import Assumed, PlannedClaim, require_known, required

PILOT = ("results",)  # files of the comparison that are read
ASSUMPTIONS = {
    "gain": "how much higher the recipe's macro F1 truly is, as in .05",
    "spread": "standard error of that gain times the root of the groups, seeds left aside, as in .2",
    "seed_sd": "standard deviation of one run's macro F1 over seeds, as in .02",
    "seeds": "seeds of each recipe",
    "recipes": "recipes that are judged at once",
    "groups": "groups, where seeds are planned",
}
A_RECIPE = "a recipe > its control"


def claims(params: Comparison, files: dict[str, Any] | None, assumed: Assumed) -> list[PlannedClaim]:
    require_known(assumed, ASSUMPTIONS)
    if not isinstance(params, Compare):
        raise InputError(
            Path("params.yaml"), "runs that came finished are compared by their scores, whose number is not planned",
            field="head_sweep.compare.kind",
        )  # fmt: skip
    evidence = {} if files is None else read_json(Path(files["results"]) / "decision.json")["evidence"]
    claim = (
        f"{evidence['challenger']} > {evidence['compared_with']}" if evidence.get("challenger") else A_RECIPE
    )
    splits = {"validation": evidence.get("gain_on_validation"), "test": evidence.get("gain_on_test")}
    return [
        each
        for split, seen in splits.items()
        for each in _of_split(claim, split, seen, evidence, params, assumed)
    ]


def _of_split(
    claim: str, split: str, seen: dict[str, Any] | None, evidence: dict[str, Any], params: Compare, assumed: Assumed
) -> Iterator[PlannedClaim]:  # fmt: skip
    """Without a gain that was seen at two seeds or more, all has to be assumed."""
    present = int(evidence.get(f"{split}_groups", 0))
    if seen and seen["error"] is not None:
        luck = evidence["noise"]["seed_sd_of_one_run"] or 0.0
        errors = ContrastErrors(seen["error"], seen["floor"] / seen["error"], present, seen["pairs"], luck)
        gain, seeds = assumed.get("gain", seen["delta"]), int(assumed.get("seeds", seen["pairs"]))
        groups = int(assumed.get("groups", present))
    else:
        gain, spread, luck = (required(assumed, name, ASSUMPTIONS) for name in ("gain", "spread", "seed_sd"))
        seeds, groups = int(assumed.get("seeds", SEEDS)), int(assumed.get("groups", present or 100))
        family = required(assumed, "recipes", ASSUMPTIONS) if split == "validation" else 1
        ratio = float(ndtri(1 - (1 - params.level) / (2 * family)))
        errors = ContrastErrors((spread**2 / groups + 2 * luck**2 / seeds) ** 0.5, ratio, groups, seeds, luck)
    yield groups_claim(claim, split, errors, max(gain, 0.0), seeds, present)
    if split == "validation":
        yield seeds_claim(claim, errors, max(gain, 0.0), groups, seeds if evidence else 0)


def groups_claim(
    claim: str, split: str, errors: ContrastErrors, gain: float, seeds: int, present: int
) -> PlannedClaim:
    figures = {"gain": gain, "seeds": seeds}
    size, exact = partial(groups_to_name, errors, gain, seeds), partial(_of_groups, errors, gain, seeds)
    return PlannedClaim(claim, f"{split} groups", present, 2, figures, size, exact)


def seeds_claim(claim: str, errors: ContrastErrors, gain: float, groups: int, present: int) -> PlannedClaim:
    figures = {"gain": gain, "groups": groups}
    size, exact = partial(seeds_to_name, errors, gain, groups), partial(_of_seeds, errors, gain, groups)
    return PlannedClaim(claim, "seeds", present, 2, figures, size, exact)


def _of_groups(errors: ContrastErrors, gain: float, seeds: int, groups: int) -> float:
    return errors.chance(gain, groups, seeds)


def _of_seeds(errors: ContrastErrors, gain: float, groups: int, seeds: int) -> float:
    return errors.chance(gain, groups, seeds)
