"""Train the unmasked model of one mode of stamps: A1 on paired, B1 on unpaired ones."""

from pathlib import Path

from params.lens_shortcuts import Mode, Train
from storage.lenses.stamps import has_stamps
from tasks.lens_shortcuts.model.labelled_stamps import NOT_GIVEN
from tasks.lens_shortcuts.model.training import LensVariant, not_trained, train_variant


def main(params: Train, option: Mode, stamps: Path, run: Path) -> None:
    variant = LensVariant(params.variants[option], option, (), params.recipe)
    if has_stamps(stamps):
        train_variant(f"train@{option}", variant, stamps, run, "the tree starts from the unmasked models")
    else:
        reason = f"the data has no {option} stamps (lens_shortcuts.prepare.modes)"
        not_trained(NOT_GIVEN, variant, run, reason)
