"""Train one masked variant on unpaired stamps, if the tree asks for it; else write that it is not required, and why."""

from pathlib import Path

from methods.lenses.masking import Phase
from params.lens_recipe import TrainRecipe
from params.lens_shortcuts import Mask
from storage.files.documents import read_json
from storage.files.inputs import InputError
from storage.lenses.stamps import has_stamps
from tasks.lens_shortcuts.model.labelled_stamps import NOT_GIVEN, NOT_REQUIRED
from tasks.lens_shortcuts.model.training import LensVariant, not_trained, train_variant

MODE = "unpaired"


def main(params: Mask, option: str, stamps: Path, tree: Path, run: Path) -> None:
    if option not in params.variants:
        raise InputError(
            Path("params.yaml"),
            f"no variant {option}; dvc.yaml names it",
            field="lens_shortcuts.mask.variants",
        )
    phases = [Phase(**each.model_dump()) for each in params.variants[option]]
    walked = read_json(tree)
    variant = LensVariant(option, MODE, phases, TrainRecipe.model_validate(walked["recipe"]))
    if not has_stamps(stamps):
        reason = f"masked variants are trained on {MODE} stamps, and the data has none (lens_shortcuts.prepare.modes)"
        not_trained(NOT_GIVEN, variant, run, reason)
    elif walked["masks_required"] or params.force_variants:
        reason = (
            walked["why"] if walked["masks_required"] else f"forced (force_variants); else {walked['why']}"
        )
        train_variant(f"mask@{option}", variant, stamps, run, reason)
    else:
        not_trained(NOT_REQUIRED, variant, run, walked["why"])
