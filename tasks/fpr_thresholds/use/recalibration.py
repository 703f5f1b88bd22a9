"""A new study of the rows that came in: of scores, they are its data; of messages, they follow the study's own.

Rules and budget stay. Of messages the older ones train the model, and of those that came in the earlier half calibrates
and the later one reports.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from params.block import read_block
from params.fpr_thresholds import Messages, Prepare, Scores
from storage.files.foreign import read_foreign_table
from storage.files.inputs import InputError
from storage.messages.labels import label_names
from tasks.fpr_thresholds.use.study import AT_RANDOM, BY_TIME
from tasks.intake.later import LaterData

TIME = "collected_at"


def later_data(root: Path, batches: Sequence[Path]) -> LaterData:
    """Raises InputError."""
    prepare: Messages | Scores = read_block(root / "params.yaml", "fpr_thresholds.prepare", Prepare)
    return _scores(prepare, batches) if isinstance(prepare, Scores) else _messages(root, prepare, batches)


def _scores(prepare: Scores, batches: Sequence[Path]) -> LaterData:
    settings: dict[str, Any] = {"prepare.scores": "scores.parquet"}
    how = "as the study's own"
    if prepare.split.by == "column":
        time = (prepare.columns.collected_at if prepare.columns else None) or TIME
        timed = all(path.suffix != ".npz" and read_foreign_table(path).has(time) for path in batches)
        settings["prepare.split"] = BY_TIME if timed else AT_RANDOM
        how = "by time: the later half reports" if timed else "at random: the rows that came in have no times"
        if prepare.columns is not None:
            settings["prepare.columns.split"] = None
    return LaterData(
        prepare.scores, "scores.parquet", batches, _needed(prepare), settings, {"rows": "those that came in", "split": how}
    )  # fmt: skip


def _messages(root: Path, prepare: Messages, batches: Sequence[Path]) -> LaterData:
    own = root / "data" / "fpr_thresholds" / prepare.messages
    if text := [path for path in (own, *batches) if path.suffix == ".txt"]:
        raise InputError(
            text[0], "fastText lines are not joined, tables are; join them yourself and make a study of it"
        )
    settings: dict[str, Any] = {"prepare.messages": "messages.parquet"}
    how = "as the study's own"
    if prepare.split.by == "time":
        later = sum(len(read_foreign_table(path).frame) for path in batches)
        share = round(later / 2 / (later + len(read_foreign_table(own).frame)), 6)
        settings |= {"prepare.split.calibration": share, "prepare.split.holdout": share}
        how = "by time: of those that came in the earlier half calibrates, the later one reports"
    return LaterData(
        prepare.messages, "messages.parquet", [own, *batches], _needed(prepare), settings,
        {"rows": f"those that came in, after those of {prepare.messages}", "split": how},
    )  # fmt: skip


def _needed(prepare: Messages | Scores) -> list[str]:
    """What no file may lack where others have it, lest its rows count as having no label, or no time."""
    columns = prepare.columns
    stated = list(label_names(columns.labels).values()) if columns and columns.labels else ["label", "labels"]
    return [(columns.collected_at if columns else None) or TIME, *stated]
