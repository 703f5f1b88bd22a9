"""Read, clean and split the rows: by time into train, calib and holdout, beside the pools."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from methods.splits.row_splits import Sizes, random_order, split_sizes, time_order
from methods.text.duplicates import duplicate_groups
from params.columns import LabelName
from params.fpr_thresholds import (
    Messages,
    Name,
    Prepare,
    RowColumnSplit,
    RowRandomSplit,
    Scores,
    TimeSplit,
    Untimed,
)
from serving.rules.clean_text import clean_text
from storage.files.documents import write_json
from storage.files.formats import listed
from storage.files.import_report import ImportReport
from storage.files.inputs import InputError, shown
from storage.files.places import declared
from storage.files.tables import write_parquet
from storage.messages.messages import read_messages
from storage.messages.scored import read_scored

BASE = ("train", "calib", "holdout")
FORWARD = "forward_chained"
EXAMPLES = 3
PARAMS = "fpr_thresholds.prepare"


def main(params: Prepare, data: Path, rows: Path, prepared: Path) -> None:
    report = ImportReport()
    match params:
        case Messages():
            table, repaired = _messages(params, data, report)
            labels = params.labels
        case Scores():
            table, labels, repaired = _scored(params, data, report)
    table["excluded"] = _leaks(table)
    _check_labels(data, table, labels, ["train", "holdout"] if params.kind == "messages" else ["holdout"])
    table, holdout_copies = _drop_holdout_copies(table)
    _check_pool_times(data, table)
    write_parquet(rows, table.drop(columns=["row", "text_group"]))
    counts = report.counts()
    near = {
        f"near-copy in {name}": int((table["excluded"] == f"near {name}").sum())
        for name in ("calib", "train")
    }
    write_json(
        prepared,
        {
            "kind": params.kind,
            "labels": labels,
            **{name: int((table["pool"] == name).sum()) for name in BASE},
            "holdout_rows_excluded": {
                "text in calib": int((table["excluded"] == "calib").sum()),
                "text in train": int((table["excluded"] == "train").sum()),
                **{kind: count for kind, count in near.items() if count},
            },
            "pool_rows_dropped": holdout_copies,
            "repaired": repaired,
            **({"import": counts} if any(counts.values()) else {}),
            **_order_in_time(params, table),
            "rows": _snapshot(table, labels),
        },
    )
    sys.stdout.write("".join(f"{line}\n" for line in report.lines()))


def _messages(params: Messages, data: Path, report: ImportReport) -> tuple[pd.DataFrame, dict[str, int]]:
    path = declared(data, params.messages, f"{PARAMS}.messages")
    files = {name: declared(data, file, f"{PARAMS}.pools.{name}") for name, file in params.pools.items()}
    if taken := set(params.pools) & {*BASE, FORWARD}:
        raise InputError(Path("params.yaml"), f"pool names {sorted(taken)} are taken", field="prepare.pools")
    tables, dropped = {}, 0
    for name, file in {"messages": path, **files}.items():
        tables[name], untimed = read_messages(file, params.labels, params.columns, params.untimed, report)
        dropped += untimed
    base = tables.pop("messages")
    order, sizes = _order(base, params.split, params.untimed, path)
    base = base.iloc[order].assign(pool=sizes.names, position=np.arange(len(base)))
    pools = [pool.assign(pool=name, position=-1) for name, pool in tables.items()]
    table = pd.concat([base, *pools], ignore_index=True)
    table["text"] = [clean_text(text) for text in table["text"]]
    texts = table["text"].tolist()
    table["group"] = table["text_group"] = duplicate_groups(texts)
    if params.near_copies is not None:
        from methods.text.near_copies import near_copy_groups  # noqa: PLC0415 - scikit-learn, of which given scores need nothing

        table["group"] = near_copy_groups(texts, params.near_copies)
    _note_copies(table, params.labels, path, report)
    return table, {"untimed_rows_dropped": dropped}


def _scored(
    params: Scores, data: Path, report: ImportReport
) -> tuple[pd.DataFrame, list[str], dict[str, int]]:
    path = declared(data, params.scores, f"{PARAMS}.scores")
    named = None if params.labels == "all" else params.labels
    table, labels, repaired = read_scored(path, named, params.columns, params.untimed, params.clamp, report)
    _check_names(path, labels)
    if isinstance(params.split, RowColumnSplit):
        table = _by_column(path, table)
    else:
        order, sizes = _order(table, params.split, params.untimed, path)
        table = table.iloc[order].assign(pool=sizes.names, position=np.arange(len(table)))
    numbers = np.arange(len(table))
    return (
        table.drop(columns="split").assign(text="", group=numbers, text_group=numbers), labels, repaired
    )  # fmt: skip


def _check_names(path: Path, labels: list[str]) -> None:
    for label in labels:
        try:
            TypeAdapter(LabelName).validate_python(label)
        except ValidationError:
            raise InputError(
                path,
                "cannot be the name of a label: expected up to 60 letters, digits, blanks and . + & - _, and no word of "
                "our tables (micro, macro, group ...); rename it, or map it under prepare.columns",
                field=label,
            ) from None


def _order(
    table: pd.DataFrame, split: TimeSplit | RowRandomSplit, untimed: Untimed, path: Path
) -> tuple[NDArray[np.int64], Sizes]:
    try:
        sizes = split_sizes(len(table), split.calibration, split.holdout)
    except ValueError as error:
        raise InputError(path, str(error)) from None
    if isinstance(split, RowRandomSplit):
        return random_order(len(table), split.seed), sizes
    times = table["collected_at"]
    if untimed == "file_order" and times.isna().any():
        _check_file_order(table, path)
        return np.arange(len(table)), sizes
    return time_order(times.astype("int64"), table["id"]), sizes


def _check_file_order(table: pd.DataFrame, path: Path) -> None:
    """Times that are there have to agree with the order that is declared."""
    timed = table[table["collected_at"].notna()]
    falls = timed["collected_at"].diff() < pd.Timedelta(0)
    if falls.any():
        at = int(np.flatnonzero(falls)[0])
        raise InputError(
            path,
            f"{timed['collected_at'].iloc[at]} is earlier than row {timed['row'].iloc[at - 1]}, so lines do not stand "
            "in order of time: sort the file by time, or set prepare.untimed to oldest or drop",
            row=int(timed["row"].iloc[at]), field="collected_at",
        )  # fmt: skip


def _by_column(path: Path, table: pd.DataFrame) -> pd.DataFrame:
    """The file's own split; rows of train, calib, holdout in that order, and by time within each."""
    _check_split(path, table)
    tuned = table[table["split"].isin(["train", "calib"])]
    late = tuned["collected_at"].max()
    early = table["collected_at"][table["split"] == "holdout"].min()
    if late > early:
        raise InputError(
            path,
            f"{late} is later than the holdout's first row ({early}); "
            "what tunes has to lie before what reports: move the row or the split",
            row=int(tuned["row"][tuned["collected_at"] == late].iloc[0]), field="collected_at",
        )  # fmt: skip
    table = table.assign(
        pool=table["split"], rank=table["split"].map({name: i for i, name in enumerate(BASE)})
    )
    table = table.sort_values(["rank", "collected_at", "id"], kind="stable").reset_index(drop=True)
    table["position"] = np.where(table["rank"].isna(), -1, np.arange(len(table)))
    return table.drop(columns="rank")


def _check_split(path: Path, table: pd.DataFrame) -> None:
    names = list(dict.fromkeys(table["split"]))
    for name in ("calib", "holdout"):
        if name not in names:
            raise InputError(
                path, f"no row has split {name!r}, there are {listed(names)}; expected train, calib and holdout",
                field="split",
            )  # fmt: skip
    for name in names:
        try:
            TypeAdapter(Name).validate_python(name)
        except ValidationError:
            taken = True
        else:
            taken = name == FORWARD
        if taken:
            raise InputError(
                path, f"expected train, calib, holdout or the name of a pool, got {shown(name)}",
                row=int(table["row"][table["split"] == name].iloc[0]), field="split",
            )  # fmt: skip


def _check_labels(data: Path, table: pd.DataFrame, labels: list[str], slices: list[str]) -> None:
    """All labels that lack rows in one line: who brings hundreds wants them at once."""
    for name in slices:
        carries = table.loc[(table["pool"] == name) & (table["excluded"] == ""), labels].to_numpy(bool)
        for kind, lacks in (
            ("positive", np.asarray(~carries.any(axis=0))),
            ("negative", np.asarray(carries.all(axis=0))),
        ):
            if not lacks.any():
                continue
            lacking = [label for label, is_ in zip(labels, lacks, strict=True) if is_]
            others = (
                f", and of {len(lacking) - 1} more label(s): {listed(lacking[1:], EXAMPLES)}"
                if lacking[1:]
                else ""
            )
            raise InputError(
                data,
                f"no {kind} row in {name} ({len(carries)} rows){others}; rows that carry the label and rows that lack "
                "it are both needed there: add some, change the split, or list the other labels under prepare.labels",
                field=lacking[0],
            )


def _note_copies(table: pd.DataFrame, labels: list[str], path: Path, report: ImportReport) -> None:
    kinds = table["group"].nunique()
    if near := table["text_group"].nunique() - kinds:
        report.note(path, "texts that differ little from another (near_copies)", int(near))
    carried = table[["text_group", *labels]].drop_duplicates()
    torn = carried["text_group"][carried["text_group"].duplicated()].unique()
    rows = table[table["text_group"].isin(torn)].drop_duplicates("text_group")
    report.note(
        path, "texts that stand there with different labels", len(rows), [shown(text) for text in rows["text"][:EXAMPLES]]
    )  # fmt: skip


def _leaks(table: pd.DataFrame) -> "pd.Series[str]":
    """Why a holdout row cannot report: its text stands in calib or train, or one that differs little from it. Empty
    where it can."""
    excluded = pd.Series("", index=table.index, dtype=str)
    holdout = table["pool"] == "holdout"
    for near, column in (("near ", "group"), ("", "text_group")):
        for name in ("train", "calib"):
            same = table[column].isin(table[column][table["pool"] == name])
            excluded[holdout & same] = near + name
    return excluded


def _drop_holdout_copies(table: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, dict[str, int]]]:
    """Without the pool rows whose text (or one that differs little) stands in the holdout, and how many each pool
    lost."""
    pooled, holdout = ~table["pool"].isin(BASE), table["pool"] == "holdout"
    copies, same = (pooled & table[column].isin(table[column][holdout]) for column in ("group", "text_group"))
    lost = {"text in holdout": same, "near-copy in holdout": copies & ~same}
    counts = {
        kind: {str(name): int(n) for name, n in table["pool"][rows].value_counts(sort=False).items()}
        for kind, rows in lost.items()
        if kind == "text in holdout" or rows.any()
    }
    return table[~copies].reset_index(drop=True), counts


def _check_pool_times(data: Path, table: pd.DataFrame) -> None:
    start = table["collected_at"][table["pool"] == "holdout"].min()
    late = table[~table["pool"].isin(BASE) & (table["collected_at"] >= start)]
    if len(late):
        first = late.iloc[0]
        raise InputError(
            data,
            f"{first['collected_at']} is not before the holdout, which starts at {start} ({len(late)} such row(s) in "
            f"pool {first['pool']}); calibration rows have to be earlier than what reports: remove them",
            row=f"id {shown(first['id'])[1:-1]}", field="collected_at",
        )  # fmt: skip


def _order_in_time(params: Prepare, table: pd.DataFrame) -> dict[str, str]:
    """What the split says of time, where that is nothing."""
    if isinstance(params.split, RowRandomSplit):
        return {"order": "random"}
    untimed = table["collected_at"][table["pool"] == "holdout"].isna().all()
    return {"order": "unknown"} if isinstance(params.split, RowColumnSplit) and untimed else {}


def _snapshot(table: pd.DataFrame, labels: list[str]) -> list[dict[str, object]]:
    """Rows per pool: all, clean, and per label."""
    marks = table.assign(rows=True, clean=~table[labels].any(axis=1))
    counts = marks.groupby("pool", sort=False)[["rows", "clean", *labels]].sum().reset_index()
    return [{str(name): value for name, value in row.items()} for row in counts.to_dict("records")]
