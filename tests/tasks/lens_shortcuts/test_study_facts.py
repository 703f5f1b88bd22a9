"""A new study of cut-outs says at once which of them are too few to train on."""

from pathlib import Path

import pytest

from storage.files.documents import write_json
from tasks.lens_shortcuts.use.study import EXPERIMENT, facts


@pytest.mark.parametrize(("stamps", "few"), [(63, True), (64, False)])
def test_fewer_than_two_batches_are_said_before_anything_trains(
    tmp_path: Path, stamps: int, few: bool
) -> None:
    (tmp_path / "params.yaml").write_text("lens_shortcuts: {train: {recipe: {network: {batch: 32}}}}\n")
    counts = {"unpaired": {"train": {"stamps": stamps}, "val": {"stamps": 9}}}
    write_json(tmp_path / "artifacts" / EXPERIMENT / "prepared.json", {"counts": counts})
    found = facts(tmp_path / "artifacts" / EXPERIMENT)
    assert found["unpaired"] == f"train {stamps} stamps, val 9 stamps"
    said = {
        "too few": "63 stamps of unpaired in train, two batches are 64: set train.recipe.network.batch, or add rows"
    }
    assert found == {"unpaired": found["unpaired"], **(said if few else {})}
