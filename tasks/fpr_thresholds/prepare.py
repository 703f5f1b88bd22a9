"""Read, clean and split the rows: by time into train, calib and holdout, beside the pools."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from methods.splits.row_splits import Sizes, random_order, split_sizes, time_order
from methods.text.normalisation import clean_text, duplicate_groups
from params.fpr_thresholds import Messages, Prepare, RowColumnSplit, RowRandomSplit, Scores, TimeSplit
from storage.files.documents import write_json
from storage.files.inputs import InputError
from storage.files.tables import write_parquet
from storage.messages.messages import read_messages
from storage.messages.scored import read_scored

BASE = ("train", "calib", "holdout")


def main(params: Prepare, data: Path, rows: Path, prepared: Path) -> None:
    match params:
        case Messages():
            table, labels, repaired = _messages(params, data)
        case Scores():
            table, labels, repaired = _scored(params, data)
    table["excluded"] = _leaks(table)
    _check_labels(data, table, labels, ["train", "holdout"] if params.kind == "messages" else ["holdout"])
    table, holdout_copies = _drop_holdout_copies(table)
    _check_pool_times(data, table)
    write_parquet(rows, table)
    write_json(
        prepared,
        {
            "kind": params.kind,
            "labels": labels,
            **{name: int((table["pool"] == name).sum()) for name in BASE},
            "holdout_rows_excluded": {
                "text in calib": int((table["excluded"] == "calib").sum()),
                "text in train": int((table["excluded"] == "train").sum()),
            },
            "pool_rows_dropped": {"text in holdout": holdout_copies},
            "repaired": repaired,
            "rows": _snapshot(table, labels),
        },
    )


def _messages(params: Messages, data: Path) -> tuple[pd.DataFrame, list[str], dict[str, int]]:
    files = {"messages": params.messages, **params.pools}
    if taken := set(params.pools) & {*BASE, "forward_chained"}:
        raise InputError(Path("params.yaml"), f"pool names {sorted(taken)} are taken", field="prepare.pools")
    tables, dropped = {}, 0
    for name, file in files.items():
        tables[name], untimed = read_messages(data / file, params.labels, params.untimed)
        dropped += untimed
    base = tables.pop("messages")
    order, sizes = _order(base, params.split, data / params.messages)
    base = base.iloc[order].assign(pool=sizes.names, position=np.arange(len(base)))
    pools = [pool.assign(pool=name, position=-1) for name, pool in tables.items()]
    table = pd.concat([base, *pools], ignore_index=True)
    table["text"] = [clean_text(text) for text in table["text"]]
    table["group"] = duplicate_groups(table["text"].tolist())
    return table, params.labels, {"untimed_rows_dropped": dropped}


def _scored(params: Scores, data: Path) -> tuple[pd.DataFrame, list[str], dict[str, int]]:
    path = data / params.scores
    table, labels, repaired = read_scored(
        path, None if params.labels == "all" else params.labels, params.untimed, params.clamp
    )
    if isinstance(params.split, RowColumnSplit):
        table = _by_column(path, table)
    else:
        order, sizes = _order(table, params.split, path)
        table = table.iloc[order].assign(pool=sizes.names, position=np.arange(len(table)))
    return table.drop(columns="split").assign(text="", group=np.arange(len(table))), labels, repaired


def _order(
    table: pd.DataFrame, split: TimeSplit | RowRandomSplit, path: Path
) -> tuple[NDArray[np.int64], Sizes]:
    try:
        sizes = split_sizes(len(table), split.calibration, split.holdout)
    except ValueError as error:
        raise InputError(path, str(error)) from None
    if isinstance(split, RowRandomSplit):
        return random_order(len(table), split.seed), sizes
    if table["collected_at"].isna().all():  # prepare.untimed is file_order
        return np.arange(len(table)), sizes
    return time_order(table["collected_at"].astype("int64"), table["id"]), sizes


def _by_column(path: Path, table: pd.DataFrame) -> pd.DataFrame:
    """The file's own split; rows of train, calib, holdout in that order, and by time within each."""
    for name in ("calib", "holdout"):
        if not (table["split"] == name).any():
            raise InputError(
                path, f"no row has split {name!r}; expected train, calib and holdout", field="split"
            )
    late = table["collected_at"][table["split"].isin(["train", "calib"])].max()
    early = table["collected_at"][table["split"] == "holdout"].min()
    if late > early:
        row = int(table.index[(table["collected_at"] == late) & (table["split"] != "holdout")][0]) + 1
        raise InputError(
            path,
            f"{late} is later than the holdout's first row ({early}); "
            "what tunes has to lie before what reports: move the row or the split",
            row=row,
            field="collected_at",
        )
    table = table.assign(
        pool=table["split"], rank=table["split"].map({name: i for i, name in enumerate(BASE)})
    )
    table = table.sort_values(["rank", "collected_at", "id"], kind="stable").reset_index(drop=True)
    table["position"] = np.where(table["rank"].isna(), -1, np.arange(len(table)))
    return table.drop(columns="rank")


def _check_labels(data: Path, table: pd.DataFrame, labels: list[str], slices: list[str]) -> None:
    for name in slices:
        for label in labels:
            carries = table[label][(table["pool"] == name) & (table["excluded"] == "")]
            for kind, found in (("positive", carries.any()), ("negative", not carries.all())):
                if not found:
                    raise InputError(
                        data,
                        f"no {kind} row in {name} ({len(carries)} rows): rows that carry the label and rows that lack "
                        "it are both needed there; add some, change the split, or drop the label",
                        field=label,
                    )


def _leaks(table: pd.DataFrame) -> list[str]:
    """Why a holdout row cannot report: its exact text stands in calib or train. Empty where it can."""
    groups = {name: set(table["group"][table["pool"] == name]) for name in ("calib", "train")}
    return [
        next((name for name in groups if group in groups[name]), "") if pool == "holdout" else ""
        for pool, group in zip(table["pool"], table["group"], strict=True)
    ]


def _drop_holdout_copies(table: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """Without the pool rows whose text stands in the holdout, and how many each pool lost."""
    copies = ~table["pool"].isin(BASE) & table["group"].isin(table["group"][table["pool"] == "holdout"])
    lost = table["pool"][copies].value_counts(sort=False)
    return table[~copies].reset_index(drop=True), {str(name): int(n) for name, n in lost.items()}


def _check_pool_times(data: Path, table: pd.DataFrame) -> None:
    start = table["collected_at"][table["pool"] == "holdout"].min()
    late = table[~table["pool"].isin(BASE) & (table["collected_at"] >= start)]
    if len(late):
        first = late.iloc[0]
        raise InputError(
            data,
            f"{first['collected_at']} is not before the holdout, which starts at {start} ({len(late)} such row(s) in "
            f"pool {first['pool']}); calibration rows have to be earlier than what reports: remove them",
            row=f"id {first['id']}",
            field="collected_at",
        )


def _snapshot(table: pd.DataFrame, labels: list[str]) -> list[dict[str, object]]:
    """Rows per pool: all, clean, and per label."""
    marks = table.assign(rows=True, clean=~table[labels].any(axis=1))
    counts = marks.groupby("pool", sort=False)[["rows", "clean", *labels]].sum().reset_index()
    return [{str(name): value for name, value in row.items()} for row in counts.to_dict("records")]
