"""Train the chosen variant in full, on all stamps of its mode and with the plan's recipe, once a person enabled it."""

from pathlib import Path

from methods.lenses.masking import Phase
from params.lens_recipe import TrainRecipe
from params.lens_shortcuts import Full
from storage.files.documents import read_json
from tasks.lens_shortcuts.model.labelled_stamps import NOT_REQUIRED
from tasks.lens_shortcuts.model.training import LensVariant, not_trained, train_variant


def main(params: Full, whole: Path, chosen: Path, full: Path) -> None:
    """whole: all stamps of the chosen mode, or why there are none. `full` becomes the folder of the run, or of that."""
    choice, stamps = read_json(chosen), read_json(whole / "status.json")
    phases = [Phase(**each) for each in choice["phases"]]
    recipe = TrainRecipe.model_validate(
        {**choice["recipe"], "network": params.network.model_dump(), "seeds": params.seeds}
    )
    if stamps["status"] == NOT_REQUIRED:
        variant = LensVariant("full", stamps["mode"], phases, recipe)
        not_trained(NOT_REQUIRED, variant, full, stamps["reason"])
    else:
        variant = LensVariant(choice["chosen"], choice["mode"], phases, recipe)
        train_variant("full", variant, whole, full, stamps["reason"])
