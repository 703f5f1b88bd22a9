"""Train the chosen variant in full, with the plan's recipe: off unless a person said otherwise, and only if one is chosen."""

from pathlib import Path

from methods.masking import Phase
from params.lens_shortcuts import Full, Recipe
from storage.documents import read_json
from tasks.lens_shortcuts.names import NOT_REQUIRED
from tasks.lens_shortcuts.training import not_trained, train_variant


def main(params: Full, stamps: dict[str, Path], chosen: Path, full: Path) -> None:
    """stamps by mode; `full` becomes the folder of the run, or of the reason why there is none."""
    choice = read_json(chosen)
    phases = [Phase(**each) for each in choice["phases"]]
    recipe = Recipe.model_validate(
        {**choice["recipe"], "network": params.network.model_dump(), "seeds": params.seeds}
    )
    name, mode = choice["chosen"], choice["mode"]
    if not params.enabled:
        not_trained(
            NOT_REQUIRED,
            "full",
            mode or "none",
            phases,
            recipe,
            full,
            "full training is off (lens_shortcuts.full.enabled)",
        )
    elif name is None:
        reason = f"the tree chose no variant: {choice['leaf']} ({choice['reason']})"
        not_trained(NOT_REQUIRED, "full", "none", phases, recipe, full, reason)
    else:
        reason = f"the tree chose {name}: {choice['leaf']}; a person enabled it"
        train_variant("full", name, mode, phases, recipe, stamps[mode], full, reason)
