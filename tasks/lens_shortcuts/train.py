"""Train the unmasked model of one mode of stamps: A1 on paired, B1 on unpaired ones."""

from pathlib import Path

from params.lens_shortcuts import Mode, Train
from storage.lenses.stamps import has_stamps
from tasks.lens_shortcuts.model.labelled_stamps import NOT_GIVEN
from tasks.lens_shortcuts.model.training import not_trained, train_variant


def main(params: Train, option: Mode, stamps: Path, run: Path) -> None:
    name = params.variants[option]
    if not has_stamps(stamps):
        reason = f"the data has no {option} stamps (lens_shortcuts.prepare.modes)"
        not_trained(NOT_GIVEN, name, option, (), params.recipe, run, reason)
        return
    train_variant(
        f"train@{option}",
        name,
        option,
        (),
        params.recipe,
        stamps,
        run,
        "the tree starts from the unmasked models",
    )
