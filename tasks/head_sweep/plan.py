"""Expand the preset's grids into runs, and say what has to be trained for them before anything is.

No plan (null) where all runs came finished.
"""

import sys
from collections import Counter
from pathlib import Path

from methods.heads.plan import SweepPlan
from methods.heads.plan import plan as sweep_plan
from methods.heads.specs import HeadSpec, from_recipe
from params.head_sweep import Plan
from storage.files.documents import write_json
from storage.files.inputs import InputError
from storage.heads.embeddings import STATUS
from storage.heads.sweeps import PlannedRun, plan_document

PARAMS = Path("params.yaml")


def main(params: Plan | None, plan: Path) -> None:
    if params is None:
        write_json(plan, {**STATUS, "planned": []})
        return
    runs = preset_runs(params)
    try:
        planned = sweep_plan([run.spec for run in runs])
    except ValueError as error:
        raise InputError(PARAMS, str(error), field=f"head_sweep.plan.presets.{params.preset}") from None
    sys.stdout.write(description(params.preset, runs, planned))
    write_json(plan, plan_document(params.preset, runs, _counts(planned)))


def preset_runs(params: Plan) -> list[PlannedRun]:
    """InputError where a profile is no recipe, or one that contradicts itself."""
    return [
        PlannedRun(profile, size, _spec(params, encoder, size, profile, smoothing, seed))
        for grid in params.presets[params.preset]
        for encoder in grid.encoders
        for size in grid.sizes
        for smoothing in grid.smoothing
        for profile in grid.profiles
        for seed in grid.seeds
    ]


def description(preset: str, runs: list[PlannedRun], planned: SweepPlan) -> str:
    """What `head_sweep.plan` prints."""
    counts = _counts(planned)
    per_profile = Counter(run.profile for run in runs)
    trainings = set(planned.trainings)
    lines = [
        f"preset {preset}: {counts['runs']} runs = {counts['trainings']} trainings + {counts['forks']} forks of their "
        f"best states; {counts['post_hoc']} runs share all weights with another",
        "",
        f"{'profile':28} runs  costs                 recipe",
    ]
    owned: set[HeadSpec] = set()
    for profile, number in per_profile.items():
        own = [run.spec for run in runs if run.profile == profile]
        new = {spec.trained for spec in own} & trainings - owned
        forks = {spec.state for spec in own if spec.state != spec.trained} - owned
        owned |= new | forks
        costs = [f"{len(new)} trainings"] if new else []
        costs += [f"{len(forks)} forks"] if forks else []
        lines.append(f"{profile:28} {number:4}  {', '.join(costs) or 'nothing':21} {own[0].recipe}")
    encoders = Counter(run.spec.encoder for run in runs)
    sizes = Counter(run.size for run in runs)
    lines += [
        "",
        "encoders  " + ", ".join(f"{name} {number}" for name, number in encoders.items()),
        "sizes     " + ", ".join(f"{name} {number}" for name, number in sizes.items()),
        "seeds     " + ", ".join(str(seed) for seed in sorted({run.spec.seed for run in runs})),
    ]
    return "\n".join(lines) + "\n"


def _spec(params: Plan, encoder: str, size: str, profile: str, smoothing: float, seed: int) -> HeadSpec:
    shape = params.sizes[size]
    recipe = params.profiles[profile] + (f"-ls{smoothing:g}".replace(".", "p") if smoothing else "")
    try:
        return from_recipe(encoder, shape.hidden, shape.batch, seed, recipe)
    except ValueError as error:
        raise InputError(PARAMS, str(error), field=f"head_sweep.plan.profiles.{profile}") from None


def _counts(planned: SweepPlan) -> dict[str, int]:
    return {
        "runs": len(planned.runs),
        "trainings": len(planned.trainings),
        "forks": len(planned.forks),
        "post_hoc": len(planned.post_hoc),
    }
