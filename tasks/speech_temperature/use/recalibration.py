"""A new study of the labelled logits that came in; groups are split at random, since later ones are others."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from params.block import read_block
from params.speech_temperature import Logits, Prepare
from storage.files.foreign import ForeignTable, read_foreign_table
from storage.files.inputs import InputError
from tasks.intake.later import LaterData
from tasks.speech_temperature.use.study import AT_RANDOM

SEED, GROUP = "seed", "group"


def later_data(root: Path, batches: Sequence[Path]) -> LaterData:
    """Raises InputError."""
    prepare: Any = read_block(root / "params.yaml", "speech_temperature.prepare", Prepare)
    if not isinstance(prepare, Logits):
        raise InputError(
            batches[0], "holds logits, and the study begins with clips; make a study of the files of logits instead: "
            "`python -m flows.study new NAME --experiment speech_temperature --data FILE`",
        )  # fmt: skip
    if arrays := [path for path in batches if path.suffix == ".npz"]:
        raise InputError(
            arrays[0], "arrays are not joined, tables are; join them yourself and make a study of the file"
        )
    columns = dict(prepare.columns or {})
    tables = [read_foreign_table(path) for path in batches]
    settings: dict[str, Any] = {
        "prepare.logits": "logits.parquet",
        "prepare.seeds": _seeds(prepare, tables, columns.get(SEED, SEED)),
        "prepare.conditions": [
            name for name in prepare.conditions if all(table.has(name) for table in tables)
        ],
    }
    how = "as the study's own"
    if prepare.split.by == "column":
        settings["prepare.split"] = AT_RANDOM
        how = "half of the groups at random to dev, where it is fitted, the others to test"
    needed = [columns.get(name, name) for name in (GROUP, SEED)]
    return LaterData(
        prepare.logits, "logits.parquet", batches, needed, settings, {"rows": "those that came in", "split": how}
    )  # fmt: skip


def _seeds(prepare: Logits, tables: Sequence[ForeignTable], column: str) -> dict[int, int | str | None]:
    """The runs that came in; files without a seed are of the first run."""
    if not any(table.has(column) for table in tables):
        return {next(iter(prepare.seeds)): None}
    came = {value for table in tables if table.has(column) for value in table.text(column)}
    return {run: seed for run, seed in prepare.seeds.items() if seed is None or str(seed) in came}
