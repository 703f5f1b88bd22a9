"""Train the unmasked model of one mode of stamps: A1 on paired, B1 on unpaired ones."""

from pathlib import Path

from params.lens_shortcuts import Mode, Train
from tasks.lens_shortcuts.training import train_variant


def main(params: Train, option: Mode, stamps: Path, run: Path) -> None:
    name = params.variants[option]
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
